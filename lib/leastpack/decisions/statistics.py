"""Exact binomial statistics behind a certificate.

Sources: Clopper and Pearson (1934), Biometrika 26, for the bounds; Rosenbaum (2002), Observational Studies, chapter 4,
for the idea of stating how much hidden selection a conclusion survives.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from leastpack.outcomes.bounds import upper_bounds
from leastpack.policy.exact import binomial_p_values, clean_points

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

# Steps and end of the searches below: finer would say more than a count of labels can.
STEP, MOST_GAMMA, MOST_POINTS = 1.01, 1000.0, 1e9


def start_points(alpha: float, delta: float) -> int:
    """Points under the first threshold that is tested: twice `clean_points`, so that one bad point does not end it."""
    return 2 * clean_points(alpha, delta)


def odds(share: float) -> float:
    """Odds of a share below 1."""
    return share / (1 - share)


def hidden_selection(n: Counts, k: Counts, last: int, alpha: float, delta: float) -> float:
    """Gamma: how much less often than good pairs bad ones may have been chosen, and the bound still passes.

    Where pairs were chosen by someone, let P(chosen | good) be at most Gamma times P(chosen | bad) among the pairs
    under the threshold. By Bayes' rule the odds of a bad pair in the catalog are then at most Gamma times its odds
    among the chosen, so the promise alpha holds in the catalog if the chosen pairs keep alpha' with odds(alpha') =
    odds(alpha) / Gamma. The answer is the largest Gamma, in steps of 1 %, up to which the fixed sequence run for
    alpha' still certifies threshold `last`. Gamma 1 means no hidden selection is survived.

    Args:
        n: (G,) points under each threshold.
        k: (G,) bad points under each threshold.
        last: Index of the certified threshold.
        alpha: The bound it was certified for.
        delta: Level of the test.

    Returns:
        Gamma, between 1 and 1000.
    """
    bounds = upper_bounds(k, n, 1 - delta)
    worst = np.maximum.accumulate(bounds[: last + 1][::-1])[::-1]
    best = 1.0
    gamma = STEP
    while gamma <= MOST_GAMMA:
        smaller = odds(alpha) / gamma
        stricter = smaller / (1 + smaller)
        start = int(np.searchsorted(n, start_points(stricter, delta)))
        if start > last or worst[start] > stricter:
            break
        best, gamma = gamma, gamma * STEP
    return best


def labels_needed(n: Counts, k: Counts, alpha: float, delta: float) -> int | None:
    """Further calibration points it would take until some threshold passes, at the bad rates observed so far.

    For each threshold: the fewest points, in steps of 1 %, that reach the start of the sequence and pass the test
    with the observed bad rate (rounded up to whole bad points), scaled from the points under the threshold to all
    points. The least of these counts, less the points there are. Without any point, the start of the sequence.

    Args:
        n: (G,) points under each threshold; the last counts all.
        k: (G,) bad points under each threshold.
        alpha: The bound.
        delta: Level of the test.

    Returns:
        The count; None where no number would do, because no threshold has a bad rate below alpha.
    """
    start = start_points(alpha, delta)
    if n[-1] == 0:
        return start
    totals = []
    for points, bad in sorted(set(zip(n.tolist(), k.tolist(), strict=True))):
        if points == 0 or bad >= alpha * points:
            continue
        needed = _points_to_pass(bad / points, start, alpha, delta)
        if needed is not None:
            totals.append(needed * int(n[-1]) / points)
    return max(1, math.ceil(min(totals)) - int(n[-1])) if totals else None


def _points_to_pass(rate: float, start: int, alpha: float, delta: float) -> int | None:
    steps = math.ceil(math.log(MOST_POINTS / start, STEP)) if start < MOST_POINTS else 0
    sizes = np.unique(np.ceil(start * STEP ** np.arange(steps + 1)).astype(np.int64))
    passing = binomial_p_values(np.ceil(rate * sizes), sizes, alpha) <= delta
    return int(sizes[passing.argmax()]) if passing.any() else None
