"""Reads any raw export as rows of our own fields, each with its raw text and its identity.

Used by every step that reads exports. Nothing is judged here: a row that lacks a field or could not be parsed is still
a row, so that the reading step can account for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, DataFrameReader, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from leastpack.catalog.fields import Fields
from leastpack.config.sources import FIELDS, TYPES, SourceConfig
from leastpack.errors import InputError, LeastpackError
from leastpack.locations import scheme_of

CORRUPT = "_corrupt_record"
TEXT_FORMATS = frozenset({"csv", "json"})  # whose rows may fail to parse, each for itself
NO_ELEMENT = "no_element"  # column of `read_rows`, and reason to set a row aside
FILE_COLUMNS = ("path", "length", "modificationTime")  # of binaryFile, without the contents

# What a reader starts from; `options` of the source override it.
READER_OPTIONS: dict[str, dict[str, str]] = {
    # RFC 4180 quoting. Spark parses only the columns a query needs unless told otherwise, and then misses rows with
    # too many or too few of them; and it takes columns by place unless told to compare each file's header.
    "csv": {"header": "true", "escape": '"', "multiLine": "true", "columnPruning": "false", "enforceSchema": "false"},
    "binaryFile": {"recursiveFileLookup": "true"},
}
MISSING_PATH = frozenset(
    {"PATH_NOT_FOUND", "UNABLE_TO_INFER_SCHEMA", "DELTA_TABLE_NOT_FOUND", "TABLE_OR_VIEW_NOT_FOUND"}
)
# Conditions of Spark that speak of a file or of a mapped expression, and not of leastpack or the cluster.
READ_FAILURES = (
    "FAILED_READ_FILE",
    "CAST_INVALID_INPUT",
    "CAST_OVERFLOW",
    "ARITHMETIC_OVERFLOW",
    "DIVIDE_BY_ZERO",
    "CANNOT_PARSE_TIMESTAMP",
    "INVALID_ARRAY_INDEX",
    "USER_RAISED_EXCEPTION",
)


def read_exports(spark: SparkSession, sources: Iterable[SourceConfig]) -> dict[str, DataFrame]:
    """`read_rows` of each source by name, to be read more than once: files delivered meanwhile are in none."""
    return {source.name: read_rows(spark, source) for source in sources}


def with_content(rows: DataFrame) -> DataFrame:
    """Of `read_rows` those that hold something."""
    return rows.where(f"NOT {NO_ELEMENT}").drop(NO_ELEMENT)


def read_rows(spark: SparkSession, source: SourceConfig) -> DataFrame:
    """Read every row of an export.

    Args:
        spark: The session.
        source: The export and the mapping of its columns.

    Returns:
        One row a row of the export, with columns:

        - every field of the source's kind (`leastpack.config.sources.FIELDS`), null where unmapped: strings trimmed
          and null if blank; other types by `TYPES`, null where the value does not convert; measures as text in the
          source's own notation, numeric columns included;
        - `source`: the source's name;
        - `malformed`: the reader could not parse the row (Spark refuses a query over this column alone);
        - `unreadable`: fields that held a value which does not convert to the field's type;
        - `row_hash`: 64-bit hash of the raw row, equal for exact repeats;
        - `raw`: the raw row as JSON;
        - `no_element`: the array to explode is empty or null, the row is there to be counted only.

    Raises:
        InputError: Nothing is at the path, or an expression does not resolve over the export's columns.
    """
    export = _load(spark, source)
    if not export.columns:
        return spark.createDataFrame([], _empty_schema(source))
    corrupt = F.col(CORRUPT).isNotNull() if CORRUPT in export.columns else F.lit(False)
    if source.explode:
        export = _explode(export, source, corrupt)
    mapped = _mapped(export, source, corrupt)
    fields = Fields(source, {field.name: field.dataType for field in mapped.schema})
    return mapped.select(
        *[fields.read(name).alias(name) for name in FIELDS[source.kind]],
        F.lit(source.name).alias("source"),
        "malformed",
        fields.unreadable().alias("unreadable"),
        F.xxhash64("raw").alias("row_hash"),
        "raw",
        NO_ELEMENT,
    )


@contextmanager
def reading(*sources: SourceConfig) -> Iterator[None]:
    """Turn what Spark raises while it runs over exports into an error that names them.

    Raises:
        InputError: A file cannot be read to its end, or a mapped expression failed on a value.
    """
    try:
        yield
    except LeastpackError:
        raise
    except Exception as error:  # an error on an executor may reach Python as no PySpark error
        if not any(condition in str(error) for condition in READ_FAILURES):
            raise
        raise InputError(
            f"an export cannot be read: {', '.join(f'{s.name} ({s.path})' for s in sources)}",
            expected="whole files with one header, and expressions in `columns` that give null on a bad value",
            found=first_line(error),
            todo="repair the file; in expressions use try_cast, try_to_timestamp, try_divide, get(array, 0)",
        ) from error


def first_line(error: Exception) -> str:
    """What Spark says went wrong and the innermost cause, without plan and stack."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = next((line for line in lines if "[" in line and "]" in line), lines[0] if lines else type(error).__name__)
    causes = [line for line in lines if line.startswith("Caused by:") and line != said]
    return " ".join([said, *causes[-1:]])


def input_path(path: str) -> str:
    """The path as Spark should get it: a relative one starts at the working directory of the step."""
    return path if path.startswith("/") or scheme_of(path) is not None else str(Path.cwd() / path)


def _load(spark: SparkSession, source: SourceConfig) -> DataFrame:
    options = {**READER_OPTIONS.get(source.format, {}), **source.options}
    if source.format in TEXT_FORMATS:
        options = {**options, "mode": "PERMISSIVE", "columnNameOfCorruptRecord": CORRUPT}
    reader = spark.read.options(**options)
    try:
        if source.format == "table":
            return reader.table(source.path)
        schema = _schema(reader, source)
        reader = reader.schema(schema) if schema is not None else reader
        export = reader.format(source.format).load(input_path(source.path))
        return export.select(*FILE_COLUMNS) if source.format == "binaryFile" else export.select("*")
    except Exception as error:  # a format that Spark does not know is raised as no PySpark error
        raise _unreadable_export(source, error) from error


def _unreadable_export(source: SourceConfig, error: Exception) -> InputError:
    condition = error.getCondition() if isinstance(error, PySparkException) else None
    if condition in MISSING_PATH:
        return InputError(
            f"source {source.name!r}: nothing to read at {source.path}",
            expected=f"one or more {source.format} files" if source.format != "table" else "a table of that name",
            found=first_line(error),
            todo=f"correct `path` of the source {source.name!r}, or put the export there",
        )
    return InputError(
        f"source {source.name!r}: {source.path} cannot be read as {source.format}",
        found=first_line(error),
        todo=f"correct `format`, `options` and `row_schema` of the source {source.name!r}",
    )


def _schema(reader: DataFrameReader, source: SourceConfig) -> T.StructType | None:
    """Columns to read; csv and json get one more for rows that do not parse."""
    if source.row_schema:
        schema = cast(T.StructType, T.StructType.fromDDL(source.row_schema))
    elif source.format in TEXT_FORMATS:
        schema = reader.format(source.format).load(input_path(source.path)).schema
    else:
        return None
    if source.format in TEXT_FORMATS and schema.fields and CORRUPT not in schema.names:
        schema = T.StructType([*schema.fields, T.StructField(CORRUPT, T.StringType())])
    return schema


def _explode(export: DataFrame, source: SourceConfig, corrupt: Column) -> DataFrame:
    expression = str(source.explode)
    try:
        array = F.expr(expression)
        # A row that did not parse has no array, yet must not vanish.
        elements = F.posexplode_outer(F.when(corrupt, F.array(F.lit(None))).otherwise(array))
        elements = elements.alias("position", "element")
        exploded = export.select("*", elements)
        exploded.schema  # noqa: B018  (a lazy client analyses here)
    except PySparkException as error:
        raise _unresolved(export, source, "explode", expression, error) from None
    return exploded


def _mapped(export: DataFrame, source: SourceConfig, corrupt: Column) -> DataFrame:
    raw = F.when(corrupt, F.to_json(F.struct(CORRUPT))) if CORRUPT in export.columns else F.lit(None)
    whole = F.to_json(F.struct(*[F.col(f"`{name}`") for name in export.columns]))
    try:
        mapped = export.select(
            *[_expression(field, source).alias(field) for field in FIELDS[source.kind]],
            corrupt.alias("malformed"),
            F.coalesce(raw, whole).alias("raw"),
            (F.col("position").isNull() if source.explode else F.lit(False)).alias(NO_ELEMENT),
        )
        mapped.schema  # noqa: B018  (a lazy client analyses here)
    except PySparkException as error:
        for field, expression in source.columns.items():
            try:
                export.select(F.expr(expression).alias(field)).schema  # noqa: B018
            except PySparkException as cause:
                raise _unresolved(export, source, field, expression, cause) from None
        raise InputError(f"source {source.name!r} cannot be read", found=first_line(error)) from None
    return mapped


def _expression(field: str, source: SourceConfig) -> Column:
    given = F.expr(source.columns[field]) if field in source.columns else F.lit(None)
    if field == "marketplace" and source.marketplace is not None:
        return F.coalesce(given.cast("string"), F.lit(source.marketplace))
    return given


def _unresolved(
    export: DataFrame, source: SourceConfig, field: str, expression: str, error: PySparkException
) -> InputError:
    columns = [name for name in export.columns if name != CORRUPT]
    return InputError(
        f"source {source.name!r} ({source.path}): {field}: {expression!r} does not resolve",
        expected=f"an expression over the columns {', '.join(columns)}",
        found=first_line(error),
        todo=f"correct `columns.{field}` of the source; a json export that leaves fields out needs `row_schema`"
        if field != "explode"
        else "correct `explode` of the source",
    )


def _empty_schema(source: SourceConfig) -> T.StructType:
    fields = [f"`{name}` {TYPES.get(name, 'string')}" for name in FIELDS[source.kind]]
    rest = ["source string", "malformed boolean", "unreadable array<string>", "row_hash bigint", "raw string"]
    rest.append(f"{NO_ELEMENT} boolean")
    return cast(T.StructType, T.StructType.fromDDL(", ".join(fields + rest)))
