"""When an engine may take the place of torch in float32: it must not move risks. Arrays in, numbers out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leastpack.config.encoders import Engine

MOST_CHANGE = 0.05  # 99 % of the risk's log-odds may change by this much
MOST_CROSSING = 0.001  # share of pairs that may fall into another decile of risk
ENOUGH = 3_000  # pairs it takes to see a share of 0.1 %: with fewer the engine in use stays
# The engine of the embeddings stays unless another is this much faster, as a change encodes everything anew.
WORTH = 1.2

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """What an engine did on the sample.

    Attributes:
        change_p99: 99th percentile of the absolute change of a pair's risk, in log-odds, against torch in float32.
        crossing: Share of pairs in another decile of risk.
        per_second: Contents encoded a second, after a warm-up.
        pairs: How many were compared.
    """

    change_p99: float
    crossing: float
    per_second: float
    pairs: int

    @property
    def passes(self) -> bool:
        """Whether the engine may be used."""
        return self.change_p99 <= MOST_CHANGE and self.crossing <= MOST_CROSSING


def measure(reference: Floats, found: Floats, per_second: float) -> Measured:
    """Compare the risks of the same pairs.

    Args:
        reference: Log-odds with vectors from torch in float32, of any shape.
        found: Log-odds with the engine's vectors, of the same shape.
        per_second: The engine's speed.
    """
    before, after = reference.ravel(), found.ravel()
    ordered = np.sort(before)
    places = np.unique((len(ordered) * np.arange(1, 10)) // 10)
    lower, upper = ordered[np.maximum(places, 1) - 1], ordered[places]
    # Borders lie between two different risks, so that rounding alone moves no pair across.
    borders = ((lower + upper) / 2)[lower < upper]
    crossing = np.searchsorted(borders, before) != np.searchsorted(borders, after)
    change = float(np.quantile(np.abs(after - before), 0.99))
    return Measured(change, float(crossing.mean()), per_second, len(before))


def choose(measured: Mapping[Engine, Measured], current: Engine) -> Engine:
    """The fastest engine that passes; the current one where none is much faster, none passes, or pairs are few.

    Args:
        measured: Every engine tried.
        current: The engine of the embeddings the model was trained on.
    """
    passing = {engine: one.per_second for engine, one in measured.items() if one.passes and one.pairs >= ENOUGH}
    if not passing:
        return current
    fastest = max(passing, key=lambda engine: passing[engine])
    if current in passing and passing[fastest] < WORTH * passing[current]:
        return current
    return fastest
