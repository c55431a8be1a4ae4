from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import Column, Row, SparkSession
from pyspark.sql import functions as F
from tests.spark.catalog.columns import over

from leastpack.catalog.weights import GRAMS, judge_weight, weight_candidates

LB, OZ = GRAMS["lb"], GRAMS["oz"]


def grams(candidates: list[Row] | None) -> list[float] | None:
    return None if candidates is None else [candidate["grams"] for candidate in candidates]


def test_weights_of_a_known_unit(spark: SparkSession) -> None:
    cases = {
        "350": [350.0], "0.35 kg": [350.0], "1,5 kg": [1500.0], "12 oz.": [12 * OZ], "2 lb 3 oz": [2 * LB + 3 * OZ],
        "2 lbs. 3.5 ounces": [2 * LB + 3.5 * OZ], "約350グラム": [350.0], "０.５ｋｇ": [500.0], "3 pounds": [3 * LB],
        "8 fl oz": [], "3.2 stone": [], "10-12": [], "heavy": [], None: None,
    }  # fmt: skip
    found = over(spark, lambda text: weight_candidates(text, "g", {}, False), list(cases))
    assert [grams(row) for row in found] == [pytest.approx(meant) if meant else meant for meant in cases.values()]


def test_weights_with_decimal_commas(spark: SparkSession) -> None:
    cases = {"0,350 kg": 350.0, "350 g": 350.0, "1.250 g": 1250.0, "12 Unzen": 12 * OZ}
    found = over(spark, lambda text: weight_candidates(text, "g", {}, True), list(cases))
    assert [grams(row) for row in found] == [[pytest.approx(meant)] for meant in cases.values()]


def test_a_lost_unit_leaves_several_candidates_and_a_named_one_a_single(spark: SparkSession) -> None:
    found = over(
        spark, lambda text: weight_candidates(text, "lost", {"lb": 9, "oz": 1}, False), ["1 246 ", "5", "5 kg"]
    )
    assert [grams(row) for row in found] == [
        pytest.approx(meant) for meant in ([1246 * LB, 1246 * OZ], [5 * LB, 5 * OZ], [5000.0])
    ]
    assert [[candidate["odds"] for candidate in row] for row in found] == [[9.0, 1.0], [9.0, 1.0], [1.0]]


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


NAMES = {
    "g": ["g", "grams", "グラム"],
    "kg": ["kg", "kilograms", "キロ"],
    "oz": ["oz", "ounces", "Unzen"],
    "lb": ["lb", "pounds", "lbs."],
}


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(1, 10**7), st.sampled_from(sorted(NAMES)), st.integers(0, 2)), min_size=40, max_size=40
    )
)
def test_a_weight_written_in_any_unit_is_read_back(spark: SparkSession, weights: list[tuple[int, str, int]]) -> None:
    for comma in (False, True):
        texts = [f"{value / 1000:.3f} {NAMES[unit][style]}" for value, unit, style in weights]
        texts = [text.replace(".", ",", 1) if comma else text for text in texts]
        found = over(
            spark, lambda text, comma=comma: F.get(weight_candidates(text, "g", {}, comma), F.lit(0))["grams"], texts
        )
        assert found == pytest.approx([value / 1000 * GRAMS[unit] for value, unit, _ in weights])
