"""Which engine each encoder runs on, and what travels to the executors for it.

The train step measures engines, chooses, and leaves `encoders.json` and OpenVINO's networks in the model directory;
everything after it follows that choice, whatever machine it runs on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from leastpack.config.encoders import AUTO, EncodersConfig, Engine
from leastpack.config.root import Config
from leastpack.encoders.image import image_identity, image_weights
from leastpack.encoders.image_model import image_representation
from leastpack.encoders.networks import Representation, parts
from leastpack.encoders.text import text_folder, text_identity
from leastpack.encoders.text_model import text_representation
from leastpack.errors import ConfigError, ModelError
from leastpack.files import child, is_file, read_bytes
from leastpack.model.folder import open_model

CHOICE = "encoders.json"

Modality = Literal["text", "image"]
MODALITIES: tuple[Modality, ...] = get_args(Modality)


@dataclass(frozen=True)
class Chosen:
    """What a model directory says of one encoder.

    Attributes:
        engine: The engine chosen for it.
        encoder: Its identity on that engine.
        digests: SHA-256 of the network's files by name; empty for torch.
        figures: What each measured engine did, for people and reports.
    """

    engine: Engine
    encoder: str
    digests: Mapping[str, str]
    figures: Mapping[str, Mapping[str, float]]


def resolve_engines(config: Config) -> EncodersConfig:
    """The encoders with an engine's name in place of `auto`: the model directory's choice, else the default.

    Raises:
        ModelError: The model directory's choice cannot be read.
        ConfigError: It chose an engine that `encoders.device` cannot run.
    """
    encoders = config.encoders
    default = "torch-fp32" if encoders.device == "cuda" else "openvino-fp32"
    chosen = read_choice(config.model.directory) or {}

    def named(modality: Modality) -> Any:
        section = getattr(encoders, modality)
        automatic = chosen[modality].engine if modality in chosen else default
        return section.model_copy(update={"engine": automatic if section.engine == AUTO else section.engine})

    resolved = encoders.model_copy(update={modality: named(modality) for modality in MODALITIES})
    for modality in MODALITIES:
        engine = getattr(resolved, modality).engine
        if encoders.device == "cuda" and parts(engine)[0] == "openvino":
            raise ConfigError(
                f"{config.model.directory} chose {engine} for the {modality} encoder, which runs on processors",
                expected="a torch engine, as encoders.device is cuda",
                todo=f"set encoders.device to cpu, or encoders.{modality}.engine to a torch engine and run encode and "
                "train again",
            )
    return resolved


def encoder_identities(encoders: EncodersConfig) -> tuple[str, str]:
    """Identities of the text and the image encoder; loads no model.

    Args:
        encoders: Of `resolve_engines`.

    Raises:
        ModelError: An encoder's weights are missing.
    """
    where = {"cache": encoders.cache, "s3_endpoint": encoders.fetch.s3_endpoint}
    return text_identity(encoders.text, **where), image_identity(encoders.image, **where)


def representation(config: Config, encoders: EncodersConfig, modality: Modality) -> Representation | None:
    """What an OpenVINO engine runs: the model directory's, or converted now where it has none; None for torch.

    Args:
        config: Names the model directory.
        encoders: Of `resolve_engines`.
        modality: Which encoder.

    Raises:
        ModelError: The encoder's weights cannot be read, or the model directory's files are damaged.
    """
    if parts(getattr(encoders, modality).engine)[0] == "torch":
        return None
    chosen = (read_choice(config.model.directory) or {}).get(modality)
    if chosen and chosen.digests and chosen.encoder == encoder_identities(encoders)[MODALITIES.index(modality)]:
        files = {name: _checked(config.model.directory, name, sha) for name, sha in chosen.digests.items()}
        return Representation(files[f"{modality}.xml"], files[f"{modality}.bin"])
    return convert_encoder(encoders, modality)


def convert_encoder(encoders: EncodersConfig, modality: Modality) -> Representation:
    """An encoder's network for OpenVINO, made from its weights.

    Raises:
        ModelError: The weights cannot be read.
    """
    where = {"cache": encoders.cache, "s3_endpoint": encoders.fetch.s3_endpoint}
    if modality == "text":
        return text_representation(text_folder(encoders.text, **where))
    return image_representation(encoders.image, image_weights(encoders.image, **where))


def choice_files(chosen: Mapping[Modality, Chosen], networks: Mapping[Modality, Representation]) -> dict[str, bytes]:
    """The files of a model directory that tell of a choice, by name.

    Args:
        chosen: A choice a modality; their digests are made here.
        networks: Of those that run on OpenVINO.
    """
    files: dict[str, bytes] = {}
    content: dict[str, Any] = {}
    for modality, one in chosen.items():
        own = {}
        if network := networks.get(modality):
            own = {f"{modality}.xml": network.xml, f"{modality}.bin": network.weights}
        files |= own
        digests = {name: hashlib.sha256(data).hexdigest() for name, data in own.items()}
        content[modality] = {"engine": one.engine, "encoder": one.encoder, "digests": digests, "figures": one.figures}
    return {CHOICE: (json.dumps(content, indent=2, sort_keys=True) + "\n").encode(), **files}


def read_choice(directory: str | Path) -> dict[Modality, Chosen] | None:
    """What a model directory says of both encoders; None where there is no model, or it says nothing.

    Raises:
        ModelError: It says it in a way that cannot be understood.
    """
    files = open_model(directory)
    try:
        return chosen_encoders({CHOICE: read_bytes(files, CHOICE)}) if is_file(files, CHOICE) else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{child(str(directory), CHOICE)} cannot be read: {error}",
            todo="train a model, or copy the whole directory",
        ) from None


def chosen_encoders(files: Mapping[str, bytes]) -> dict[Modality, Chosen]:
    """What `choice_files` says."""
    content = json.loads(files[CHOICE])
    return {modality: _chosen(content[modality]) for modality in MODALITIES}


def _chosen(content: Mapping[str, Any]) -> Chosen:
    engine = content["engine"]
    if engine not in get_args(Engine):
        raise ValueError(f"engine {engine!r} is none of {', '.join(get_args(Engine))}")
    return Chosen(engine, content["encoder"], content["digests"], content["figures"])


def _checked(directory: str, name: str, digest: str) -> bytes:
    again = "copy the whole model directory again"
    try:
        data = read_bytes(open_model(directory), name)
    except OSError as error:
        raise ModelError(f"{child(directory, name)} cannot be read: {error}", todo=again) from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise ModelError(f"{child(directory, name)} is not the file that {CHOICE} speaks of", todo=again)
    return data
