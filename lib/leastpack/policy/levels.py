"""The grid of levels of risk, fixed without any label and shared by all cells."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LOWEST, HIGHEST = 1e-4, 0.99


def risk_grid(size: int) -> npt.NDArray[np.float64]:
    """Levels evenly spaced in log-odds from 0.0001 to 0.99.

    Fixed values depend neither on labels nor on the scores of a day, so that a certificate can be compared with the
    next one. 200 of them lie 7 % of the odds apart.

    Args:
        size: Number of levels, at least 2.

    Returns:
        (size,) increasing levels.
    """
    logits = np.linspace(np.log(LOWEST / (1 - LOWEST)), np.log(HIGHEST / (1 - HIGHEST)), size)
    return np.asarray(1 / (1 + np.exp(-logits)), dtype=np.float64)
