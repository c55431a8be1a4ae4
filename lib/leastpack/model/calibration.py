"""Calibrators: one strictly increasing map a head from logit to probability, so that the order of packages survives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from leastpack.errors import ModelError

Floats = npt.NDArray[np.float64]

MIN_SLOPE, MAX_SLOPE = 0.05, 20.0
MAX_INTERCEPT = 30.0
MIN_CLASS_WEIGHT = 10.0  # bad and good points, by weight, below which the slope stays 1
SHRINKAGE = 1.0  # precision of a normal prior around the identity; some thousand points outweigh it


@dataclass(frozen=True)
class Calibrator:
    """Logistic calibration of a logit (Platt 1999): sigmoid(slope * logit + intercept).

    Attributes:
        slope: At least `MIN_SLOPE`, so the map is strictly increasing.
        intercept: Shift of the logit.
    """

    slope: float = 1.0
    intercept: float = 0.0

    def __post_init__(self) -> None:
        sound = MIN_SLOPE <= self.slope <= MAX_SLOPE and abs(self.intercept) <= MAX_INTERCEPT
        if not sound:  # also where either is NaN
            raise ModelError(
                "a calibrator is wrong",
                expected=f"slope in [{MIN_SLOPE}, {MAX_SLOPE}], intercept within {MAX_INTERCEPT} of 0",
                found=f"slope {self.slope}, intercept {self.intercept}",
            )

    def apply(self, logit: npt.NDArray[Any]) -> Floats:
        """Calibrated probabilities, float64, of logits of any shape."""
        probability: Floats = expit(self.slope * np.asarray(logit, dtype=np.float64) + self.intercept)
        return probability

    def to_json(self) -> dict[str, float]:
        """The calibrator as plain JSON values."""
        return {"slope": self.slope, "intercept": self.intercept}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Calibrator:
        """The calibrator from `to_json`'s values.

        Raises:
            ModelError: Not exactly a slope and an intercept in their ranges.
        """
        if set(values) != {"slope", "intercept"} or not all(type(v) in (int, float) for v in values.values()):
            raise ModelError("a calibrator is wrong", expected="numbers slope and intercept", found=repr(dict(values)))
        return cls(slope=float(values["slope"]), intercept=float(values["intercept"]))


def fit_calibrator(logit: npt.NDArray[Any], target: npt.NDArray[Any], weight: npt.NDArray[Any]) -> Calibrator:
    """Fit slope and intercept by weighted cross-entropy, shrunk toward the identity.

    With few points of either class (less than `MIN_CLASS_WEIGHT`) the slope stays 1 and only the shrunk intercept is
    fitted; without points the result is the identity.

    Args:
        logit: (n,) logits of a head.
        target: (n,) outcomes in [0, 1]: labels, or the damaged share of a pair's shipments.
        weight: (n,) observations behind each target: 1 for a label, n for k of n shipments; rows of weight 0 are left
            out.

    Returns:
        The calibrator.

    Raises:
        ModelError: A logit is not finite, a target is outside [0, 1], or a weight is negative or not finite.
    """
    x, y, w = (np.asarray(values, dtype=np.float64) for values in (logit, target, weight))
    if not np.isfinite(w).all() or (w < 0).any():
        raise ModelError("calibration weights are wrong", expected="finite numbers of at least 0")
    x, y, w = x[w > 0], y[w > 0], w[w > 0]
    if not np.isfinite(x).all() or not ((y >= 0) & (y <= 1)).all():
        raise ModelError("calibration points are wrong", expected="finite logits and targets in [0, 1]")
    if not len(x):
        return Calibrator()
    few = min(float(w @ y), float(w @ (1 - y))) < MIN_CLASS_WEIGHT

    def penalised(theta: Floats) -> tuple[float, Floats]:
        z = theta[0] * x + theta[1]
        away = theta - np.array([1.0, 0.0])
        loss = w @ (np.logaddexp(0.0, z) - y * z) + 0.5 * SHRINKAGE * (away @ away)
        residual = w * (expit(z) - y)
        return float(loss), np.array([residual @ x, residual.sum()]) + SHRINKAGE * away

    slopes = (1.0, 1.0) if few else (MIN_SLOPE, MAX_SLOPE)
    bounds = [slopes, (-MAX_INTERCEPT, MAX_INTERCEPT)]
    best = minimize(penalised, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=bounds).x
    if not math.isfinite(best[0] + best[1]):
        raise ModelError("calibration did not converge", found=str(best), todo="check the logits for huge values")
    return Calibrator(slope=float(best[0]), intercept=float(best[1]))
