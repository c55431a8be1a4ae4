"""The imbalance arms: which rows each phase learns from. Every draw is by hash of the row's key."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leastpack.config.training import TrainingConfig
from leastpack.training.draws import Keys, uniform

POSITIVE_TARGET = 0.5
"""A row counts as unsafe for sampling from this target on: labelled UNSAFE, or more likely unsafe than not."""


@dataclass(frozen=True)
class Phase:
    """One phase of an arm.

    Attributes:
        name: Name of the phase and of its part of the snapshot.
        epochs: Passes over its rows.
        sampled: The rows that are not positive are under-sampled to as many as the positive ones.
    """

    name: str
    epochs: int
    sampled: bool


def phases_of(config: TrainingConfig) -> tuple[Phase, ...]:
    """The phases of the configured arm, in order.

    `two_phase_under` (Lee, Park and Kim 2016) first learns from balanced rows what an unsafe pair looks like, then from
    all rows how rare it is, so that the risk comes out at natural prevalence.
    """
    full = Phase("full", config.epochs, sampled=False)
    if config.arm == "plain":
        return (full,)
    return (Phase("balanced", config.phase_one_epochs, sampled=True), full)


def keep_probability(positive: int, rest: int) -> float:
    """Probability with which a row that is not positive stays in a sampled phase.

    Args:
        positive: Positive rows, at least one.
        rest: Other rows.
    """
    return min(1.0, positive / rest) if rest else 1.0


def in_phase(
    phase: Phase, keys: Keys, target: npt.NDArray[np.float64], probability: float, seed: int
) -> npt.NDArray[np.bool_]:
    """Which train rows a phase learns from.

    Args:
        phase: The phase.
        keys: (n,) hash of each row's key.
        target: (n,) target of each row.
        probability: `keep_probability` over all train rows.
        seed: The training seed.

    Returns:
        (n,) True for the phase's rows; each answer depends on its own row alone.
    """
    if not phase.sampled:
        return np.ones(len(keys), dtype=bool)
    kept: npt.NDArray[np.bool_] = (target >= POSITIVE_TARGET) | (uniform(keys, seed, "under", phase.name) < probability)
    return kept
