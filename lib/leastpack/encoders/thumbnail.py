"""A photo made small, for people."""

from __future__ import annotations

import io
from collections.abc import Callable

from leastpack.config.encoders import FetchConfig
from leastpack.encoders.codes import ContentError
from leastpack.encoders.decode import shrink


def thumbnail(uri: str, read: Callable[[str], bytes], side: int, limits: FetchConfig) -> bytes | None:
    """A small JPEG; None where the photo cannot be read.

    Args:
        uri: The photo.
        read: Its bytes, such as `Fetcher.read`, which keeps to the places that may be read.
        side: Pixels of the longer side at most.
        limits: Photos of more pixels, or that take more memory, are not decoded.
    """

    def size_of(width: int, height: int) -> tuple[int, int]:
        scale = min(1.0, side / max(width, height))
        return max(1, round(width * scale)), max(1, round(height * scale))

    try:
        small = shrink(read(uri), size_of, limits.max_pixels, limits.max_memory).image
    except ContentError:
        return None
    out = io.BytesIO()
    small.save(out, "JPEG", quality=75)
    return out.getvalue()
