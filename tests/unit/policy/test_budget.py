"""A year's delta is spent in parts, by failed attempts too."""

from __future__ import annotations

import datetime

import pytest

from leastpack.errors import InputError
from leastpack.policy.budget import Attempt, delta_of_attempt, products_to_draw

TODAY = datetime.date(2024, 6, 1)


def spent(*days_ago: int, part: float = 0.025) -> list[Attempt]:
    return [Attempt(TODAY - datetime.timedelta(days=days), part) for days in days_ago]


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        ([], 0.025),
        (spent(1, 100, 200), 0.025),
        (spent(1, 100, 200, 364), 0.0),
        (spent(1, 100, 200, 365), 0.025),  # a year ago
        (spent(0, part=0.08), 0.0),
    ],
)
def test_an_attempt_spends_its_part_while_there_is_one(attempts: list[Attempt], expected: float) -> None:
    assert delta_of_attempt(0.1, 4, attempts, TODAY) == pytest.approx(expected)


def test_a_day_that_is_set_back_gives_nothing_back() -> None:
    tomorrow = TODAY + datetime.timedelta(days=1)
    assert delta_of_attempt(0.1, 1, [Attempt(tomorrow, 0.1)], TODAY) == 0


def test_all_parts_of_a_year_can_be_spent() -> None:
    attempts: list[Attempt] = []
    for month in range(12):
        part = delta_of_attempt(0.1, 12, attempts, TODAY)
        assert part > 0, month
        attempts.append(Attempt(TODAY, part))
    assert delta_of_attempt(0.1, 12, attempts, TODAY) == 0


def test_a_round_is_as_large_as_its_promise_asks_and_the_catalog_bears() -> None:
    assert products_to_draw(0.01, 0.1, 10**6) == 2994
    assert products_to_draw(0.02, 0.1, 10**6) == 1497
    assert products_to_draw(0.01, 0.1, 5000) == 500
    assert products_to_draw(0.001, 0.1, 10**9) == 20_000


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: delta_of_attempt(1.0, 4, [], TODAY), "delta"),
        (lambda: delta_of_attempt(0.1, 0, [], TODAY), "issues_a_year"),
        (lambda: products_to_draw(0.0, 0.1, 10), "alpha"),
    ],
)
def test_what_cannot_be_used_is_named(ask, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ask()
