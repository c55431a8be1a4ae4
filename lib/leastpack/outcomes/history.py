"""What a delivery changes in the kept history: rows to insert, update and delete."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.catalog.versions import OLDER_VERSION
from leastpack.config.sources import SourceConfig
from leastpack.outcomes.cleaning import used
from leastpack.tables.differences import changed_rows
from leastpack.tables.schemas import Table


@dataclass(frozen=True)
class Deletion:
    """Rows of a source that a delivery would delete.

    Attributes:
        source: The source.
        period: The month; None where the source delivers everything.
        stored: Rows kept of it.
        deleted: Of these, rows that the delivery lacks.
    """

    source: str
    period: str | None
    stored: int
    deleted: int


def with_older(rows: DataFrame, stored: DataFrame, table: Table, again: Collection[str]) -> DataFrame:
    """Set aside delivered rows that were corrected earlier than what is stored of their key.

    Args:
        rows: `keyed_rows`.
        stored: `near`.
        table: What they are kept in.
        again: Sources read anew: what they deliver counts whatever is stored.

    Returns:
        The same rows, with `older_version` in set_aside.
    """
    known = stored.select(*table.key, F.col("updated_at").alias("stored_updated_at"))
    before, now = F.col("stored_updated_at"), F.col("updated_at")
    # A row that does not say when it was corrected is no later than one that does.
    older = before.isNotNull() & (now.isNull() | (before > now))
    counts = F.col("fault").isNull() & ~F.col("source").isin(*again)
    aside = F.coalesce("set_aside", F.when(counts & older, F.lit(OLDER_VERSION)))
    joined = rows.join(known, on=list(table.key), how="left").withColumn("set_aside", aside)
    return joined.select(*rows.columns)


def near(stored: DataFrame, rows: DataFrame, table: Table, id_column: str, missing: Column | None) -> DataFrame:
    """Stored rows that a delivery speaks of: those it names, and those that it deletes by not naming them.

    Where identifiers grow with time, Delta passes over the files of other times.

    Args:
        stored: The table.
        rows: `keyed_rows`.
        table: What they are kept in.
        id_column: The part of its key that tells most rows apart.
        missing: `missing_column`.

    Returns:
        Rows of the table, with `named` (a delivered row has the key).
    """
    least, greatest = rows.agg(F.min(id_column), F.max(id_column)).collect()[0]
    between = F.col(id_column).between(least, greatest) if least is not None else F.lit(False)
    gone = missing if missing is not None else F.lit(False)
    keys = rows.select(*table.key).distinct().withColumn("named", F.lit(True))
    found = stored.where(between | gone).join(keys, on=list(table.key), how="left")
    return found.withColumn("named", F.coalesce("named", F.lit(False))).where(F.col("named") | gone)


def none_near(stored: DataFrame) -> DataFrame:
    """`near` of a delivery that speaks of no stored row."""
    return stored.limit(0).withColumn("named", F.lit(False))


def missing_column(sources: Sequence[SourceConfig], rows: DataFrame, again: Collection[str]) -> Column | None:
    """Which stored rows a delivery deletes by not naming them; None where no source works so.

    Args:
        sources: The sources of the table.
        rows: Their `keyed_rows`.
        again: Sources read anew, which deliver everything.
    """
    whole = [source.name for source in sources if source.delivers == "whole" or source.name in again]
    monthly = [source.name for source in sources if source.delivers == "months" and source.name not in again]
    conditions = [F.col("source").isin(*whole)] if whole else []
    if monthly:
        sound = rows.where(F.col("fault").isNull() & F.col("source").isin(*monthly))
        for row in sound.groupBy("source").agg(F.collect_set("period").alias("periods")).collect():
            conditions.append((F.col("source") == row["source"]) & F.col("period").isin(*row["periods"]))
    return reduce(Column.__or__, conditions) if conditions else None


def changes(rows: DataFrame, stored: DataFrame, table: Table) -> DataFrame:
    """Rows of the table's columns plus `_change`: insert, update or delete.

    A stored row whose key is delivered in a row that cannot be used stays: such a delivery is no deletion.

    Args:
        rows: `keyed_rows`, after `with_older`.
        stored: `near`.
        table: What they are kept in.
    """
    new = used(rows).select(*table.names)
    counted = new.select(*table.key, F.lit(True).alias("_counted"))
    flagged = stored.join(counted, on=list(table.key), how="left")
    compared = flagged.where(F.col("_counted") | ~F.col("named"))
    return changed_rows(new, compared.select(*table.names), table, delete_missing=True)


def first_changes(rows: DataFrame, table: Table) -> DataFrame:
    """`changes` where nothing is stored yet."""
    return used(rows).select(*table.names).withColumn("_change", F.lit("insert"))


def deletions(
    sources: Sequence[SourceConfig], stored: DataFrame, changed: DataFrame, table: Table, missing: Column | None
) -> list[Deletion]:
    """How much of each source, or of each of its months, would be deleted.

    Args:
        sources: The sources of the table.
        stored: `near`.
        changed: `changes`.
        table: What they are kept in.
        missing: `missing_column`.
    """
    if missing is None:
        return []
    monthly = [source.name for source in sources if source.delivers == "months"]
    period = F.when(F.col("source").isin(*monthly), F.col("period")).alias("period")

    def counted(rows: DataFrame) -> dict[tuple[str, str | None], int]:
        groups = rows.groupBy("source", period).count().collect()
        return {(row["source"], row["period"]): row["count"] for row in groups}

    gone, come = changed.where("_change = 'delete'"), changed.where("_change = 'insert'")
    # A row that moves to another month is deleted in one and inserted in the other.
    deleted = counted(gone.join(come.select(*table.key), on=list(table.key), how="left_anti"))
    kept = sorted(counted(stored.where(missing)).items(), key=str)
    return [Deletion(source, month, n, deleted.get((source, month), 0)) for (source, month), n in kept]


def after(stored: DataFrame, changed: DataFrame, table: Table) -> DataFrame:
    """The table as it will be once the changes are written.

    Args:
        stored: Rows of the table, or of a part of it, in its columns and others beside.
        changed: `changes`; all of them, whatever part `stored` is.
        table: The table.
    """
    rest = stored.join(changed.select(*table.key).distinct(), on=list(table.key), how="left_anti")
    new = changed.where("_change <> 'delete'").drop("_change")
    return rest.unionByName(new, allowMissingColumns=True)
