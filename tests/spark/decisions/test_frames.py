"""Which labelled pairs become calibration points, and for which marketplaces they speak."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from tests.spark.rows import table_rows

from leastpack.decisions.frames import all_frames

CELL = {"pool": "*", "profile_hash": "p", "stratum": "photos"}
PRODUCTS = 40
Key = dict[str, Any]


def key(marketplace: str, product: int) -> Key:
    return {"marketplace": marketplace, "product_id": f"p{product}", "package_type": "bag"}


def human(marketplace: str, product: int, draws: dict[str, float] | None = None) -> Key:
    return {**key(marketplace, product), "source": "human_test", "label": "SAFE", "draws": draws or {"audit": 0.5}}


# Human tests of a package type each, which is a cell of its own.
CASES = {
    "one marketplace": [human("EU", i) for i in range(9)],
    "both": [human("EU", 1), human("NA", 2)],
    "another round": [human("EU", i, {"eu-audit": 0.5}) for i in range(20)]
    + [human("NA", i, {"other": 0.002}) for i in (1, 2)],
    "thinned": [human("EU", i, {"uneven": 0.9 if i else 0.01}) for i in range(30)]
    + [human("NA", i, {"even": 0.4}) for i in range(5)],
    "two rounds": [human("EU", i, {"first": 0.2 if i % 2 else 0.6, "second": 0.3}) for i in range(6)]
    + [human("EU", i, {"second": 0.3}) for i in range(6, 9)],
}


def certify(products: int, package_type: str) -> list[Key]:
    """Pairs of a package type in EU and NA: each product is sold in both, which are one group."""
    pairs = [key(market, i) for market in ("EU", "NA") for i in range(products)]
    named = {**CELL, "profile_hash": package_type, "package_type": package_type, "grid_index": 3}
    return [{**pair, **named, "group_id": f"{package_type} {pair['product_id']}"} for pair in pairs]


@pytest.fixture(scope="module")
def drawn(spark: SparkSession) -> dict[str, list[Row]]:
    """What the pair promise draws in each case, all in one job."""
    pairs = as_pairs(spark, [row for name in CASES for row in certify(PRODUCTS, name)])
    tests = [{**row, "package_type": name} for name, rows in CASES.items() for row in rows]
    told, shipped = table_rows(spark, "pair_tests", tests), table_rows(spark, "pair_outcomes", [])
    found = all_frames(pairs, pairs, told, shipped, seed=3).where("promise = 'pair'").collect()
    return {name: [row for row in found if row.profile_hash == name] for name in CASES}


def as_pairs(spark: SparkSession, rows: list[Key]) -> DataFrame:
    schema = "pool string, profile_hash string, stratum string, group_id string, marketplace string, \
product_id string, package_type string, grid_index int"
    return spark.createDataFrame([tuple(row[name.split()[0]] for name in schema.split(", ")) for row in rows], schema)


def test_the_population_are_pairs_of_marketplaces_with_labels(drawn: dict[str, list[Row]]) -> None:
    one = drawn["one marketplace"]
    assert {(row.marketplace, row.group_pairs, row.probability) for row in one} == {("EU", 1, 0.5)}
    assert {(row.marketplace, row.group_pairs) for row in drawn["both"]} == {("EU", 2), ("NA", 2)}


def test_a_marketplace_that_another_round_drew_from_is_not_spoken_for(drawn: dict[str, list[Row]]) -> None:
    found = drawn["another round"]
    assert {(row.marketplace, row.group_pairs, row.probability) for row in found} == {("EU", 1, 0.5)}
    assert len(found) == 20


def test_the_round_with_most_pairs_left_after_thinning_is_taken(drawn: dict[str, list[Row]]) -> None:
    assert {row.marketplace for row in drawn["thinned"]} == {"NA"}


def test_a_pair_drawn_in_two_rounds_belongs_to_both(drawn: dict[str, list[Row]]) -> None:
    found = drawn["two rounds"]
    assert {row.product_id for row in found} == {f"p{i}" for i in range(9)}
    assert {row.probability for row in found} == {0.3}


def test_p11_many_random_shipments_reach_packages_with_the_odds_assumed(spark: SparkSession) -> None:
    """Products with 2 and with 10 fitting packages, 5 shipments each: every pair is a point with one probability."""
    dice, products, shipments = np.random.default_rng(5), 1500, 5
    tests, outcomes, sold = [], [], []
    for i in range(2 * products):
        fitting = (2, 10)[i % 2]
        taken = np.bincount(dice.integers(fitting, size=shipments), minlength=fitting)
        for place in range(fitting):
            pair = {"marketplace": "NA", "product_id": f"p{i}", "package_type": f"t{place}"}
            sold.append({**CELL, **pair, "group_id": f"g{i}", "grid_index": 3})
            if taken[place]:
                tests.append({**pair, "source": "shipments", "label": "UNKNOWN", "propensity": 1 / fitting})
                outcomes.append(
                    {**pair, "period": "2024-05", "n": 9, "n_random": int(taken[place])}
                    | {"random_draw_hash": 7, "random_draw_damaged": False}
                )
    told, shipped = table_rows(spark, "pair_tests", tests), table_rows(spark, "pair_outcomes", outcomes)
    pairs = as_pairs(spark, sold)
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
    told, shipped = table_rows(spark, "pair_tests", tests), table_rows(spark, "pair_outcomes", outcomes)
    pairs = as_pairs(spark, certify(count, "bag"))
    found = all_frames(pairs, pairs, told, shipped, seed=3).where("promise = 'shipment'").toPandas()
    audited = found[found.slice == "audit"].product_id.str[1:].astype(int)
    assert (audited % 2 == 0).sum() == count / 2
    assert (audited % 2 == 1).sum() == pytest.approx(count / 2 * 0.2, abs=60)
    assert (found.slice == "shipped").sum() == count
    assert set(found.probability) == {1.0}
