"""The model directory: what train leaves and score reads.

    model.safetensors  the weights
    model.json         format version, spec, calibrators, digest of the weights, metrics
    model_card.md      for people
    encoders.json      the engine of each encoder, and how it was chosen; with networks for OpenVINO (text.xml, ...)

Only JSON and safetensors are ever read, so that opening a directory can run no code. A directory appears whole or not
at all: on a disk it is written beside its place and renamed, and `leastpack.model.folder` says how in a store.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.fs as pafs
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from leastpack.errors import ModelError
from leastpack.files import child, is_file, names_in, read_bytes
from leastpack.model.calibration import Calibrator
from leastpack.model.folder import DESCRIPTION, open_model, put_model
from leastpack.model.fused import FusedModel
from leastpack.model.spec import HEADS, ModelSpec

FORMAT_VERSION = 2
WEIGHTS = "model.safetensors"

_RETRAIN = "train a model with this version of leastpack, or read it with the version that wrote it"


@dataclass(frozen=True)
class SavedModel:
    """A model directory's content.

    Attributes:
        model: The network in evaluation mode.
        calibrators: A calibrator a head, by the names in `HEADS`.
        model_version: Digest of everything that changes results: weights, spec, calibrators.
        metrics: Figures of the training, for people and reports.
        files: The two files it was read from, by name.
    """

    model: FusedModel
    calibrators: Mapping[str, Calibrator]
    model_version: str
    metrics: Mapping[str, float | None]
    files: Mapping[str, bytes]


def save_model(
    directory: str | Path,
    model: FusedModel,
    calibrators: Mapping[str, Calibrator],
    metrics: Mapping[str, float | None],
    files: Mapping[str, bytes] | None = None,
) -> str:
    """Write a model directory, replacing an earlier one as a whole.

    Args:
        directory: Path or URI of a store; the parent is made if need be.
        model: The trained network.
        calibrators: A calibrator a head.
        metrics: Figures of the training, null where None or not finite; they do not enter the version.
        files: Further files by name, such as those of the encoders' engines; they do not enter the version.

    Returns:
        The model_version.

    Raises:
        ModelError: A calibrator is missing, a weight is not finite, or the directory holds something else than a model.
        ConfigError: No file system knows the URI.
    """
    if set(calibrators) != set(HEADS):
        raise ModelError("a calibrator a head is needed", expected=str(HEADS), found=str(tuple(calibrators)))
    require_free(directory)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    _require_finite(tensors, directory)
    weights = save(tensors)
    content = {
        "format_version": FORMAT_VERSION,
        "spec": model.spec.to_json(),
        "calibrators": {head: calibrators[head].to_json() for head in HEADS},
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }
    version = _digest(content)
    figures = {name: None if x is None or not math.isfinite(x) else float(x) for name, x in metrics.items()}
    text = json.dumps({**content, "metrics": figures}, indent=2, sort_keys=True, allow_nan=False)
    everything = {**(files or {}), WEIGHTS: weights, DESCRIPTION: (text + "\n").encode()}
    put_model(directory, everything)
    return version


def load_model(directory: str | Path) -> SavedModel:
    """Read a model directory and check that it is whole and of this format.

    Raises:
        ModelError: Anything is missing, damaged, of another version or shape; names the directory and what to do.
        ConfigError: No file system knows the URI.
    """
    path, files = directory, open_model(directory)
    description = _read_description(files, path)
    content = _checked_description(description, path)
    try:
        spec = ModelSpec.from_json(content["spec"])
        calibrators = {head: Calibrator.from_json(content["calibrators"][head]) for head in HEADS}
    except ModelError as error:
        raise ModelError(f"model directory {path}: {error}", todo=_RETRAIN) from None
    if not is_file(files, WEIGHTS):
        raise ModelError(
            f"model directory {path} has no {WEIGHTS}",
            expected="weights as safetensors; other formats, such as pickles (.pt, .bin, .pkl), are never read",
            found=", ".join(names_in(files, "")),
            todo="train a model, or copy the whole directory",
        )
    weights = _read(files, WEIGHTS, path)
    if hashlib.sha256(weights).hexdigest() != content["weights_sha256"]:
        raise ModelError(
            f"model directory {path}: {WEIGHTS} is not the file that {DESCRIPTION} was written with",
            todo="copy the whole directory again, or train a model",
        )
    model = FusedModel(spec)
    model.load_state_dict(_checked_tensors(weights, model, path))
    read = {WEIGHTS: weights, DESCRIPTION: description}
    return SavedModel(model.eval(), calibrators, _digest(content), content["metrics"], read)


def _digest(content: Mapping[str, Any]) -> str:
    deciding = {key: content[key] for key in ("format_version", "spec", "calibrators", "weights_sha256")}
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:16]


def require_free(directory: str | Path) -> None:
    """Check that nothing but an earlier model would be replaced.

    Raises:
        ModelError: Something else is there.
    """
    files = open_model(directory)
    if (names_in(files, "") if _is_folder(files) else is_file(files, "")) and not is_file(files, DESCRIPTION):
        raise ModelError(
            f"{directory} holds something other than a model and would be lost",
            expected="no such directory, an empty one, or an earlier model",
            todo="choose another model.directory",
        )


def _is_folder(files: pafs.FileSystem) -> bool:
    return bool(files.get_file_info("").type == pafs.FileType.Directory)


def _read_description(files: pafs.FileSystem, path: str | Path) -> bytes:
    if not is_file(files, DESCRIPTION):
        raise ModelError(
            f"{path} is no model directory",
            expected=f"a folder with {DESCRIPTION} and {WEIGHTS}",
            found=f"no {DESCRIPTION}" if _is_folder(files) else "no such folder",
            todo="run the train step, or set model.directory to a trained model",
        )
    return _read(files, DESCRIPTION, path)


def _checked_description(description: bytes, path: str | Path) -> dict[str, Any]:
    try:
        content = json.loads(description)
    except ValueError as error:
        raise ModelError(f"model directory {path}: {DESCRIPTION} is no JSON: {error}", todo=_RETRAIN) from None
    version = content.get("format_version") if isinstance(content, dict) else None
    if version != FORMAT_VERSION:
        raise ModelError(
            f"model directory {path} is of another format",
            expected=f"format_version {FORMAT_VERSION}",
            found=f"format_version {version!r}",
            todo=_RETRAIN,
        )
    kinds = {"spec": dict, "calibrators": dict, "weights_sha256": str, "metrics": dict}
    wrong = [key for key, kind in kinds.items() if not isinstance(content.get(key), kind)]
    wrong += [head for head in HEADS if not wrong and not isinstance(content["calibrators"].get(head), dict)]
    if wrong:
        raise ModelError(
            f"model directory {path}: {DESCRIPTION} is incomplete",
            expected=f"{', '.join(kinds)}, and a calibrator for each of {', '.join(HEADS)}",
            found=f"wrong or missing: {', '.join(wrong)}",
            todo=_RETRAIN,
        )
    return dict(content)


def _read(files: pafs.FileSystem, name: str, path: str | Path) -> bytes:
    try:
        return read_bytes(files, name)
    except OSError as error:
        raise ModelError(
            f"{child(str(path), name)} cannot be read: {error}", todo="check the model directory's rights"
        ) from None


def _checked_tensors(weights: bytes, model: FusedModel, path: str | Path) -> dict[str, torch.Tensor]:
    try:
        tensors: dict[str, torch.Tensor] = load(weights)
    except SafetensorError as error:
        raise ModelError(f"model directory {path}: {WEIGHTS} is no safetensors file: {error}", todo=_RETRAIN) from None
    expected = {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in model.state_dict().items()}
    found = {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in tensors.items()}
    different = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if different:
        name = different[0]
        raise ModelError(
            f"model directory {path}: {len(different)} tensors differ from what the spec asks for, first {name}",
            expected=str(expected.get(name, "no such tensor")),
            found=str(found.get(name, "no such tensor")),
            todo=_RETRAIN,
        )
    _require_finite(tensors, path)
    return tensors


def _require_finite(tensors: Mapping[str, torch.Tensor], path: str | Path) -> None:
    broken = [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise ModelError(
            f"model {path} has weights that are no finite numbers: {', '.join(broken)}",
            todo="train again, with a lower training.learning_rate if it happens again",
        )
