"""Packages on trial: a product is decided from the one before until its new one is proven."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from leastpack.policy.choose import NONE
from leastpack.policy.trial import Trials, todays_package, trials_after

SIZE = 3
PLACE = st.integers(NONE, SIZE - 1)
FLAGS = st.lists(st.booleans(), min_size=SIZE, max_size=SIZE)


def one(shipped: int, before: int, introduced: list[int], proven: list[int]) -> tuple[int, int, list[int]]:
    """Today's package, the one before and what goes on being on trial."""

    def marked(places: list[int]) -> np.ndarray:
        return np.array([[place in places for place in range(SIZE)]])

    today, trials = todays_package(np.array([shipped]), Trials(np.array([before]), marked(introduced)), marked(proven))
    return int(today[0]), int(trials.before[0]), np.flatnonzero(trials.introduced[0]).tolist()


def test_without_a_trial_today_is_what_ships() -> None:
    assert one(1, NONE, [], []) == (1, NONE, [])
    assert one(NONE, NONE, [], []) == (NONE, NONE, [])


def test_a_move_that_is_followed_goes_on_to_be_decided_from_the_package_before() -> None:
    assert one(0, 2, [0], []) == (2, 2, [0])
    assert one(0, NONE, [0], []) == (NONE, NONE, [0])  # a first package


def test_a_move_that_is_not_followed_yet_goes_on_too() -> None:
    assert one(2, 2, [0], []) == (2, 2, [0])


def test_a_proven_package_is_today_s() -> None:
    assert one(0, 2, [0], [0]) == (0, NONE, [])
    assert one(0, 2, [0, 1], [1]) == (2, 2, [0, 1])  # another one is proven


def test_where_the_retailer_ships_in_another_package_the_trial_ends() -> None:
    assert one(1, 2, [0], []) == (1, NONE, [])


def test_a_second_move_keeps_the_first_in_mind() -> None:
    before = Trials(np.array([2]), np.array([[True, False, False]]))
    today, trials = todays_package(np.array([0]), before, np.zeros((1, SIZE), dtype=bool))
    after = trials_after(trials, today, np.array([1]), np.array([True]))
    assert (after.before.tolist(), after.introduced.tolist()) == ([2], [[True, True, False]])


@given(PLACE, PLACE, FLAGS, FLAGS, st.integers(0, SIZE - 1), st.booleans())
def test_p2_deciding_again_from_what_came_out_changes_nothing(
    shipped: int, before: int, introduced: list[bool], proven: list[bool], package: int, moves: bool
) -> None:
    safe, ships = np.array([proven]), np.array([shipped])
    today, trials = todays_package(ships, Trials(np.array([before]), np.array([introduced])), safe)
    certified = np.array([moves and package != int(today[0])])
    after = trials_after(trials, today, np.array([package]), certified)
    again, going_on = todays_package(ships, after, safe)
    # A package that is proven does not stay on trial; it was today's before it was introduced, or is now.
    if not proven[shipped]:
        assert again.tolist() == today.tolist()
        second = trials_after(going_on, again, np.array([package]), certified)
        assert second.introduced.tolist() == after.introduced.tolist()
        assert second.before.tolist() == after.before.tolist()
