"""A model directory in an object store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyarrow.fs import copy_files
from tests.unit.model.samples import CALIBRATORS, random_model, saved_model, small_spec

from leastpack.config import load_config
from leastpack.encoders.engines import Chosen, choice_files, read_choice, representation, resolve_engines
from leastpack.encoders.networks import Representation
from leastpack.errors import ModelError
from leastpack.files import child, names_in, open_folder, write_bytes
from leastpack.model.card import write_model_card
from leastpack.model.directory import load_model, save_model
from leastpack.model.folder import open_model
from leastpack.model.scorer import Scorer


def save(place: str | Path, seed: int, files: dict[str, bytes] | None = None) -> str:
    return save_model(place, random_model(small_spec(), seed), CALIBRATORS, {}, files)


def test_a_model_in_a_store_is_the_one_on_a_disk(tmp_path: Path, bucket: str) -> None:
    place = child(bucket, "model")
    assert save(place, 1) == save(tmp_path / "model", 1) == Scorer.load(place).model_version
    write_model_card(place, {"Purpose": "Tests."})
    assert names_in(open_model(place), "") == ["model.json", "model.safetensors", "model_card.md"]
    read = load_model(place)
    (tmp_path / "read").mkdir()
    for name, content in read.files.items():
        (tmp_path / "read" / name).write_bytes(content)
    assert load_model(tmp_path / "read").model_version == read.model_version


def test_a_new_model_replaces_the_earlier_one_whole(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = child(bucket, "model")
    versions = [save(place, seed) for seed in (1, 2)]
    opened = open_model(place)
    before = names_in(opened, "")

    def fail(files: object, path: str, content: bytes) -> None:
        if path == "model.json":
            raise OSError("connection lost")
        write_bytes(files, path, content)

    with monkeypatch.context() as patch:
        patch.setattr("leastpack.model.folder.write_bytes", fail)
        with pytest.raises(OSError, match="connection lost"):
            save(place, 3)
    assert load_model(place).model_version == versions[1]
    assert save(place, 3) == load_model(place).model_version != versions[1]
    assert names_in(opened, "") == before, "a model that is being read stays"
    assert len(names_in(open_folder(place), "versions")) == 2


def test_a_directory_copied_into_a_store_is_read_as_it_lies(tmp_path: Path, bucket: str) -> None:
    place = child(bucket, "model")
    save(place, 1)
    for file in saved_model(tmp_path / "model", seed=5).iterdir():
        write_bytes(open_folder(place), file.name, file.read_bytes())
    assert load_model(place).model_version == load_model(tmp_path / "model").model_version


def test_a_directory_copied_out_of_a_store_is_read_as_it_lies(tmp_path: Path, bucket: str) -> None:
    place = child(bucket, "model")
    version = save(place, 1)
    copy_files(f"{open_folder(place).base_path}", str(tmp_path), source_filesystem=open_folder(place).base_fs)
    assert load_model(tmp_path).model_version == version


def test_a_store_without_a_model_or_with_something_else_is_told(bucket: str) -> None:
    place = child(bucket, "model")
    with pytest.raises(ModelError, match="no model directory"):
        load_model(place)
    assert read_choice(place) is None
    write_bytes(open_folder(place), "notes.txt", b"keep me")
    with pytest.raises(ModelError, match="something other than a model"):
        save(place, 1)
    write_bytes(open_folder(place), "model.json", b'{"folder": "../elsewhere"}')
    with pytest.raises(ModelError, match="a folder that is none of a model"):
        load_model(place)


def test_the_choice_of_engines_follows_the_model_in_its_store(bucket: str) -> None:
    place = child(bucket, "model")
    config = load_config([], [f"model.directory={place}"])
    network = Representation(b"<net/>", np.arange(4, dtype=np.float32).tobytes())
    chosen = {
        "text": Chosen("torch-fp32", "text@1", {}, {}),
        "image": Chosen("openvino-bf16", "image@1", {}, {}),
    }
    save(place, 1, choice_files(chosen, {"image": network}))
    encoders = resolve_engines(config)
    assert (encoders.text.engine, encoders.image.engine) == ("torch-fp32", "openvino-bf16")
    assert representation(config, encoders, "text") is None
    assert {"image.xml", "image.bin"} <= set(names_in(open_model(place), ""))
