"""A photo made small, for people."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image, ImageOps

from leastpack.encoders.codes import ContentError

UNREADABLE = (ContentError, OSError, ValueError, Image.DecompressionBombError)


def thumbnail(uri: str, read: Callable[[str], bytes], side: int, most_pixels: int) -> bytes | None:
    """A small JPEG; None where the photo cannot be read.

    Args:
        uri: The photo.
        read: Its bytes, such as `Fetcher.read`, which keeps to the places that may be read.
        side: Pixels of the longer side at most.
        most_pixels: Photos of more pixels are not opened.
    """
    try:
        with Image.open(io.BytesIO(read(uri))) as image:
            if image.width * image.height > most_pixels:
                return None
            image.draft("RGB", (side, side))
            small = ImageOps.exif_transpose(image).convert("RGB")
    except UNREADABLE:
        return None
    small.thumbnail((side, side))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=75)
    return out.getvalue()
