"""The one grid of risk thresholds, shared by all package types and fixed without any label."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pyspark.sql import Column
from pyspark.sql import functions as F

LOWEST, HIGHEST = 1e-4, 0.99


def risk_grid(size: int) -> npt.NDArray[np.float64]:
    """Thresholds evenly spaced in log-odds from 0.0001 to 0.99.

    Fixed values depend neither on labels nor on the scores of a day, so that a certificate can be compared with the
    next one. 200 of them lie 7 % of the odds apart.

    Args:
        size: Number of thresholds, at least 2.

    Returns:
        (size,) increasing thresholds.
    """
    logits = np.linspace(np.log(LOWEST / (1 - LOWEST)), np.log(HIGHEST / (1 - HIGHEST)), size)
    return np.asarray(1 / (1 + np.exp(-logits)), dtype=np.float64)


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
