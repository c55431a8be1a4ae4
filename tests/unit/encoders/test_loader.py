from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from PIL import Image

from leastpack import worker_log
from leastpack.config.encoders import EncodersConfig
from leastpack.encoders.allow import AllowList
from leastpack.encoders.codes import ContentError
from leastpack.encoders.decode import Decoded
from leastpack.encoders.image import ImageEncoder
from leastpack.encoders.worker import Loaded, PictureLoader


@pytest.fixture
def load(tmp_path: Path) -> PictureLoader:
    config = EncodersConfig.model_validate({"fetch": {"roots": [str(tmp_path)]}})
    encoder = cast(ImageEncoder, SimpleNamespace(side=8, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)))
    return PictureLoader(config, encoder, AllowList.here(config.fetch))


@pytest.fixture
def photo(tmp_path: Path) -> str:
    path = tmp_path / "photo.png"
    Image.new("RGB", (20, 10), "white").save(path)
    return str(path)


def code_of(loaded: Loaded) -> str:
    assert isinstance(loaded.picture, ContentError)
    return loaded.picture.code


def test_a_photo_is_loaded_with_the_seconds_it_took(load: PictureLoader, photo: str) -> None:
    loaded = load(("key", photo))
    assert isinstance(loaded.picture, Decoded)
    np.testing.assert_allclose(loaded.picture.pixels, np.ones((3, 8, 8)))
    assert loaded.picture.warning == "IMAGE_FLAT"
    assert loaded.key == "key"
    assert min(loaded.fetch_s, loaded.decode_s) > 0


@pytest.mark.parametrize("where", ["decode.Image.open", "fetch.read_file"])
def test_too_little_memory_says_nothing_about_the_photo(
    load: PictureLoader, photo: str, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    place = f"leastpack.encoders.{where}"
    with monkeypatch.context() as patched:
        patched.setattr(place, full)
        failed = load(("key", photo))
    assert code_of(failed) == "NO_MEMORY"
    assert isinstance(failed.picture, ContentError)
    assert not failed.picture.permanent
    assert not isinstance(load(("key", photo)).picture, ContentError)


def test_what_fails_keeps_nothing_of_what_was_decoded(load: PictureLoader, tmp_path: Path) -> None:
    path = tmp_path / "broken.webp"
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(path.read_bytes()[:-40])
    picture = load(("key", str(path))).picture
    assert isinstance(picture, ContentError)
    assert picture.__traceback__ is picture.__context__ is None


def test_why_photos_fail_is_told_a_few_times_a_code(
    load: PictureLoader, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_log, "_told", worker_log.Counter())
    (tmp_path / "empty.jpg").touch()
    with caplog.at_level(logging.WARNING):
        for i in range(20):
            assert code_of(load(("key", str(tmp_path / f"{i}.jpg")))) == "FETCH_NOT_FOUND"
        assert code_of(load(("key", str(tmp_path / "empty.jpg")))) == "IMAGE_EMPTY"
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == worker_log.MOST + 1
    assert "FETCH_NOT_FOUND" in told[0]
    assert "0.jpg" in told[0]
    assert "empty.jpg" in told[-1]
