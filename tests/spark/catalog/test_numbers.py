from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from tests.spark.catalog.columns import over

from leastpack.catalog.numbers import number, only_number, plain

PLAIN = {
    "7": 7.0, "7.6": 7.6, "1,234.50": 1234.5, "1,234": 1234.0, "1 246": 1246.0, "1'234.5": 1234.5, "0,350": 0.35,
    "12,5": 12.5, "1.234,50": 1234.5, "1,234,567": 1234567.0, "1,23,456": 123456.0, "12.": 12.0, ".5": 0.5,
    "-3.5": -3.5, "1,2,3": None, "1.2.3": None, "1,234,56": None, "": None, "abc": None, "1.234.567,8": 1234567.8,
    "12 34": None,
}  # fmt: skip
COMMA = {"1.234": 1234.0, "1,234": 1.234, "0.350": 0.35, "19,5": 19.5, "9.50": 9.5, "1.234,5": 1234.5}


def test_numbers_with_decimal_points(spark: SparkSession) -> None:
    assert over(spark, lambda text: number(text, False), list(PLAIN)) == list(PLAIN.values())


def test_numbers_with_decimal_commas(spark: SparkSession) -> None:
    assert over(spark, lambda text: number(text, True), list(COMMA)) == list(COMMA.values())


def test_a_text_holds_one_number_or_none_that_counts(spark: SparkSession) -> None:
    cases = {
        "ca. 5": 5.0,
        "1 246 ": 1246.0,
        "10-12": None,
        "3 for 10": None,
        "none": None,
        "Rs.500": 500.0,
        "１２．５": 12.5,
    }
    assert over(spark, lambda text: only_number(plain(text), False), list(cases)) == list(cases.values())


def test_lookalikes_become_plain(spark: SparkSession) -> None:
    cases = {"１０Ｘ５㎝": "10x5cm", " 3\u00a0½ ″ ": '3 1/2 "', "￥5": "¥5", "A\u2009–\u3000B": "a - b"}
    assert over(spark, plain, list(cases)) == list(cases.values())


@pytest.mark.parametrize("decimal_comma", [False, True])
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 10**9), min_size=60, max_size=60))
def test_every_way_of_writing_a_number_is_read_back(spark: SparkSession, decimal_comma: bool, cents: list[int]) -> None:
    group, mark = (".", ",") if decimal_comma else (",", ".")
    written, meant = [], []
    for place, value in enumerate(cents):
        text = f"{value / 100:,.2f}" if place % 3 else f"{value / 100:.2f}"
        grouped = text.replace(",", "G").replace(".", mark).replace("G", " " if place % 3 == 1 else group)
        written.append(grouped)
        meant.append(value / 100)
    assert over(spark, lambda text: number(text, decimal_comma), written) == pytest.approx(meant)
