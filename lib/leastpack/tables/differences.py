"""Which rows of a table would really change."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.tables.schemas import Table

# When and by which run a row was written: not part of what it says.
PROVENANCE = frozenset({"run_id", "scored_at", "issued_at", "changed_at", "seen_at", "encoded_at"})


@dataclass(frozen=True)
class Changes:
    """Rows inserted, updated and deleted."""

    inserted: int
    updated: int
    deleted: int

    @property
    def total(self) -> int:
        """All changed rows."""
        return self.inserted + self.updated + self.deleted

    @staticmethod
    def count(changed: DataFrame) -> Changes:
        """Count the rows of `changed_rows` by change."""
        counts = {row["_change"]: row["count"] for row in changed.groupBy("_change").count().collect()}
        return Changes(counts.get("insert", 0), counts.get("update", 0), counts.get("delete", 0))


def changed_rows(new: DataFrame, current: DataFrame, table: Table, *, delete_missing: bool) -> DataFrame:
    """Rows of the table's columns plus `_change`: insert, update or delete.

    A row that moves to another partition is deleted there and inserted here, so that a writer need look only into
    partitions that these rows name.

    Args:
        new: Rows as they should be, in the table's columns.
        current: Rows as they are.
        table: The table, for its key.
        delete_missing: Whether rows that only `current` has are to be deleted.

    Returns:
        The rows that differ; for a deletion the current row.
    """
    old, fresh = current.alias("old"), new.alias("new")
    same_key = reduce(Column.__and__, [F.col(f"old.{k}").eqNullSafe(F.col(f"new.{k}")) for k in table.key])
    compared = [name for name in table.names if name not in PROVENANCE and name not in table.key]
    differs = reduce(Column.__or__, [~_same(table, name) for name in compared], F.lit(False))
    left = F.col("old._there").isNull()
    gone = F.col("new._there").isNull()
    places = [~_same(table, name) for name in table.partition_by if name in compared]
    moves = reduce(Column.__or__, places, F.lit(False))
    change = (
        F.when(left, F.array(F.lit("insert")))
        .when(gone, F.array(F.lit("delete")))
        .when(moves, F.array(F.lit("delete"), F.lit("insert")))
        .when(differs, F.array(F.lit("update")))
    )
    joined = (
        fresh.withColumn("_there", F.lit(True))
        .alias("new")
        .join(old.withColumn("_there", F.lit(True)).alias("old"), on=same_key, how="full" if delete_missing else "left")
    )
    deleted = F.col("_change") == "delete"
    columns = [F.when(deleted, F.col(f"old.{n}")).otherwise(F.col(f"new.{n}")).alias(n) for n in table.names]
    return joined.select("*", F.explode(change).alias("_change")).select(*columns, "_change")


def _same(table: Table, name: str) -> Column:
    left, right = F.col(f"old.{name}"), F.col(f"new.{name}")
    kind = next(column.type for column in table.columns if column.name == name)
    if kind.startswith("map"):  # maps have no equality
        left, right = F.sort_array(F.map_entries(left)), F.sort_array(F.map_entries(right))
    return left.eqNullSafe(right)
