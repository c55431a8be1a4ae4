"""Rows that are read several times, kept until the work on them ends."""

from __future__ import annotations

from contextlib import ExitStack

from pyspark.sql import DataFrame


def keep(kept: ExitStack, rows: DataFrame) -> DataFrame:
    """Keep the rows in memory or on disk until `kept` closes, also when the work fails."""
    rows.persist()
    kept.callback(rows.unpersist)
    return rows
