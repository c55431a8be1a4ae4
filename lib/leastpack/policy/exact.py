"""Exact tests and bounds of a bad rate: binomial where products are drawn from a catalog, hypergeometric from a list.

Sources: Clopper and Pearson (1934), Biometrika 26, for the binomial bound. "The bad rate is above alpha" is rejected
where so few bad ones, or fewer, have probability delta at most under every rate above alpha; both laws are monotone in
the rate, so the least favourable one is the smallest rate above alpha.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import stats

from leastpack.errors import InputError
from leastpack.outcomes.bounds import upper_bounds

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


def binomial_upper_bound(k: int, n: int, delta: float) -> float:
    """The rate above which the bad rate lies with probability `delta` at most, after k bad ones of n.

    Args:
        k: Bad ones.
        n: All that were looked at; of none the bound is 1.
        delta: Probability that the bound is wrong.

    Raises:
        InputError: delta is not between 0 and 1, or not 0 <= k <= n.
    """
    check_rate("delta", delta)
    bad, looked = _checked(k, n)
    return float(upper_bounds(bad, looked, 1 - delta))


def binomial_p_values(k: npt.ArrayLike, n: npt.ArrayLike, alpha: float) -> Floats:
    """p-values of "the bad rate is above alpha" for independent draws: P(Binomial(n, alpha) <= k).

    Args:
        k: (m,) bad ones.
        n: (m,) draws; of none the p-value is 1.
        alpha: The bound.

    Returns:
        (m,) p-values.

    Raises:
        InputError: alpha is not between 0 and 1, or not 0 <= k <= n.
    """
    check_rate("alpha", alpha)
    bad, drawn = _checked(k, n)
    return np.asarray(stats.binom.cdf(bad, drawn, alpha), dtype=np.float64)


def list_p_values(
    k: npt.ArrayLike, n: npt.ArrayLike, population: npt.ArrayLike, alpha: float, taken_out: npt.ArrayLike = 0
) -> Floats:
    """p-values of "more than alpha of a list is bad" for draws without replacement.

    P(Hypergeometric(N, K, n) <= k) with K = floor(alpha N) + 1, the fewest bad ones that break the promise. Where u of
    the k bad ones that were found are taken out of the list before it is used, what is left breaks it from K =
    floor(alpha (N - u)) + 1 + u on. Whatever u turns out to be, at the true K of a list that breaks its promise the
    p-value is at least P(Hypergeometric(N, true K, n) <= k), which is delta or less with probability delta at most: the
    test stays exact. Results that are missing count in k; they may be taken out or stay. Labels must not err: of a
    finite list the bad ones that a tester finds are a number of chance, and few of them do not bound the bad ones.

    Args:
        k: (m,) bad ones among those drawn.
        n: (m,) drawn.
        population: (m,) length N of the list.
        alpha: The bound.
        taken_out: (m,) how many of the bad ones found leave the list.

    Returns:
        (m,) p-values; of nothing drawn 1.

    Raises:
        InputError: alpha is not between 0 and 1, not 0 <= taken_out <= k <= n, a list is empty, or more drawn than
            there are.
    """
    check_rate("alpha", alpha)
    bad, drawn, whole, out = _checked_list(k, n, population, taken_out)
    # Rounding must not make 0.01 * 300 one less than it is.
    worst = np.floor(alpha * (whole - out) + 1e-9).astype(np.int64) + 1 + out
    # A list too short to break its promise keeps it.
    return np.where(worst > whole, 0.0, stats.hypergeom.cdf(bad, whole, np.minimum(worst, whole), drawn))


def list_upper_bound(k: int, n: int, population: int, delta: float, taken_out: int = 0) -> float:
    """The bad share of a list, less what is taken out, above which it lies with probability `delta` at most.

    The most bad ones K of the list with P(Hypergeometric(N, K, n) <= k) above delta: the bound that belongs to
    `list_p_values`.

    Args:
        k: Bad ones among those drawn.
        n: Drawn, without replacement.
        population: Length N of the list.
        delta: Probability that the bound is wrong.
        taken_out: How many of the bad ones found leave the list.

    Raises:
        InputError: delta is not between 0 and 1, not 0 <= taken_out <= k <= n, the list is empty, or more are drawn
            than there are.
    """
    check_rate("delta", delta)
    bad, drawn, whole, out = (int(one) for one in _checked_list(k, n, population, taken_out))
    least, most = bad, whole - (drawn - bad)  # as many bad ones as can be
    while least < most:
        middle = (least + most + 1) // 2
        if stats.hypergeom.cdf(bad, whole, middle, drawn) > delta:
            least = middle
        else:
            most = middle - 1
    return (least - out) / max(1, whole - out)


def fewest_draws(bad: int, alpha: float, delta: float, population: int, *, taken_out: bool = False) -> int | None:
    """Fewest draws from a list at which this many bad ones still reject "more than alpha of it is bad".

    Args:
        bad: Bad ones found.
        alpha: The bound.
        delta: Level of the test.
        population: Length of the list.
        taken_out: They leave the list.

    Returns:
        The count; None where not even the whole list passes.
    """
    least, most = max(1, bad), population
    out = bad if taken_out else 0
    if least > most or list_p_values(bad, most, population, alpha, out) > delta:
        return None
    while least < most:
        middle = (least + most) // 2
        if list_p_values(bad, middle, population, alpha, out) <= delta:
            most = middle
        else:
            least = middle + 1
    return least


def clean_draws(population: Counts, alpha: float, delta: float) -> Counts:
    """(m,) fewest draws from lists of these lengths, no bad one among them, that reject; 0 from an empty one."""
    known = {int(length): fewest_draws(0, alpha, delta, int(length)) for length in np.unique(population) if length}
    return np.array([known.get(int(length)) or 0 for length in population], dtype=np.int64)


def clean_points(alpha: float, delta: float) -> int:
    """Fewest draws with no bad one among them that reject "the bad rate is above alpha" at level delta."""
    check_rate("alpha", alpha)
    check_rate("delta", delta)
    return math.ceil(math.log(delta) / math.log1p(-alpha))


def most_bad(n: npt.ArrayLike, alpha: float, delta: float) -> Counts:
    """Most bad ones among n draws that still reject "the bad rate is above alpha"; -1 where not even none does.

    Args:
        n: (m,) draws.
        alpha: The bound.
        delta: Level of the test.

    Returns:
        (m,) counts.
    """
    drawn = np.asarray(n, dtype=np.int64)
    # The least k with P(Binomial <= k) >= delta is the first that may fail; equality passes.
    first = np.asarray(stats.binom.ppf(delta, drawn, alpha), dtype=np.int64)
    return first - (stats.binom.cdf(first, drawn, alpha) > delta)


def check_rate(name: str, value: float) -> None:
    """Refuse what is no rate strictly between 0 and 1.

    Raises:
        InputError: It is not.
    """
    if not 0 < value < 1:
        raise InputError(f"{name} cannot be used", expected="a number between 0 and 1", found=f"{value}")


def _checked_list(
    k: npt.ArrayLike, n: npt.ArrayLike, population: npt.ArrayLike, taken_out: npt.ArrayLike
) -> tuple[Counts, Counts, Counts, Counts]:
    bad, drawn = _checked(k, n)
    out, _ = _checked(taken_out, bad)
    whole = np.asarray(population, dtype=np.int64)
    if (drawn > whole).any():
        found = f"{drawn} of {whole}"
        raise InputError("n cannot be used", expected="no more draws than the list is long", found=found)
    if not whole.all():
        raise InputError("population cannot be used", expected="a list of 1 or more", found="an empty one")
    return bad, drawn, whole, out


def _checked(k: npt.ArrayLike, n: npt.ArrayLike) -> tuple[Counts, Counts]:
    bad, looked = np.broadcast_arrays(np.asarray(k), np.asarray(n))
    whole = (bad == np.floor(bad)) & (looked == np.floor(looked))
    if not (whole & (bad >= 0) & (bad <= looked)).all():
        raise InputError(
            "counts cannot be used", expected="whole numbers with 0 <= k <= n", found=f"k {bad}, n {looked}"
        )
    return bad.astype(np.int64), looked.astype(np.int64)
