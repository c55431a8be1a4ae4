from __future__ import annotations

import numpy as np
import pytest

from leastpack.outcomes.months import odd_months

MONTHS = [f"2024-{month:02d}" for month in range(1, 13)]
Counts = list[tuple[str, str, int, int]]


def steady(shipments: int, damaged: int, months: list[str] = MONTHS, market: str = "NA") -> Counts:
    return [(market, month, shipments, damaged) for month in months]


@pytest.mark.parametrize(
    ("last", "odd"),
    [
        ((2000, 20), None),
        ((2000, 0), 0.0),  # a year at 1 %: twenty were to be expected
        ((2000, 5), 0.27),
        ((2000, 8), None),  # few, and such a month comes by chance
        ((2000, 9), None),
        ((2000, 80), 3.2),
        ((2000, 40), None),  # twice as many as usual are less than twice the year's rate
        ((200, 0), None),  # too few shipments to tell
        ((10, 2), None),
        ((20, 20), 91.75),
        ((0, 0), None),
    ],
)
def test_a_month_is_odd_beyond_half_and_twice_the_years_rate_and_beyond_chance(
    last: tuple[int, int], odd: float | None
) -> None:
    found = odd_months([*steady(2000, 20, MONTHS[:-1]), ("NA", "2024-12", *last), *steady(500, 0, market="EU")])
    assert [(one.marketplace, one.month) for one in found] == ([] if odd is None else [("NA", "2024-12")])
    assert [one.ratio for one in found] == ([] if odd is None else [pytest.approx(odd, abs=0.01)])


def test_only_the_twelve_months_up_to_a_month_count_and_only_the_latest_twelve_are_judged() -> None:
    before = [f"2023-{month:02d}" for month in range(1, 13)]
    old = [("NA", "2023-06", 2000, 0)]
    rest = [row for row in steady(2000, 20, before) if row[1] != "2023-06"]
    assert odd_months([*old, *rest, *steady(2000, 20)]) == [], "what was odd two years ago is not told again"
    # A rate that has changed for good is the year's own after a year.
    assert odd_months([*steady(2000, 20, before), *steady(2000, 90)]) != []
    later = [f"2025-{month:02d}" for month in range(1, 13)]
    assert odd_months([*steady(2000, 20, before), *steady(2000, 90), *steady(2000, 90, later)]) == []


def test_in_sound_data_hardly_any_month_is_odd_by_chance() -> None:
    """400 marketplaces of small and large months, one year each: 4,800 months and at most a handful of warnings."""
    random = np.random.default_rng(5)
    counts: Counts = []
    for market in range(400):
        rate = random.uniform(0.002, 0.05)
        for month in MONTHS:
            n = int(random.lognormal(6, 2)) + 1
            counts.append((str(market), month, n, int(random.binomial(n, rate))))
    assert len(odd_months(counts)) <= 5
