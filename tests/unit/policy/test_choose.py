"""choose(t): what a product ships in at a level of risk."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leastpack.errors import InputError
from leastpack.policy.choose import NONE, Options, choose, choose_by_level, distinct_moves, preference


def options(**given: Any) -> Options:
    """One product and three types: costs 1, 2, 3, risks 0.3, 0.2, 0.1; it ships in the last one."""
    cost = np.array([[1.0, 2.0, 3.0]])
    plain = {
        "usable": np.ones((1, 3), bool),
        "risk": np.array([[0.3, 0.2, 0.1]]),
        "cost": cost,
        "order": preference(given.get("cost", cost), np.zeros((1, 3)), np.arange(3.0)),
        "today": np.array([2]),
        "settled": np.array([False]),
        "rejected": np.array([False]),
    }
    return Options(**{**plain, **given})


def chosen(level: float, least_saving: float = 0.0, **given: Any) -> tuple[int, bool]:
    choice = choose(options(**given), level, least_saving)
    return int(choice.package[0]), bool(choice.moves[0])


@pytest.mark.parametrize(
    ("level", "given", "expected"),
    [
        (0.05, {}, (2, False)),  # today's own risk does not count
        (0.2, {}, (1, True)),
        (1.0, {}, (0, True)),
        (1.0, {"usable": np.array([[False, True, True]])}, (1, True)),
        (1.0, {"least_saving": 1.5}, (0, True)),
        (1.0, {"least_saving": 2.5}, (2, False)),
        (1.0, {"cost": np.array([[3.0, 3.0, 3.0]])}, (2, False)),  # equal costs move nothing
        (1.0, {"cost": np.array([[1.0, 2.0, np.nan]])}, (2, False)),  # nor do unknown ones
        (1.0, {"cost": np.array([[np.nan, np.nan, 3.0]])}, (2, False)),
        (1.0, {"settled": np.array([True])}, (2, False)),
        (1.0, {"settled": np.array([True]), "rejected": np.array([True])}, (2, False)),
        (0.2, {"rejected": np.array([True]), "cost": np.array([[9.0, 9.0, 3.0]])}, (2, False)),
        (
            0.2,
            {"rejected": np.array([True]), "cost": np.array([[9.0, 9.0, 3.0]]), "usable": np.array([[1, 1, 0]], bool)},
            (1, True),  # away, whatever it costs
        ),
        (0.1, {"today": np.array([NONE])}, (2, True)),  # a first package
        (0.05, {"today": np.array([NONE])}, (NONE, False)),
        (1.0, {"today": np.array([NONE]), "usable": np.zeros((1, 3), bool)}, (NONE, False)),
    ],
)
def test_a_product_moves_where_a_pair_under_the_level_saves_and_else_stays(
    level: float, given: dict[str, Any], expected: tuple[int, bool]
) -> None:
    assert chosen(level, **given) == expected


def test_equal_costs_go_to_less_void_then_more_protection_then_the_first_name() -> None:
    cost = np.ones((3, 3))
    void = np.array([[0.3, 0.1, 0.2], [0.1, 0.1, 0.1], [0.1, 0.1, 0.1]])
    order = preference(cost, void, np.array([1.0, 2.0, 2.0]))
    assert order.tolist() == [[1, 2, 0], [1, 2, 0], [1, 2, 0]]
    assert preference(np.array([[np.nan, 5.0]]), np.zeros((1, 2)), np.zeros(2)).tolist() == [[1, 0]]


@st.composite
def catalogs(draw: st.DrawFn) -> Options:
    n, t = draw(st.integers(1, 12)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    cost = rng.integers(1, 5, (n, t)).astype(float)
    return Options(
        usable=rng.random((n, t)) < 0.7,
        risk=rng.random((n, t)).round(1),
        cost=cost,
        order=preference(cost, rng.random((n, t)).round(1), rng.integers(0, 3, t).astype(float)),
        today=rng.integers(NONE, t, n),
        settled=rng.random(n) < 0.2,
        rejected=rng.random(n) < 0.2,
    )


@given(catalogs(), st.floats(0, 1), st.sampled_from([0.0, 1.0, 2.0]))
def test_a_move_goes_to_the_least_costly_usable_pair_under_the_level_and_saves_enough(
    catalog: Options, level: float, least_saving: float
) -> None:
    choice = choose(catalog, level, least_saving)
    for i, (place, moves) in enumerate(zip(choice.package, choice.moves, strict=True)):
        today, under = catalog.today[i], catalog.usable[i] & (catalog.risk[i] <= level)
        assert moves == (place != today)
        if moves:
            assert under[place]
            assert catalog.cost[i, place] == catalog.cost[i, under].min()
            assert not catalog.settled[i]
            if today != NONE and not catalog.rejected[i]:
                saved = catalog.cost[i, today] - catalog.cost[i, place]
                assert saved >= least_saving
                assert saved > 0
        elif under.any() and not catalog.settled[i] and today != NONE and not catalog.rejected[i]:
            saved = catalog.cost[i, today] - catalog.cost[i, under].min()
            assert saved < least_saving or saved <= 0


@given(catalogs(), st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_an_audit_tests_every_pair_that_some_level_moves_to(catalog: Options, levels: list[float]) -> None:
    packages, moves = choose_by_level(catalog, levels)
    pairs = distinct_moves(packages, moves, catalog.usable.shape[1])
    found = {(i, int(packages[at, i])) for at in range(len(levels)) for i in np.flatnonzero(moves[at])}
    assert set(zip(*(place.tolist() for place in np.nonzero(pairs)), strict=True)) == found


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"risk": np.array([[0.3, np.nan, 0.1]])}, "risk"),
        ({"risk": np.array([[0.3, 1.2, 0.1]])}, "risk"),
        ({"risk": np.zeros((1, 2))}, "risk"),
        ({"today": np.array([3])}, "today"),
        ({"today": np.array([1, 2])}, "today"),
    ],
)
def test_what_cannot_be_used_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        options(**given)


@pytest.mark.parametrize(("level", "least_saving", "message"), [(1.5, 0.0, "level"), (0.5, -1.0, "least_saving")])
def test_levels_and_savings_out_of_range_are_named(level: float, least_saving: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        choose(options(), level, least_saving)
