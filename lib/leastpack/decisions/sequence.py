"""Fixed-sequence certification of a risk threshold, and its closure in the order of protection.

Learn then Test (Angelopoulos, Bates, Candes, Jordan and Lei 2021, arXiv:2110.01052) tests "the bad rate under
threshold t is above alpha" for every t of a grid; fixed-sequence testing (Maurer, Hothorn and Lehmacher 1995; Bauer
1991) does it in an order fixed beforehand, each test at the whole level delta, and stops at the first failure. With
probability 1 - delta no threshold that passed breaks the promise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leastpack.decisions.statistics import Counts, start_points
from leastpack.policy.exact import binomial_p_values


@dataclass(frozen=True)
class Sequence:
    """One run through the grid.

    Attributes:
        n: (G,) calibration points at or under each threshold.
        k: (G,) of these, bad.
        start: Index of the first threshold tested; None where no threshold has enough points.
        last: Index of the loosest threshold that passed; None where none did.
    """

    n: Counts
    k: Counts
    start: int | None
    last: int | None


def run_sequence(points: npt.ArrayLike, bad: npt.ArrayLike, alpha: float, delta: float) -> Sequence:
    """Start at the strictest threshold with `start_points` points under it, go looser, stop at the first failure.

    The start depends on how many points lie under a threshold and on no label. Whether the sequence starts at or before
    the first threshold that breaks the promise depends on the count under that threshold alone, and given it the bad
    points are binomial: it is passed with probability delta at most. A sequence that starts later does so because few
    points lie under the stricter thresholds; the ones it counts then lean to the higher risks, which only adds bad
    points as long as the bad rate does not fall with the risk.

    Args:
        points: (G,) calibration points whose first threshold is each of the grid.
        bad: (G,) of these, bad.
        alpha: The promised bound.
        delta: Probability with which it may be broken.

    Returns:
        The counts under each threshold, where it started and how far it came.
    """
    n = np.cumsum(np.asarray(points, dtype=np.int64))
    k = np.cumsum(np.asarray(bad, dtype=np.int64))
    start = int(np.searchsorted(n, start_points(alpha, delta)))
    if start == len(n):
        return Sequence(n, k, None, None)
    passed = binomial_p_values(k[start:], n[start:], alpha) <= delta
    length = len(passed) if passed.all() else int(passed.argmin())
    return Sequence(n, k, start, start + length - 1 if length else None)


def at_least_as_protective(profiles: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """The order of protection among profiles: every attribute at least as high.

    Args:
        profiles: (P, M) protection by attribute.

    Returns:
        (P, P); [i, j] is True where another profile j is at least as protective as i. False on the diagonal.
    """
    values = np.asarray(profiles, dtype=np.float64)
    order: npt.NDArray[np.bool_] = (values[None, :, :] >= values[:, None, :]).all(axis=2)
    np.fill_diagonal(order, False)
    return order


def close_upward(sequences: Mapping[str, Sequence], stronger: Mapping[str, frozenset[str]]) -> dict[str, int | None]:
    """Lower every threshold to the least of all more protective types, so that more protection never certifies less.

    Every threshold from the start of a sequence to its last has passed, so a lower one keeps the promise, down to the
    start; below it nothing was tested and nothing is certified. A stronger type without a certificate lowers nothing:
    its pairs are certified by order instead. One pass is enough, because the order is transitive: whatever a stronger
    type is lowered by lowers the weaker type too.

    Args:
        sequences: Sequence by type.
        stronger: For each type, the types that are at least as protective.

    Returns:
        Index of the closed threshold by type; None where nothing is certified.
    """
    closed: dict[str, int | None] = {}
    for name, sequence in sequences.items():
        if sequence.last is None or sequence.start is None:
            closed[name] = None
            continue
        above = [sequences[other].last for other in stronger[name] if other in sequences]
        lowest = min([sequence.last, *(last for last in above if last is not None)])
        closed[name] = lowest if lowest >= sequence.start else None
    return closed
