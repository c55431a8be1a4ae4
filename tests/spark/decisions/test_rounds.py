"""The queue's random order: batch after batch it stays one sample with one probability."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from tests.spark.rows import table_rows

from leastpack.config.decisions import DecisionsConfig
from leastpack.decisions.queue import draw_random
from leastpack.decisions.rounds import audits, queue_hash, queue_samples

PAIRS = 4000
CONFIG = DecisionsConfig(seed=3, queue_size=80, queue_random_share=0.5)


def candidates(spark: SparkSession, count: int) -> DataFrame:
    pairs = spark.range(count).selectExpr("'NA' marketplace", "CAST(id AS STRING) product_id", "'bag' package_type")
    return pairs.selectExpr("'*' pool", "'p' profile_hash", "'photos' stratum", "*")


def waiting(spark: SparkSession, tested: dict[str, Any], count: int) -> DataFrame:
    tests = spark.createDataFrame([(key, 1) for key in tested] or [("none", 1)], "product_id string, tests int")
    known = candidates(spark, count).join(tests, on="product_id", how="left")
    return known.selectExpr("*", "0.1D risk", "1.0D weight_saved_g")


def results(spark: SparkSession, tested: dict[str, Any]) -> DataFrame:
    rows = [
        {"marketplace": "NA", "product_id": key, "package_type": "bag", "source": "human_test", "draws": draws}
        for key, draws in tested.items()
    ]
    return table_rows(spark, "pair_tests", rows)


def work_off(spark: SparkSession, tested: dict[str, Any], count: int) -> int:
    """Test what the queue draws next; how many pairs that were."""
    drawn = draw_random(waiting(spark, tested, count), CONFIG).collect()
    assert not {row.product_id for row in drawn} & set(tested)
    tested |= {row.product_id: {row.draw_round: row.draw_probability} for row in drawn}
    return len(drawn)


def sample(spark: SparkSession, tested: dict[str, Any], count: int) -> tuple[float, set[str]]:
    """The probability of the queue's sample, and its pairs."""
    told = results(spark, tested)
    (row,) = queue_samples(told, candidates(spark, count)).collect()
    assert row["round"] == "queue-3"
    before = told.where(queue_hash(3) < row.probability)
    return row.probability, {one.product_id for one in before.collect()}


def up_to(spark: SparkSession, probability: float, count: int) -> set[str]:
    return {row.product_id for row in candidates(spark, count).where(queue_hash(3) < probability).collect()}


def test_p11_batches_of_the_queue_are_one_sample_with_one_probability(spark: SparkSession) -> None:
    # An audit took a tenth of the pairs before; a person chose some more.
    tested: dict[str, Any] = {str(i): {"audit": 0.1} if i % 10 == 0 else None for i in range(0, PAIRS, 5)}
    before = set(tested)
    drawn = sum(work_off(spark, tested, PAIRS) for _ in range(3))
    probability, pairs = sample(spark, tested, PAIRS)
    assert pairs == up_to(spark, probability, PAIRS)
    assert len(pairs - before) == drawn == 3 * 40
    assert len(pairs) / PAIRS == pytest.approx(probability, abs=3 * (probability / PAIRS) ** 0.5)
    drawn_by_audit = audits(results(spark, tested))
    assert {row["round"] for row in drawn_by_audit.collect()} == {"audit"}
    assert drawn_by_audit.count() == PAIRS / 10


def test_p11_new_pairs_shrink_the_sample_and_chosen_ones_among_them_do_not_enter_it(spark: SparkSession) -> None:
    tested: dict[str, Any] = {}
    for _ in range(3):
        work_off(spark, tested, PAIRS)
    old, _ = sample(spark, tested, PAIRS)
    # The catalog doubles, and a person tests some of the new pairs.
    tested |= dict.fromkeys(map(str, range(PAIRS, PAIRS + 500)))
    probability, pairs = sample(spark, tested, 2 * PAIRS)
    assert probability < old
    assert pairs == up_to(spark, probability, 2 * PAIRS)
    for _ in range(3):
        work_off(spark, tested, 2 * PAIRS)
    again, pairs = sample(spark, tested, 2 * PAIRS)
    assert again > probability
    assert pairs == up_to(spark, again, 2 * PAIRS)


def test_a_table_of_an_earlier_leastpack_tells_its_one_draw(spark: SparkSession) -> None:
    row = {"marketplace": "NA", "product_id": "1", "package_type": "bag", "source": "human_test"}
    told = table_rows(spark, "pair_tests", [{**row, "draw_probability": 0.25, "draw_round": "audit"}, row])
    assert [(one["round"], one.probability) for one in audits(told).collect()] == [("audit", 0.25)]
