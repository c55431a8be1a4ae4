"""A photo made small, for people."""

from __future__ import annotations

import io
from collections.abc import Callable

from leastpack.encoders.codes import ContentError
from leastpack.encoders.decode import shrink


def thumbnail(uri: str, read: Callable[[str], bytes], side: int, max_pixels: int) -> bytes | None:
    """A small JPEG; None where the photo cannot be read.

    Args:
        uri: The photo.
        read: Its bytes, such as `Fetcher.read`, which keeps to the places that may be read.
        side: Pixels of the longer side at most.
        max_pixels: Photos of more pixels are not decoded.
    """

    def size_of(width: int, height: int) -> tuple[int, int]:
        scale = min(1.0, side / max(width, height))
        return max(1, round(width * scale)), max(1, round(height * scale))

    try:
        small = shrink(read(uri), size_of, max_pixels)
    except ContentError:
        return None
    out = io.BytesIO()
    small.save(out, "JPEG", quality=75)
    return out.getvalue()
