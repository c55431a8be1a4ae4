"""P11 by simulation: a certificate breaks its promise in at most a share delta of calibration draws.

Worlds have bad rates close above the promise, where it is easily broken. Controls run a wrong procedure, so that the
simulation is known to notice one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from leastpack.decisions.draw import group_weight
from leastpack.decisions.sequence import close_upward, run_sequence
from leastpack.decisions.statistics import start_points
from leastpack.outcomes.bounds import labels, lower_bounds, upper_bounds
from leastpack.policy.exact import binomial_p_values

ALPHA, DELTA, DRAWS, GRID = 0.1, 0.1, 600, 40
MOST = DELTA + 3 * np.sqrt(DELTA * (1 - DELTA) / DRAWS)
Floats = npt.NDArray[np.float64]


def shares_under(weights: Floats, rates: Floats) -> Floats:
    return np.cumsum(weights * rates) / np.cumsum(weights)


def broken(last: int | None, start: int | None, truth: Floats, alpha: float = ALPHA) -> bool:
    return last is not None and bool((truth[start : last + 1] > alpha).any())


WORLDS = {
    "rising": np.linspace(0.0, 0.3, GRID),
    "rising_slowly": np.linspace(0.08, 0.13, GRID),
    "just_above_alpha": np.full(GRID, 0.101),
    "backwards": np.linspace(0.25, 0.0, GRID),
    "in_waves": 0.1 + 0.08 * np.sin(np.arange(GRID)),
}


@pytest.mark.parametrize("size", [60, 300, 3000])
@pytest.mark.parametrize("world", WORLDS)
def test_p11_independent_points(world: str, size: int) -> None:
    rng = np.random.default_rng(1)
    weights = rng.dirichlet(np.ones(GRID))
    truth = shares_under(weights, WORLDS[world])
    violations = 0
    for points in rng.multinomial(size, weights, size=DRAWS):
        result = run_sequence(points, rng.binomial(points, WORLDS[world]), ALPHA, DELTA)
        violations += broken(result.last, result.start, truth)
    assert violations / DRAWS <= MOST


def test_p11_taking_the_loosest_threshold_that_passes_would_break_it() -> None:
    rng = np.random.default_rng(2)
    weights, rates = np.full(GRID, 1 / GRID), WORLDS["just_above_alpha"]
    loosest = stopped = 0
    for points in rng.multinomial(3000, weights, size=DRAWS):
        bad = rng.binomial(points, rates)
        n = points.cumsum()
        loosest += bool(
            ((binomial_p_values(bad.cumsum(), n, ALPHA) <= DELTA) & (n >= start_points(ALPHA, DELTA))).any()
        )
        stopped += run_sequence(points, bad, ALPHA, DELTA).last is not None
    assert loosest / DRAWS > 2 * DELTA
    assert stopped / DRAWS <= MOST


def test_it_certifies_where_it_should() -> None:
    rng = np.random.default_rng(3)
    weights, rates = np.full(GRID, 1 / GRID), WORLDS["rising"]
    best = np.flatnonzero(shares_under(weights, rates) <= ALPHA)[-1]
    lasts = [
        run_sequence(points, rng.binomial(points, rates), ALPHA, DELTA).last
        for points in rng.multinomial(2000, weights, size=100)
    ]
    assert np.median([-1 if last is None else last for last in lasts]) >= 0.8 * best


# Groups of 1 to 8 pairs that are all bad or all good together; larger groups are worse.
SIZES = np.arange(1, 9)
SIZE_SHARES = np.array([0.4, 0.2, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05])
GROUP_RATES = 0.04 + 0.025 * SIZES
CAP, AUDITED = 4, 0.2


def group_points(rng: np.random.Generator, method: str, cap: int) -> tuple[int, int]:
    """Points and bad points of a draw of 500 groups, all under one threshold."""
    sizes = rng.choice(SIZES, p=SIZE_SHARES, size=500)
    bad = rng.random(500) < GROUP_RATES[sizes - 1]
    if method == "every_pair":
        return int(sizes.sum()), int((sizes * bad).sum())
    probability = AUDITED if method == "audit" else 1.0
    labelled = rng.binomial(sizes, probability) > 0
    most = min(cap, SIZES[-1])
    share = group_weight(np.minimum(sizes, most), sizes, probability) / group_weight(most, most, probability)
    accepted = labelled & (rng.random(500) < (1.0 if method == "one_a_group" else share))
    return int(accepted.sum()), int((accepted & bad).sum())


@pytest.mark.parametrize(
    ("method", "cap", "holds"),
    [
        ("thinned", 8, True),
        ("thinned", CAP, True),
        ("audit", 8, True),
        ("every_pair", 8, False),
        ("one_a_group", 8, False),
    ],
)
def test_p11_correlated_groups(method: str, cap: int, holds: bool) -> None:
    counted = np.minimum(SIZES, cap) * SIZE_SHARES
    truth = float((counted * GROUP_RATES).sum() / counted.sum())
    rng = np.random.default_rng(4)
    draws = [group_points(rng, method, cap) for _ in range(4 * DRAWS)]
    alpha = truth - 0.001
    violations = np.mean([run_sequence([n], [k], alpha, DELTA).last is not None for n, k in draws])
    if holds:
        assert 0.02 <= violations <= DELTA + 3 * np.sqrt(DELTA * (1 - DELTA) / (4 * DRAWS))
    else:
        assert violations > 1.5 * DELTA


def test_p11_closed_upward() -> None:
    rng = np.random.default_rng(5)
    stronger = {"bag": frozenset({"mailer", "box"}), "mailer": frozenset({"box"}), "box": frozenset[str]()}
    rates = {
        "bag": np.linspace(0.05, 0.3, GRID),
        "mailer": np.linspace(0.02, 0.25, GRID),
        "box": np.linspace(0, 0.2, GRID),
    }
    weights = {name: rng.dirichlet(np.ones(GRID)) for name in rates}
    violations = dict.fromkeys(rates, 0)
    for _ in range(DRAWS):
        sequences = {}
        for name, rate in rates.items():
            points = rng.multinomial(400, weights[name])
            sequences[name] = run_sequence(points, rng.binomial(points, rate), ALPHA, DELTA)
        for name, last in close_upward(sequences, stronger).items():
            truth = shares_under(weights[name], rates[name])
            violations[name] += last is not None and bool(truth[last] > ALPHA)
    assert max(violations.values()) / DRAWS <= MOST


TAU, N_MIN, RATE, PAIRS = 0.01, 300, 0.6, 3000


def marketplace(rng: np.random.Generator, size: int) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """True damage rates of pairs, their place on the grid by a noisy risk, and their shipments."""
    latent = rng.normal(size=size)
    damage = np.exp(-6.5 + 2.2 * latent).clip(0, 1)
    place = np.digitize(latent + rng.normal(0, 0.7, size), np.linspace(-3, 3, GRID - 1))
    return damage, place, rng.geometric(1 / 2000, size=size)


def counts(place: npt.NDArray[np.int64], chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    return np.bincount(place[chosen], minlength=GRID)


def simulate(
    promise: Callable[..., tuple[npt.NDArray[np.bool_], Floats]], alpha: float, tested: float
) -> tuple[float, float]:
    """Violated and certified shares of draws of PAIRS pairs: bad points against the truth of a large marketplace."""
    rng = np.random.default_rng(6)
    damage, place, shipments = marketplace(rng, 400_000)
    chosen, truth = promise(damage, shipments)
    totals = np.bincount(place[chosen], weights=truth[chosen], minlength=GRID).cumsum()
    under = np.maximum(1, counts(place, chosen).cumsum())
    violations = certified = 0
    for _ in range(DRAWS):
        damage, place, shipments = marketplace(rng, PAIRS)
        eligible, _ = promise(damage, shipments)
        if promise is pair_promise:
            k = rng.binomial(shipments, damage * RATE)
            told = labels(lower_bounds(k, shipments, 0.95), upper_bounds(k, shipments, 0.95), TAU * RATE)
            bad = told != "SAFE"
        else:
            bad = rng.random(PAIRS) < damage * RATE
        result = run_sequence(counts(place, eligible), counts(place, eligible & bad), tested, DELTA)
        violations += broken(result.last, result.start, totals / under, alpha)
        certified += result.last is not None
    return violations / DRAWS, certified / DRAWS


def pair_promise(damage: Floats, shipments: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.bool_], Floats]:
    return shipments >= N_MIN, (damage > TAU).astype(float)


def shipment_promise(damage: Floats, shipments: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.bool_], Floats]:
    return shipments >= 1, damage


def test_p11_from_shipment_counts_to_labels_to_the_pair_promise() -> None:
    violated, certified = simulate(pair_promise, alpha=0.15, tested=0.15)
    assert violated <= MOST
    assert certified > 0.1


def test_p11_from_one_shipment_a_pair_to_the_shipment_promise() -> None:
    violated, certified = simulate(shipment_promise, alpha=0.01, tested=0.01 * RATE)
    assert violated <= MOST
    assert certified > 0.9


def test_p11_forgetting_unreported_damage_would_break_it() -> None:
    violated, _ = simulate(shipment_promise, alpha=0.01, tested=0.01)
    assert violated > 0.5
