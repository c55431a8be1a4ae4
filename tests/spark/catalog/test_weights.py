from __future__ import annotations

import pytest
from pyspark.sql import Column, Row, SparkSession
from tests.spark.catalog.columns import over

from leastpack.catalog.weights import judge_weight, weight_candidates
from leastpack.measures.units import GRAMS

LB, OZ = GRAMS["lb"], GRAMS["oz"]


def test_a_lost_unit_leaves_several_candidates_and_a_known_one_a_single(spark: SparkSession) -> None:
    def candidates(value: Column) -> Column:
        return weight_candidates(value["grams"], value["number"], {"lb": 9, "oz": 1})

    cases = [Row(5000.0, None), Row(None, 5.0), Row(None, None)]
    found = over(spark, candidates, cases, "struct<grams: double, number: double>")
    assert [[tuple(one) for one in row] for row in found] == [[(5000.0, 1.0)], [(5 * LB, 9.0), (5 * OZ, 1.0)], []]


Candidates = list[tuple[float, float]] | None


def judged(spark: SparkSession, cases: list[tuple[Candidates, float | None, float | None]]) -> list[dict]:
    kind = "struct<candidates: array<struct<grams: double, odds: double>>, volume: double, measured: double>"

    def judge(value: Column) -> Column:
        return judge_weight(value["candidates"], value["volume"], value["measured"])

    return over(spark, judge, [Row(*case) for case in cases], kind)


def test_density_judges_a_lost_unit(spark: SparkSession) -> None:
    def lost(value: float, **odds: float) -> list[tuple[float, float]]:
        return [(value * GRAMS[unit], odds.get(unit, 1.0)) for unit in ("oz", "lb", "g", "kg")]

    cases = [
        (lost(12.0), 1400.0, None, 12 * OZ, "WEIGHT_UNIT_JUDGED"),
        (lost(2.0), 4000.0, None, 2 * LB, "WEIGHT_UNIT_JUDGED"),
        (lost(350.0), 1400.0, None, 350.0, "WEIGHT_UNIT_JUDGED"),
        (lost(5.0), 20000.0, None, 5000.0, "WEIGHT_UNIT_JUDGED"),
        # a density of 1.6 in pounds, 0.1 in ounces: what is likelier before the fact decides
        (lost(5.0), 1400.0, None, 5 * OZ, "WEIGHT_UNIT_JUDGED"),
        (lost(5.0, lb=50.0), 1400.0, None, 5 * LB, "WEIGHT_UNIT_JUDGED"),
        # the tunnel weighed it: whatever the volume says
        (lost(2.0), 4000.0, 60.0, 2 * OZ, "WEIGHT_UNIT_JUDGED"),
        # no unit comes within a factor of 4 of what the tunnel weighed
        (lost(2.0), 4000.0, 9000.0, None, "WEIGHT_UNIT_UNKNOWN"),
        # no unit gives a usual density
        (lost(1246.0), 1.0, None, None, "WEIGHT_UNIT_UNKNOWN"),
        # nothing to judge by
        (lost(5.0), None, None, None, "WEIGHT_UNIT_UNKNOWN"),
    ]
    found = judged(spark, [case[:3] for case in cases])
    for case, row in zip(cases, found, strict=True):
        assert row["code"] == case[4], case
        assert row["weight_g"] == (pytest.approx(case[3]) if case[3] else None), case


def test_p8_weights_of_a_known_unit_are_kept_unless_absurd(spark: SparkSession) -> None:
    cases = [([350.0], 350.0, None), ([0.0], None, "ABSURD_WEIGHT"), ([-3.0], None, "ABSURD_WEIGHT"),
             ([200_001.0], None, "ABSURD_WEIGHT"), ([], None, "WEIGHT_UNREADABLE"), (None, None, None)]  # fmt: skip
    found = judged(spark, [(case[0] and [(g, 1.0) for g in case[0]], 1000.0, None) for case in cases])
    assert [(row["weight_g"], row["code"]) for row in found] == [case[1:] for case in cases]
