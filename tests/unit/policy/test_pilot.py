"""Shipments of a pilot are assigned by their identifier, and a pilot that breaks too much stops."""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np
import pytest
from scipy import stats

from leastpack.errors import InputError
from leastpack.policy.pilot import STOP_AT, arm_of, difference, expected_damage, make_arms, number_of, stop_values


@pytest.mark.parametrize(
    ("pilot_id", "shipment_id", "digits"),
    [("p1", "S-1", "19a8f7438ac41"), ("p1", "S-2", "fd6fadaaedbf2"), ("päckchen", "", None)],
)
def test_the_number_of_a_shipment_is_that_of_its_digest(pilot_id: str, shipment_id: str, digits: str | None) -> None:
    digest = hashlib.sha256(pilot_id.encode() + b"\n" + shipment_id.encode()).hexdigest()
    assert digits is None or digest.startswith(digits)
    assert number_of(pilot_id, shipment_id) == int(digest[:13], 16) / 2**52


def test_shares_are_what_shipments_get() -> None:
    arms = make_arms(["bag", "mailer"], "box", 0.3, 0.2)
    assert [(arm.package_type, arm.control) for arm in arms] == [("bag", False), ("mailer", False), ("box", True)]
    assert [arm.probability for arm in arms] == pytest.approx([0.15, 0.15, 0.2])
    found = Counter(arm.package_type if (arm := arm_of(arms, "p", f"s{i}")) else None for i in range(20_000))
    expected = {"bag": 0.15, "mailer": 0.15, "box": 0.2, None: 0.5}
    assert stats.chisquare([found[name] for name in expected], [20_000 * p for p in expected.values()]).pvalue > 0.001
    # Another pilot assigns anew.
    assert any(number_of("p", f"s{i}") != number_of("q", f"s{i}") for i in range(3))


def test_a_product_without_a_package_of_today_has_no_control() -> None:
    assert [arm.package_type for arm in make_arms(["bag"], None, 1.0, 0.0)] == ["bag"]
    assert arm_of(make_arms(["bag"], None, 1.0, 0.0), "p", "s") is not None


def test_the_damage_that_a_pilot_may_do_is_known_beforehand() -> None:
    cost = expected_damage([100, 10], [[0.1, 0.1], [0.2, 0.0]], [[0.05, 0.01], [0.5, 0.0]])
    assert cost == pytest.approx(100 * 0.1 * 0.05 + 100 * 0.1 * 0.01 + 10 * 0.2 * 0.5)


def test_a_pilot_within_its_bound_is_rarely_stopped_however_often_one_looks() -> None:
    rng, bound, stopped = np.random.default_rng(6), 0.03, 0
    for _ in range(400):
        damaged = np.cumsum(rng.random(500) < bound)
        stopped += bool((stop_values(damaged, np.arange(1, 501), bound) >= STOP_AT).any())
    assert stopped / 400 <= 1 / STOP_AT + 3 * (0.0475 / 400) ** 0.5


def test_a_pilot_that_breaks_is_stopped_soon() -> None:
    assert stop_values(5, 10, 0.03) >= STOP_AT
    assert stop_values(0, 100, 0.03) < 1
    assert stop_values(0, 0, 0.03) == pytest.approx(1)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: make_arms(["bag"], "box", 0.9, 0.2), "shares"),
        (lambda: make_arms(["bag"], "box", 0.0, 0.2), "shares"),
        (lambda: make_arms(["bag", "bag"], "box", 0.1, 0.1), "moves"),
        (lambda: stop_values(2, 1, 0.03), "counts"),
        (lambda: stop_values(0, 1, 0.0), "bound"),
    ],
)
def test_what_cannot_be_used_is_named(ask, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ask()


def test_the_difference_from_control_is_by_product() -> None:
    rng = np.random.default_rng(7)
    rates = rng.beta(1, 60, 500)
    n, control = rng.integers(0, 80, 500), rng.integers(0, 40, 500)
    covered = 0
    for _ in range(100):
        found = difference(rng.binomial(n, rates + 0.01), n, rng.binomial(control, rates), control)
        assert found.products == ((n > 0) & (control > 0)).sum()
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.01 <= found.high
    assert covered >= 87
    assert difference([1], [2], [0], [2]).mean is None
