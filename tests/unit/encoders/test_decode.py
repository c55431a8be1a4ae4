from __future__ import annotations

import contextlib
import time
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile
from tests.unit.encoders.hostile import chunk, encoded, header, whole_png

from leastpack.encoders.codes import CODES, ContentError
from leastpack.encoders.decode import decode, decode_warned

RED, WHITE = (1.0, -1.0, -1.0), (1.0, 1.0, 1.0)


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


GREY = np.linspace(0.0, 1.0, 400, dtype=np.float64).reshape(20, 20)


def warned(data: bytes) -> tuple[float, str | None]:
    """Mean of a picture, 0..255, and its warning."""
    found = decode_warned(data, side=20, mean=(0, 0, 0), std=(1, 1, 1), max_pixels=10**6, max_memory=10**8)
    return float(found.pixels.mean() * 255), found.warning


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize(("white", "guessed"), [(65535, False), (5000, False), (4095, True), (1023, True), (255, True)])
def test_sixteen_bits_of_less_are_never_black(form: str, white: int, guessed: bool) -> None:
    numbers = np.rint(GREY * white).astype(np.uint16)
    mean, warning = warned(encoded(Image.fromarray(numbers), form))
    assert mean == pytest.approx(128 if white != 5000 else 128 * 5000 / 65535, abs=1)
    assert warning == ("IMAGE_SCALE_GUESSED" if guessed else None)


@pytest.mark.parametrize(
    ("numbers", "warning"),
    [
        (GREY.astype(np.float32), None),
        ((GREY * 1.1 - 0.05).astype(np.float32), None),  # as resampling leaves it
        ((GREY * 255).astype(np.float32), "IMAGE_SCALE_GUESSED"),
        ((GREY * 65535).astype(np.float32), "IMAGE_SCALE_GUESSED"),
        ((GREY * 255).astype(np.int32), "IMAGE_SCALE_GUESSED"),
        ((GREY * 4095).astype(np.int32), "IMAGE_SCALE_GUESSED"),
        ((GREY * 65535).astype(np.int32), "IMAGE_SCALE_GUESSED"),
    ],
)
def test_floats_and_32_bits_are_shown_by_the_scale_that_holds_them(numbers: Any, warning: str | None) -> None:
    mean, found = warned(encoded(Image.fromarray(numbers), "TIFF"))
    assert mean == pytest.approx(128, abs=2)
    assert found == warning


@pytest.mark.parametrize(
    "numbers",
    [
        GREY * 6 - 3,  # heights, differences
        GREY * 9,  # light, brighter than white
        GREY * 1e9,
        np.where(GREY > 0.5, np.nan, GREY),
        np.where(GREY < 0.5, np.inf, GREY),
    ],
)
def test_numbers_that_name_no_white_have_a_code(numbers: Any) -> None:
    for kind in (np.float32, np.int32):
        if kind is np.float32 or (np.isfinite(numbers).all() and abs(numbers).max() > 99):
            with pytest.raises(ContentError, match="IMAGE_NO_SCALE"):
                decode(encoded(Image.fromarray(numbers.astype(kind)), "TIFF"))
    with pytest.raises(ContentError, match="IMAGE_NO_SCALE"):
        decode(encoded(Image.fromarray((GREY * 100 - 50).astype(np.int32)), "TIFF"))


def test_where_zero_is_white_wide_pictures_are_turned_round() -> None:
    for numbers in ((GREY**2 * 65535).astype(np.uint16), (GREY**2).astype(np.float32)):
        data = encoded(Image.fromarray(numbers), "TIFF", tiffinfo={262: 0})
        assert warned(data)[0] == pytest.approx(255 * (1 - (GREY**2).mean()), abs=2)


def test_signed_bytes_have_a_code() -> None:
    data = encoded(Image.fromarray((GREY * 127).astype(np.uint8)), "TIFF", tiffinfo={339: 2})
    with pytest.raises(ContentError, match="IMAGE_NO_SCALE"):
        decode(data)


def test_ink_is_turned_round_only_where_adobe_says_so() -> None:
    data = encoded(half_red("CMYK"), "JPEG", quality=95)
    at = data.index(b"\xff\xee")
    plain = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    inverted = Image.eval(half_red("CMYK"), lambda ink: 255 - ink)
    other = encoded(inverted, "JPEG", quality=95)
    other = other[: other.index(b"\xff\xee")] + other[other.index(b"\xff\xee") + 16 :]
    np.testing.assert_allclose(decode(data, side=8)[:, 4, 1], RED, atol=0.06)
    np.testing.assert_allclose(decode(other, side=8)[:, 4, 1], RED, atol=0.06)
    assert decode(plain, side=8)[0, 4, 1] < -0.9  # ink where there was none


@pytest.mark.parametrize(
    ("depth", "colour", "pixel", "clear"),
    [
        (16, 2, b"\x12\x34\x56\x78\x9a\xbc", b"\x12\x34\x56\x78\x9a\xbc"),
        (16, 0, b"\x12\x34", b"\x12\x34"),
        (8, 0, b"\x12", b"\0\x12"),
        (4, 0, b"\x55", b"\0\5"),
        (2, 0, b"\xaa", b"\0\2"),
        (1, 0, b"\0", b"\0\0"),
    ],
)
def test_a_colour_that_is_declared_transparent_shows_white(
    depth: int, colour: int, pixel: bytes, clear: bytes
) -> None:
    width = 16
    row = pixel * (width * depth * len(clear) // (16 * len(pixel)) if depth < 16 else width)
    body = chunk(b"IDAT", zlib.compress((b"\0" + row) * width))
    data = whole_png(header(width, width, depth, colour), chunk(b"tRNS", clear), body)
    np.testing.assert_allclose(decode(data, side=8), 1.0)
    np.testing.assert_array_less(decode(whole_png(header(width, width, depth, colour), body), side=8).min(), 0.5)


@pytest.mark.parametrize("colour", ["black", "white", "#808080", "#ff0000"])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_picture_of_one_colour_is_encoded_and_warned_of(colour: str, form: str) -> None:
    flat = Image.new("RGB", (320, 240), colour)
    assert warned(encoded(flat, form))[1] == "IMAGE_FLAT"
    flat.paste((10, 200, 90), (100, 100, 200, 200))
    assert warned(encoded(flat, form))[1] is None


def test_a_jpeg_of_fewer_blocks_than_its_size_is_cut_and_a_grey_one_is_not() -> None:
    whole = encoded(noise(320, 240), "JPEG", quality=90)
    for share in (0.5, 0.9, 0.99):
        with pytest.raises(ContentError, match="IMAGE_TRUNCATED"):
            decode(whole[: int(len(whole) * share)] + b"\xff\xd9", side=64)
    grey = Image.new("RGB", (320, 240), "#808080")
    grey.paste(noise(100, 100), (30, 30))
    for options in ({}, {"progressive": True}, {"subsampling": 0}):
        data = encoded(grey, "JPEG", quality=95, **options)
        decode(data, side=64)
        decode(data + JPEG, side=64)  # as cameras put a second picture behind the first


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
    return whole_png(header(width, height), chunk(b"IDAT", zlib.compress(b"\0" * 1_000_000)))


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
        (png_header(5001, 5000), "IMAGE_TOO_LARGE"),
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
    assert CODES[code].permanent == (code != "IMAGE_TOO_LARGE"), "limits may be raised"
    assert time.monotonic() - start < 2
    assert peak < 50_000_000
    assert code != "IMAGE_TOO_LARGE" or not decoded  # what Pillow itself allocates is not traced


def test_the_limit_of_pixels_is_the_configs() -> None:
    data = encoded(half_red())
    assert decode(data, max_pixels=200 * 100).shape == (3, 224, 224)
    with pytest.raises(ContentError, match="IMAGE_TOO_LARGE"):
        decode(data, max_pixels=200 * 100 - 1)


def test_a_picture_that_takes_more_memory_than_there_may_be_is_refused(decoded: list[tuple[int, int]]) -> None:
    with pytest.raises(ContentError, match="IMAGE_TOO_LARGE"):
        decode(encoded(half_red(), "WEBP"), max_memory=200 * 100 * 16)
    assert not decoded
    assert decode(encoded(half_red(), "WEBP"), max_memory=200 * 100 * 20).shape == (3, 224, 224)


@settings(deadline=None, max_examples=150)
@given(st.integers(0, len(JPEG) - 1), st.binary(min_size=1, max_size=40))
def test_p8_any_damage_ends_in_a_picture_or_a_code(at: int, damage: bytes) -> None:
    with contextlib.suppress(ContentError):  # which a code that is not in CODES cannot even make
        found = decode(JPEG[:at] + damage + JPEG[at + len(damage) :], side=32)
        assert np.isfinite(found).all()
