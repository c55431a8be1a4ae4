"""Runs a column function over plain Python values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pyspark.sql import Column, Row, SparkSession
from pyspark.sql import functions as F


def over(
    spark: SparkSession, use: Callable[[Column], Column], values: Sequence[Any], kind: str = "string"
) -> list[Any]:
    """What the function gives for each value, in order; structs as dicts."""
    rows = spark.createDataFrame([(i, value) for i, value in enumerate(values)], f"place int, value {kind}")
    found = rows.select("place", use(F.col("value")).alias("found")).collect()
    by_place = {row["place"]: row["found"] for row in found}
    results = [by_place[place] for place in range(len(values))]
    return [result.asDict() if isinstance(result, Row) else result for result in results]
