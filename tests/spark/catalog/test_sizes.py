from __future__ import annotations

from pyspark.sql import SparkSession
from tests.spark.catalog.columns import over

from leastpack.catalog.sizes import clean_sides


def test_p8_absurd_sides_are_dropped_with_a_code_and_the_rest_is_sorted(spark: SparkSession) -> None:
    cases = [
        ([3.0, 10.0, 5.0], [10.0, 5.0, 3.0], None),
        ([3.0, 10.0], [10.0, 3.0], "SIZE_TWO_SIDES"),
        ([3.0, None, 10.0], [10.0, 3.0], "SIZE_TWO_SIDES"),
        ([3.0, 0.0, 10.0], [10.0, 3.0], "ABSURD_SIDE"),
        ([3.0, -1.0, 10.0], [10.0, 3.0], "ABSURD_SIDE"),
        ([2537.46, 20.0, 10.0], [20.0, 10.0], "ABSURD_SIDE"),
        ([2537.46, 2537.46, 2537.46], [], "ABSURD_SIDE"),
        ([500.1, 0.0, 10.0], [], "ABSURD_SIDE"),
        ([5.0], [], "SIZE_TWO_SIDES"),
        ([], [], None),
        (None, [], None),
    ]
    found = over(spark, clean_sides, [case[0] for case in cases], "array<double>")
    assert [(row["sides"], row["code"]) for row in found] == [case[1:] for case in cases]
