"""How far each package type's risks have moved since the release that readers use."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from scipy.stats import chi2

from leastpack.policy.levels import risk_grid

FINE = 200  # bins that Spark counts; they are put together to GROUPS
GROUPS = 10
CONFIDENCE = 0.999

Counts = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Drift:
    """One package type's risks, then and now.

    Attributes:
        marketplace: Marketplace.
        package_type: Package type.
        index: Population stability index; infinite where no risk is left.
        by_chance: What the index may reach by chance alone, with so few pairs.
        n: Pairs with a risk then and now.
    """

    marketplace: str
    package_type: str
    index: float
    by_chance: float
    n: tuple[int, int]


def drifts(before: DataFrame, now: DataFrame) -> list[Drift]:
    """Compare the risks of all package types that both versions of `scores` have, the most moved first.

    A type that had risks and has only errors now has moved without bounds.
    """
    then, today = _counts(before), _counts(now)
    found = [_drift(key, then[key], today[key]) for key in then.keys() & today.keys() if then[key].any()]
    return sorted(found, key=lambda one: (-one.index, one.marketplace, one.package_type))


def stability_index(before: Counts, now: Counts) -> tuple[float, float]:
    """Population stability index over groups that held a tenth each before, and what it may reach by chance.

    The index is the sum of (a - b) ln(a / b) over the groups' shares. Without any change it is distributed like
    chi-squared with groups - 1 degrees of freedom times (1/n + 1/m) (Yurdakul 2018, Statistical Properties of
    Population Stability Index).

    Args:
        before: Counts by bin, in order of risk; not all 0.
        now: The same bins; not all 0.

    Returns:
        The index, and its 99.9 % quantile where nothing has changed.
    """
    reached = np.cumsum(before) - before / 2
    group = np.minimum((GROUPS * reached / before.sum()).astype(int), GROUPS - 1)
    names, group = np.unique(group, return_inverse=True)
    # Half a pair more in every group, so that an empty one has a logarithm.
    then, today = (np.bincount(group, weights=counts, minlength=len(names)) + 0.5 for counts in (before, now))
    a, b = then / then.sum(), today / today.sum()
    index = float(((b - a) * np.log(b / a)).sum())
    chance = chi2.ppf(CONFIDENCE, max(1, len(names) - 1)) * (1 / before.sum() + 1 / now.sum())
    return index, float(chance)


def _counts(scores: DataFrame) -> dict[tuple[str, str], Counts]:
    place = grid_index(F.col("risk"), risk_grid(FINE)).alias("place")
    rows = scores.select("marketplace", "package_type", place)
    answer: dict[tuple[str, str], Counts] = {}
    for row in rows.groupBy("marketplace", "package_type", "place").count().collect():  # types x bins
        counts = answer.setdefault((row["marketplace"], row["package_type"]), np.zeros(FINE + 1))
        if row["place"] is not None:
            counts[row["place"]] = row["count"]
    return answer


def _drift(key: tuple[str, str], before: Counts, now: Counts) -> Drift:
    index, chance = stability_index(before, now) if now.any() else (math.inf, 0.0)
    return Drift(*key, index, chance, (int(before.sum()), int(now.sum())))


def grid_index(risk: Column, grid: npt.NDArray[np.float64]) -> Column:
    """Index of the first threshold that the risk is at or under; the size of the grid where it is above all.

    Computed from the even spacing and then corrected by comparing with the neighbours, so that it says exactly what
    `risk <= threshold` says. Null risk gives null.
    """
    size = len(grid)
    first, last = np.log(grid[0] / (1 - grid[0])), np.log(grid[-1] / (1 - grid[-1]))
    inside = F.least(F.greatest(risk, F.lit(1e-12)), F.lit(1 - 1e-12))
    steps = (F.ln(inside / (1 - inside)) - F.lit(float(first))) / F.lit(float((last - first) / (size - 1)))
    guess = F.least(F.greatest(F.ceil(steps), F.lit(0)), F.lit(size)).cast("int")
    values = F.array(*[F.lit(float(value)) for value in grid])
    under_stricter = (guess > 0) & (risk <= F.try_element_at(values, guess))
    above_guess = (guess < size) & (risk > F.try_element_at(values, guess + 1))
    place = guess - F.when(under_stricter, 1).otherwise(0) + F.when(above_guess, 1).otherwise(0)
    return F.when(risk.isNotNull(), place)  # least and greatest pass over nulls
