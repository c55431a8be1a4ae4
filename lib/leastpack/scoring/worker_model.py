"""The model in Spark's Python workers: its files are sent to the executors, and each worker opens it once."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import SparkSession

from leastpack.loaded import loaded_once
from leastpack.meter import Meter
from leastpack.model.directory import load_model
from leastpack.model.scorer import Scorer
from leastpack.model.spec import ModelSpec
from leastpack.sent import SentFile, send


@dataclass(frozen=True)
class WorkerModel:
    """A model whose files executors have, so that none needs to see its directory.

    Attributes:
        model_version: Names the model in the worker's cache.
        spec: Its spec.
        files: What was sent, by the names in the directory.
    """

    model_version: str
    spec: ModelSpec
    files: Mapping[str, SentFile]

    def open(self, told: Meter) -> Scorer:
        """The scorer of this Python worker, loaded once.

        Args:
            told: Takes the names in `leastpack.meter.LOADS`.
        """
        return loaded_once("Scorer", self.model_version, self._load, told)

    def _load(self) -> Scorer:
        with tempfile.TemporaryDirectory() as folder:
            for name, file in self.files.items():
                (Path(folder) / name).write_bytes(file.read())
            return Scorer.load(folder)


def send_model(spark: SparkSession, directory: str) -> WorkerModel:
    """Read a model and send it to the executors.

    Args:
        spark: The session.
        directory: The model directory, a path or a URI; its files are a few megabytes.

    Raises:
        ModelError: The directory is missing, broken, or of another version.
    """
    saved = load_model(directory)
    files = {name: send(spark, content) for name, content in saved.files.items()}
    return WorkerModel(saved.model_version, saved.model.spec, files)
