"""What of a PNG is the picture: the rest may be large or damaged, and is left out before anything decodes it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from PIL import Image

from leastpack.encoders.codes import ContentError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Bytes inflated at a time when rows are counted.
_PIECE = 1 << 20
# Bytes of a sound tRNS chunk by colour type, of those that may have one.
_GREY, _RGB, _PALETTE = 0, 2, 3
_TRANSPARENCY = {_GREY: range(2, 3), _RGB: range(6, 7), _PALETTE: range(1, 257)}
_SAMPLES = {_GREY: 1, _RGB: 3, _PALETTE: 1, 4: 2, 6: 4}
# Start and step of each pass of an interlaced picture, across and down.
_PASSES = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))


def essential(data: bytes) -> bytes:
    """The file with its critical chunks, and of the others only sound ones that change what is seen.

    Texts, colour profiles and private chunks go: Pillow refuses whole pictures for one that is large or fails its
    checksum. Transparency is given in 8 bits, as Pillow gives the colours that it is compared with.

    Raises:
        ContentError: IMAGE_TRUNCATED, if it ends early; IMAGE_BROKEN, if a checksum is wrong or the palette is missing.
    """
    if not data.startswith(SIGNATURE):
        return data
    kept, seen = list[bytes | memoryview]([SIGNATURE]), set[bytes]()
    depth = colour = -1
    for name, chunk in _chunks(data):
        if name == b"IHDR" and len(chunk) == 25:
            depth, colour = chunk[16], chunk[17]
        if name == b"IDAT" and colour == _PALETTE and b"PLTE" not in seen:
            raise ContentError("IMAGE_BROKEN", "no palette")
        if _is_critical(name):
            # Pillow looks at no checksum behind the last row, and takes what follows a cut for pixels.
            if not _is_whole(chunk):
                raise ContentError("IMAGE_TRUNCATED", f"it ends within {name!r}")
            if not _is_sound(chunk):
                raise ContentError("IMAGE_BROKEN", f"the checksum of {name!r} is wrong")
            kept.append(chunk)
        elif name == b"tRNS" and b"IDAT" not in seen and _is_sound(chunk):
            kept += _transparency(bytes(chunk[8:-4]), depth, colour)
        elif name == b"eXIf" and name not in seen and _is_sound(chunk):
            # It may come after the pixels, where Pillow reads it late.
            kept.insert(2, chunk)
        seen.add(name)
    if b"IHDR" in seen and b"IDAT" not in seen:
        raise ContentError("IMAGE_TRUNCATED", "it has no pixels")
    return b"".join(kept)


def may_lack_rows(image: Image.Image) -> bool:
    """Whether the last row is as Pillow leaves one that is missing; those of interlaced pictures may be anywhere."""
    last = image.crop((0, image.height - 1, image.width, image.height))
    return bool(image.info.get("interlace")) or last.getbbox(alpha_only=False) is None


def has_all_rows(data: bytes) -> bool:
    """Whether the pixels are as many as the header says: Pillow leaves those black that are missing.

    It inflates all of them, a piece at a time.
    """
    left, inflater = None, zlib.decompressobj()
    for name, chunk in _chunks(data):
        if name == b"IHDR":
            left = _size_inflated(chunk)
        elif name == b"IDAT" and left is not None:
            piece = inflater.decompress(chunk[8:-4], _PIECE)
            while piece:
                left -= len(piece)
                piece = inflater.decompress(inflater.unconsumed_tail, _PIECE)
    return left is not None and left <= 0


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Names and chunks, with length and checksum, up to the end of the picture; the last one may be cut."""
    at, view = len(SIGNATURE), memoryview(data)
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        yield name, view[at : at + 12 + size]
        if name == b"IEND":
            return
        at += 12 + size


def _is_critical(name: bytes) -> bool:
    return not name[0] & 0x20


def _is_whole(chunk: memoryview) -> bool:
    return len(chunk) == int.from_bytes(chunk[:4], "big") + 12


def _is_sound(chunk: memoryview) -> bool:
    return _is_whole(chunk) and zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big")


def _transparency(values: bytes, depth: int, colour: int) -> list[bytes]:
    if len(values) not in _TRANSPARENCY.get(colour, ()):
        return []
    if colour == _RGB and depth == 16:
        values = b"".join(bytes((0, high)) for high in values[::2])
    if colour == _GREY and 1 < depth < 8:
        values = (int.from_bytes(values, "big") * 255 // (2**depth - 1)).to_bytes(2, "big")
    body = b"tRNS" + values
    return [struct.pack(">I", len(values)) + body + struct.pack(">I", zlib.crc32(body))]


def _size_inflated(header: memoryview) -> int:
    """Bytes of all rows, each with the byte that says how it is filtered."""
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", header, 8)
    passes = _PASSES if interlaced else ((0, 1, 0, 1),)
    sizes = [
        (len(range(left, width, across)), len(range(top, height, down))) for left, across, top, down in passes
    ]
    bits = depth * _SAMPLES[colour]
    return sum(rows * (1 + (columns * bits + 7) // 8) for columns, rows in sizes if columns)
