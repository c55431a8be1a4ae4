from __future__ import annotations

from typing import Any

import pytest
from tests.spark.catalog.exports import Shop

BOX = {"length": 30, "width": 20, "height": 10, "weight": 1000, "defect": "N", "measured_at": "2024-01-01"}


def listed(size: str = "", weight: str = "") -> dict[str, str]:
    return {"title": "Thing", "size": size, "weight": weight}


# Listing in inches and pounds, tunnel rows in cm and g; then source, reason, longest and shortest side, weight, notes.
CASES: dict[
    str, tuple[dict[str, str], list[dict[str, Any]], str, str, float | None, float | None, float | None, list[str]]
]
CASES = {
    "measured": (listed("10 x 5 x 2", "2"), [BOX], "tunnel", "tunnel_measured", 30.0, 10.0, 1000.0, []),
    "measured_only": (listed(), [BOX], "tunnel", "tunnel_measured", 30.0, 10.0, 1000.0, []),
    "declared": (listed("10 x 5 x 2", "2"), [], "declared", "declared_only", 25.4, 5.08, 907.18474, []),
    "two_sides": (listed("10 x 5"), [], "declared", "declared_partial", 25.4, None, None, ["SIZE_TWO_SIDES"]),
    "nothing": (listed(), [], "none", "none", None, None, None, []),
    "absurd_declared": (
        listed("999 x 999 x 999", "0"),
        [],
        "none",
        "none",
        None,
        None,
        None,
        ["ABSURD_SIDE", "ABSURD_WEIGHT"],
    ),
    "absurd_tunnel": (
        listed("10 x 5 x 2", "2"),
        [{**BOX, "length": 900, "weight": 0}],
        "declared",
        "tunnel_absurd",
        25.4,
        5.08,
        907.18474,
        ["TUNNEL_ABSURD_SIZE", "TUNNEL_ABSURD_WEIGHT"],
    ),
    "partial_tunnel": (
        listed("10 x 5 x 2"),
        [{**BOX, "height": None}],
        "declared",
        "tunnel_partial",
        25.4,
        5.08,
        1000.0,
        ["TUNNEL_PARTIAL_SIZE"],
    ),
    "only_a_partial_tunnel": (
        listed(),
        [{**BOX, "height": None}],
        "tunnel",
        "tunnel_partial",
        30.0,
        None,
        1000.0,
        ["TUNNEL_PARTIAL_SIZE"],
    ),
    "denser_than_platinum": (listed("1 x 1 x 1", "3"), [], "none", "none", None, None, None, ["ABSURD_DENSITY"]),
    "lighter_than_air": (listed("100 x 100 x 100", "0.1"), [], "none", "none", None, None, None, ["ABSURD_DENSITY"]),
    "tunnel_too_dense": (
        listed("10 x 5 x 2", "2"),
        [{**BOX, "length": 2, "width": 2, "height": 2}],
        "declared",
        "tunnel_absurd",
        25.4,
        5.08,
        907.18474,
        ["TUNNEL_ABSURD_DENSITY"],
    ),
    "newest_measurement": (
        listed(),
        [{**BOX, "length": 31, "measured_at": "2024-02-01", "defect": "Y"}, BOX],
        "tunnel",
        "tunnel_measured",
        31.0,
        10.0,
        1000.0,
        [],
    ),
    "newest_plausible_measurement": (
        listed(),
        [{**BOX, "length": 0, "measured_at": "2024-02-01"}, BOX],
        "tunnel",
        "tunnel_measured",
        30.0,
        10.0,
        1000.0,
        [],
    ),
}


def test_p8_the_chosen_size_says_where_it_is_from_and_why(shop: Shop) -> None:
    shop.products([{"id": name, **case[0]} for name, case in CASES.items()])
    shop.measured(*[{"product_id": name, **row} for name, case in CASES.items() for row in case[1]])
    shop.build()
    products = shop.rows("products")
    for name, (_, _, source, reason, longest, shortest, weight, notes) in CASES.items():
        row = products[("NA", name)]
        assert (row["size_source"], row["size_reason"]) == (source, reason), name
        assert row["length_cm"] == (pytest.approx(longest) if longest else None), name
        assert row["height_cm"] == (pytest.approx(shortest) if shortest else None), name
        assert row["weight_g"] == (pytest.approx(weight) if weight else None), name
        assert row["notes"] == notes, name
    assert products[("NA", "newest_measurement")]["tunnel_defect"] is True
    assert products[("NA", "measured")]["tunnel_defect"] is False
    assert products[("NA", "declared")]["tunnel_defect"] is None


def test_a_lost_unit_is_judged_by_the_tunnel_before_the_declared_size(shop: Shop) -> None:
    shop.products(
        [
            {"id": "declared", "title": "x", "size": "10 x 5 x 2 in", "weight": "14"},
            {"id": "measured", "title": "x", "size": "10 x 5 x 2 in", "weight": "14"},
            {"id": "unknown", "title": "x", "weight": "14"},
            {"id": "impossible", "title": "x", "size": "1 x 1 x 1 in", "weight": "1 246 "},
            {"id": "named", "title": "x", "size": "10 x 5 x 2 in", "weight": "14 oz"},
        ],
        weight_unit="lost",
        lost_units={"lb": 1, "oz": 1},
    )
    shop.measured({"product_id": "measured", "length": 40, "width": 40, "height": 30, "weight": 6500})
    shop.build()
    found = {key[1]: (row["declared_weight_g"], row["notes"]) for key, row in shop.rows("products").items()}
    assert found == {
        "declared": (pytest.approx(14 * 28.349523125), ["WEIGHT_UNIT_JUDGED"]),
        "measured": (pytest.approx(14 * 453.59237), ["WEIGHT_UNIT_JUDGED"]),
        "unknown": (None, ["WEIGHT_UNIT_UNKNOWN"]),
        "impossible": (None, ["ABSURD_DENSITY"]),
        "named": (pytest.approx(14 * 28.349523125), []),
    }


def test_p14_a_lost_unit_is_judged_anew_when_the_tunnel_measures_the_product(shop: Shop) -> None:
    one = {"id": "P", "title": "x", "size": "10 x 5 x 2 in", "weight": "14", "changed": "2024-01-01"}
    shop.products([one], weight_unit="lost", lost_units={"lb": 1, "oz": 1})
    shop.build()
    assert shop.rows("products")[("NA", "P")]["declared_weight_g"] == pytest.approx(14 * 28.349523125)
    shop.products([{**one, "id": "Q"}], weight_unit="lost", lost_units={"lb": 1, "oz": 1})
    shop.measured({"product_id": "P", "length": 40, "width": 40, "height": 30, "weight": 6500})
    shop.build()
    row = shop.rows("products")[("NA", "P")]
    assert (row["declared_weight_g"], row["notes"]) == (pytest.approx(14 * 453.59237), ["WEIGHT_UNIT_JUDGED"])
