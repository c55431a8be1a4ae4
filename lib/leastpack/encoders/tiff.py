"""What a TIFF asks of a decoder beyond its width and height: long lists of numbers, large tiles."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from leastpack.encoders.codes import ContentError

# Strips or tiles, bits, colours: Pillow makes a Python object of each. One row a strip makes no more than this.
MOST_VALUES = 300_000

# Types whose values Pillow leaves together as bytes: BYTE, ASCII, UNDEFINED.
_BYTES = (1, 2, 7)
_INVERTED, _SAMPLE_FORMAT, _PHOTOMETRIC = 0, 339, 262
_SIGNED = 2
_TILE_WIDTH, _TILE_LENGTH = 322, 323


@dataclass(frozen=True)
class _Layout:
    """Of a directory: where its offset stands and how, how the number of entries, and tag, type and count of one."""

    at: int
    place: str
    number: str
    entry: str
    size: int


_LAYOUTS = {42: _Layout(4, "I", "H", "HHI", 12), 43: _Layout(8, "Q", "Q", "HHQ", 20)}


def check_lists(data: bytes) -> None:
    """Look through the first directory of a TIFF before Pillow does.

    Raises:
        ContentError: IMAGE_BROKEN, if a list is longer than any sound one.
    """
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 16:
        return
    layout = _LAYOUTS.get(struct.unpack_from(f"{order}H", data, 2)[0])
    if layout is None:
        return
    start = struct.unpack_from(order + layout.place, data, layout.at)[0]
    first = start + struct.calcsize(order + layout.number)
    if first > len(data):
        return
    entries = struct.unpack_from(order + layout.number, data, start)[0]
    for position in range(first, min(first + entries * layout.size, len(data) - layout.size + 1), layout.size):
        tag, kind, count = struct.unpack_from(order + layout.entry, data, position)
        if count > MOST_VALUES and kind not in _BYTES:
            raise ContentError("IMAGE_BROKEN", f"tag {tag} of {count} values")


def tile_pixels(image: Image.Image) -> int:
    """Pixels of a tile, which may be larger than the picture; 0 if there are none."""
    if not isinstance(image, TiffImageFile):
        return 0
    return int(image.tag_v2.get(_TILE_WIDTH, 0)) * int(image.tag_v2.get(_TILE_LENGTH, 0))


def is_inverted(image: Image.Image) -> bool:
    """Whether 0 is white in a picture of wide numbers, which Pillow leaves as they are."""
    return isinstance(image, TiffImageFile) and image.tag_v2.get(_PHOTOMETRIC) == _INVERTED


def is_signed(image: Image.Image) -> bool:
    """Whether its numbers are signed; Pillow reads those of 8 bits as if they were not."""
    return isinstance(image, TiffImageFile) and _SIGNED in image.tag_v2.get(_SAMPLE_FORMAT, ())
