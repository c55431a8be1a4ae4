"""Rows of leastpack's tables from the few columns a test cares about."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from deltalake import write_deltalake
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import to_arrow_schema

from leastpack.config.storage import TablesConfig
from leastpack.tables import Tables
from leastpack.tables.by_pair import DECIDED, LISTED, TYPES
from leastpack.tables.keys import PRODUCT
from leastpack.tables.schemas import BY_NAME

Rows = Iterable[Mapping[str, Any]]


def table_rows(spark: SparkSession, name: str, rows: Rows) -> DataFrame:
    """A DataFrame of the table's columns; what a row does not name is null."""
    content = _checked(name, rows)
    table = BY_NAME[name]
    return spark.createDataFrame([tuple(row.get(column) for column in table.names) for row in content], table.schema)


def put_rows(tables: Tables, name: str, rows: Rows) -> None:
    """Make a table hold exactly these rows; those of `scores` and `decisions` may be rows of pairs.

    Without Spark, which takes most of a second for a commit of a handful of rows; what is tested writes through it.
    """
    _write(tables, name, rows, "overwrite")


def add_rows(tables: Tables, name: str, rows: Rows) -> None:
    """Add rows to a table, new keys all of them; without Spark, as `put_rows`."""
    _write(tables, name, rows, "append")


def put_frame(tables: Tables, name: str, rows: DataFrame) -> None:
    """Make a table hold exactly the rows of a DataFrame, as `put_rows`."""
    put_rows(tables, name, [row.asDict(recursive=True) for row in rows.collect()])


def _write(tables: Tables, name: str, rows: Rows, mode: Literal["overwrite", "append"]) -> None:
    if tables.root is None:
        raise ValueError("only tables under a root can be written without Spark")
    folder = Path(tables.location(name))
    if not folder.exists():
        shutil.copytree(_empty_table(tables.spark, name, tables.config.buckets), folder)
    schema = to_arrow_schema(BY_NAME[name].schema)
    content = _checked(name, rows)
    columns = [pa.array([_value(row.get(field.name)) for row in content], field.type) for field in schema]
    parts = list(BY_NAME[name].partition_by) or None
    write_deltalake(str(folder), pa.table(columns, schema=schema), mode=mode, partition_by=parts)


@cache
def _empty_table(spark: SparkSession, name: str, buckets: int) -> Path:
    """A table without rows as leastpack makes it, to copy."""
    root = tempfile.mkdtemp(prefix="leastpack-empty-")
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    made = Tables(spark, TablesConfig(root=root, buckets=buckets))
    made.ensure(name)
    return Path(made.location(name))


def _value(value: Any) -> Any:
    """What pyarrow takes for a map."""
    return list(value.items()) if isinstance(value, dict) else value


def product_rows(name: str, rows: Rows) -> Iterator[dict[str, Any]]:
    """Rows of pairs as rows of a table of products; what products share is that of the first of their pairs."""
    listed = [column for column in BY_NAME[name].names if column in (*DECIDED, *LISTED)]
    products: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        products.setdefault(tuple(row[name] for name in PRODUCT), []).append(row)
    for own in products.values():
        ordered = sorted(own, key=lambda row: str(row["package_type"]))
        lists = {name: [row.get(name) for row in ordered] for name in listed}
        yield {
            **{name: value for name, value in own[0].items() if name not in ("package_type", *listed)},
            TYPES: [row["package_type"] for row in ordered],
            **lists,
        }


def _checked(name: str, rows: Rows) -> list[Mapping[str, Any]]:
    content = list(rows)
    if TYPES in BY_NAME[name].names and any("package_type" in row for row in content):
        content = list(product_rows(name, content))
    if unknown := {column for row in content for column in row} - set(BY_NAME[name].names):
        raise KeyError(f"table {name} has no columns {sorted(unknown)}")
    return content
