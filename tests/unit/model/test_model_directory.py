from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.unit.model.samples import CALIBRATORS, random_model, saved_model, small_spec

from leastpack.errors import ModelError
from leastpack.model.calibration import Calibrator
from leastpack.model.card import write_model_card
from leastpack.model.directory import load_model, save_model
from leastpack.model.fused import FusedModel


@pytest.fixture
def directory(tmp_path) -> Path:
    return saved_model(tmp_path / "model")


def edit(directory: Path, change) -> None:
    content = json.loads((directory / "model.json").read_text())
    change(content)
    (directory / "model.json").write_text(json.dumps(content))


def replace_weights(directory: Path, data: bytes) -> None:
    """Other weights, with a digest that agrees: only the content can give them away."""
    (directory / "model.safetensors").write_bytes(data)
    edit(directory, lambda content: content.update(weights_sha256=hashlib.sha256(data).hexdigest()))


def test_a_model_comes_back_as_it_was_saved(tmp_path):
    model = random_model(small_spec(), seed=1)
    version = save_model(tmp_path / "deep" / "model", model, CALIBRATORS, {"pr_auc": 0.25, "undefined": float("nan")})
    loaded = load_model(tmp_path / "deep" / "model")
    assert loaded.model_version == version
    assert loaded.model.spec == model.spec
    assert loaded.calibrators == CALIBRATORS
    assert loaded.metrics == {"pr_auc": 0.25, "undefined": None}
    assert not loaded.model.training
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, loaded.model.state_dict()[name])


def test_version_follows_what_changes_results_and_nothing_else(tmp_path):
    def version(name: str, seed: int = 0, calibrators=CALIBRATORS, metrics=None, **spec) -> str:
        return save_model(tmp_path / name, random_model(small_spec(**spec), seed), calibrators, metrics or {})

    base = version("a")
    assert version("b") == base
    assert version("c", metrics={"loss": 1.0}) == base
    write_model_card(tmp_path / "a", {"Purpose": "tests"})
    assert load_model(tmp_path / "a").model_version == base
    others = {
        version("d", seed=1),
        version("e", calibrators=CALIBRATORS | {"risk": Calibrator(1.0, 0.0)}),
        version("f", text_encoder="text-encoder@2"),
        version("g", attributes=("seal", "cushioning", "rigidity")),
    }
    assert len(others | {base}) == 5


def test_p10_a_pickle_in_place_of_the_weights_is_refused_and_not_run(directory, tmp_path):
    ran = tmp_path / "ran"

    class Trap:
        def __reduce__(self):
            return Path.touch, (ran,)

    replace_weights(directory, pickle.dumps(Trap()))
    with pytest.raises(ModelError, match="no safetensors file"):
        load_model(directory)
    torch.save(FusedModel(small_spec()).state_dict(), tmp_path / "weights.pt")
    replace_weights(directory, (tmp_path / "weights.pt").read_bytes())
    with pytest.raises(ModelError, match="no safetensors file"):
        load_model(directory)
    assert not ran.exists()


def test_p10_weights_that_are_only_there_as_a_pickle_are_not_read(directory):
    (directory / "model.safetensors").unlink()
    torch.save({}, directory / "model.pt")
    with pytest.raises(ModelError, match=r"has no model\.safetensors") as caught:
        load_model(directory)
    assert "pickles" in str(caught.value)
    assert "model.pt" in str(caught.value)


@pytest.mark.parametrize("version", [0, 1, 3, None, "2", [2]])
def test_another_format_version_is_refused(directory, version):
    edit(directory, lambda content: content.update(format_version=version))
    with pytest.raises(ModelError, match="another format") as caught:
        load_model(directory)
    assert str(directory) in str(caught.value)
    assert "train a model" in str(caught.value)


def test_a_missing_directory_says_what_to_do(tmp_path):
    with pytest.raises(ModelError, match="no model directory") as caught:
        load_model(tmp_path / "nowhere")
    assert "run the train step" in str(caught.value)
    with pytest.raises(ModelError, match="no model directory"):
        load_model(tmp_path)


CHANGES = {
    "no spec": lambda c: c.pop("spec"),
    "spec of another kind": lambda c: c.update(spec=[]),
    "unknown spec key": lambda c: c["spec"].update(depth=3),
    "missing spec key": lambda c: c["spec"].pop("tau"),
    "text for a number": lambda c: c["spec"].update(hidden="24"),
    "true for a number": lambda c: c["spec"].update(hidden=True),
    "knots that fall": lambda c: c["spec"].update(knots=[0.0, 1.0, 0.5]),
    "another size": lambda c: c["spec"].update(hidden=32),
    "another number of attributes": lambda c: c["spec"].update(attributes=["rigidity"]),
    "no calibrator": lambda c: c["calibrators"].pop("risk"),
    "falling calibrator": lambda c: c["calibrators"].update(risk={"slope": -1.0, "intercept": 0.0}),
    "calibrator of NaN": lambda c: c["calibrators"].update(risk={"slope": float("nan"), "intercept": 0.0}),
    "calibrator of text": lambda c: c["calibrators"].update(risk={"slope": "1", "intercept": 0.0}),
    "other weights": lambda c: c.update(weights_sha256="0" * 64),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_description_that_does_not_hold_is_refused(directory, change):
    edit(directory, change)
    with pytest.raises(ModelError) as caught:
        load_model(directory)
    assert str(directory) in str(caught.value)
    assert "to do:" in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x80"])
def test_a_description_that_is_no_json_object_is_refused(directory, text):
    (directory / "model.json").write_text(text, encoding="latin-1")
    with pytest.raises(ModelError, match=str(directory)):
        load_model(directory)


def drop_tensor(tensors):
    del tensors["to_vector.weight"]


def add_tensor(tensors):
    tensors["extra"] = torch.zeros(1)


def other_type(tensors):
    tensors["heads.bias"] = tensors["heads.bias"].double()


def not_finite(tensors):
    tensors["heads.bias"][0] = float("nan")


@pytest.mark.parametrize("change", [drop_tensor, add_tensor, other_type, not_finite])
def test_tensors_that_do_not_fit_are_refused(directory, tmp_path, change):
    tensors = load_file(directory / "model.safetensors")
    change(tensors)
    save_file(tensors, tmp_path / "changed")
    replace_weights(directory, (tmp_path / "changed").read_bytes())
    with pytest.raises(ModelError, match=str(directory)) as caught:
        load_model(directory)
    assert "train" in str(caught.value)


def test_truncated_weights_are_refused(directory):
    weights = directory / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(ModelError, match="is not the file"):
        load_model(directory)


def test_saving_again_replaces_the_model_as_a_whole(directory):
    write_model_card(directory, {"Purpose": "old"})
    version = save_model(directory, random_model(small_spec(), seed=7), CALIBRATORS, {})
    assert load_model(directory).model_version == version
    assert sorted(path.name for path in directory.iterdir()) == ["model.json", "model.safetensors"]
    assert [path.name for path in directory.parent.iterdir()] == ["model"]


def test_a_model_that_cannot_be_saved_leaves_the_old_one(directory):
    before = load_model(directory).model_version
    broken = random_model(small_spec(), seed=3)
    with torch.no_grad():
        broken.heads.bias[0] = np.inf
    with pytest.raises(ModelError, match=r"heads\.bias"):
        save_model(directory, broken, CALIBRATORS, {})
    with pytest.raises(ModelError, match="calibrator"):
        save_model(directory, random_model(small_spec(), seed=3), {"risk": Calibrator()}, {})
    assert load_model(directory).model_version == before
    assert [path.name for path in directory.parent.iterdir()] == ["model"]


def test_a_disk_that_fails_half_way_leaves_the_old_model(directory, monkeypatch):
    before = load_model(directory).model_version

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        save_model(directory, random_model(small_spec(), seed=3), CALIBRATORS, {})
    assert load_model(directory).model_version == before
    assert [path.name for path in directory.parent.iterdir()] == ["model"]


def test_a_rename_that_fails_puts_the_old_model_back(directory, monkeypatch):
    before, rename = load_model(directory).model_version, Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path.name == "fresh":
            raise OSError("device is busy")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="busy"):
        save_model(directory, random_model(small_spec(), seed=3), CALIBRATORS, {})
    assert load_model(directory).model_version == before


def test_a_folder_of_something_else_is_never_replaced(tmp_path):
    (tmp_path / "notes.txt").write_text("keep me")
    with pytest.raises(ModelError, match="something other than a model"):
        saved_model(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "keep me"
    assert load_model(saved_model(tmp_path / "notes")).model_version


def test_card_is_plain_markdown(directory):
    fields = {"Purpose": "Risk of a pair.", "Figures": {"pr_auc": 0.123456, "a|b": "x\ny"}, "Limits": ["one", "two"]}
    write_model_card(directory, fields)
    text = (directory / "model_card.md").read_text()
    assert text.startswith("# Model card\n\n## Purpose\n\nRisk of a pair.\n")
    assert "| pr_auc | 0.1235 |\n| a\\|b | x y |" in text
    assert "- one\n- two\n" in text
    with pytest.raises(ModelError, match="has no model"):
        write_model_card(directory / "absent", fields)
