"""The MERGE statements by which rows of a keyed table change, and what rows must be before they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.errors import InputError, PromiseError
from leastpack.tables.making import quoted
from leastpack.tables.schemas import Table


def conformed(table: Table, df: DataFrame) -> DataFrame:
    """The table's columns in order, cast to its types.

    Raises:
        InputError: A column is missing.
    """
    missing = [column for column in table.names if column not in df.columns]
    if missing:
        raise InputError(
            f"rows for table {table.name} lack columns", expected=", ".join(missing), found=", ".join(df.columns)
        )
    return df.select([F.col(f"`{c.name}`").cast(c.type).alias(c.name) for c in table.columns])


def check_keys(table: Table, new: DataFrame) -> None:
    """Check that every key is there once.

    Raises:
        PromiseError: One occurs twice.
    """
    twice = new.groupBy(*table.key).count().where("count > 1").limit(1).collect()
    if twice:
        raise PromiseError(
            f"a key occurs twice in the rows for table {table.name}",
            expected=f"one row a {', '.join(table.key)}",
            found=str(twice[0].asDict()),
        )


def within_parts(parts: Mapping[str, Sequence[str | int]]) -> str:
    """The condition that names partitions and their values: Delta looks only into those that a condition names."""
    return "".join(
        f" AND t.`{name}` = s.`{name}` AND t.`{name}` IN ({', '.join(map(_literal, some))})"
        for name, some in parts.items()
    )


def merge_statement(table: Table, identifier: str, view: str, clauses: str, within: str) -> str:
    """One MERGE by key of the rows of a view; `within` as of `within_parts`."""
    same_key = " AND ".join(f"t.`{key}` <=> s.`{key}`" for key in table.key) + within
    return f"MERGE INTO {identifier} t USING {view} s ON {same_key} {clauses}"


def insert_clause(table: Table) -> str:
    """Rows whose key is not there go in; the others stay as they are."""
    return f"WHEN NOT MATCHED THEN {_inserted(table)}"


def change_clauses(table: Table) -> str:
    """Rows of `changed_rows` are inserted, updated or deleted, as `_change` says."""
    assignments = ", ".join(f"t.`{name}` = s.`{name}`" for name in table.names)
    return (
        "WHEN MATCHED AND s._change = 'delete' THEN DELETE "
        f"WHEN MATCHED AND s._change <> 'delete' THEN UPDATE SET {assignments} "
        f"WHEN NOT MATCHED AND s._change <> 'delete' THEN {_inserted(table)}"
    )


def _inserted(table: Table) -> str:
    names = ", ".join(f"`{name}`" for name in table.names)
    return f"INSERT ({names}) VALUES ({', '.join(f's.`{name}`' for name in table.names)})"  # noqa: S608


def _literal(value: str | int) -> str:
    return quoted(value) if isinstance(value, str) else str(value)
