from __future__ import annotations

from pyspark.sql import SparkSession
from tests.spark.catalog.columns import over

from leastpack.catalog.products import real_identifier, universal_id


def test_trade_item_numbers_compare_whatever_their_length(spark: SparkSession) -> None:
    given = ["4006381333931", "04006381333931", "4006-3813 33931", "12345", "B00XYZ"]
    filled = "04006381333931"
    assert over(spark, universal_id, given) == [filled, filled, filled, "12345", "B00XYZ"]


def test_a_word_for_having_no_identifier_is_none(spark: SparkSession) -> None:
    fillers = ["N/A", "none", " NULL ", "-", "--", "?", "Does not apply", "#N/A", "unknown", "", None]
    assert over(spark, real_identifier, fillers) == [None] * len(fillers)
    numbers = ["0", "0000000000000", "9999999999999", "1111111111116"]
    assert over(spark, universal_id, [*fillers, *numbers]) == [None] * (len(fillers) + 3) + ["01111111111116"]
    assert over(spark, real_identifier, ["nana", "NA-7", "7"]) == ["nana", "NA-7", "7"]
