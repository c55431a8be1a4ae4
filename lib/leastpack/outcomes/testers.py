"""What human tests say where testers err: some unsafe pairs pass a test, some safe ones fail it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from leastpack.config.outcomes import OutcomesConfig
from leastpack.config.rates import interval

Floats = npt.NDArray[np.float64]


def needed_passes(config: OutcomesConfig) -> int | None:
    """How many tests a pair must pass, and fail none, to be labelled SAFE.

    So many that an unsafe pair passes all of them with a probability of at most 1 - confidence, at the lower end of the
    sensitivity: the least n with (1 - s)^n <= 1 - confidence. One, where testers miss nothing.

    Returns:
        The number; None where testers may find nothing at all.
    """
    missed, doubt = 1.0 - interval(config.human_test_sensitivity)[0], 1.0 - config.confidence
    if missed <= doubt:
        return 1
    if missed >= 1.0:
        return None
    n = math.ceil(math.log(doubt) / math.log(missed))
    # Logarithms may be one off on a boundary.
    return n - 1 if missed ** (n - 1) <= doubt else n


def posterior_after_tests(
    prior: npt.ArrayLike, tests: npt.ArrayLike, unsafe: npt.ArrayLike, config: OutcomesConfig
) -> Floats:
    """P(unsafe | tests) of each pair, the largest that sensitivity and false alarms within their intervals allow.

    An unsafe pair fails `unsafe` of its tests with likelihood s^k (1 - s)^(n - k), largest at k / n or the end of the
    interval next to it; a safe one with f^k (1 - f)^(n - k), smallest at an end of its interval. Where no values allow
    what was seen, as with testers who never err and yet disagree, a pair with any UNSAFE is unsafe.

    Args:
        prior: (m,) P(unsafe) before the tests.
        tests: (m,) tests, 1 or more.
        unsafe: (m,) of these, with verdict UNSAFE.
        config: Sensitivity and false alarms.

    Returns:
        (m,) probabilities.
    """
    before = np.asarray(prior, dtype=np.float64)
    n, k = np.asarray(tests, dtype=np.float64), np.asarray(unsafe, dtype=np.float64)
    sensitivity = np.clip(k / n, *interval(config.human_test_sensitivity))
    low, high = (_likelihood(k, n, end) for end in interval(config.human_test_false_alarm))
    if_unsafe = before * _likelihood(k, n, sensitivity)
    either = if_unsafe + (1.0 - before) * np.minimum(low, high)
    certain = (k > 0).astype(np.float64)
    return np.divide(if_unsafe, either, out=certain, where=either > 0)


def _likelihood(k: Floats, n: Floats, rate: npt.ArrayLike) -> Floats:
    share = np.asarray(rate, dtype=np.float64)
    found: Floats = np.power(share, k) * np.power(1.0 - share, n - k)  # 0 to the power of 0 is 1
    return found
