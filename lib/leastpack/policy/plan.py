"""Plans a round of tests before any of its results: which levels of risk, and how many products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from leastpack.errors import InputError
from leastpack.policy.exact import Counts, Floats, check_rate, clean_points, fewest_draws, list_p_values, most_bad

# A round whose first level hardly ever passes costs tests and brings nothing. Levels after it cost little, and the
# expectations may be too gloomy.
LEAST_CHANCE, LEAST_CHANCE_AFTER = 0.02, 1e-4
MOST_TESTS = 10_000_000


@dataclass(frozen=True)
class Plan:
    """Levels of a round, in the order in which they will be tested.

    Attributes:
        places: (L,) places in the grid of levels, from strict to loose.
        points: (L,) drawn products that are expected to move at each.
        chance: (L,) probability that each passes on its own, at the expected bad rates.
    """

    places: npt.NDArray[np.intp]
    points: Floats
    chance: Floats


def plan_levels(
    moving: npt.ArrayLike,
    rates: npt.ArrayLike,
    products: int,
    alpha: float,
    delta: float,
    most: int = 8,
    chance_of: Callable[[Floats, Counts, float, float], Floats] | None = None,
    least: npt.ArrayLike | None = None,
) -> Plan:
    """Choose the levels to test from what is known without the labels of the round.

    The first is the one most likely to pass, among those at which twice `clean_points` products or more are expected to
    move, so that one bad one does not end the round. Looser ones follow, evenly spaced in products that move, as long
    as they may pass at all. Where the expectations are wrong less is certified, and nothing that breaks its promise:
    any order that is fixed before labels will do.

    Args:
        moving: (G,) share of the catalog's products that moves at each level of a grid, from strict to loose.
        rates: (G,) expected unsafe share among these, from labels of the calibrate split and calibrated risks; or
            (q, G), expectations each as likely as the others.
        products: Products that will be drawn.
        alpha: The promised bound.
        delta: Probability with which it may be broken.
        most: Levels at most; each may ask for more tests.
        chance_of: Probability to pass, of rates, points, alpha and delta; None is `chance_to_pass`.
        least: (G,) points that a level needs; None is twice `clean_points`.

    Returns:
        The plan; without levels where too few products would move or none is likely to pass.

    Raises:
        InputError: alpha or delta is not between 0 and 1, or no level is asked for.
    """
    check_rate("alpha", alpha)
    check_rate("delta", delta)
    if most < 1:
        raise InputError("most cannot be used", expected="1 level or more", found=f"{most}")
    points = np.asarray(moving, dtype=np.float64) * products
    whole = np.floor(points).astype(np.int64)
    likely = np.atleast_2d(np.asarray(rates, dtype=np.float64))
    chance = np.mean([(chance_of or chance_to_pass)(row, whole, alpha, delta) for row in likely], axis=0)
    needed = 2 * clean_points(alpha, delta) if least is None else np.asarray(least)
    possible = np.flatnonzero((points >= needed) & (chance >= LEAST_CHANCE))
    if not len(possible):
        return Plan(np.zeros(0, dtype=np.intp), np.zeros(0), np.zeros(0))
    first = possible[chance[possible].argmax()]
    after = np.flatnonzero((points > points[first]) & (chance >= LEAST_CHANCE_AFTER))
    span = np.concatenate([[first], after[after > first]])
    wanted = np.linspace(points[first], points[span[-1]], most)
    places = np.unique([span[np.abs(points[span] - count).argmin()] for count in wanted])
    return Plan(places, points[places], chance[places])


def chance_to_pass(rate: npt.ArrayLike, n: npt.ArrayLike, alpha: float, delta: float) -> Floats:
    """Probability that n draws with a bad rate reject "the bad rate is above alpha" at level delta.

    Args:
        rate: (m,) bad rates.
        n: (m,) draws.
        alpha: The bound.
        delta: Level of the test.

    Returns:
        (m,) probabilities.
    """
    drawn = np.asarray(n, dtype=np.int64)
    return np.asarray(stats.binom.cdf(most_bad(drawn, alpha, delta), drawn, np.asarray(rate)), dtype=np.float64)


def tests_needed(
    rate: float,
    alpha: float,
    delta: float,
    power: float = 0.9,
    population: int | None = None,
    *,
    taken_out: bool = False,
) -> int | None:
    """Fewest tests of moved products after which a policy with this unsafe share is certified with some power.

    Args:
        rate: Unsafe share among the products that move.
        alpha: The promised bound.
        delta: Probability with which it may be broken.
        power: Probability of the certificate.
        population: Length of a frozen list of moves, tested without replacement; None for draws from a catalog.
        taken_out: With `population`: the unsafe pairs found leave the list.

    Returns:
        The count; None where no number will do.

    Raises:
        InputError: alpha, delta or power is not between 0 and 1, or the rate is none.
    """
    for name, value in (("alpha", alpha), ("delta", delta), ("power", power)):
        check_rate(name, value)
    if not 0 <= rate < 1:
        raise InputError("rate cannot be used", expected="a number from 0 to below 1", found=f"{rate}")
    if population is not None:
        return _needed_of_list(rate, alpha, delta, power, population, taken_out)
    if rate >= alpha:
        return None
    least, most = clean_points(alpha, delta), 2 * clean_points(alpha, delta)
    while most <= MOST_TESTS:
        sizes = np.arange(least, most + 1)
        enough = np.flatnonzero(chance_to_pass(rate, sizes, alpha, delta) >= power)
        if len(enough):
            return int(sizes[enough[0]])
        least, most = most + 1, 2 * most
    return None


def _needed_of_list(
    rate: float, alpha: float, delta: float, power: float, population: int, taken_out: bool
) -> int | None:
    bad = round(rate * population)
    if not taken_out and bad > alpha * population:
        return None

    def fewest(found: int) -> int | None:
        """Fewest draws at which so many bad ones pass; drawing on without being allowed another only finds more."""
        return fewest_draws(found, alpha, delta, population, taken_out=taken_out)

    def enough(found: int) -> bool:
        drawn = fewest(found)
        return drawn is not None and bool(stats.hypergeom.cdf(found, population, bad, drawn) >= power)

    if not enough(bad):
        return None
    least, most = 0, bad
    while least < most:  # the more bad ones may be found, the more are drawn, and the surer it passes
        middle = (least + most) // 2
        least, most = (least, middle) if enough(middle) else (middle + 1, most)
    return fewest(most)


def chance_of_list(
    rate: npt.ArrayLike,
    n: npt.ArrayLike,
    population: npt.ArrayLike,
    alpha: float,
    delta: float,
    *,
    taken_out: bool = False,
) -> Floats:
    """`chance_to_pass` of draws without replacement from frozen lists.

    Args:
        rate: (m,) bad rates of the lists.
        n: (m,) draws.
        population: (m,) lengths of the lists; of none the chance is 0.
        alpha: The bound.
        delta: Level of the test.
        taken_out: The bad ones found leave the list.

    Returns:
        (m,) probabilities.
    """
    drawn, whole = np.asarray(n, dtype=np.int64), np.asarray(population, dtype=np.int64)
    bad = np.round(np.asarray(rate) * whole).astype(np.int64)
    return np.array(
        [
            _chance_of_list(*one, alpha, delta, taken_out) if one[1] else 0.0
            for one in zip(bad.tolist(), drawn.tolist(), whole.tolist(), strict=True)
        ],
        dtype=np.float64,
    )


def _chance_of_list(bad: int, drawn: int, whole: int, alpha: float, delta: float, taken_out: bool) -> float:
    least, most = -1, min(bad, drawn)
    while least < most:  # the most bad ones that pass: p-values grow with them
        middle = (least + most + 1) // 2
        if list_p_values(middle, drawn, whole, alpha, middle if taken_out else 0) <= delta:
            least = middle
        else:
            most = middle - 1
    return float(stats.hypergeom.cdf(least, whole, bad, drawn))
