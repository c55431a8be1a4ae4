"""What happens with a pair, rule by rule."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import Row
from tests.spark.market import package_rows

from leastpack.config.decisions import DecisionsConfig
from leastpack.decisions.decided import decide_batch
from leastpack.decisions.market import make_markets
from leastpack.decisions.rules import REASONS, SAFE, UNSAFE

# In NA only the bag has a certificate, without photos the mailer has one too; in EU only the box.
CERTIFICATES = [
    ("NA", "profile-bag", "photos", "NA", 0.1, "c-bag"),
    ("NA", "profile-bag", "no_photos", "NA", 0.1, "c-bag-blind"),
    ("NA", "profile-mailer", "no_photos", "NA", 0.02, "c-mailer-blind"),
    ("EU", "profile-box", "photos", "EU", 0.1, "c-box"),
]
BY_ORDER = ("CERTIFIED", "by_order", None)
DOUBT = ("TEST", "above_threshold", None)
BROKEN = ("REJECTED", "proven_unsafe", None)
# What other packages of a product are, that a test says nothing of.
ABSENT = {"fits": False, "risk": 0.9, "damage_rate": 0.09, "void_share": 0.0, "views_used": 0}


def pair(product: str, package: str, risk: float | None = 0.05, **other: Any) -> dict[str, Any]:
    row = {"marketplace": "NA", "product_id": product, "package_type": package, "fits": True, "risk": risk}
    return {**row, "damage_rate": risk and risk / 10, "void_share": 0.0, "views_used": 3, **other}


def told(product: str, package: str, label: str, **other: Any) -> dict[str, Any]:
    return {"product_id": product, "package_type": package, "label": label, **other}


SCORES = [
    pair("at", "bag", 0.0999999),
    pair("over", "bag", 0.1000001),
    pair("half", "bag", 0.5),
    pair("high", "bag", 0.5000001),
    pair("error", "bag", None, error="NO_INPUT", fits=None),
    pair("sizeless", "bag", fits=None),
    pair("large", "bag", fits=False),
    pair("early", "future_box", 0.001),
    pair("late", "past_box", 0.001),
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
    told("broken", "mailer", "UNSAFE"),
    told("broken_void", "box", "UNSAFE"),
    told("disputed", "box", "UNSAFE"),
    told("disputed", "bag", "SAFE"),
]


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, str], tuple[str, str, str | None]]:
    """Decision, reason and certificate by product and package type."""
    future = {"package_type": "future_box", "profile_hash": "profile-bag", "valid_from": date(2024, 6, 2)}
    ended = {**future, "package_type": "past_box", "valid_from": date(2020, 1, 1), "valid_to": date(2024, 6, 1)}
    more = [{**package_rows()[0], **changes} for changes in (future, ended)]
    packages = [Row(**row) for row in (*package_rows(), *more)]
    markets, certificates = make_markets(packages, CERTIFICATES, date(2024, 6, 1), {"USD": 1.0, "EUR": 1.0})
    answer = {}
    for product in {row["product_id"] for row in SCORES}:
        own = {row["package_type"]: row for row in SCORES if row["product_id"] == product}
        (marketplace,) = {row["marketplace"] for row in own.values()}
        market = markets[marketplace]
        tests = {row["package_type"]: row["label"] for row in TESTS if row["product_id"] == product}
        batch = product_batch([own.get(name, ABSENT) for name in market.names], [tests.get(n) for n in market.names])
        row = decide_batch(batch, market, DecisionsConfig(reject_risk=0.5), 1.0).to_pylist()[0]
        for place, name in enumerate(market.names):
            reason = list(REASONS)[row["code"][place]]
            named = row["certificate"][place]
            told = own[name]["error"] if reason == "error" and name in own else reason
            answer[product, name] = REASONS[reason], told, certificates[named] if named >= 0 else None
    return answer


def product_batch(scores: list[dict[str, Any]], labels: list[str | None]) -> pa.RecordBatch:
    """One product, as `by_product` and the joins of its grounds leave it."""
    codes = {None: 0, "SAFE": SAFE, "UNSAFE": UNSAFE}
    kinds = {"fits": pa.bool_(), "risk": pa.float32(), "damage_rate": pa.float32(), "void_share": pa.float64()}
    lists = {name: pa.array([[row[name] for row in scores]], pa.list_(kind)) for name, kind in kinds.items()}
    return pa.RecordBatch.from_pydict(
        {
            **lists, "marketplace": pa.array(["NA"]), "product_id": pa.array(["P"]), "bucket": pa.array([0]),
            "error": pa.array([[row.get("error") for row in scores]], pa.list_(pa.string())),
            "views_used": pa.array([max(row["views_used"] for row in scores)], pa.int32()),
            "proven": pa.array([[codes[label] for label in labels]], pa.list_(pa.int8())),
            "value": pa.array([10.0]), "current_package_type": pa.array([None], pa.string()),
        }
    )  # fmt: skip


Found = dict[tuple[str, str], tuple[str, str, str | None]]


def test_thresholds(found: Found) -> None:
    assert found["at", "bag"] == ("CERTIFIED", "under_threshold", "c-bag")
    assert found["over", "bag"] == found["half", "bag"] == DOUBT
    assert found["high", "bag"] == ("REJECTED", "high_risk", None)


def test_a_pair_without_a_risk_or_a_fit_is_not_decided_by_its_risk(found: Found) -> None:
    assert found["error", "bag"] == ("UNSCORED", "NO_INPUT", None)
    assert found["sizeless", "bag"] == ("INFEASIBLE", "size_unknown", None)
    assert found["large", "bag"] == ("INFEASIBLE", "does_not_fit", None)


def test_a_package_type_is_not_certified_before_its_first_day_nor_once_it_is_withdrawn(found: Found) -> None:
    assert found["early", "future_box"] == ("INFEASIBLE", "not_in_use", None)
    assert found["late", "past_box"] == ("INFEASIBLE", "not_in_use", None)


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
    assert found["unsafe", "bag"] == BROKEN
    assert found["safe", "bag"] == ("CERTIFIED", "proven_safe", None)
    assert found["safe_under", "bag"] == ("CERTIFIED", "under_threshold", "c-bag")


def test_what_breaks_in_a_box_is_not_certified_in_a_bag(found: Found) -> None:
    assert found["broken", "bag"] == found["broken", "mailer"] == BROKEN
    assert found["broken", "box"] == DOUBT  # the bag lends it nothing
    assert found["broken_void", "bag"][1] == "under_threshold"  # the box left more void
    assert found["disputed", "bag"][1] == "under_threshold"  # its own test says more
