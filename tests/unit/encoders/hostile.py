"""Damaged and hostile pictures of all formats, made from a seed."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

# Left half red, right half white.
LEFT, RIGHT = (255, 0, 0), (255, 255, 255)
WIDTH, HEIGHT = 96, 64
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Hostile:
    """A file, and what may come of it.

    Attributes:
        name: Format and damage.
        data: The file.
        shows: The picture that it shows, if it shows one: `colour`, `grey` or, where the damage may change pixels and
            no decoder can tell, None.
        code: The only code it may have; None allows any.
    """

    name: str
    data: bytes
    shows: str | None
    code: str | None = None


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    """The bytes of a picture."""
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def chunk(name: bytes, body: bytes, crc: int | None = None) -> bytes:
    """A PNG chunk, with its own checksum or another one."""
    checksum = zlib.crc32(name + body) if crc is None else crc
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)


def header(width: int, height: int, depth: int = 8, colour: int = 2, interlaced: int = 0) -> bytes:
    """The IHDR chunk of a PNG."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))


def rows(width: int, height: int, pixel: bytes) -> bytes:
    """The IDAT chunk of a PNG of one colour."""
    packer = zlib.compressobj()
    row = b"\0" + pixel * width
    return chunk(b"IDAT", b"".join(packer.compress(row) for _ in range(height)) + packer.flush())


def whole_png(head: bytes, *others: bytes) -> bytes:
    """A PNG of some chunks."""
    return PNG + head + b"".join(others) + chunk(b"IEND", b"")


def colour_picture() -> Image.Image:
    """The picture that all others are made from."""
    image = Image.new("RGB", (WIDTH, HEIGHT), RIGHT)
    image.paste(LEFT, (0, 0, WIDTH // 2, HEIGHT))
    return image


def sound() -> dict[str, tuple[bytes, str]]:
    """Sound files by name, with what they show: `colour` or `grey`."""
    rgb = colour_picture()
    grey = rgb.convert("L")
    numbers = np.asarray(grey, dtype=np.float64) / 255.0
    frames = {"save_all": True, "append_images": [Image.new("RGB", rgb.size, (0, 0, 255))]}
    found: dict[str, tuple[bytes, str]] = {
        "jpeg": (encoded(rgb, "JPEG", quality=95, subsampling=0), "colour"),
        "jpeg-progressive": (encoded(rgb, "JPEG", quality=95, progressive=True, subsampling=0), "colour"),
        "jpeg-restarts": (encoded(rgb, "JPEG", quality=95, restart_marker_rows=1, subsampling=0), "colour"),
        "jpeg-cmyk": (encoded(rgb.convert("CMYK"), "JPEG", quality=95), "colour"),
        "jpeg-grey": (encoded(grey, "JPEG", quality=95), "grey"),
        "png": (encoded(rgb, "PNG"), "colour"),
        "png-palette": (encoded(rgb.quantize(4), "PNG"), "colour"),
        "png-alpha": (encoded(rgb.convert("RGBA"), "PNG"), "colour"),
        "png-grey-alpha": (encoded(grey.convert("LA"), "PNG"), "grey"),
        "png-16": (encoded(Image.fromarray((numbers * 65535).astype(np.uint16)), "PNG"), "grey"),
        "webp": (encoded(rgb, "WEBP", quality=95), "colour"),
        "webp-lossless": (encoded(rgb, "WEBP", lossless=True), "colour"),
        "webp-animation": (encoded(rgb, "WEBP", lossless=True, **frames), "colour"),
        "gif": (encoded(rgb.quantize(4), "GIF"), "colour"),
        "gif-animation": (encoded(rgb, "GIF", **frames), "colour"),
        "bmp": (encoded(rgb, "BMP"), "colour"),
        "bmp-palette": (encoded(rgb.quantize(4), "BMP"), "colour"),
        "tiff": (encoded(rgb, "TIFF"), "colour"),
        "tiff-cmyk": (encoded(rgb.convert("CMYK"), "TIFF"), "colour"),
        "tiff-lab": (_tiff_lab(rgb), "colour"),
        "tiff-16": (encoded(Image.fromarray((numbers * 65535).astype(np.uint16)), "TIFF"), "grey"),
        "tiff-12-in-16": (encoded(Image.fromarray((numbers * 4095).astype(np.uint16)), "TIFF"), "grey"),
        "tiff-32": (encoded(Image.fromarray((numbers * 255).astype(np.int32)), "TIFF"), "grey"),
        "tiff-32-of-16": (encoded(Image.fromarray((numbers * 65535).astype(np.int32)), "TIFF"), "grey"),
        "tiff-float": (encoded(Image.fromarray(numbers.astype(np.float32)), "TIFF"), "grey"),
        "tiff-float-255": (encoded(Image.fromarray((numbers * 255).astype(np.float32)), "TIFF"), "grey"),
    }
    for packing in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        found[f"tiff-{packing}"] = (encoded(rgb, "TIFF", compression=packing), "colour")
    return found


def _tiff_lab(rgb: Image.Image) -> bytes:
    from PIL import ImageCms

    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return encoded(ImageCms.profileToProfile(rgb, *profiles, outputMode="LAB"), "TIFF")


def pictures(seed: int, n: int, large: int) -> Iterator[Hostile]:
    """Some of each kind, the fixed ones first; large ones are sound and have so many pixels a side."""
    fixed = [*bombs(), *large_ones(large), *odd()]
    yield from fixed[:n]
    dice = random.Random(seed)
    files = sound()
    for number in range(n - len(fixed)):
        name, (data, shows) = list(files.items())[number % len(files)]
        damage = DAMAGES[number // len(files) % len(DAMAGES)]
        yield damage(dice, name, data, shows)


def _none(_dice: random.Random, name: str, data: bytes, shows: str) -> Hostile:
    return Hostile(f"{name}, sound", data, shows)


def _cut(dice: random.Random, name: str, data: bytes, shows: str) -> Hostile:
    """Ends early; what is left may be a whole picture only where nothing of it is missing."""
    return Hostile(f"{name}, cut", data[: dice.randrange(len(data))], shows)


def _cut_late(dice: random.Random, name: str, data: bytes, shows: str) -> Hostile:
    return Hostile(f"{name}, cut late", data[: -dice.randrange(1, 40)], shows)


def _cut_and_ended(dice: random.Random, name: str, data: bytes, shows: str) -> Hostile:
    """Cut by a program that puts the end of a file behind what it has."""
    ends = {"jpeg": b"\xff\xd9", "png": chunk(b"IEND", b""), "gif": b"\0\x3b"}
    kept = data[: dice.randrange(len(data) // 2, len(data))]
    # What later scans would sharpen is a picture too, and WebP has no checksum.
    told = None if name in ("jpeg-progressive", "webp") else shows
    return Hostile(f"{name}, cut and ended", kept + ends.get(name.partition("-")[0], b"\0" * 64), told)


def _flip(dice: random.Random, name: str, data: bytes, shows: str) -> Hostile:
    """Single bits are others. The checksums of PNG tell."""
    damaged = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 8, 64))):
        damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
    return Hostile(f"{name}, flipped", bytes(damaged), _if_checked(name, shows))


def _if_checked(name: str, shows: str) -> str | None:
    return shows if name.startswith("png") else None


def _noise(dice: random.Random, name: str, data: bytes, shows: str) -> Hostile:
    """A part is noise."""
    start, length = dice.randrange(len(data)), dice.randrange(1, 200)
    damaged = data[:start] + dice.randbytes(length) + data[start + length :]
    return Hostile(f"{name}, noise", damaged, _if_checked(name, shows))


def _longer(dice: random.Random, name: str, data: bytes, shows: str) -> Hostile:
    """Something follows the file."""
    return Hostile(f"{name}, longer", data + dice.randbytes(dice.randrange(1, 5000)), shows)


def _head(dice: random.Random, name: str, data: bytes, shows: str) -> Hostile:
    """Numbers of the header are others, where sizes stand."""
    damaged = bytearray(data)
    for _ in range(dice.randrange(1, 4)):
        damaged[dice.randrange(4, min(48, len(damaged)))] = dice.choice((0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)))
    return Hostile(f"{name}, header", bytes(damaged), _if_checked(name, shows))


Damage = Callable[[random.Random, str, bytes, str], Hostile]
DAMAGES: tuple[Damage, ...] = (_none, _cut, _flip, _cut_late, _noise, _head, _cut_and_ended, _longer)


def bombs() -> Iterator[Hostile]:
    """Small files of huge pictures."""
    refused = "IMAGE_TOO_LARGE"
    yield Hostile("png of 2 gigapixels", whole_png(header(46_000, 46_000), chunk(b"IDAT", b"")), None, refused)
    yield Hostile("png of 100 megapixels", whole_png(header(10_000, 10_000), rows(10_000, 9, b"abc")), None, refused)
    yield Hostile("png as wide as can be", whole_png(header(2**31 - 1, 1), chunk(b"IDAT", b"x")), None, refused)
    for side in (5_001, 16_383):
        flat = encoded(Image.new("RGB", (side, side), (9, 99, 199)), "WEBP", lossless=True, method=0, quality=0)
        yield Hostile(f"webp, {side} a side", flat, None, refused)
    gif = encoded(colour_picture().quantize(4), "GIF")
    yield Hostile("gif of 4 gigapixels", gif[:6] + struct.pack("<HH", 65_535, 65_535) + gif[10:], None, refused)
    yield Hostile("bmp, 30000 a side", _bmp_head(30_000, 30_000), None, refused)
    tiles = {322: 60_000, 323: 60_000, 324: 8, 325: 8}
    yield Hostile("tiff in a huge tile", _tiff({256: 16, 257: 16, **tiles}), None, refused)
    yield Hostile("tiff of a million strips", _tiff({256: 16, 257: 16}, strips=1_000_000), None, "IMAGE_BROKEN")
    text = zlib.compress(b"x" * 60_000_000)
    for name in (b"zTXt", b"iCCP"):
        bomb = chunk(name, b"name\0\0" + text)
        yield Hostile(f"png with 60 MB of {name.decode()}", _with_chunks(bomb), "colour")


def large_ones(side: int) -> Iterator[Hostile]:
    """Small files of large pictures that may be decoded."""
    clear = Image.new("RGBA", (side, side), (9, 99, 199, 128))
    opaque, packing = clear.convert("RGB"), "tiff_adobe_deflate"
    for name, data in {
        "webp with alpha": encoded(clear, "WEBP", lossless=True, method=0, quality=0),
        "png with alpha": encoded(clear, "PNG", compress_level=1),
        "tiff with alpha": encoded(clear, "TIFF", compression=packing),
        "tiff of floats": encoded(Image.new("F", (side, side), 0.5), "TIFF", compression=packing),
        "jpeg, progressive": encoded(opaque.convert("CMYK"), "JPEG", progressive=True),
        "gif": encoded(opaque.quantize(2), "GIF", transparency=1),
        "png of 16 bits with alpha": whole_png(header(side, side, 16, 6), rows(side, side, b"\x12\x34" * 4)),
    }.items():
        yield Hostile(f"{name}, {side} a side", data, None)


def odd() -> Iterator[Hostile]:
    """Sound pixels beside what is unusual, large or wrong."""
    text = b"comment\0" + b"x" * 3_000_000
    profile = b"name\0\0" + zlib.compress(bytes(2_000_000))
    for name, body in ((b"tEXt", text), (b"iTXt", b"k\0\0\0\0\0" + text), (b"iCCP", profile), (b"prVt", text)):
        yield Hostile(f"png with a long {name.decode()}", _with_chunks(chunk(name, body)), "colour")
        yield Hostile(f"png with a wrong {name.decode()}", _with_chunks(chunk(name, body[:99], crc=1)), "colour")
    for name in (b"gAMA", b"cHRM", b"pHYs", b"tIME", b"eXIf", b"tRNS", b"acTL", b"fcTL", b"bKGD", b"hIST", b"sRGB"):
        yield Hostile(f"png with an empty {name.decode()}", _with_chunks(chunk(name, b"")), "colour")
        yield Hostile(f"png with a wrong {name.decode()}", _with_chunks(chunk(name, b"\xff" * 7, crc=2)), "colour")
    many = b"".join(chunk(b"tEXt", b"k\0" + b"x" * 900_000) for _ in range(12))
    yield Hostile("png with many texts", _with_chunks(many), "colour")
    yield Hostile("png cut in its text", _with_chunks(many)[:5_000_000], None, "IMAGE_TRUNCATED")
    yield Hostile("png without its palette", whole_png(header(8, 8, 8, 3), rows(8, 8, b"\1")), None, "IMAGE_BROKEN")
    short = whole_png(header(WIDTH, HEIGHT), rows(WIDTH, HEIGHT // 2, b"\xff\0\0"))
    yield Hostile("png of half its rows", short, None, "IMAGE_TRUNCATED")
    laced = whole_png(header(WIDTH, HEIGHT, interlaced=1), rows(WIDTH, HEIGHT // 2, b"\0\0\0"))
    yield Hostile("png of half its passes", laced, None, "IMAGE_TRUNCATED")
    jpeg = sound()["jpeg"][0]
    tall = bytearray(jpeg)
    at = jpeg.index(b"\xff\xc0") + 5
    tall[at : at + 2] = struct.pack(">H", HEIGHT * 3)
    yield Hostile("jpeg taller than its data", bytes(tall), None, "IMAGE_TRUNCATED")
    for marker in (0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xFE):
        segment = bytes((0xFF, marker)) + struct.pack(">H", 60_002) + b"Exif\0\0ICC_PROFILE\0" + b"\xff" * 59_982
        yield Hostile(f"jpeg with a wrong {marker:x}", jpeg[:2] + segment * 20 + jpeg[2:], "colour")
    numbers = np.full((HEIGHT, WIDTH), 7.0, dtype=np.float32)
    for name, value in (("nan", np.nan), ("infinity", np.inf), ("a negative", -9.0), ("much", 1e30)):
        numbers[3, 3] = value
        data = encoded(Image.fromarray(numbers), "TIFF")
        yield Hostile(f"tiff of floats with {name}", data, None, "IMAGE_NO_SCALE")
    for words in (b"<html>404</html>", b"%PDF-1.7\n" * 99, b"%!PS-Adobe-3.0 EPSF-3.0\n", b"\0" * 9_999, b"<svg/>"):
        yield Hostile(f"no picture: {words[:5]!r}", words, None, "IMAGE_NOT_AN_IMAGE")


def _with_chunks(chunks: bytes) -> bytes:
    """The sound PNG with more chunks before its pixels."""
    data = sound()["png"][0]
    at = data.index(b"IDAT") - 4
    return data[:at] + chunks + data[at:]


def _bmp_head(width: int, height: int) -> bytes:
    details = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 999, 0, 0, 54) + details


def _tiff(tags: dict[int, int], strips: int = 0) -> bytes:
    """A grey TIFF of some tags, with many strips or none."""
    known = {258: 8, 259: 5, 262: 1, 277: 1, **tags}
    entries = {tag: struct.pack("<HHII", tag, 4, 1, value) for tag, value in known.items()}
    if strips:
        after = 8 + 2 + 12 * (len(entries) + 2) + 4
        entries |= {273: struct.pack("<HHII", 273, 4, strips, after), 278: struct.pack("<HHII", 278, 4, 1, 1)}
    body = b"".join(entries[tag] for tag in sorted(entries))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(4 + 4 * strips)
