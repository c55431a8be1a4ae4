"""A small picture for people, and none of what cannot be read."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from leastpack.config.encoders import FetchConfig
from leastpack.encoders.codes import ContentError
from leastpack.encoders.thumbnail import thumbnail

LIMITS = FetchConfig()


def picture(width: int, height: int, kind: str = "JPEG") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), "green").save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_longer_side_is_bounded(kind: str) -> None:
    small = thumbnail("a", lambda _: picture(600, 300, kind), 100, LIMITS)
    assert small is not None
    with Image.open(io.BytesIO(small)) as image:
        assert (image.format, image.size) == ("JPEG", (100, 50))


def test_what_cannot_be_read_has_none() -> None:
    def refused(_: str) -> bytes:
        raise ContentError("URI_NOT_ALLOWED")

    assert thumbnail("a", refused, 100, LIMITS) is None
    assert thumbnail("a", lambda _: b"no picture", 100, LIMITS) is None
    assert thumbnail("a", lambda _: picture(600, 300)[:400], 100, LIMITS) is None
    assert thumbnail("a", lambda _: picture(600, 300), 100, FetchConfig(max_pixels=600 * 300 - 1)) is None
    broken = bytearray(picture(600, 300, "PNG"))
    broken[37:41] = b"\x00\x01\x02\x03"  # no chunk of a PNG has such a name
    assert thumbnail("a", lambda _: bytes(broken), 100, LIMITS) is None
    assert thumbnail("a", lambda _: picture(600, 300, "PPM"), 100, LIMITS) is None


def test_a_small_photo_stays_as_it_is_and_what_is_transparent_is_white() -> None:
    stream = io.BytesIO()
    Image.new("RGBA", (20, 10), (255, 0, 0, 0)).save(stream, "PNG")
    small = thumbnail("a", lambda _: stream.getvalue(), 100, LIMITS)
    assert small is not None
    with Image.open(io.BytesIO(small)) as image:
        assert image.size == (20, 10)
        assert image.getpixel((5, 5)) == (255, 255, 255)
