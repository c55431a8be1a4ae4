"""Precision-recall and calibration of risks against labels, every figure with its n. Arrays in, small records out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score, precision_recall_curve

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class PrecisionRecall:
    """A precision-recall curve of UNSAFE.

    Attributes:
        n: Pairs.
        prevalence: Share of UNSAFE, the average precision of a coin.
        auc: Average precision; None where there is one class only.
        low: Lower end of the 95 % bootstrap interval over groups; None as above.
        high: Upper end.
        recall: Points of the curve.
        precision: Points of the curve.
    """

    n: int
    prevalence: float
    auc: float | None
    low: float | None
    high: float | None
    recall: Floats
    precision: Floats


@dataclass(frozen=True)
class Reliability:
    """One bin of a calibration curve: predicted mean, observed rate with its exact 95 % interval."""

    n: float
    predicted: float
    observed: float
    low: float
    high: float


def precision_recall(risk: Floats, unsafe: Bools, group: npt.NDArray[np.object_], draws: int = 200) -> PrecisionRecall:
    """The curve with a bootstrap interval that redraws whole groups, since pairs of a group are not independent.

    Args:
        risk: (n,) predicted risks.
        unsafe: (n,) labels.
        group: (n,) group of each pair.
        draws: Bootstrap draws.
    """
    n, prevalence = len(risk), float(unsafe.mean()) if len(unsafe) else 0.0
    if not 0 < prevalence < 1:
        return PrecisionRecall(n, prevalence, None, None, None, np.array([]), np.array([]))
    precision, recall, _ = precision_recall_curve(unsafe, risk)
    low, high = np.quantile(_bootstrap(risk, unsafe, group, draws), [0.025, 0.975])
    auc = float(average_precision_score(unsafe, risk))
    return PrecisionRecall(n, prevalence, auc, float(low), float(high), recall, precision)


def paired_difference(
    first: Floats, second: Floats, unsafe: Bools, group: npt.NDArray[np.object_], draws: int = 200
) -> tuple[float, float, float] | None:
    """Average precision of `first` minus that of `second` on the same pairs, with a 95 % bootstrap interval by group.

    Returns:
        (difference, low, high), or None where there is one class only.
    """
    if not 0 < unsafe.mean() < 1:
        return None
    difference = average_precision_score(unsafe, first) - average_precision_score(unsafe, second)
    each = _bootstrap(first, unsafe, group, draws) - _bootstrap(second, unsafe, group, draws)
    low, high = np.quantile(each, [0.025, 0.975])
    return float(difference), float(low), float(high)


def reliability(predicted: Floats, bad: Floats, trials: Floats, bins: int = 10) -> list[Reliability]:
    """Bins of equal numbers of pairs by prediction.

    Args:
        predicted: (n,) predicted probabilities.
        bad: (n,) bad outcomes of each pair (0 or 1 for a label, k for shipments).
        trials: (n,) trials of each pair (1 for a label, n for shipments).
        bins: Most bins.
    """
    rows = []
    for part in np.array_split(np.argsort(predicted, kind="stable"), bins):
        n, k = trials[part].sum(), bad[part].sum()
        if n > 0:
            interval = binomtest(int(k), int(n)).proportion_ci(0.95)
            mean = float(np.average(predicted[part], weights=trials[part]))
            rows.append(Reliability(float(n), mean, float(k / n), float(interval.low), float(interval.high)))
    return rows


def _bootstrap(risk: Floats, unsafe: Bools, group: npt.NDArray[np.object_], draws: int) -> Floats:
    # The same seed for both sides of a comparison pairs the draws.
    random = np.random.default_rng(0)
    _, codes = np.unique(group, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    values: list[float] = []
    while len(values) < draws:
        chosen = np.concatenate([members[i] for i in random.integers(0, len(members), len(members))])
        if 0 < unsafe[chosen].mean() < 1:
            values.append(average_precision_score(unsafe[chosen], risk[chosen]))
    return np.array(values)
