"""Aggregates of rows, taken while they are written."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F


def observed(rows: DataFrame, names: Sequence[str], **others: Column) -> tuple[DataFrame, Observation]:
    """Rows without their meters' columns, and what these add up to, once the rows have been written.

    Args:
        rows: With the columns of a meter.
        names: Of the meter.
        others: Further aggregates to take on the way.

    Returns:
        The rows, and an observation; its `get` waits for the write.
    """
    observation = Observation()
    sums = [F.coalesce(F.sum(name), F.lit(0.0)).alias(name) for name in names]
    watched = rows.observe(observation, *sums, *[column.alias(name) for name, column in others.items()])
    return watched.drop(*names), observation
