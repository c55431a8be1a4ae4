"""Which rows of a part of a table have to be written, found by key and digest, without a look at what they say."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

CHANGE = "_change"


def changed_keys(wanted: DataFrame, held: DataFrame, key: list[str]) -> DataFrame:
    """Keys whose rows differ.

    Args:
        wanted: The key and `digest`, each key once.
        held: The same of the rows that are there; one without a digest is to be written again.
        key: Columns of the key, the columns that the table is partitioned by among them.

    Returns:
        The key and CHANGE: insert, update or delete; `repeat` where several rows are there.
    """
    there = held.groupBy(*key).agg(F.count("*").alias("n"), F.first("digest").alias("was"))
    joined = wanted.withColumnRenamed("digest", "is").withColumn("due", F.lit(True)).join(there, on=key, how="full")
    change = (
        F.when(F.col("n") > 1, "repeat")
        .when(F.col("due").isNull(), "delete")
        .when(F.col("n").isNull(), "insert")
        .when(~F.coalesce(F.col("is") == F.col("was"), F.lit(False)), "update")
    )
    return joined.select(*key, change.alias(CHANGE)).where(F.col(CHANGE).isNotNull())


def are_few(changed: DataFrame, rows: int, most: float) -> bool:
    """Whether the rows of `changed_keys` are few enough to be written alone.

    Args:
        changed: `changed_keys`, kept.
        rows: Rows of the part, which would all be written otherwise.
        most: Share of them.
    """
    counts = {row[CHANGE]: row["count"] for row in changed.groupBy(CHANGE).count().collect()}
    return "repeat" not in counts and sum(counts.values()) <= most * rows


def rows_to_write(changed: DataFrame, rows: DataFrame, key: list[str]) -> DataFrame:
    """What `Tables.apply_changes` takes: whole rows, and of those to be deleted the key alone.

    Args:
        changed: `changed_keys`.
        rows: Rows as they should be, at least those that are inserted or updated.
        key: As there.
    """
    written = rows.join(F.broadcast(changed.where(F.col(CHANGE) != "delete")), on=key, how="inner")
    return written.unionByName(changed.where(F.col(CHANGE) == "delete"), allowMissingColumns=True)
