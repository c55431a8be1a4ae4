"""What codes of cartons mean: each kind of row once, in one delivery."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import SparkSession
from tests.spark.outcomes.shop import account, by_key, config, returned, shipment, write_catalog

from leastpack.guards import accepting
from leastpack.outcomes.label import label_outcomes
from leastpack.tables import Tables


def meaning(code: str | None, package: str | None, begins: str | None = None, ends: str | None = None) -> Any:
    return {"code": code, "package_type": package, "valid_from": begins, "valid_to": ends}


CODES = [
    meaning("K1", "bag", ends="2024-02-01"),
    meaning("K1", "box", "2024-02-01", "2024-03-01"),
    # Says the same type on days that it already has, and again what another row says.
    meaning("K1", "box", "2024-02-10", "2024-02-20"),
    meaning("K1", "box", "2024-02-01", "2024-03-01"),
    meaning("0042", "mailer"),
    meaning("TWO", "bag", "2024-01-01", "2024-02-02"),
    meaning("TWO", "box", "2024-02-01"),
    meaning("TYPO", "boks"),
    # A row that cannot be used names a type all the same, and where its dates are wrong, of any day.
    meaning("HALF", "bag", ends="2024-01-01"),
    meaning("HALF", "boks"),
    meaning("WHEN", "bag", ends="2024-01-01"),
    meaning("WHEN", "box", "the first of May"),
    meaning("BACK", "bag", "2024-03-01", "2024-03-01"),
    meaning("bag", "box"),
    meaning("box", "box"),
    meaning("R\N{REPLACEMENT CHARACTER}D", "bag"),
    meaning(None, "bag"),
    meaning("K9", None),
    meaning("K1", "mailer") | {"marketplace": "EU"},
    meaning("K1", "mailer") | {"marketplace": "XX"},
]
SHIPPED = {
    # code, day: the type it went in, or the code of quarantine
    ("K1", "2024-01-31"): "bag",
    ("K1", "2024-02-01"): "box",
    ("K1", "2024-02-15"): "box",
    ("K1", "2024-02-29"): "box",
    ("K1", "2024-03-01"): "UNKNOWN_PACKAGE_TYPE",
    ("0042", "2024-01-01"): "mailer",
    ("42", "2024-01-01"): "UNKNOWN_PACKAGE_TYPE",
    ("k1", "2024-01-31"): "UNKNOWN_PACKAGE_TYPE",
    ("TWO", "2024-01-05"): "UNKNOWN_PACKAGE_TYPE",
    ("TYPO", "2024-01-05"): "UNKNOWN_PACKAGE_TYPE",
    ("HALF", "2023-12-05"): "UNKNOWN_PACKAGE_TYPE",
    ("WHEN", "2023-12-05"): "UNKNOWN_PACKAGE_TYPE",
    ("BACK", "2024-03-01"): "UNKNOWN_PACKAGE_TYPE",
    ("bag", "2024-01-05"): "bag",
    ("box", "2024-01-05"): "box",
    ("K1", "no day"): "UNREADABLE_SHIPPED_AT",
}


@pytest.fixture(scope="module")
def labelled(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    shipments = [shipment(i, "mug", code, day) for i, (code, day) in enumerate(SHIPPED)]
    exports = {"shipments": shipments, "returns": [returned(0, "mug", day="2024-02-03")], "package_codes": CODES}
    shop = config(tmp_path_factory.mktemp("shop"), exports, as_of="2024-06-02")
    tables = write_catalog(spark, shop, ["mug"])
    kinds = ("shipments", "returns", "package_codes")
    label_outcomes(spark, accepting(shop, ["package_codes:most_quarantined"], kinds))
    return tables


@pytest.mark.slow
def test_a_shipment_went_in_what_its_code_meant_on_its_day(labelled: Tables) -> None:
    kept = by_key(labelled.read("shipment_items"), "shipment_id")
    quarantined = [row for row in labelled.read("quarantine").collect() if row["source"] == "shipments"]
    found = {name: row["package_type"] for name, row in kept.items()}
    found |= {row["raw"].split('"shipment_id":"')[1].split('"')[0]: row["code"] for row in quarantined}
    assert found == {f"s{i}": meant for i, meant in enumerate(SHIPPED.values())}


@pytest.mark.slow
def test_codes_that_cannot_be_used_are_in_quarantine_and_every_row_is_accounted_for(labelled: Tables) -> None:
    quarantined = [row for row in labelled.read("quarantine").collect() if row["source"] == "package_codes"]
    assert sorted(row["code"] for row in quarantined) == [
        *["CONTRADICTORY_CODE"] * 5,
        "IMPOSSIBLE_VALID_TO",
        "MISSING_CODE",
        "MISSING_PACKAGE_TYPE",
        *["UNKNOWN_MARKETPLACE"],
        *["UNKNOWN_PACKAGE_TYPE"] * 2,
        "UNREADABLE_CODE",
        "UNREADABLE_VALID_FROM",
    ]
    assert all(row["why"] and row["why"] != row["code"] for row in quarantined)
    assert account(labelled, "package_codes") == {
        "rows_in": len(CODES),
        "used": 6,
        "set_aside": {"duplicate": 1},
        "quarantined": 13,
    }
