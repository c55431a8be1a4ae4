"""Memory that decoding takes: estimated before it begins, and shared by the threads of a process."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from leastpack.encoders.tiff import tile_pixels

# Bytes a pixel at the height of decoding, as measured and a little more, with the copies for transparency. WebP keeps
# two canvases beside the picture, TIFF a strip or tile as it is stored.
_BYTES_A_PIXEL = {"WEBP": 18, "TIFF": 18}
_OTHERS = 14
# A JPEG in several scans keeps its coefficients at full size, whatever the scale it is decoded at.
_COEFFICIENT = 2
_JPEG_PIXEL = 9
# What is held from here on is given back to the system at once.
_MUCH = 32_000_000
_MALLOC_TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None)


def decoding_bytes(image: Image.Image, pixels: int) -> int:
    """About what decoding this picture takes.

    Args:
        image: An open picture of which nothing is decoded yet; a JPEG at the scale it will be decoded at.
        pixels: Width times height of the whole picture.
    """
    if image.format in ("JPEG", "MPO"):
        return _COEFFICIENT * len(image.getbands()) * pixels + _JPEG_PIXEL * image.width * image.height
    return _BYTES_A_PIXEL.get(image.format or "", _OTHERS) * max(pixels, tile_pixels(image))


class Room:
    """A number of bytes that threads share: who finds too little left waits until others are done."""

    def __init__(self) -> None:
        self._taken = 0
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, amount: int, most: int) -> Iterator[None]:
        """Hold some bytes.

        Args:
            amount: How many; not above `most`, which would wait for ever.
            most: How many may be held together.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._taken + amount <= most)
            self._taken += amount
        try:
            yield
        finally:
            if amount >= _MUCH:
                _trim()
            with self._changed:
                self._taken -= amount
                self._changed.notify_all()


# Of this process.
ROOM = Room()


def _trim() -> None:
    """Give freed memory back to the system: glibc keeps it for the thread that has freed it."""
    if _MALLOC_TRIM is not None:
        _MALLOC_TRIM(0)
