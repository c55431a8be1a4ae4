"""A learned reader in Spark's Python workers: its weights are a file of the application."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyspark.sql import SparkSession

from leastpack.loaded import loaded_once
from leastpack.meter import LOADS, Meter
from leastpack.outcomes.readers.learned import BUCKETS, Calibration, Learned
from leastpack.outcomes.readers.reader import Texts
from leastpack.sent import SentFile, send


@dataclass(frozen=True)
class SentReader:
    """A `Learned` whose weights executors have.

    Attributes:
        weights: What was sent.
        folds: As of the reader.
        calibrations: As of the reader.
    """

    weights: SentFile
    folds: Mapping[str, int]
    calibrations: Mapping[str, Calibration]

    def probabilities(self, texts: Texts, languages: Sequence[str], months: Texts) -> npt.NDArray[np.float64]:
        """As `Learned.probabilities`; a worker reads the weights once."""
        weights = loaded_once("weights of a reader", self.weights.digest, self._read, Meter(LOADS))
        return Learned(weights, self.folds, self.calibrations).probabilities(texts, languages, months)

    def _read(self) -> npt.NDArray[np.float32]:
        return np.frombuffer(self.weights.read(), dtype="<f4").astype(np.float32).reshape(-1, BUCKETS)


def send_reader(spark: SparkSession, learned: Learned) -> SentReader:
    """Send a reader to the executors."""
    return SentReader(send(spark, learned.weights.astype("<f4").tobytes()), learned.folds, learned.calibrations)
