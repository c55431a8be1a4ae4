"""What a model directory says of the encoders' engines, and what is said where it cannot be followed."""

from __future__ import annotations

from pathlib import Path

import pytest

from leastpack.config import Config
from leastpack.encoders.engines import (
    CHOICE,
    Chosen,
    Engine,
    choice_files,
    read_choice,
    representation,
    resolve_engines,
)
from leastpack.encoders.networks import Representation
from leastpack.encoders.text import text_identity
from leastpack.errors import ConfigError, ModelError


def config_for(folder: Path, **encoders: object) -> Config:
    place = {"tables": {"root": str(folder)}, "model": {"directory": str(folder)}}
    return Config.model_validate({**place, "encoders": encoders})


def save_choice(folder: Path, text: Engine, encoder: str = "text encoder") -> None:
    chosen = {"text": Chosen(text, encoder, {}, {}), "image": Chosen("torch-fp32", "image encoder", {}, {})}
    networks = {"text": Representation(b"<net/>", b"weights")} if text.startswith("openvino") else {}
    for name, data in choice_files(chosen, networks).items():  # type: ignore[arg-type]
        (folder / name).write_bytes(data)


def test_the_model_directory_chooses_and_the_configuration_overrules(tmp_path: Path) -> None:
    save_choice(tmp_path, "openvino-bf16")
    assert resolve_engines(config_for(tmp_path)).text.engine == "openvino-bf16"
    assert resolve_engines(config_for(tmp_path)).image.engine == "torch-fp32"
    named = config_for(tmp_path, text={"engine": "torch-bf16"})
    assert resolve_engines(named).text.engine == "torch-bf16"


def test_without_a_model_the_device_decides(tmp_path: Path) -> None:
    assert resolve_engines(config_for(tmp_path)).text.engine == "openvino-fp32"
    assert resolve_engines(config_for(tmp_path, device="cuda")).image.engine == "torch-fp32"
    with pytest.raises(ValueError, match="OpenVINO engines run on processors"):
        config_for(tmp_path, device="cuda", image={"engine": "openvino-fp32"})


def test_an_engine_that_the_device_cannot_run_is_named(tmp_path: Path) -> None:
    save_choice(tmp_path, "openvino-fp32")
    with pytest.raises(ConfigError, match=r"(?s)chose openvino-fp32 for the text encoder.*train again"):
        resolve_engines(config_for(tmp_path, device="cuda"))


def test_a_damaged_choice_or_network_is_named(tmp_path: Path) -> None:
    config = config_for(tmp_path)
    save_choice(tmp_path, "openvino-fp32", text_identity(resolve_engines(config).text))
    assert representation(config, resolve_engines(config), "text") == Representation(b"<net/>", b"weights")
    (tmp_path / "text.bin").write_bytes(b"other weights")
    with pytest.raises(ModelError, match=r"text\.bin is not the file"):
        representation(config, resolve_engines(config), "text")
    (tmp_path / CHOICE).write_text('{"text": 1}')
    with pytest.raises(ModelError, match=r"encoders\.json cannot be read"):
        read_choice(tmp_path)
