"""Rules from exports to what they mean for single products."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from tests.spark.catalog.exports import Shop
from tests.spark.rows import table_rows

from leastpack.catalog.rules import gone_rules, idle_rules, kept_rules, rank_rules
from leastpack.catalog.sources import read_rows, with_content
from leastpack.certificates.ruled import banned_pairs, in_force, ruled_products

EMPTY = dict.fromkeys(("vendor", "hazard_class", "product_id", "valid_from", "valid_to", "updated_at", "note"))


def rule(rule_id: str | None, action: str | None, package: str | None, **other: Any) -> dict[str, Any]:
    return {**EMPTY, "rule_id": rule_id, "action": action, "package_type": package, "marketplace": "NA", **other}


SOUND = [
    rule("R1", "BAN", "own_container", vendor="Acme"),
    rule("R2", "pin", "small_box", product_id="P1", updated_at="2024-01-01"),
    rule("R2", "ban", "small_box", product_id="P1", updated_at="2024-02-01"),
    rule("R3", "ban", "own_container", hazard_class="9", valid_from="2024-01-01", valid_to="2024-02-01"),
]
FAULTY = {
    "MISSING_RULE_ID": rule(None, "ban", "small_box", vendor="a"),
    "MISSING_PACKAGE_TYPE": rule("F1", "ban", None, vendor="a"),
    "UNKNOWN_ACTION": rule("F2", "forbid", "small_box", vendor="a"),
    "UNKNOWN_PACKAGE_TYPE": rule("F3", "ban", "smallbox", vendor="a"),
    "UNKNOWN_MARKETPLACE": rule("F4", "ban", "small_box", vendor="a", marketplace="XX"),
    "RULE_OF_NO_PRODUCT": rule("F5", "ban", "small_box"),
    "IMPOSSIBLE_VALID_TO": rule("F6", "ban", "small_box", vendor="a", valid_from="2024-02-01", valid_to="2024-02-01"),
    "UNREADABLE_VALID_FROM": rule("F7", "ban", "small_box", vendor="a", valid_from="spring"),
    "CONTRADICTORY_RULE": rule("F8", "ban", "small_box", vendor="a"),
}


def test_rules_are_judged_and_the_latest_row_of_each_counts(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    both = rule("F8", "ban", "small_box", vendor="b")
    shop.lines("house", "rules", [*SOUND, *FAULTY.values(), both])
    rows = with_content(read_rows(spark, shop.config().sources[0]))
    types = [("NA", "own_container"), ("NA", "small_box"), ("EU", "own_container")]
    ranked = rank_rules(rows, ["NA", "EU"], types).localCheckpoint()
    told = ranked.collect()
    assert sorted(row.fault for row in told if row.fault) == sorted([*FAULTY, "CONTRADICTORY_RULE"])
    assert all((row.raw is not None) == (row.status == "quarantined") == (row.fault is not None) for row in told)
    assert sorted((row.rule_id, row.status, row.action) for row in told if not row.fault) == [
        ("R1", "used", "ban"), ("R2", "older_version", "pin"), ("R2", "used", "ban"), ("R3", "used", "ban"),
    ]  # fmt: skip
    used = {row.rule_id: row for row in told if row.status == "used"}
    assert used["R1"].vendor == "acme"
    assert (used["R3"].valid_from, used["R3"].valid_to) == (datetime.date(2024, 1, 1), datetime.date(2024, 2, 1))
    # What a mangled row was to change stays as it was, and what nobody delivers any more is charged to somebody.
    brought = {"R1": "house", "OLD": "house", "F2": "house", "LOST": "gone source"}
    stored = [{"marketplace": "NA", "rule_id": name, "source": source} for name, source in brought.items()]
    before = table_rows(spark, "packaging_rules", stored)
    assert {row.rule_id for row in kept_rules(ranked, before).collect()} == {"R1", "R2", "R3", "F2"}
    assert gone_rules(ranked, before, ["house"]) == {"house": (2, 4)}
    named = [{"marketplace": "NA", "product_id": "P1", "vendor": "ACME"}, {"marketplace": "NA", "product_id": "P2"}]
    assert idle_rules(kept_rules(ranked, before.limit(0)), table_rows(spark, "products", named)) == 1  # hazard class 9


def test_what_rules_mean_for_a_product(spark: SparkSession) -> None:
    types = {"NA": ["bag", "box", "mailer", "tin"], "EU": ["bag"]}
    in_use = {"NA": ["bag", "box", "mailer"], "EU": ["bag"]}
    products = [
        ("P1", "Acme", None),
        ("P2", "ACME ", "9"),
        ("P3", "acme", "9"),
        ("P4", None, "9"),
        ("P5", None, None),
        ("P6", "Pinned", None),
        ("P7", "Pinned", "3"),
    ]
    rows = [{"marketplace": "NA", "product_id": a, "vendor": b, "hazard_class": c} for a, b, c in products]
    rows.append({"marketplace": "EU", "product_id": "P1", "vendor": "Acme"})
    day, late = datetime.date(2024, 3, 1), datetime.date(2024, 3, 2)
    rules = [
        rule("vendor", "ban", "bag", vendor="acme"),
        rule("both", "ban", "mailer", vendor="acme", hazard_class="9"),
        rule("class", "pin", "box", hazard_class="9"),
        rule("ended", "ban", "box", product_id="P5", valid_to=day),
        rule("coming", "ban", "box", product_id="P5", valid_from=late),
        rule("product", "ban", "box", product_id="P5", valid_from=day, valid_to=late),
        rule("wide", "pin", "box", vendor="pinned", valid_from=day),
        rule("narrow", "pin", "mailer", vendor="pinned", product_id="P7"),
        rule("forbidden", "pin", "bag", product_id="P7"),
        rule("above", "ban", "bag", product_id="P7"),
        rule("older", "pin", "mailer", vendor="pinned"),
        rule("withdrawn", "pin", "tin", product_id="P6"),
    ]
    holding = in_force(table_rows(spark, "packaging_rules", rules), day)
    ruled = ruled_products(table_rows(spark, "products", rows), holding, types, in_use)
    found = {row.product_id: (row.pinned, sorted(row.banned)) for row in ruled.collect()}
    assert found == {
        "P1": (None, ["bag"]),
        "P2": ("box", ["bag", "mailer", "tin"]),  # of a vendor spelt with a blank, which is another one
        "P3": ("box", ["bag", "mailer", "tin"]),
        "P4": ("box", ["bag", "mailer", "tin"]),
        "P5": (None, ["box"]),
        "P6": ("box", ["bag", "mailer", "tin"]),
        "P7": ("mailer", ["bag", "box", "tin"]),
    }
    assert banned_pairs(ruled).count() == 17
