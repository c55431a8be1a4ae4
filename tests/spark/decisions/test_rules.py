from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tests.spark.decisions.market import package_rows
from tests.spark.rows import table_rows

from leastpack.decisions.grid import grid_index, risk_grid
from leastpack.decisions.rules import THRESHOLDS, decide_pairs, proven_labels
from leastpack.decisions.scored import scored_pairs

Rows = list[dict[str, Any]]
BAG = [("*", "profile-bag", "photos", 0.1, "c-bag")]


def pair(product: str, package: str, risk: float | None = 0.05, **other: Any) -> dict[str, Any]:
    row = {"marketplace": "NA", "product_id": product, "package_type": package, "fits": True, "risk": risk}
    return {**row, "void_share": 0.0, "views_used": 3, "model_version": "m", **other}


def decide(
    spark: SparkSession, scores: Rows, thresholds: list[tuple[Any, ...]] = BAG, tests: Rows | None = None
) -> dict[tuple[str, str], tuple[str, str, str | None]]:
    scored = scored_pairs(
        table_rows(spark, "pair_scores", scores),
        table_rows(spark, "package_types", package_rows()),
        risk_grid(10),
        pool_marketplaces=True,
    )
    proven = proven_labels(table_rows(spark, "pair_tests", tests or []))
    decided = decide_pairs(scored, spark.createDataFrame(thresholds, THRESHOLDS), proven, reject_risk=0.5)
    rows = decided.select("product_id", "package_type", "decision", "reason", "certificate_id").collect()
    assert len(rows) == len(scores)
    return {(row.product_id, row.package_type): (row.decision, row.reason, row.certificate_id) for row in rows}


def test_thresholds(spark: SparkSession) -> None:
    risks = {"a": 0.1, "b": 0.1000001, "c": 0.5, "d": 0.5000001}
    found = decide(spark, [pair(product, "bag", risk) for product, risk in risks.items()])
    assert [found[product, "bag"] for product in risks] == [
        ("CERTIFIED", "under_threshold", "c-bag"),
        ("TEST", "above_threshold", None),
        ("TEST", "above_threshold", None),
        ("REJECTED", "high_risk", None),
    ]


def test_a_pair_without_a_risk_or_a_fit_is_not_decided_by_its_risk(spark: SparkSession) -> None:
    scores = [
        pair("a", "bag", None, error="NO_INPUT"),
        pair("b", "bag", fits=None),
        pair("c", "bag", fits=False),
        pair("d", "bag", views_used=0),
    ]
    found = decide(spark, scores)
    assert [found[product, "bag"][:2] for product in "abcd"] == [
        ("UNSCORED", "NO_INPUT"),
        ("INFEASIBLE", "size_unknown"),
        ("INFEASIBLE", "does_not_fit"),
        ("TEST", "above_threshold"),
    ]


def test_where_the_stronger_type_has_no_certificate_the_pair_is_certified_by_order(spark: SparkSession) -> None:
    scores = [
        *(pair("under", name) for name in ("bag", "mailer", "box")),
        *(pair("above", name, 0.2) for name in ("bag", "mailer", "box")),
        pair("void", "bag", void_share=0.2),
        pair("void", "mailer", void_share=0.3),
        pair("void", "box", void_share=0.2),
        pair("unfit", "bag", fits=False),
        pair("unfit", "mailer"),
    ]
    found = decide(spark, scores)
    by_order = ("CERTIFIED", "by_order", None)
    assert [found["under", name] for name in ("mailer", "box")] == [by_order, by_order]
    assert found["above", "box"][0] == "TEST"
    assert found["void", "mailer"][0] == "TEST"
    assert found["void", "box"] == by_order
    assert found["unfit", "mailer"][0] == "TEST"


def test_a_type_with_a_certificate_of_its_own_is_not_certified_by_order(spark: SparkSession) -> None:
    mailer = ("*", "profile-mailer", "photos", 0.02, "c-mailer")
    found = decide(spark, [pair("a", "bag"), pair("a", "mailer")], [*BAG, mailer])
    assert found["a", "mailer"] == ("TEST", "above_threshold", None)


def test_less_protective_types_are_never_certified_by_order(spark: SparkSession) -> None:
    box = [("*", "profile-box", "photos", 0.1, "c-box")]
    found = decide(spark, [pair("a", "bag"), pair("a", "box")], box)
    assert found["a", "bag"][0] == "TEST"
    assert found["a", "box"] == ("CERTIFIED", "under_threshold", "c-box")


def told(product: str, package: str, label: str, **other: Any) -> dict[str, Any]:
    row = {"marketplace": "NA", "product_id": product, "package_type": package, "label": label}
    return {**row, "source": "human_test", "eligible": False, **other}


def test_proven_labels_decide(spark: SparkSession) -> None:
    scores = [pair("unsafe", "bag"), pair("safe", "bag", 0.9), pair("safe_under", "bag"), pair("few", "bag", 0.2)]
    tests = [
        told("unsafe", "bag", "UNSAFE"),
        told("safe", "bag", "SAFE"),
        told("safe_under", "bag", "SAFE"),
        told("few", "bag", "UNSAFE", source="shipments"),
    ]
    found = decide(spark, scores, tests=tests)
    assert found["unsafe", "bag"] == ("REJECTED", "proven_unsafe", None)
    assert found["safe", "bag"] == ("CERTIFIED", "proven_safe", None)
    assert found["safe_under", "bag"] == ("CERTIFIED", "under_threshold", "c-bag")
    assert found["few", "bag"] == ("TEST", "above_threshold", None)


def test_a_human_test_overrules_shipments(spark: SparkSession) -> None:
    shipments = {"source": "shipments", "eligible": True}
    tests = [
        told("a", "bag", "UNSAFE", **shipments),
        told("a", "bag", "SAFE"),
        told("b", "bag", "UNSAFE", **shipments),
        told("b", "bag", "UNKNOWN"),
        told("c", "bag", "UNKNOWN", **shipments),
    ]
    rows = proven_labels(table_rows(spark, "pair_tests", tests)).collect()
    assert {row.product_id: row.proven for row in rows} == {"a": "SAFE", "b": "UNSAFE"}


def test_what_breaks_in_a_box_is_not_certified_in_a_bag(spark: SparkSession) -> None:
    scores = [
        *(pair("a", name) for name in ("bag", "mailer", "box")),
        pair("b", "bag", void_share=0.1),
        pair("b", "box", void_share=0.5),
        pair("c", "bag"),
        pair("c", "box"),
    ]
    tests = [
        told("a", "mailer", "UNSAFE"),
        told("b", "box", "UNSAFE"),
        told("c", "box", "UNSAFE"),
        told("c", "bag", "SAFE"),
    ]
    found = decide(spark, scores, tests=tests)
    assert found["a", "bag"] == ("REJECTED", "proven_unsafe", None)
    assert found["a", "box"][0] == "TEST"  # nor is it lent to the box
    assert found["b", "bag"][1] == "under_threshold"  # the box left more void
    assert found["c", "bag"][1] == "under_threshold"  # its own test says more


@pytest.mark.parametrize("size", [2, 60, 200])
def test_the_place_on_the_grid_says_what_comparing_says(spark: SparkSession, size: int) -> None:
    grid = risk_grid(size)
    rng = np.random.default_rng(1)
    near = np.concatenate([grid, np.nextafter(grid, 0), np.nextafter(grid, 1)])
    risks = np.concatenate([near, rng.random(500), rng.random(500) ** 8, [0.0, 1.0, 1e-300]])
    df = spark.createDataFrame([(float(risk),) for risk in risks], "risk double")
    found = df.select("risk", grid_index(F.col("risk"), grid).alias("place")).collect()
    assert all(row.place == int((grid < row.risk).sum()) for row in found)
    none = spark.sql("SELECT CAST(NULL AS DOUBLE) risk").select(grid_index(F.col("risk"), grid).alias("place"))
    assert none.collect()[0].place is None
