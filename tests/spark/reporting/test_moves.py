"""Sums over shipments of what moves: what is unknown makes nothing look lighter or safer."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import SparkSession
from tests.spark.market import package_rows
from tests.spark.rows import table_rows

from leastpack.reporting.moves import by_marketplace, kept_products, totals
from leastpack.reporting.truth import moves_check

RATES = {"bag": 0.02, "mailer": 0.01, "box": 0.001}


def product(key: str, reason: str, package: str, before: str | None, **more: Any) -> dict[str, Any]:
    tare = {"bag": 20.0, "mailer": 60.0, "box": 200.0}
    saved = None if before is None else tare[before] - tare[package]
    row = {"marketplace": "NA", "product_id": key, "reason": reason, "package_type": package, "weight_saved_g": saved}
    return {**row, "current_package_type": before, **more}


ROWS = [
    product("moved", "moved", "bag", "mailer", certificate_id="c"),
    # Packages have followed: without leastpack it ships in a mailer.
    product("followed", "moved", "bag", "mailer", certificate_id="c", current_package_type="bag", moved_from="mailer"),
    product("kept", "kept", "box", "box", why_not_moved="unsupported"),
    product("unscored", "kept", "box", "box", why_not_moved="unscored"),
    product("first", "first", "bag", None, certificate_id="c"),
    product("european", "kept", "box", "box", marketplace="EU"),
]
SHIPPED = {"moved": 100, "followed": 10, "kept": 50, "unscored": 1000}


@pytest.fixture
def frames(spark: SparkSession) -> dict[str, Any]:
    keys = [(row["marketplace"], row["product_id"]) for row in ROWS if row["product_id"] != "unscored"]
    pairs = [
        {"marketplace": marketplace, "product_id": key, "package_type": name, "damage_rate": rate}
        for marketplace, key in keys
        for name, rate in RATES.items()
    ]
    outcomes = [
        {"marketplace": "NA", "product_id": key, "package_type": "box", "period": "2024-05", "n": n, "k": n // 50}
        for key, n in SHIPPED.items()
    ]
    return {
        "recommendations": table_rows(spark, "recommendations", ROWS),
        "package_types": table_rows(spark, "package_types", package_rows()),
        "scores": table_rows(spark, "scores", pairs),
        "outcomes": table_rows(spark, "pair_outcomes", outcomes),
    }


def test_sums_are_over_shipments_of_products_that_can_be_compared(frames: dict[str, Any]) -> None:
    markets = by_marketplace(**frames)
    found = totals(markets)
    assert (found.products, found.moved, found.kept, found.unsupported) == (6, 3, 3, 1)
    assert (found.shipments, found.not_compared) == (160, 1000)
    assert (found.grams_before, found.grams_after) == (110 * 60 + 50 * 200, 110 * 20 + 50 * 200)
    assert found.damages_before == pytest.approx(110 * 0.01 + 50 * 0.001)
    assert found.damages_after == pytest.approx(110 * 0.02 + 50 * 0.001)
    assert (found.true_before, found.true_after) == (None, None)
    # A marketplace that has shipped nothing hides no other.
    assert markets.set_index("marketplace").loc["EU", "shipments"] == 0


def test_kept_products_are_told_by_their_own_shipments(frames: dict[str, Any]) -> None:
    found = kept_products(frames["recommendations"], frames["outcomes"])
    assert (found["products"], found["n"], found["k"]) == (3, 1050, 21)
    assert 0.02 < found["upper"] < 0.03


def test_the_truth_is_asked_of_all_that_moves_by_a_certificate(spark: SparkSession, frames: dict[str, Any]) -> None:
    promise = {"certificate_id": "c", "cell": "*/photos", "alpha": 0.4, "labels": "audit"}
    certificates = table_rows(spark, "certificates", [promise])
    truth = spark.createDataFrame(
        [
            ("NA", row["product_id"], name, rate, name == "bag" and row["product_id"] == "moved")
            for row in ROWS
            for name, rate in RATES.items()
        ],
        "marketplace string, product_id string, package_type string, damage_rate double, unsafe boolean",
    )
    checked = moves_check(frames["recommendations"], certificates, truth).to_dict("records")
    assert [row["package_type"] for row in checked] == ["all", "bag"]
    whole = checked[0]
    assert (whole["products"], whole["unsafe"], whole["kept"]) == (3, 1, True)
    assert (whole["rate_before"], whole["rate_after"]) == (pytest.approx(0.01), pytest.approx(0.02))
    by_rate = table_rows(spark, "certificates", [{**promise, "alpha": 0.01, "labels": "pilot"}])
    assert not moves_check(frames["recommendations"], by_rate, truth)["kept"].any()
