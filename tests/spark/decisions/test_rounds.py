"""The queue's random order: batch after batch it stays one sample with one probability."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from tests.spark.rows import table_rows

from leastpack.config.decisions import DecisionsConfig
from leastpack.decisions.queue import draw_random
from leastpack.decisions.rounds import in_rounds, queue_hash

PAIRS = 4000
CONFIG = DecisionsConfig(seed=3, queue_size=80, queue_random_share=0.5)


def waiting(spark: SparkSession, tested: dict[str, Any]) -> DataFrame:
    pairs = spark.range(PAIRS).selectExpr("'NA' marketplace", "CAST(id AS STRING) product_id", "'bag' package_type")
    tests = spark.createDataFrame([(key, 1) for key in tested] or [("none", 1)], "product_id string, tests int")
    known = pairs.join(tests, on="product_id", how="left")
    return known.selectExpr("*", "'t' test_id", "0.1D risk", "1.0D weight_saved_g")


def results(spark: SparkSession, tested: dict[str, Any]) -> DataFrame:
    rows = [
        {"marketplace": "NA", "product_id": key, "package_type": "bag", "source": "human_test", "draws": draws}
        for key, draws in tested.items()
    ]
    return table_rows(spark, "pair_tests", rows)


def test_p11_batches_of_the_queue_are_one_sample_with_one_probability(spark: SparkSession) -> None:
    # An audit took a tenth of the pairs before; a person chose some more.
    tested: dict[str, Any] = {str(i): {"audit": 0.1} if i % 10 == 0 else None for i in range(0, PAIRS, 5)}
    before = set(tested)
    for _ in range(3):
        drawn = draw_random(waiting(spark, tested), CONFIG).collect()
        assert not {row.product_id for row in drawn} & set(tested)
        tested |= {row.product_id: {row.draw_round: row.draw_probability} for row in drawn}
    sample = in_rounds(results(spark, tested)).where("round = 'queue-3'").collect()
    (reached,) = {row.probability for row in sample}
    expected = waiting(spark, {}).where(queue_hash(3) <= reached).collect()
    assert {row.product_id for row in sample} == {row.product_id for row in expected}
    assert len({row.product_id for row in sample} - before) == 3 * 40
    assert len(sample) / PAIRS == pytest.approx(reached, abs=3 * (reached / PAIRS) ** 0.5)
    audit = in_rounds(results(spark, tested)).where("round = 'audit'")
    assert audit.count() == PAIRS / 10
