"""A small marketplace, scored and tested, written straight into the tables that deciding reads."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from pyspark.sql import SparkSession
from tests.spark.rows import table_rows

from leastpack.config.decisions import DecisionsConfig, PromiseConfig
from leastpack.config.root import Config
from leastpack.tables import Tables

Rows = list[dict[str, Any]]
# name: profile, tare, cost, safe default, and by how much the risk of a product falls in it
TYPES: dict[str, tuple[list[float], float, float, bool, float]] = {
    "bag": ([0.1, 0.1], 20.0, 0.1, False, 0.0),
    "mailer": ([0.2, 0.5], 60.0, 0.3, False, 0.05),
    "box": ([0.8, 0.6], 200.0, 0.6, True, 0.1),
}
MARKETPLACES = {"NA": "USD", "EU": "EUR"}
NOW = datetime(2024, 6, 1)


def config_for(tables: Tables, **decisions: Any) -> Config:
    """The config of the tests: both promises with a wide alpha, certified by the pair promise."""
    promises = [PromiseConfig(promise="pair", alpha=0.2), PromiseConfig(promise="shipment", alpha=0.2)]
    return Config(tables=tables.config, decisions=DecisionsConfig(**{"promises": promises, "grid": 60, **decisions}))


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


def market_rows(products: int = 300) -> dict[str, Rows]:
    """Rows by table: a product's risk in a bag is spread over 0.005 .. 0.6, and a pair is unsafe with that probability.

    Product 0 has no size, 1 has no score, 2 fits no mailer; every tenth has no photo. Half of all pairs had a human
    test drawn with probability 0.5; the split is certify for four products in five.
    """
    dice = random.Random(5)
    rows: dict[str, Rows] = {name: [] for name in ("products", "pair_scores", "pair_tests", "training_examples")}
    rows |= {"package_types": package_rows(), "pair_outcomes": []}
    for i in range(products):
        product = {"marketplace": "NA" if i % 3 else "EU", "product_id": f"P{i:04d}"}
        bucket, risk = i % 4, 0.005 + 0.6 * (i / products) ** 2
        rows["products"].append(
            {
                **product,
                "bucket": bucket,
                "price": 10.0,
                "currency": MARKETPLACES[product["marketplace"]],
                "text_key": f"t{i}",
            }
        )
        for name, (_, _, _, _, less) in TYPES.items():
            pair = {**product, "package_type": name}
            scored = i != 1
            value = risk * (1 - 5 * less)
            rows["pair_scores"].append(
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
            unsafe, tested = dice.random() < value, dice.random() < 0.5
            split = "train" if i % 5 == 0 else "certify"
            rows["training_examples"].append({**pair, "group_id": f"g{i // 2}", "split": split, "label": "UNKNOWN"})
            if tested:
                label = "UNSAFE" if unsafe else "SAFE"
                rows["pair_tests"].append(
                    {**pair, "source": "human_test", "label": label, "n": 1, "k": int(unsafe), "eligible": True}
                    | {"draw_probability": 0.5, "draws": {"audit": 0.5}}
                )
            rows["pair_outcomes"].append(
                {**pair, "period": "2024-05", "n": 3, "k": 0, "n_random": 0, "k_random": 0, "draw_damaged": False}
                | {"draw_hash": dice.getrandbits(60)}
            )
    return rows


PAIRS = [("A", "bag"), ("A", "mailer"), ("A", "box"), ("B", "bag"), ("B", "mailer"), ("B", "box")]


def whole() -> dict[str, Rows]:
    """Two products of one marketplace, decided as they should be."""
    certificate = {
        "certificate_id": "c",
        "model_version": "m",
        "threshold": 0.1,
        "stratum": "photos",
        "promise": "pair",
    }
    risks = {"bag": 0.09, "mailer": 0.05, "box": 0.01}
    scores: Rows = []
    decisions: Rows = []
    for product, name in PAIRS:
        pair = {"marketplace": "NA", "product_id": product, "package_type": name, "bucket": 0, "model_version": "m"}
        scores.append({**pair, "fits": True, "risk": risks[name], "damage_rate": 0.001, "void_share": 0.0})
        decided = {"decision": "CERTIFIED", "reason": "under_threshold", "certificate_id": "c"}
        decisions.append({**pair, **decided, "risk": risks[name], "fits": True, "recommended": name == "bag"})
    products = [{"marketplace": "NA", "product_id": product, "bucket": 0, "price": 1.0} for product in "AB"]
    recommended = [{"marketplace": "NA", "product_id": product, "package_type": "bag"} for product in "AB"]
    return {
        "package_types": [row for row in package_rows() if row["marketplace"] == "NA"],
        "products": products,
        "pair_scores": scores,
        "certificates": [certificate],
        "pair_decisions": decisions,
        "recommendations": recommended,
        "test_queue": [],
    }


def write(spark: SparkSession, tables: Tables, rows: Mapping[str, Rows]) -> None:
    """Make the tables hold exactly these rows."""
    for name, content in rows.items():
        put = tables.replace if tables.exists(name) else tables.append
        put(name, table_rows(spark, name, content))
