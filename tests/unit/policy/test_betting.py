"""A betting test may be wrong with probability delta at most, whatever the shipments of a product."""

from __future__ import annotations

from itertools import product as every

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leastpack.errors import InputError
from leastpack.policy.betting import CONCENTRATION, Bets, betting_p_value, betting_upper_bound, chance_by_betting
from leastpack.policy.exact import binomial_p_values

BETS: tuple[Bets, ...] = ("mixture", "plug_in", "both")


@pytest.mark.parametrize("bets", BETS)
@pytest.mark.parametrize("alpha", [0.3, 0.5])
@pytest.mark.parametrize("shipments", [1, 2])
def test_under_the_bound_itself_it_rejects_with_probability_delta_at_most(
    bets: Bets, alpha: float, shipments: int
) -> None:
    products = 10 if shipments == 1 else 7
    law = {1: [1 - alpha, alpha], 2: [(1 - alpha) ** 2, 2 * alpha * (1 - alpha), alpha**2]}[shipments]
    p_values, weights = [], []
    for damaged in every(range(shipments + 1), repeat=products):
        p_values.append(betting_p_value(damaged, np.full(products, shipments), alpha, bets))
        weights.append(np.prod([law[k] for k in damaged]))
    assert sum(weights) == pytest.approx(1)
    for delta in (0.05, 0.1, 0.2, 0.5):
        assert sum(w for p, w in zip(p_values, weights, strict=True) if p <= delta) <= delta + 1e-9


@pytest.mark.parametrize("bets", BETS)
def test_all_shipments_say_more_than_the_first_of_each_product(bets: Bets) -> None:
    rng = np.random.default_rng(1)
    shipped, gains = np.full(1500, 50), []
    for _ in range(40):
        damaged = rng.binomial(shipped, rng.beta(0.5, 99.5, 1500))
        first = int((rng.random(1500) < damaged / shipped).sum())
        by_all, by_first = betting_p_value(damaged, shipped, 0.01, bets), binomial_p_values(first, 1500, 0.01)
        gains.append(np.log(by_first) - np.log(by_all))
    assert np.median(gains) > 0


def test_half_the_capital_on_each_kind_of_bets_is_never_far_from_the_better_one() -> None:
    rng = np.random.default_rng(8)
    for products, shipments in ((800, 20), (4000, 1)):  # bets that adapt win in the first, fixed ones in the second
        for _ in range(20):
            damaged = rng.binomial(shipments, 0.005, products)
            one, other, both = (betting_p_value(damaged, np.full(products, shipments), 0.01, bets) for bets in BETS)
            assert both <= 2 * min(one, other) + 1e-12


@given(st.lists(st.integers(0, 5), max_size=30), st.sampled_from(BETS))
def test_it_is_a_p_value_and_never_smaller_for_more_damage_of_the_last(damaged: list[int], bets: Bets) -> None:
    shipped = np.full(len(damaged), 5)
    p_value = betting_p_value(damaged, shipped, 0.05, bets)
    assert 0 < p_value <= 1
    if damaged:
        worse = [*damaged[:-1], 5]
        assert betting_p_value(worse, shipped, 0.05, bets) >= p_value


def test_fixed_bets_do_not_depend_on_the_order_of_products_nor_trust_products_of_one_rate() -> None:
    rng, rejected = np.random.default_rng(7), 0
    shipped = np.full(600, 50)
    for _ in range(200):  # sorted by rate: the mean is a little above the bound
        damaged = rng.binomial(shipped, np.repeat([0.006, 0.0145], 300))
        p_value = betting_p_value(damaged, shipped, 0.01)
        assert p_value == pytest.approx(betting_p_value(damaged[::-1], shipped, 0.01))
        rejected += p_value <= 0.1
    assert rejected / 200 <= 0.1 + 3 * (0.09 / 200) ** 0.5
    with pytest.raises(InputError, match="bets"):
        betting_p_value([0], [1], 0.1, "other")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("k", "n", "alpha", "message"),
    [([2], [1], 0.1, "counts"), ([0], [0], 0.1, "counts"), ([-1], [1], 0.1, "counts"), ([0], [1], 0.0, "alpha")],
)
def test_what_cannot_be_used_is_named(k: list[int], n: list[int], alpha: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        betting_p_value(k, n, alpha)


@pytest.mark.parametrize("bets", BETS)
def test_the_upper_bound_is_where_the_p_value_reaches_delta(bets: Bets) -> None:
    rng = np.random.default_rng(5)
    n = rng.integers(1, 40, 900)
    k = rng.binomial(n, 0.01)
    bound = betting_upper_bound(k, n, 0.1, bets)
    assert betting_p_value(k, n, bound * 1.001, bets) <= 0.1 <= betting_p_value(k, n, bound * 0.999, bets)
    assert float(np.mean(k / n)) < bound < 0.03
    assert betting_upper_bound([1, 1], [1, 1], 0.1, bets) == 1.0
    assert betting_upper_bound([0] * 9000, [1] * 9000, 0.1, bets) < 0.001


def test_the_chance_to_pass_is_about_what_happens() -> None:
    rng = np.random.default_rng(6)
    for rate in (0.001, 0.004, 0.007, 0.012):
        shapes = CONCENTRATION * rate, CONCENTRATION * (1 - rate)
        drawn = [rng.binomial(20, rng.beta(*shapes, 700)) for _ in range(200)]
        passed = np.mean([betting_p_value(damaged, 20, 0.01) <= 0.1 for damaged in drawn])
        expected = float(chance_by_betting([rate], [700], 20, 0.01, 0.1)[0])
        assert expected == pytest.approx(passed, abs=0.12)
