"""A fixed sequence over the levels of a policy, and what a round of tests is planned to be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leastpack.errors import InputError
from leastpack.policy import plan as planning
from leastpack.policy.cells import divide_delta
from leastpack.policy.certify import Method, certify_policy, certify_shipments
from leastpack.policy.exact import binomial_p_values, clean_draws
from leastpack.policy.observed import Measured, observed_alpha
from leastpack.policy.plan import chance_to_pass, plan_levels


def labels(*levels: tuple[int, int], drawn: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Moves and labels of levels with so many moves, of which so many are unsafe."""
    moves, unsafe = np.zeros((len(levels), drawn), bool), np.zeros((len(levels), drawn), int)
    for at, (n, k) in enumerate(levels):
        moves[at, :n] = True
        unsafe[at, :k] = 1
    return moves, unsafe


@pytest.mark.parametrize(
    ("levels", "last"),
    [
        ([(100, 0), (200, 1), (300, 2)], 2),
        ([(100, 0), (200, 20), (300, 2)], 0),  # what comes after a failure does not count
        ([(100, 10), (300, 0)], None),
        ([], None),
        ([(0, 0), (300, 0)], None),  # nothing moves: nothing is known
    ],
)
def test_the_loosest_level_before_the_first_failure_is_certified(
    levels: list[tuple[int, int]], last: int | None
) -> None:
    found = certify_policy(*labels(*levels), alpha=0.05, delta=0.1)
    assert (found.n.tolist(), found.k.tolist()) == ([n for n, _ in levels], [k for _, k in levels])
    assert found.p_values.tolist() == binomial_p_values(found.k, found.n, 0.05).tolist()
    assert found.last == last


def test_labels_of_products_that_stay_do_not_count() -> None:
    moves, unsafe = labels((100, 0))
    unsafe[~moves] = 7
    assert certify_policy(moves, unsafe, 0.05, 0.1).k.tolist() == [0]


def test_a_frozen_list_is_tested_without_replacement() -> None:
    moves, unsafe = labels((100, 3))
    assert certify_policy(moves, unsafe, 0.05, 0.1).last is None
    assert certify_policy(moves, unsafe, 0.05, 0.1, population=[120]).last == 0
    assert certify_policy(moves, unsafe, 0.05, 0.1, population=[150], taken_out=unsafe).last == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"alpha": 0.0}, "alpha"),
        ({"delta": 1.0}, "delta"),
        ({"unsafe": np.full((1, 400), 2)}, "labels"),
        ({"unsafe": np.full((1, 400), np.nan)}, "labels"),
        ({"unsafe": np.zeros((1, 3))}, "labels"),
        ({"taken_out": np.zeros((1, 400), dtype=bool)}, "a list and one planned level"),
        ({"population": [300], "taken_out": np.ones((1, 400), dtype=bool)}, "moves with label 1"),
        ({"population": [300, 300]}, "population"),
    ],
)
def test_what_cannot_be_used_is_named(given: dict, message: str) -> None:
    moves, unsafe = labels((100, 0))
    with pytest.raises(InputError, match=message):
        certify_policy(**{"moves": moves, "unsafe": unsafe, "alpha": 0.05, "delta": 0.1, **given})


def test_tests_needed_from_a_catalog_from_a_list_and_with_bad_ones_taken_out() -> None:
    needed = [
        planning.tests_needed(0.005, 0.01, 0.1),
        planning.tests_needed(0.005, 0.01, 0.1, population=3000),
        planning.tests_needed(0.005, 0.01, 0.1, population=3000, taken_out=True),
    ]
    assert needed == [1893, 1154, 821]
    assert planning.tests_needed(0.01, 0.01, 0.1) is None
    assert planning.tests_needed(0.0, 0.01, 0.1) == 230


@settings(max_examples=30)
@given(st.integers(20, 120), st.floats(0.0, 0.1), st.booleans())
def test_the_tests_that_a_list_needs_are_the_fewest(population: int, rate: float, taken_out: bool) -> None:
    sizes = np.arange(1, population + 1)
    same = np.full(len(sizes), population)
    chance = planning.chance_of_list(np.full(len(sizes), rate), sizes, same, 0.1, 0.1, taken_out=taken_out)
    enough = sizes[chance >= 0.9]
    fewest = planning.tests_needed(rate, 0.1, 0.1, population=population, taken_out=taken_out)
    assert fewest == (enough[0] if len(enough) else None)


def test_a_short_list_is_planned_by_what_it_takes() -> None:
    """All of 400 moves are tested, where a panel would need more than there are."""
    lists = np.array([400])
    least = np.minimum(lists, 2 * clean_draws(lists, 0.01, 0.1))

    def chance(rates: np.ndarray, points: np.ndarray, alpha: float, delta: float) -> np.ndarray:
        return planning.chance_of_list(rates, points, lists, alpha, delta, taken_out=True)

    assert len(plan_levels([1.0], [0.003], 400, 0.01, 0.1, 1, chance, least).places) == 1
    assert not len(plan_levels([1.0], [0.003], 400, 0.01, 0.1, 1).places)


def test_a_plan_begins_where_most_is_to_be_hoped_for_and_goes_as_far_as_there_is_hope() -> None:
    moving, rates = np.linspace(0.05, 0.8, 16), np.geomspace(0.001, 0.1, 16)
    plan = plan_levels(moving, rates, 3000, 0.01, 0.1, most=4)
    assert 1 <= len(plan.places) <= 4
    assert list(plan.places) == sorted(set(plan.places.tolist()))
    assert plan.points.tolist() == (moving[plan.places] * 3000).tolist()
    first = chance_to_pass(rates[plan.places], plan.points.astype(int), 0.01, 0.1)[0]
    usable = moving * 3000 >= 460
    assert first == chance_to_pass(rates, (moving * 3000).astype(int), 0.01, 0.1)[usable].max()
    assert (rates[plan.places] < 0.02).all()


def test_what_rates_may_be_counts_and_not_one_guess_of_them() -> None:
    """At three times the bound a level is hopeless; where it may as well be a tenth of that, it is not."""
    assert not len(plan_levels([0.5], [0.03], 3000, 0.01, 0.1).places)
    plan = plan_levels([0.5], [[0.003], [0.057]], 3000, 0.01, 0.1)
    assert plan.chance == pytest.approx(chance_to_pass([0.003], [1500], 0.01, 0.1) / 2)


def test_too_few_products_and_rates_without_hope_plan_nothing() -> None:
    assert len(plan_levels([0.1, 0.5], [0.5, 0.5], 10_000, 0.01, 0.1).places) == 0
    assert len(plan_levels([0.1, 0.5], [0.001, 0.002], 100, 0.01, 0.1).places) == 0


def test_at_the_bound_itself_a_level_passes_with_probability_delta_at_most_and_not_much_less() -> None:
    """Rates of .5, 1.03 and 1.1 alpha; a test at three times delta, or none at all, breaks the promise."""
    rng, alpha, delta, rounds = np.random.default_rng(8), 0.02, 0.1, 1500
    rates = np.array([0.5, 1.03, 1.1])[:, None] * alpha
    broken = {"fixed": 0, "three_delta": 0, "naive": 0}
    for _ in range(rounds):
        unsafe = rng.random((3, 1200)) < rates
        moves = np.ones((3, 1200), bool)
        broken["fixed"] += (certify_policy(moves, unsafe, alpha, delta).last or 0) >= 1
        broken["three_delta"] += (certify_policy(moves, unsafe, alpha, 3 * delta).last or 0) >= 1
        broken["naive"] += bool((unsafe[1:].mean(axis=1) <= alpha).any())
    most = delta + 3 * (delta * (1 - delta) / rounds) ** 0.5
    shares = {name: count / rounds for name, count in broken.items()}
    assert shares["fixed"] <= most < min(shares["three_delta"], shares["naive"]), shares


def test_a_promise_seen_through_testers_who_miss_and_accuse_is_kept() -> None:
    """Their errors are measured anew each time, at the bound itself; to ignore them breaks the promise."""
    rng, alpha, delta, rounds = np.random.default_rng(9), 0.05, 0.1, 1500
    sensitivity, false_alarm, rate = 0.8, 0.002, 0.051
    shown = sensitivity * rate + false_alarm * (1 - rate)
    shares = divide_delta(delta, cells=1, types=1, levels=1, rates=2)
    broken = ignored = 0
    for _ in range(rounds):
        found = Measured(int(rng.binomial(400, sensitivity)), 400)
        accused = Measured(int(rng.binomial(400, false_alarm)), 400)
        bound = observed_alpha(alpha, shares.measured, found, accused)
        k = rng.binomial(1000, shown)
        broken += float(binomial_p_values(k, 1000, bound)) <= shares.test
        ignored += float(binomial_p_values(k, 1000, alpha)) <= delta
    most = delta + 3 * (delta * (1 - delta) / rounds) ** 0.5
    assert broken / rounds <= most < ignored / rounds


def test_a_promise_is_tested_through_testers_who_miss_and_accuse() -> None:
    assert observed_alpha(0.02, 0.01) == 0.02
    missed = observed_alpha(0.02, 0.01, sensitivity=Measured(180, 200))
    assert missed < 0.9 * 0.02
    assert observed_alpha(0.02, 0.01, Measured(180, 200), Measured(20, 400)) > missed


def test_testers_who_know_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="labels"):
        observed_alpha(0.02, 0.01, Measured(10, 200), Measured(300, 400))
    with pytest.raises(InputError, match="counts"):
        observed_alpha(0.02, 0.01, Measured(3, 2))


def trial(rate: float, products: int, shipments: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Trial shipments of products that all move at one level, each with a rate of its own."""
    rates = rng.beta(0.5, 0.5 / rate - 0.5, products)
    damaged = rng.random((products, shipments)) < rates[:, None]
    n = np.full((1, products), shipments)
    return np.ones((1, products), dtype=bool), damaged.sum(axis=1)[None], n, damaged[:, 0][None]


@pytest.mark.parametrize(("method", "shipments"), [("betting", 20), ("exact", 1)])
def test_p11_trial_shipments_at_the_bound_pass_at_most_as_often_as_delta(method: Method, shipments: int) -> None:
    rng, passed = np.random.default_rng(3), 0
    for _ in range(400):
        moves, k, n, first = trial(0.02, 600, shipments, rng)
        passed += certify_shipments(moves, k, n, first, 0.02, 0.1, method).last is not None
    assert passed / 400 <= 0.1 + 3 * (0.09 / 400) ** 0.5


def test_bets_on_all_shipments_pass_where_first_shipments_do_not() -> None:
    rng, passed = np.random.default_rng(4), {"betting": 0, "exact": 0}
    for _ in range(100):
        moves, k, n, first = trial(0.007, 800, 50, rng)
        for method in passed:
            passed[method] += certify_shipments(moves, k, n, first, 0.012, 0.1, method).last is not None
    assert passed["betting"] > 60 > passed["exact"]


def test_products_without_a_shipment_are_no_part_of_a_pilot_s_test() -> None:
    moves = np.array([[True, True, True, False]])
    found = certify_shipments(moves, [[1, 0, 0, 5]], [[10, 0, 4, 5]], [[1, 0, 0, 1]], 0.2, 0.1, "exact")
    assert (found.n.tolist(), found.k.tolist()) == ([2], [1])
    with pytest.raises(InputError, match="method"):
        certify_shipments(moves, [[0] * 4], [[1] * 4], [[0] * 4], 0.2, 0.1, "guess")  # type: ignore[arg-type]
