"""A small marketplace, scored and tested, written straight into the tables that deciding reads."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from pyspark.sql import SparkSession
from tests.spark.rows import put_rows

from leastpack.config.decisions import CertifyConfig, DecisionsConfig
from leastpack.config.root import Config
from leastpack.tables import Tables
from leastpack.tables.keys import PAIR

Rows = list[dict[str, Any]]
# name: profile, tare, cost, safe default, and by how much the risk of a product falls in it
TYPES: dict[str, tuple[list[float], float, float, bool, float]] = {
    "bag": ([0.1, 0.1], 20.0, 0.1, False, 0.0),
    "mailer": ([0.2, 0.5], 60.0, 0.3, False, 0.05),
    "box": ([0.8, 0.6], 200.0, 0.6, True, 0.1),
}
MARKETPLACES = {"NA": "USD", "EU": "EUR"}
NOW, TODAY = datetime(2024, 6, 1), date(2024, 6, 1)


def config_for(tables: Tables, certify: Mapping[str, Any] | None = None, **decisions: Any) -> Config:
    """The config of the tests: a wide alpha, a round that draws half of the products, a fixed day."""
    terms = {"alpha": 0.2, "issues_a_year": 1, "grid": 60, "levels": 3, "draw_products": 10_000, "draw_share": 0.5}
    return Config(
        tables=tables.config,
        certify=CertifyConfig(**{**terms, **(certify or {})}),
        decisions=DecisionsConfig(**{"as_of": TODAY, **decisions}),
    )


def package_rows() -> Rows:
    return [
        {
            "marketplace": marketplace,
            "package_type": name,
            "kind": "bag" if name == "bag" else "box",
            "profile_hash": f"profile-{name}",
            "profile": profile,
            "attributes": ["rigidity", "cushioning"],
            "tare_g": tare,
            "cost": cost,
            "currency": currency,
            "safe_default": safe_default,
            "valid_from": date(2020, 1, 1),
            "valid_to": None,
        }
        for marketplace, currency in MARKETPLACES.items()
        for name, (profile, tare, cost, safe_default, _) in TYPES.items()
    ]


def truly_unsafe(product_id: str, package_type: str, risk: float) -> bool:
    """The truth about a pair: unsafe with the probability that the risk says."""
    return random.Random(f"{product_id}/{package_type}").random() < risk


def risk_of(product: int, products: int, package_type: str) -> float:
    """Risks in a bag are spread over 0.005 .. 0.6, most of them low; more protection lowers them."""
    return (0.005 + 0.6 * (product / products) ** 2) * (1 - 5 * TYPES[package_type][4])


def market_rows(products: int = 300) -> dict[str, Rows]:
    """Rows by table: every product ships in mailers, few had a human test.

    Product 0 has no size, 1 has no score, 2 fits no mailer, 3 was never shipped; every tenth has no photo. One product
    in twenty had all its packages tested, which is no part of any round; a fifth is in the calibrate split.
    """
    rows: dict[str, Rows] = {name: [] for name in ("products", "scores", "pair_tests", "training_examples")}
    rows |= {"package_types": package_rows(), "pair_outcomes": [], "packaging_rules": []}
    for i in range(products):
        product = {"marketplace": "NA" if i % 3 else "EU", "product_id": f"P{i:04d}"}
        bucket = i % 4
        rows["products"].append(
            {
                **product,
                "bucket": bucket,
                "price": 10.0,
                "currency": MARKETPLACES[product["marketplace"]],
                "text_key": f"t{i}",
            }
        )
        for name in TYPES:
            pair = {**product, "package_type": name}
            scored, value = i != 1, risk_of(i, products, name)
            rows["scores"].append(
                {
                    **pair,
                    "bucket": bucket,
                    "fits": None if i == 0 else not (i == 2 and name == "mailer"),
                    "risk": value if scored else None,
                    "damage_rate": value / 10 if scored else None,
                    "void_share": 0.0,
                    "views_used": 0 if i % 10 == 0 else 3,
                    "error": None if scored else "NO_INPUT",
                    "model_version": "model-1",
                    "fingerprint": "f",
                    "run_id": "score",
                    "scored_at": NOW,
                }
            )
            unsafe = truly_unsafe(product["product_id"], name, value)
            split = "calibrate" if i % 5 == 0 else "train"
            target = {
                "target": value,
                "weight": 1.0,
                "label": "UNKNOWN",
                "eligible": i % 10 == 0,
                "by_human_test": False,
            }
            rows["training_examples"].append({**pair, "group_id": f"g{i // 2}", "split": split, **target})
            if i % 20 == 5:
                rows["pair_tests"].append(human_test(pair, unsafe))
            if name == "mailer" and i != 3:
                rows["pair_outcomes"].append({**pair, "period": "2024-05", "n": 3, "k": 0, "k_upper": 0, "n_random": 0})
    return rows


def with_photos(rows: Mapping[str, Rows]) -> dict[str, Rows]:
    """The market as if all products had photos: one cell."""
    return {**rows, "scores": [{**row, "views_used": 3} for row in rows["scores"]]}


def human_test(pair: Mapping[str, Any], unsafe: bool, day: date = date(2024, 1, 1)) -> dict[str, Any]:
    """A row of `pair_tests`: one test, of a day before any round."""
    label = "UNSAFE" if unsafe else "SAFE"
    row = {**pair, "source": "human_test", "label": label, "n": 1, "k": int(unsafe), "eligible": True}
    return {**row, "tested_on": day}


def own_shipments(pair: Mapping[str, Any], n: int, k: int, label: str) -> dict[str, Any]:
    """A row of `pair_tests`: what shipments of the pair say, with a bound that is low enough for any test."""
    bound = {"lower": k / n if label == "UNSAFE" else 0.0, "upper": 1.0}
    return {**pair, "source": "shipments", "label": label, "n": n, "k": k, "eligible": n >= 300, **bound}


def results(tables: Tables, products: int = 300) -> Rows:
    """The truth about all pairs that the test queue asks a round's results of."""
    asked = tables.read("test_queue").where("why = 'audit'").collect()
    return [
        human_test(pair, truly_unsafe(pair["product_id"], pair["package_type"], _risk(pair, products)), TODAY)
        for pair in ({name: row[name] for name in PAIR} for row in asked)
    ]


def _risk(pair: Mapping[str, Any], products: int) -> float:
    return risk_of(int(pair["product_id"][1:]), products, pair["package_type"])


PAIRS = [("A", "bag"), ("A", "mailer"), ("A", "box"), ("B", "bag"), ("B", "mailer"), ("B", "box")]


def whole() -> dict[str, Rows]:
    """Two products of one marketplace, decided as they should be."""
    certificate = {"certificate_id": "c", "model_version": "m", "level": 0.1, "status": "certified", "cell": "*/photos"}
    risks = {"bag": 0.09, "mailer": 0.05, "box": 0.01}
    scores: Rows = []
    decisions: Rows = []
    for product, name in PAIRS:
        pair = {"marketplace": "NA", "product_id": product, "package_type": name, "bucket": 0, "model_version": "m"}
        scores.append({**pair, "fits": True, "risk": risks[name], "damage_rate": 0.001, "void_share": 0.0})
        chosen = {"recommended": "bag", "moves": True}
        reason = "certified_move" if name == "bag" else "by_order"
        decided = {"decision": "CERTIFIED", "reason": reason, "certificate_id": "c"}
        decisions.append({**pair, **decided, "risk": risks[name], "fits": True, **chosen})
    products = [{"marketplace": "NA", "product_id": product, "bucket": 0, "price": 1.0} for product in "AB"]
    recommended = [{"marketplace": "NA", "product_id": product, "package_type": "bag"} for product in "AB"]
    return {
        "package_types": [row for row in package_rows() if row["marketplace"] == "NA"],
        "products": products,
        "scores": scores,
        "certificates": [certificate],
        "decisions": decisions,
        "recommendations": recommended,
        "test_queue": [],
    }


def write(spark: SparkSession, tables: Tables, rows: Mapping[str, Rows]) -> None:
    """Make the tables hold exactly these rows."""
    for name, content in rows.items():
        put_rows(tables, name, content)
