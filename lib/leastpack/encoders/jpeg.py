"""JPEGs whose data end before their picture does: libjpeg fills the rest with grey, and Pillow does not tell."""

from __future__ import annotations

import io

from PIL import Image

_GREY = (127, 128)
_SCAN, _END = 0xDA, 0xD9
# Enough for a few blocks, and again behind each of the markers by which a decoder finds its way back.
_BLOCKS = bytes(range(1, 255)) * 4
_MORE = b"".join(_BLOCKS + bytes((0xFF, 0xD0 + number % 8)) for number in range(16))


def may_lack_blocks(image: Image.Image) -> bool:
    """Whether the last pixel is as libjpeg leaves one that is missing."""
    corner = image.getpixel((image.width - 1, image.height - 1))
    return all(value in _GREY for value in (corner if isinstance(corner, tuple) else (corner,)))


def has_all_blocks(data: bytes, image: Image.Image) -> bool:
    """Whether the picture is whole: only one that is not changes where more data follow its own.

    Args:
        data: The file's bytes.
        image: What was decoded of it.
    """
    end = _end_of_data(data)
    with Image.open(io.BytesIO(data[:end] + _MORE + data[end:]), formats=("JPEG",)) as longer:
        longer.draft("RGB", image.size)
        longer.load()
        return longer.size == image.size and longer.tobytes() == image.tobytes()


def _end_of_data(data: bytes) -> int:
    """Where the end marker of the picture is: previews before and pictures after it have some too."""
    at = 2
    while at + 4 <= len(data):
        marker = data[at + 1]
        if data[at] != 0xFF or marker in (0x00, 0xFF) or 0xD0 <= marker <= 0xD7:
            at = _next_marker(data, at + 1)
        elif marker == _END:
            return at
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
            if marker == _SCAN:
                at = _next_marker(data, at)
    return min(at, len(data) - 2)


def _next_marker(data: bytes, at: int) -> int:
    found = data.find(b"\xff", at)
    return found if found >= 0 else len(data)
