"""Which labelled pairs become calibration points, and for which marketplaces they speak."""

from __future__ import annotations

from typing import Any

import numpy as np
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
    told, shipped = table_rows(spark, "pair_tests", tests), table_rows(spark, "pair_outcomes", outcomes)
    pairs = as_pairs(spark, certify)
    return all_frames(pairs, pairs, told, shipped, seed=3)


def as_pairs(spark: SparkSession, rows: list[Key]) -> DataFrame:
    schema = "pool string, profile_hash string, stratum string, group_id string, marketplace string, \
product_id string, package_type string, grid_index int"
    return spark.createDataFrame([tuple(row[name.split()[0]] for name in schema.split(", ")) for row in rows], schema)


def human(marketplace: str, product: int, draws: dict[str, float] | None = None) -> Key:
    return {**key(marketplace, product), "source": "human_test", "label": "SAFE", "draws": draws or {"audit": 0.5}}


def test_the_population_are_pairs_of_marketplaces_with_labels(spark: SparkSession) -> None:
    one = frames(spark, [human("EU", i) for i in range(9)], []).where("promise = 'pair'").collect()
    assert {(row.marketplace, row.group_pairs, row.probability) for row in one} == {("EU", 1, 0.5)}
    both = frames(spark, [human("EU", 1), human("NA", 2)], []).where("promise = 'pair'").collect()
    assert {(row.marketplace, row.group_pairs) for row in both} == {("EU", 2), ("NA", 2)}


def test_a_marketplace_that_another_round_drew_from_is_not_spoken_for(spark: SparkSession) -> None:
    tests = [human("EU", i, {"eu-audit": 0.5}) for i in range(20)] + [human("NA", i, {"other": 0.002}) for i in (1, 2)]
    found = frames(spark, tests, []).where("promise = 'pair'").collect()
    assert {(row.marketplace, row.group_pairs, row.probability) for row in found} == {("EU", 1, 0.5)}
    assert len(found) == 20


def test_the_round_with_most_pairs_left_after_thinning_is_taken(spark: SparkSession) -> None:
    uneven = [human("EU", i, {"uneven": 0.9 if i else 0.01}) for i in range(30)]
    even = [human("NA", i, {"even": 0.4}) for i in range(5)]
    found = frames(spark, uneven + even, []).where("promise = 'pair'").collect()
    assert {row.marketplace for row in found} == {"NA"}


def test_a_pair_drawn_in_two_rounds_belongs_to_both(spark: SparkSession) -> None:
    first = [human("EU", i, {"first": 0.2 if i % 2 else 0.6, "second": 0.3}) for i in range(6)]
    second = [human("EU", i, {"second": 0.3}) for i in range(6, 9)]
    found = frames(spark, first + second, []).where("promise = 'pair'").collect()
    assert {row.product_id for row in found} == {f"p{i}" for i in range(9)}
    assert {row.probability for row in found} == {0.3}


def test_p11_many_random_shipments_reach_packages_with_the_odds_assumed(spark: SparkSession) -> None:
    """Products with 2 and with 10 fitting packages, 5 shipments each: every pair is a point with one probability."""
    dice, products, shipments = np.random.default_rng(5), 1500, 5
    tests, outcomes, certify = [], [], []
    for i in range(2 * products):
        fitting = (2, 10)[i % 2]
        taken = np.bincount(dice.integers(fitting, size=shipments), minlength=fitting)
        for place in range(fitting):
            pair = {"marketplace": "NA", "product_id": f"p{i}", "package_type": f"t{place}"}
            certify.append({**CELL, **pair, "group_id": f"g{i}", "grid_index": 3})
            if taken[place]:
                tests.append({**pair, "source": "shipments", "label": "UNKNOWN", "propensity": 1 / fitting})
                outcomes.append(
                    {**pair, "period": "2024-05", "n": 9, "n_random": int(taken[place])}
                    | {"random_draw_hash": 7, "random_draw_damaged": False}
                )
    told, shipped = table_rows(spark, "pair_tests", tests), table_rows(spark, "pair_outcomes", outcomes)
    pairs = as_pairs(spark, certify)
    found = all_frames(pairs, pairs, told, shipped, seed=3).where("promise = 'shipment'").toPandas()
    audited = found[found.slice == "audit"]
    many = audited.product_id.str[1:].astype(int) % 2 == 1
    assert (~many).sum() / (2 * products) == pytest.approx(many.sum() / (10 * products), abs=0.025)
    # Had a pair been taken to be reached with its propensity, those of two packages would have counted half as often.
    assert (~many).sum() / (2 * products) > 0.35


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
