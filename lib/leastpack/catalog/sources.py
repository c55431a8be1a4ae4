"""Reads any raw export as rows of our own fields, each with its raw text and its identity.

Used by every step that reads exports. Nothing is judged here: a row that lacks a field or could not be parsed is still
a row, so that the reading step can account for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import cast

from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from leastpack.catalog.fields import Fields
from leastpack.catalog.headers import mentions, quoted, respelled
from leastpack.catalog.layouts import HEADER, Export
from leastpack.catalog.loading import first_line, load_export
from leastpack.catalog.reader_options import CORRUPT
from leastpack.config.sources import FIELDS, TYPES, SourceConfig
from leastpack.errors import InputError, LeastpackError
from leastpack.log import log

NO_ELEMENT = "no_element"  # why a row is set aside: its array to explode is empty
NOT_WANTED = "not_wanted"  # why a row is set aside: it does not meet the source's `where`
IS_HEADER = "is_header"  # no row at all
# Columns of `read_rows` for those who count: why a row says nothing of a product, and how it lies in its file.
COUNTED = ("aside", "file", "lines", "broken")
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
    """Of `read_rows` those that hold something and are wanted."""
    return rows.where("aside IS NULL").drop(*COUNTED)


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
        - `aside`: why the row is there to be counted only: the array to explode is empty (`no_element`), it does not
          meet `where` (`not_wanted`), or it repeats the header (`is_header`, no row of the export);
        - `file`: where files must begin with a header, the row's own;
        - `lines`: how many lines the row takes, null where that is not known;
        - `broken`: the row is `cut` off at a newline, or has `swallowed` others; it is malformed then.

    Raises:
        InputError: Nothing is at the path, or an expression does not resolve over the export's columns.
    """
    export = load_export(spark, source)
    if not export.columns:
        return spark.createDataFrame([], _empty_schema(source))
    corrupt = F.col(CORRUPT).isNotNull() if CORRUPT in export.columns else F.lit(False)
    _warn_of_repeated(source, export)
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
        *COUNTED,
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


def _warn_of_repeated(source: SourceConfig, export: Export) -> None:
    for field, expression in source.columns.items():
        for name in mentions(expression, export.repeated):
            log.warning(
                "the header has several columns of a mapped name: the first is read",
                source=source.name, field=field, column=name, todo=f"map `{name}_2` for the second",
            )  # fmt: skip


def _explode(export: Export, source: SourceConfig, corrupt: Column) -> Export:
    """Every element a row, beside the export's own columns; own ones of these names become `own_element`, ..."""
    expression = str(source.explode)
    array = F.expr(respelled(expression, export.spellings))
    # A row that did not parse has no array, yet must not vanish; nor must a header.
    elements = F.posexplode_outer(F.when(corrupt | export.is_header, F.array(F.lit(None))).otherwise(array))
    exploded = {"position", "element"}
    own = {name: f"own_{name}" if name.lower() in exploded else name for name in export.columns}
    beside = [F.col(quoted(name)) for name in export.rows.columns if name not in own]
    try:
        # Only what changes its name gets another: Spark's planning time doubles with each renamed column of a filter.
        named = [F.col(quoted(name)).alias(new) if new != name else F.col(quoted(name)) for name, new in own.items()]
        rows = export.rows.select(*named, *beside, elements.alias("position", "element"))
        rows.schema  # noqa: B018  (a lazy client analyses here)
    except PySparkException as error:
        raise _unresolved(export, source, "explode", expression, error) from None
    return Export(rows, (*own.values(), "position", "element"), export.spellings)


# In the names of our own columns while expressions are resolved: no expression can mean one of them by accident.
_OURS = "leastpack: our "


def _mapped(export: Export, source: SourceConfig, corrupt: Column) -> DataFrame:
    """Our fields by their names, beside `malformed`, `raw` and COUNTED."""
    raw = F.when(corrupt, F.to_json(F.struct(CORRUPT))) if CORRUPT in export.columns else F.lit(None)
    whole = F.to_json(F.struct(*[F.col(quoted(name)) for name in export.columns]))
    empty = F.col("position").isNull() if source.explode else F.lit(False)
    wanted = _wanted(export, source) if source.where else F.lit(True)
    aside = (
        F.when(export.is_header, F.lit(IS_HEADER))
        .when(empty, F.lit(NO_ELEMENT))
        .when(~corrupt & ~F.coalesce(wanted, F.lit(False)), F.lit(NOT_WANTED))
    )
    if source.where or HEADER in export.rows.columns:
        # Always true, but not to Spark: else it moves what is asked of these rows below the parsing, parses each line
        # once more for it, and plans for minutes, twice as long with each column that a condition looks at.
        aside = F.when(F.spark_partition_id() >= 0, aside)
    own = {
        **{field: _expression(field, source, export) for field in FIELDS[source.kind]},
        "malformed": corrupt,
        "raw": F.coalesce(raw, whole),
        "aside": aside,
        "file": export.file,
        "lines": export.lines,
        "broken": export.broken,
    }
    try:
        mapped = export.rows.select(*[column.alias(_OURS + name) for name, column in own.items()])
        mapped.schema  # noqa: B018  (a lazy client analyses here)
    except PySparkException as error:
        for field, expression in source.columns.items():
            try:
                export.rows.select(_expression(field, source, export).alias(_OURS + field)).schema  # noqa: B018
            except PySparkException as cause:
                raise _unresolved(export, source, field, expression, cause) from None
        raise InputError(f"source {source.name!r} cannot be read", found=first_line(error)) from None
    return mapped.select(*[F.col(quoted(_OURS + name)).alias(name) for name in own])


def _wanted(export: Export, source: SourceConfig) -> Column:
    condition = str(source.where)
    wanted = F.expr(respelled(condition, export.spellings))
    try:
        found = export.rows.select(wanted.alias(_OURS + "where")).schema[0].dataType
    except PySparkException as error:
        raise _unresolved(export, source, "where", condition, error) from None
    if not isinstance(found, T.BooleanType):
        raise InputError(
            f"source {source.name!r} ({source.path}): where: {condition!r} is no condition",
            expected="an expression that is true or false",
            found=found.simpleString(),
            todo="correct `where` of the source",
        )
    return wanted


def _expression(field: str, source: SourceConfig, export: Export) -> Column:
    mapped = field in source.columns
    given = F.expr(respelled(source.columns[field], export.spellings)) if mapped else F.lit(None)
    if field == "marketplace" and source.marketplace is not None:
        return F.coalesce(given.cast("string"), F.lit(source.marketplace))
    return given


def _unresolved(
    export: Export, source: SourceConfig, field: str, expression: str, error: PySparkException
) -> InputError:
    columns = [name for name in export.columns if name != CORRUPT]
    return InputError(
        f"source {source.name!r} ({source.path}): {field}: {expression!r} does not resolve",
        expected=f"an expression over the columns {', '.join(columns)}",
        found=first_line(error),
        todo=f"correct `columns.{field}` of the source; a json export that leaves fields out needs `row_schema`"
        if field not in ("explode", "where")
        else f"correct `{field}` of the source",
    )


def _empty_schema(source: SourceConfig) -> T.StructType:
    fields = [f"`{name}` {TYPES.get(name, 'string')}" for name in FIELDS[source.kind]]
    rest = ["source string", "malformed boolean", "unreadable array<string>", "row_hash bigint", "raw string"]
    rest += ["aside string", "file string", "lines int", "broken string"]
    return cast(T.StructType, T.StructType.fromDDL(", ".join(fields + rest)))
