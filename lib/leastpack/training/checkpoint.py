"""Checkpoints: one safetensors file an epoch, with its JSON in the same file's header; nothing is ever pickled."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

import pyarrow.fs as pafs
import torch
from safetensors.torch import load, save

from leastpack.files import is_file, names_in, read_bytes, write_bytes
from leastpack.model.fused import FusedModel

WORK = "work"
CHECKPOINT = f"{WORK}/checkpoint.safetensors"
_HEADER_LENGTH = 8  # a safetensors file starts with the length of its JSON header, little-endian


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    Attributes:
        epochs: Epochs done, over all phases.
        steps: Steps done, over all epochs.
        best_epoch: Epoch whose weights are kept; -1 before there is one.
        best_score: Its score by `validation_score`; None before there is one.
    """

    epochs: int = 0
    steps: int = 0
    best_epoch: int = -1
    best_score: float | None = None


def weights_path(epoch: int) -> str:
    """Where the weights after an epoch are kept, inside the snapshot."""
    return f"{WORK}/weights-{epoch:04d}.safetensors"


def save_weights(files: pafs.FileSystem, model: FusedModel, epoch: int) -> None:
    """Keep the model's weights after an epoch."""
    write_bytes(files, weights_path(epoch), save({k: v.detach().contiguous() for k, v in model.state_dict().items()}))


def load_weights(files: pafs.FileSystem, model: FusedModel, epoch: int) -> None:
    """Put the weights kept after an epoch into the model."""
    model.load_state_dict(load(read_bytes(files, weights_path(epoch))))


def save_checkpoint(
    files: pafs.FileSystem, model: FusedModel, optimizer: torch.optim.Optimizer, progress: Progress
) -> None:
    """Replace the checkpoint, then delete kept weights that are no longer the best."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for place, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{place}.{name}": value for name, value in state.items()}
    content = {name: value.detach().contiguous() for name, value in tensors.items()}
    header = {"progress": json.dumps(dataclasses.asdict(progress))}
    write_bytes(files, CHECKPOINT, save(content, metadata=header))
    kept = weights_path(progress.best_epoch).rpartition("/")[2]
    for name in names_in(files, WORK):
        if name.startswith("weights-") and name != kept:
            files.delete_file(f"{WORK}/{name}")


def load_checkpoint(files: pafs.FileSystem, model: FusedModel, optimizer: torch.optim.Optimizer) -> Progress:
    """Put the last checkpoint into model and optimiser.

    Returns:
        How far it was; the beginning where there is no checkpoint.
    """
    if not is_file(files, CHECKPOINT):
        return Progress()
    content = read_bytes(files, CHECKPOINT)
    length = int.from_bytes(content[:_HEADER_LENGTH], "little")
    header = json.loads(content[_HEADER_LENGTH : _HEADER_LENGTH + length])
    tensors = load(content)
    model.load_state_dict({k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")})
    state: dict[int, dict[str, Any]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, place, key = name.split(".")
            state.setdefault(int(place), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return Progress(**json.loads(header["__metadata__"]["progress"]))
