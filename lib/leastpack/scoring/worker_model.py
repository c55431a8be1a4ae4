"""The model in Spark's Python workers: it travels as bytes, and each worker opens it once."""

from __future__ import annotations

import tempfile
from pathlib import Path

from leastpack.loaded import loaded_once
from leastpack.meter import Meter
from leastpack.model.directory import load_model
from leastpack.model.scorer import Scorer


class WorkerModel:
    """A model that travels as bytes, so that no executor needs to see its directory.

    Args:
        directory: The model directory, a path or a URI; its files are a few megabytes.

    Attributes:
        model_version: Names the model in the worker's cache.
        spec: Its spec.

    Raises:
        ModelError: The directory is missing, broken, or of another version.
    """

    def __init__(self, directory: str) -> None:
        saved = load_model(directory)
        self.model_version, self.spec = saved.model_version, saved.model.spec
        self.files = dict(saved.files)

    def open(self, told: Meter) -> Scorer:
        """The scorer of this Python worker, loaded once.

        Args:
            told: Takes the names in `leastpack.meter.LOADS`.
        """
        return loaded_once("Scorer", self.model_version, self._load, told)

    def _load(self) -> Scorer:
        with tempfile.TemporaryDirectory() as folder:
            for name, content in self.files.items():
                (Path(folder) / name).write_bytes(content)
            return Scorer.load(folder)
