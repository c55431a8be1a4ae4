"""Rows of leastpack's tables from the few columns a test cares about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from leastpack.tables.schemas import BY_NAME


def table_rows(spark: SparkSession, name: str, rows: Iterable[Mapping[str, Any]]) -> DataFrame:
    """A DataFrame of the table's columns; what a row does not name is null."""
    table = BY_NAME[name]
    content = list(rows)
    unknown = {column for row in content for column in row} - set(table.names)
    if unknown:
        raise KeyError(f"table {name} has no columns {sorted(unknown)}")
    return spark.createDataFrame([tuple(row.get(column) for column in table.names) for row in content], table.schema)
