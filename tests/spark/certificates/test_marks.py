"""What is proven of single pairs."""

from __future__ import annotations

from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tests.spark.rows import table_rows

from leastpack.certificates.marks import (
    BANNED,
    DISPROVED,
    RULED,
    UNSAFE,
    alarmed_pairs,
    disproved_pairs,
    exclusions,
    policy_bit,
    product_marks,
    proven_labels,
    without_panels,
)


def told(product: str, package: str, label: str, **other: Any) -> dict[str, Any]:
    row = {"marketplace": "NA", "product_id": product, "package_type": package, "label": label}
    return {**row, "source": "human_test", "eligible": False, **other}


def test_a_human_test_overrules_shipments(spark: SparkSession) -> None:
    shipments = {"source": "shipments", "eligible": True}
    tests = [
        told("a", "bag", "UNSAFE", **shipments),
        told("a", "bag", "SAFE"),
        told("b", "bag", "UNSAFE", **shipments),
        told("b", "bag", "UNKNOWN"),
        told("c", "bag", "UNKNOWN", **shipments),
        told("few", "bag", "UNSAFE", source="shipments"),  # a few shipments prove nothing
    ]
    rows = proven_labels(table_rows(spark, "pair_tests", tests)).collect()
    assert {row.product_id: row.proven for row in rows} == {"a": "SAFE", "b": "UNSAFE"}


def shipped(product: str, n: int, k: int, lower: float) -> dict[str, Any]:
    return told(product, "bag", "UNKNOWN", source="shipments", n=n, k=k, lower=lower)


def test_few_shipments_raise_an_alarm_where_chance_hardly_explains_them(spark: SparkSession) -> None:
    # At a threshold of 1 %: three of five is far beyond chance, one of five is not.
    rows = [shipped("many", 5, 3, 0.19), shipped("one", 5, 1, 0.0102), shipped("none", 400, 0, 0.0)]
    found = alarmed_pairs(table_rows(spark, "pair_tests", rows), 0.01).collect()
    assert [row.product_id for row in found] == ["many"]


def test_tests_of_a_panel_disprove_nothing_and_prove(spark: SparkSession) -> None:
    rows = table_rows(
        spark, "pair_tests", [told("in", "bag", "UNSAFE", n=1, k=1), told("out", "bag", "UNSAFE", n=1, k=1)]
    )
    outside = without_panels(rows, F.col("product_id") == "in")
    disproved = disproved_pairs(outside, 0.01)
    assert [row.product_id for row in disproved.collect()] == ["out"]
    pairs = [{"marketplace": "NA", "product_id": a, "package_type": b} for a, b in (("out", "bag"), ("ruled", "box"))]
    banned = table_rows(spark, "round_exclusions", pairs)
    excluded = exclusions(disproved, banned)
    # As written before there were rules.
    before = table_rows(spark, "round_exclusions", [{**pairs[0], "product_id": "in"}])
    stopped = table_rows(spark, "round_exclusions", [{**pairs[1], "product_id": "stopped"}])
    found = product_marks(rows, outside, banned, [excluded, before], 0.01, stopped).collect()
    assert {row.product_id: row.marks for row in found} == {
        "in": {"bag": UNSAFE | policy_bit(1)},
        "out": {"bag": UNSAFE | BANNED | DISPROVED | RULED},
        "ruled": {"box": BANNED | RULED},
        "stopped": {"box": UNSAFE},
    }
