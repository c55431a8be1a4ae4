"""What a training tells while it runs: a log line every few seconds, and a JSON line a figure in the work folder."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pyarrow.fs as pafs

from leastpack.files import names_in, read_bytes
from leastpack.log import log
from leastpack.training.checkpoint import WORK

METRICS = f"{WORK}/metrics"
LINE_EVERY_S = 2.0


class EpochLog:
    """Figures of one epoch: a line each, as they come.

    Every epoch has a file of its own, so that an epoch that is run again after a stop replaces what it said before.
    """

    def __init__(self, stream: Any, phase: str, epoch: int) -> None:
        self._stream = stream
        self._where = {"phase": phase, "epoch": epoch}
        self._shown = time.monotonic()

    def step(self, step: int, place: str, figures: Mapping[str, float]) -> None:
        """Record the figures of a step; `place` says where in the epoch it is."""
        self._write(step, figures)
        if time.monotonic() - self._shown >= LINE_EVERY_S:
            self._shown = time.monotonic()
            log.info("training", **self._where, step=place, **_short(figures))

    def end(self, figures: Mapping[str, float]) -> None:
        """Record the figures of the whole epoch."""
        self._write(None, figures)
        log.info("epoch done", **self._where, **_short(figures))

    def _write(self, step: int | None, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            row = {**self._where, "step": step, "name": name, "value": float(value)}
            self._stream.write(json.dumps(row).encode() + b"\n")
        self._stream.flush()


@contextmanager
def epoch_log(files: pafs.FileSystem, phase: str, epoch: int) -> Iterator[EpochLog]:
    """Open the log of one epoch; a local file grows line by line, an object appears at the epoch's end."""
    files.create_dir(METRICS, recursive=True)
    with files.open_output_stream(f"{METRICS}/epoch-{epoch:04d}.jsonl") as stream:
        yield EpochLog(stream, phase, epoch)


def read_figures(files: pafs.FileSystem) -> list[dict[str, Any]]:
    """All figures of a training in order: phase, epoch, step (null for an epoch), name and value."""
    lines = [line for name in names_in(files, METRICS) for line in read_bytes(files, f"{METRICS}/{name}").splitlines()]
    return [json.loads(line) for line in lines]


def _short(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: float(f"{value:.4g}") for name, value in figures.items()}
