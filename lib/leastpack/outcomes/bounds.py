"""Exact one-sided bounds of a damage rate, and the label they lead to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

SAFE, UNSAFE, UNKNOWN = "SAFE", "UNSAFE", "UNKNOWN"


def lower_bounds(k: npt.ArrayLike, n: npt.ArrayLike, confidence: float) -> Floats:
    """Lower one-sided Clopper-Pearson bound of each rate: the rate at which k or more has probability 1 - confidence.

    Source: Clopper and Pearson (1934), Biometrika 26, as quantiles of beta distributions.

    Args:
        k: (m,) damaged shipments.
        n: (m,) shipments; where there are none the bound is 0.
        confidence: One-sided confidence, such as 0.95.

    Returns:
        (m,) bounds in [0, 1].

    Raises:
        ValueError: A count is negative, or more are damaged than shipped.
    """
    damaged, shipped = _counts(k, n)
    bounds = np.zeros(damaged.shape)
    some = damaged > 0
    bounds[some] = stats.beta.ppf(1 - confidence, damaged[some], shipped[some] - damaged[some] + 1)
    return bounds


def upper_bounds(k: npt.ArrayLike, n: npt.ArrayLike, confidence: float) -> Floats:
    """Upper one-sided Clopper-Pearson bound of each rate: the rate at which k or fewer has probability 1 - confidence.

    Source, arguments, result and errors as for `lower_bounds`; where there are no shipments the bound is 1.
    """
    damaged, shipped = _counts(k, n)
    bounds = np.ones(damaged.shape)
    some = damaged < shipped
    bounds[some] = stats.beta.ppf(confidence, damaged[some] + 1, shipped[some] - damaged[some])
    return bounds


def labels(lower: Floats, upper: Floats, threshold: float) -> npt.NDArray[np.str_]:
    """UNSAFE where the lower bound is above the threshold, SAFE where the upper bound is not, else UNKNOWN.

    Args:
        lower: (m,) lower bounds of the reported damage rate.
        upper: (m,) upper bounds of the reported damage rate.
        threshold: Highest reported damage rate that counts as safe: tau times the reporting rate.

    Returns:
        (m,) labels.
    """
    return np.select([lower > threshold, upper <= threshold], [UNSAFE, SAFE], UNKNOWN)


def _counts(k: npt.ArrayLike, n: npt.ArrayLike) -> tuple[Counts, Counts]:
    damaged, shipped = np.broadcast_arrays(np.asarray(k, dtype=np.int64), np.asarray(n, dtype=np.int64))
    if ((damaged < 0) | (damaged > shipped)).any():
        raise ValueError("counts must satisfy 0 <= k <= n")
    return damaged, shipped
