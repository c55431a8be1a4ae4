"""Keys that a table holds more than once, and how they are mended."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from leastpack.errors import ConfigError
from leastpack.tables.schemas import ALL, BY_NAME, Table
from leastpack.tables.store import Tables

RULE = "of a key's rows one without an error is kept, of these the newest, of equally new ones the first by hash"


@dataclass(frozen=True)
class Repeated:
    """What a table holds too much.

    Attributes:
        table: Its name.
        keys: How many keys have more than one row.
        rows: How many rows are too many.
    """

    table: str
    keys: int
    rows: int


def repeated(tables: Tables, name: str) -> Repeated:
    """Count a table's repeated keys; one pass over its key columns.

    Raises:
        ConfigError: leastpack has no such table, or it has no key.
        InputError: The table does not exist.
    """
    table = _keyed(name)
    often = tables.read(name).groupBy(*table.key).count().where("count > 1")
    keys, rows = often.agg(F.count("*"), F.sum(F.col("count") - 1)).collect()[0]
    return Repeated(name, keys, rows or 0)


def all_repeated(tables: Tables) -> list[Repeated]:
    """The keyed tables that exist and hold a key more than once."""
    there = [table.name for table in ALL if table.key and tables.exists(table.name)]
    return [found for name in there if (found := repeated(tables, name)).keys]


def mend(tables: Tables, name: str) -> int:
    """Leave one row a key, in one commit; no repeated key makes no commit.

    Returns:
        How many rows were removed.

    Raises:
        ConfigError: leastpack has no such table, or it has no key.
        InputError: The table does not exist.
    """
    table = _keyed(name)
    found = repeated(tables, name)
    if not found.keys:
        return 0
    rows = tables.read(name, tables.version(name))
    condition = "true"
    if "bucket" in table.partition_by:
        touched = rows.groupBy("bucket", *table.key).count().where("count > 1").select("bucket").distinct().collect()
        condition = f"bucket IN ({', '.join(str(row['bucket']) for row in touched)})"
    tables.replace_where(name, one_a_key(rows.where(condition), table), condition)
    return found.rows


def one_a_key(rows: DataFrame, table: Table) -> DataFrame:
    """One row a key, by `RULE`."""
    window = Window.partitionBy(*table.key).orderBy(*_order(table))
    return rows.withColumn("_place", F.row_number().over(window)).where("_place = 1").drop("_place")


def _order(table: Table) -> list[Column]:
    times = [F.col(column.name).desc_nulls_last() for column in table.columns if column.type == "timestamp"]
    errors = [F.col("error").isNotNull()] if "error" in table.names else []
    text = F.to_json(F.struct(*[F.col(name) for name in table.names]))
    return [*errors, *times, F.xxhash64(text), text]


def _keyed(name: str) -> Table:
    table = BY_NAME.get(name)
    if table is None or not table.key:
        keyed = ", ".join(table.name for table in ALL if table.key)
        raise ConfigError(f"{name} is no table with a key", expected=f"one of {keyed}", found=name)
    return table
