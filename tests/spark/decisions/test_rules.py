from __future__ import annotations

from datetime import date
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

# In NA only the bag has a certificate, without photos the mailer has one too; in EU only the box.
CERTIFICATES = [
    ("NA", "profile-bag", "photos", "NA", 0.1, "c-bag"),
    ("NA", "profile-bag", "no_photos", "NA", 0.1, "c-bag-blind"),
    ("NA", "profile-mailer", "no_photos", "NA", 0.02, "c-mailer-blind"),
    ("EU", "profile-box", "photos", "EU", 0.1, "c-box"),
]
BY_ORDER = ("CERTIFIED", "by_order", None)
DOUBT = ("TEST", "above_threshold", None)
UNSAFE = ("REJECTED", "proven_unsafe", None)


def pair(product: str, package: str, risk: float | None = 0.05, **other: Any) -> dict[str, Any]:
    row = {"marketplace": "NA", "product_id": product, "package_type": package, "fits": True, "risk": risk}
    return {**row, "void_share": 0.0, "views_used": 3, "model_version": "m", **other}


def told(product: str, package: str, label: str, **other: Any) -> dict[str, Any]:
    row = {"marketplace": "NA", "product_id": product, "package_type": package, "label": label}
    return {**row, "source": "human_test", "eligible": False, **other}


SCORES = [
    pair("at", "bag", 0.0999999),
    pair("over", "bag", 0.1000001),
    pair("half", "bag", 0.5),
    pair("high", "bag", 0.5000001),
    pair("error", "bag", None, error="NO_INPUT", fits=None),
    pair("sizeless", "bag", fits=None),
    pair("large", "bag", fits=False),
    pair("early", "future_box", 0.001),
    *(pair("under", name) for name in ("bag", "mailer", "box")),
    *(pair("above", name, 0.2) for name in ("bag", "mailer", "box")),
    pair("void", "bag", void_share=0.2),
    pair("void", "mailer", void_share=0.3),
    pair("void", "box", void_share=0.2),
    pair("unfit", "bag", fits=False),
    pair("unfit", "mailer"),
    pair("blind", "bag", views_used=0),
    pair("blind", "mailer", views_used=0),
    pair("european", "bag", marketplace="EU"),
    pair("european", "box", marketplace="EU"),
    pair("unsafe", "bag"),
    pair("safe", "bag", 0.9),
    pair("safe_under", "bag"),
    pair("few", "bag", 0.2),
    *(pair("broken", name) for name in ("bag", "mailer", "box")),
    pair("broken_void", "bag", void_share=0.1),
    pair("broken_void", "box", void_share=0.5),
    pair("disputed", "bag"),
    pair("disputed", "box"),
]
TESTS = [
    told("unsafe", "bag", "UNSAFE"),
    told("safe", "bag", "SAFE"),
    told("safe_under", "bag", "SAFE"),
    told("few", "bag", "UNSAFE", source="shipments"),
    told("broken", "mailer", "UNSAFE"),
    told("broken_void", "box", "UNSAFE"),
    told("disputed", "box", "UNSAFE"),
    told("disputed", "bag", "SAFE"),
]


@pytest.fixture(scope="module")
def found(spark: SparkSession) -> dict[tuple[str, str], tuple[str, str, str | None]]:
    """Decision, reason and certificate by product and package type."""
    future = {"package_type": "future_box", "profile_hash": "profile-bag", "valid_from": date(2024, 6, 2)}
    packages = table_rows(spark, "package_types", [*package_rows(), {**package_rows()[0], **future}])
    scored = scored_pairs(table_rows(spark, "pair_scores", SCORES), packages, risk_grid(10), False, date(2024, 6, 1))
    proven = proven_labels(table_rows(spark, "pair_tests", TESTS))
    decided = decide_pairs(scored, packages, spark.createDataFrame(CERTIFICATES, THRESHOLDS), proven, reject_risk=0.5)
    rows = decided.select("product_id", "package_type", "decision", "reason", "certificate_id").collect()
    assert len(rows) == len(SCORES)
    return {(row.product_id, row.package_type): (row.decision, row.reason, row.certificate_id) for row in rows}


Found = dict[tuple[str, str], tuple[str, str, str | None]]


def test_thresholds(found: Found) -> None:
    assert found["at", "bag"] == ("CERTIFIED", "under_threshold", "c-bag")
    assert found["over", "bag"] == found["half", "bag"] == DOUBT
    assert found["high", "bag"] == ("REJECTED", "high_risk", None)


def test_a_pair_without_a_risk_or_a_fit_is_not_decided_by_its_risk(found: Found) -> None:
    assert found["error", "bag"] == ("UNSCORED", "NO_INPUT", None)
    assert found["sizeless", "bag"] == ("INFEASIBLE", "size_unknown", None)
    assert found["large", "bag"] == ("INFEASIBLE", "does_not_fit", None)


def test_a_package_type_is_not_certified_before_its_first_day(found: Found) -> None:
    assert found["early", "future_box"] == ("INFEASIBLE", "not_in_use_yet", None)


def test_where_the_stronger_type_has_no_certificate_the_pair_is_certified_by_order(found: Found) -> None:
    assert found["under", "mailer"] == found["under", "box"] == BY_ORDER
    assert found["above", "box"] == DOUBT
    assert found["void", "mailer"] == DOUBT  # it leaves more void than the bag
    assert found["void", "box"] == BY_ORDER
    assert found["unfit", "mailer"] == DOUBT


def test_a_type_with_a_certificate_of_its_own_is_not_certified_by_order(found: Found) -> None:
    assert found["blind", "bag"] == ("CERTIFIED", "under_threshold", "c-bag-blind")
    assert found["blind", "mailer"] == DOUBT


def test_less_protective_types_are_never_certified_by_order(found: Found) -> None:
    assert found["european", "box"] == ("CERTIFIED", "under_threshold", "c-box")
    assert found["european", "bag"] == DOUBT


def test_proven_labels_decide(found: Found) -> None:
    assert found["unsafe", "bag"] == UNSAFE
    assert found["safe", "bag"] == ("CERTIFIED", "proven_safe", None)
    assert found["safe_under", "bag"] == ("CERTIFIED", "under_threshold", "c-bag")
    assert found["few", "bag"] == DOUBT  # a few shipments prove nothing


def test_what_breaks_in_a_box_is_not_certified_in_a_bag(found: Found) -> None:
    assert found["broken", "bag"] == found["broken", "mailer"] == UNSAFE
    assert found["broken", "box"] == DOUBT  # the bag lends it nothing
    assert found["broken_void", "bag"][1] == "under_threshold"  # the box left more void
    assert found["disputed", "bag"][1] == "under_threshold"  # its own test says more


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


@pytest.mark.parametrize("size", [2, 200])
def test_the_place_on_the_grid_says_what_comparing_says(spark: SparkSession, size: int) -> None:
    grid = risk_grid(size)
    rng = np.random.default_rng(1)
    near = np.concatenate([grid, np.nextafter(grid, 0), np.nextafter(grid, 1)])
    risks = np.concatenate([near, rng.random(500), rng.random(500) ** 8, [0.0, 1.0, 1e-300]])
    values = [(float(risk),) for risk in risks] + [(None,)]
    rows = spark.createDataFrame(values, "risk double").select("risk", grid_index(F.col("risk"), grid).alias("place"))
    for row in rows.collect():
        assert row.place == (None if row.risk is None else int((grid < row.risk).sum()))
