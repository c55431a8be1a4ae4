from __future__ import annotations

import contextlib
import io
import struct
import time
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from leastpack.encoders.codes import CODES, ContentError
from leastpack.encoders.decode import decode

RED, WHITE = (1.0, -1.0, -1.0), (1.0, 1.0, 1.0)


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def half_red(mode: str = "RGB") -> Image.Image:
    """Left half red, right half white."""
    image = Image.new("RGB", (200, 100), "white")
    image.paste((255, 0, 0), (0, 0, 100, 100))
    return image.convert(mode)


def test_pixels_are_normalised_and_the_whole_picture_is_kept() -> None:
    found = decode(encoded(half_red()), side=64)
    assert found.shape == (3, 64, 64)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:, 10, 3], RED, atol=0.01)
    np.testing.assert_allclose(found[:, 60, 60], WHITE, atol=0.01)
    shifted = decode(encoded(half_red()), side=64, mean=(0.2, 0.4, 0.6), std=(0.5, 0.25, 0.1))
    np.testing.assert_allclose(shifted[:, 10, 3], [1.6, -1.6, -6.0], atol=0.05)


@pytest.mark.parametrize(
    ("form", "mode", "options"),
    [
        ("JPEG", "RGB", {"quality": 95}),
        ("JPEG", "RGB", {"quality": 95, "progressive": True}),
        ("JPEG", "CMYK", {"quality": 95}),
        ("PNG", "P", {}),
        ("PNG", "RGBA", {}),
        ("WEBP", "RGB", {"lossless": True}),
        ("GIF", "P", {"save_all": True, "append_images": [Image.new("P", (200, 100))]}),
        ("BMP", "RGB", {}),
        ("TIFF", "CMYK", {}),
    ],
)
def test_every_format_shows_the_same_picture(form: str, mode: str, options: dict[str, object]) -> None:
    found = decode(encoded(half_red(mode), form, **options), side=64)
    np.testing.assert_allclose(found[:, 32, 8], RED, atol=0.06)
    np.testing.assert_allclose(found[:, 32, 56], WHITE, atol=0.06)


def test_sixteen_bits_grey_and_transparency() -> None:
    deep = Image.fromarray(np.full((20, 20), 0x8000, dtype=np.uint16))
    np.testing.assert_allclose(decode(encoded(deep), side=8), 0.0, atol=0.01)
    np.testing.assert_allclose(decode(encoded(Image.new("L", (20, 20), 0)), side=8), -1.0)
    clear = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    np.testing.assert_allclose(decode(encoded(clear), side=8), 1.0)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(orientation: int) -> None:
    upright = half_red()
    upright.paste((0, 0, 255), (0, 0, 50, 50))  # no symmetry left
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # orientation -> how the camera held it (Image.Transpose)
    held = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = decode(encoded(held, "JPEG", quality=98, exif=exif), side=32)
    np.testing.assert_allclose(found, decode(encoded(upright), side=32), atol=0.35)
    np.testing.assert_allclose(found[:, 4, 4], (-1.0, -1.0, 1.0), atol=0.1)
    np.testing.assert_allclose(found[:, 28, 4], RED, atol=0.1)


def test_damaged_exif_data_leaves_a_picture() -> None:
    exif = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff" + b"\x01" * 40
    assert decode(encoded(half_red(), "JPEG", exif=exif), side=8).shape == (3, 8, 8)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The sizes in which pictures were decoded."""
    sizes: list[tuple[int, int]] = []
    load = ImageFile.ImageFile.load

    def spied(self: ImageFile.ImageFile) -> Any:
        sizes.append(self.size)
        return load(self)

    monkeypatch.setattr(ImageFile.ImageFile, "load", spied)
    return sizes


def test_a_jpeg_is_decoded_at_reduced_scale_and_looks_the_same(decoded: list[tuple[int, int]]) -> None:
    picture = noise(160, 120).resize((1280, 960))
    small = decode(encoded(picture, "JPEG", quality=95))
    assert max(decoded) == (320, 240)
    assert np.abs(small - decode(encoded(picture))).mean() < 0.05


def png_header(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 1_000_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


JPEG = encoded(noise(320, 240), "JPEG")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "IMAGE_EMPTY"),
        (b"<html>404</html>", "IMAGE_NOT_AN_IMAGE"),
        (b"%PDF-1.7 " + b"x" * 1000, "IMAGE_NOT_AN_IMAGE"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "IMAGE_NOT_AN_IMAGE"),
        (JPEG[:3], "IMAGE_NOT_AN_IMAGE"),
        (JPEG[: len(JPEG) // 2], "IMAGE_TRUNCATED"),
        (encoded(half_red())[:80], "IMAGE_TRUNCATED"),
        (encoded(half_red(), "WEBP")[:40], "IMAGE_BROKEN"),
        (png_header(9700, 9700), "IMAGE_TOO_LARGE"),
        (png_header(60_000, 60_000), "IMAGE_TOO_LARGE"),
    ],
)
def test_p8_a_picture_that_cannot_be_read_has_a_code(data: bytes, code: str, decoded: list[tuple[int, int]]) -> None:
    tracemalloc.start()
    start = time.monotonic()
    with pytest.raises(ContentError) as caught:
        decode(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.code == code
    assert CODES[code].permanent
    assert time.monotonic() - start < 2
    assert peak < 50_000_000
    assert code != "IMAGE_TOO_LARGE" or not decoded  # what Pillow itself allocates is not traced


def test_the_limit_of_pixels_is_the_configs() -> None:
    data = encoded(half_red())
    assert decode(data, max_pixels=200 * 100).shape == (3, 224, 224)
    with pytest.raises(ContentError, match="IMAGE_TOO_LARGE"):
        decode(data, max_pixels=200 * 100 - 1)


@settings(deadline=None, max_examples=150)
@given(st.integers(0, len(JPEG) - 1), st.binary(min_size=1, max_size=40))
def test_p8_any_damage_ends_in_a_picture_or_a_code(at: int, damage: bytes) -> None:
    with contextlib.suppress(ContentError):  # which a code that is not in CODES cannot even make
        found = decode(JPEG[:at] + damage + JPEG[at + len(damage) :], side=32)
        assert np.isfinite(found).all()
