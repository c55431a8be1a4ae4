"""Which labelled pairs become calibration points, and for which marketplaces they speak."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from tests.spark.rows import table_rows

from leastpack.decisions.frames import all_frames

CELL = {"pool": "*", "profile_hash": "p", "stratum": "photos"}
Key = dict[str, Any]


def key(marketplace: str, product: int) -> Key:
    return {"marketplace": marketplace, "product_id": f"p{product}", "package_type": "bag"}


def frames(spark: SparkSession, tests: list[Key], outcomes: list[Key], products: int = 40) -> DataFrame:
    """Frames of a bag in EU and NA: each product is sold in both, which are one group."""
    certify = [
        {**CELL, **key(market, i), "group_id": f"g{i}", "grid_index": 3}
        for market in ("EU", "NA")
        for i in range(products)
    ]
    schema = "pool string, profile_hash string, stratum string, group_id string, marketplace string, \
product_id string, package_type string, grid_index int"
    pairs = spark.createDataFrame(
        [tuple(row[name.split()[0]] for name in schema.split(", ")) for row in certify], schema
    )
    told, shipped = table_rows(spark, "pair_tests", tests), table_rows(spark, "pair_outcomes", outcomes)
    return all_frames(pairs, told, shipped, seed=3)


def human(marketplace: str, product: int) -> Key:
    verdict = {"source": "human_test", "label": "SAFE", "draw_probability": 0.5, "draw_round": "audit"}
    return {**key(marketplace, product), **verdict}


def test_the_population_are_pairs_of_marketplaces_with_labels(spark: SparkSession) -> None:
    one = frames(spark, [human("EU", i) for i in range(9)], []).where("promise = 'pair'").collect()
    assert {(row.marketplace, row.group_pairs, row["round"]) for row in one} == {("EU", 1, "audit")}
    both = frames(spark, [human("EU", 1), human("NA", 2)], []).where("promise = 'pair'").collect()
    assert {(row.marketplace, row.group_pairs) for row in both} == {("EU", 2), ("NA", 2)}


def test_shipments_assigned_at_random_are_thinned_to_the_same_odds(spark: SparkSession) -> None:
    count = 2000
    tests = [
        {**key("NA", i), "source": "shipments", "label": "UNKNOWN", "propensity": (0.1, 0.5)[i % 2]}
        for i in range(count)
    ]
    drawn = {"random_draw_hash": 7, "random_draw_damaged": True, "draw_hash": 7, "draw_damaged": True}
    outcomes = [{**key("NA", i), "period": "2024-05", "n": 1, "n_random": 1, **drawn} for i in range(count)]
    found = frames(spark, tests, outcomes, products=count).where("promise = 'shipment'").toPandas()
    audited = found[found.slice == "audit"].product_id.str[1:].astype(int)
    assert (audited % 2 == 0).sum() == count / 2
    assert (audited % 2 == 1).sum() == pytest.approx(count / 2 * 0.2, abs=60)
    assert (found.slice == "shipped").sum() == count
    assert set(found.probability) == {1.0}
