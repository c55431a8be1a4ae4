"""How a table is made: its columns, comments, partitions and properties, and what one made earlier lacks."""

from __future__ import annotations

from collections.abc import Iterable

from leastpack.config.storage import TablesConfig
from leastpack.errors import ConfigError
from leastpack.tables.schemas import Column, Table

# Readers other than Spark must open the tables, so the features they lack stay off wherever the default is on.
DELETION_VECTORS = "delta.enableDeletionVectors"
PROPERTIES = {DELETION_VECTORS: "false", "delta.columnMapping.mode": "none"}
# Rows of tables in buckets lie in the order of hashes, so that a file's least and largest values would let no reader
# pass over it; to find them takes a third of the time that writing does.
IN_BUCKETS = {"delta.dataSkippingNumIndexedCols": "0"}
BUCKETS = "leastpack.buckets"


def make_statement(table: Table, identifier: str, config: TablesConfig) -> str:
    """The statement that makes an empty table where there is none."""
    partitions = f" PARTITIONED BY ({', '.join(table.partition_by)})" if table.partition_by else ""
    kept = f"interval {config.keep_days} days"
    properties = {**PROPERTIES, "delta.logRetentionDuration": kept, "delta.deletedFileRetentionDuration": kept}
    if "bucket" in table.names:
        properties[BUCKETS] = str(config.buckets)
    if "bucket" in table.partition_by:
        properties |= IN_BUCKETS
    listed = ", ".join(f"{quoted(key)} = {quoted(value)}" for key, value in properties.items())
    return (
        f"CREATE TABLE IF NOT EXISTS {identifier} ({_declared(table.columns)}) USING delta{partitions} "
        f"COMMENT {quoted(table.doc)} TBLPROPERTIES ({listed})"
    )


def lacking_columns(table: Table, there: Iterable[str]) -> list[Column]:
    """Columns that a table of an earlier leastpack does not have."""
    names = set(there)
    return [column for column in table.columns if column.name not in names]


def columns_statement(identifier: str, lacking: Iterable[Column]) -> str:
    """The statement that adds columns, empty."""
    return f"ALTER TABLE {identifier} ADD COLUMNS ({_declared(lacking)})"


def property_statement(identifier: str, name: str, value: str) -> str:
    """The statement that sets a property."""
    return f"ALTER TABLE {identifier} SET TBLPROPERTIES ({quoted(name)} = {quoted(value)})"


def check_buckets(name: str, made_with: str | None, buckets: int) -> None:
    """Check that a table that is there is in as many buckets as the config says.

    Raises:
        ConfigError: It is not.
    """
    if made_with != str(buckets):
        raise ConfigError(
            f"table {name} was made with {made_with} buckets",
            found=f"tables.buckets = {buckets}",
            todo="set tables.buckets to what the table was made with, or write to a new place",
        )


def quoted(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _declared(columns: Iterable[Column]) -> str:
    return ", ".join(f"`{c.name}` {c.type} COMMENT {quoted(c.doc)}" for c in columns)
