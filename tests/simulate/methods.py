"""How else one might choose what to certify from the same labels, beside the policy test."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from leastpack.outcomes.bounds import upper_bounds
from leastpack.policy.certify import last_passed
from leastpack.policy.exact import Counts, binomial_p_values

# From counts by level, alpha and delta to the place of the level that is certified.
Method = Callable[[Counts, Counts, float, float], int | None]


def fixed_sequence(n: Counts, k: Counts, alpha: float, delta: float) -> int | None:
    """The policy test."""
    return last_passed(binomial_p_values(k, n, alpha), delta)


def bonferroni(n: Counts, k: Counts, alpha: float, delta: float) -> int | None:
    """The loosest level that passes at delta divided by the number of levels."""
    return _loosest(binomial_p_values(k, n, alpha) <= delta / max(1, len(n)))


def guaranteed_risk(n: Counts, k: Counts, alpha: float, delta: float) -> int | None:
    """Selection with guaranteed risk (Geifman and El-Yaniv 2017): a binary search for the loosest level."""
    low, high, found = 0, len(n) - 1, None
    steps = max(1, math.ceil(math.log2(len(n) + 1)))
    while low <= high:
        middle = (low + high) // 2
        if float(upper_bounds(k[middle], n[middle], 1 - delta / steps)) <= alpha:
            found, low = middle, middle + 1
        else:
            high = middle - 1
    return found


def naive(n: Counts, k: Counts, alpha: float, delta: float) -> int | None:
    """The loosest level whose labels show no more than alpha."""
    return _loosest((n > 0) & (k <= alpha * n))


def _loosest(passes: np.typing.NDArray[np.bool_]) -> int | None:
    places = np.flatnonzero(passes)
    return int(places[-1]) if len(places) else None


METHODS: dict[str, Method] = {
    "fixed sequence": fixed_sequence,
    "Bonferroni": bonferroni,
    "SGR": guaranteed_risk,
    "naive": naive,
}
