from __future__ import annotations

import pytest

from leastpack.config.guards import GuardsConfig
from leastpack.config.sources import Kind, SourceConfig, required_fields
from leastpack.outcomes.guards import damage_guard, deletion_guards, reasons_guard
from leastpack.outcomes.history import Deletion
from leastpack.runs import Account


def source(kind: Kind, **guards: float) -> SourceConfig:
    columns = {field: field for field in required_fields(kind)}
    given = GuardsConfig(**guards)
    return SourceConfig(name=kind, kind=kind, format="csv", path="x.csv", columns=columns, guards=given)


def account(used: int, quarantined: int = 0, **aside: int) -> Account:
    rows = used + quarantined + sum(aside.values())
    return {"rows_in": rows, "used": used, "set_aside": aside, "quarantined": quarantined}


@pytest.mark.parametrize(
    ("told", "found", "total", "holds"),
    [
        (account(95, no_shipment=5), 5, 100, True),
        (account(94, no_shipment=6), 6, 100, False),
        (account(94, before_shipment=6), 6, 100, False),
        (account(94, long_after=6), 6, 100, False),
        (account(94, no_shipment=2, before_shipment=2, long_after=2), 6, 100, False),
        # Nothing of this is wrong with the data, and what tells of no damage is no part of it.
        (
            account(10, late=40, shipment_set_aside=20, before_history=20, no_shipment_in_window=5, no_shipment_left=5),
            0,
            100,
            True,
        ),
        (account(94, no_shipment=6, not_damage=900, duplicate=900, no_stars=3), 6, 100, False),
        (account(0, no_shipment=99), 99, 99, True),
    ],
)
def test_damage_that_no_shipment_is_charged_with(told: Account, found: int, total: int, holds: bool) -> None:
    for kind in ("returns", "reviews"):
        guard = damage_guard(source(kind), told)
        assert (guard.found, guard.total, guard.holds) == (found, total, holds)
        assert damage_guard(source(kind, most_damage_set_aside=1), told).holds


def test_the_sentence_names_why_damage_is_charged_to_nothing() -> None:
    sentence = damage_guard(source("returns"), account(80, no_shipment=15, before_shipment=5)).sentence()
    assert "20.00% (20 of 100)" in sentence
    assert "(no_shipment 15, before_shipment 5)" in sentence


@pytest.mark.parametrize(
    ("told", "found", "total", "holds"),
    [
        (account(10, not_damage=85, unmapped_reason=5), 5, 100, True),
        (account(10, not_damage=84, unmapped_reason=6), 6, 100, False),
        (account(0, unmapped_reason=300), 300, 300, False),
        (account(10, 50, not_damage=84, unmapped_reason=6, duplicate=50, older_version=50), 6, 100, False),
    ],
)
def test_reasons_that_no_rule_maps(told: Account, found: int, total: int, holds: bool) -> None:
    guard = reasons_guard(source("returns"), told, "CRUSHED 4, WET 2")
    assert (guard.found, guard.total, guard.holds) == (found, total, holds)
    assert "(CRUSHED 4, WET 2)" in guard.sentence()


def test_a_delivery_may_not_delete_a_month_nor_a_little_of_many_small_ones() -> None:
    shop = source("shipments")
    months = [Deletion("shipments", f"2024-0{month}", 60, 10) for month in range(1, 4)]
    many = [guard.holds for guard in deletion_guards(shop, [*months, Deletion("returns", "2024-01", 500, 500)])]
    assert many == [False, True, True, True], "each month has too few rows to tell, all of them do not"
    stray = [Deletion("shipments", "2024-01", 60, 59), Deletion("shipments", "2024-02", 9, 9)]
    assert [guard.holds for guard in deletion_guards(shop, stray)] == [False, False, True]
    large = [Deletion("shipments", "2024-01", 100, 90), Deletion("shipments", "2024-02", 100_000, 0)]
    assert [guard.holds for guard in deletion_guards(shop, large)] == [True, False, True]
    assert [guard.holds for guard in deletion_guards(shop, [Deletion("shipments", None, 1000, 51)])] == [False]
    assert deletion_guards(shop, []) == []
