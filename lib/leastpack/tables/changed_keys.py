"""Which rows of a part of a table have to be written, found by key and digest, without a look at what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

CHANGE = "_change"
# Rows beyond which all executors should not be sent the keys.
MOST_ROWS = 1_000_000
# The largest part may have so many times as many changes as all of them have on average.
PROBED = 4


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


def few_changed(
    changed_in: Callable[[Sequence[int]], DataFrame], rows: Mapping[int, int], most: float
) -> DataFrame | None:
    """`changed_keys` of some parts of a table, kept, where they are few enough to be written alone; None otherwise.

    Where most rows differ, as after a new model, a look at the largest part tells.

    Args:
        changed_in: `changed_keys` of some parts.
        rows: Part to the rows that it holds, which would all be written otherwise.
        most: Share of these that may be written alone.
    """
    total = sum(rows.values())
    if not most or not total:
        return None
    largest = max(rows, key=lambda part: rows[part])
    if len(rows) > 1 and changed_in([largest]).count() > PROBED * most * rows[largest]:
        return None
    changed = changed_in(list(rows)).persist()
    counts = {row[CHANGE]: row["count"] for row in changed.groupBy(CHANGE).count().collect()}
    # Parts that differ though none of their keys does hold what no comparison of keys shows.
    if "repeat" not in counts and 0 < sum(counts.values()) <= min(most * total, MOST_ROWS):
        return changed
    changed.unpersist()
    return None


def rows_to_write(changed: DataFrame, rows: DataFrame, key: list[str]) -> DataFrame:
    """What `Tables.replace_rows` takes: whole rows, and of those to be deleted the key alone.

    Args:
        changed: `changed_keys`.
        rows: Rows as they should be, at least those that are inserted or updated.
        key: As there.
    """
    written = rows.join(F.broadcast(changed.where(F.col(CHANGE) != "delete")), on=key, how="inner")
    return written.unionByName(changed.where(F.col(CHANGE) == "delete"), allowMissingColumns=True)
