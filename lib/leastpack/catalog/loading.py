"""Loads an export by Spark's reader of its format, and says by name where it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from botocore.exceptions import BotoCoreError, ClientError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, DataFrameReader, SparkSession
from pyspark.sql import types as T

from leastpack.catalog.csv_files import load_csv
from leastpack.catalog.layouts import Export, as_is
from leastpack.catalog.passed_over import Listed, passed_over
from leastpack.catalog.reader_options import CORRUPT, TEXT_FORMATS, allow_charset, reader_options
from leastpack.config.sources import SourceConfig
from leastpack.errors import InputError, LeastpackError
from leastpack.locations import scheme_of
from leastpack.log import log

FOLDER_FORMATS = frozenset({"delta", "iceberg", "hudi"})  # that list their own files
FILE_COLUMNS = ("path", "length", "modificationTime")  # of binaryFile, without the contents
MISSING_PATH = frozenset(
    {"PATH_NOT_FOUND", "UNABLE_TO_INFER_SCHEMA", "DELTA_TABLE_NOT_FOUND", "TABLE_OR_VIEW_NOT_FOUND"}
)


def load_export(spark: SparkSession, source: SourceConfig) -> Export:
    """Read an export as Spark gives it, with every file, row and column of it under a name of its own.

    Raises:
        InputError: Nothing is at the path, or it cannot be read as configured.
    """
    path = source.path if source.format == "table" else input_path(source.path)
    try:
        allow_charset(spark, source)
        if source.format == "csv":
            _tell_passed_over(source, path)
            return load_csv(spark, source, path) or Export(spark.range(0).drop("id"), ())
        reader = spark.read.options(**reader_options(source))
        if source.format == "table":
            return as_is(reader.table(path))
        schema = _schema(reader, source)
        reader = reader.schema(schema) if schema is not None else reader
        found = reader.format(source.format).load(path)
        if source.format == "binaryFile":
            return as_is(_with_passed_over(spark, found.select(*FILE_COLUMNS), source, path))
        _tell_passed_over(source, path)
        return as_is(found.select("*"))
    except LeastpackError:
        raise
    except Exception as error:  # a format that Spark does not know is raised as no PySpark error
        raise _unreadable_export(source, error) from error


def input_path(path: str) -> str:
    """The path as Spark should get it: a relative one starts at the working directory of the step."""
    return path if path.startswith("/") or scheme_of(path) is not None else str(Path.cwd() / path)


def first_line(error: Exception) -> str:
    """What Spark says went wrong and the innermost cause, without plan and stack."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = next((line for line in lines if "[" in line and "]" in line), lines[0] if lines else type(error).__name__)
    causes = [line for line in lines if line.startswith("Caused by:") and line != said]
    return " ".join([said, *causes[-1:]])


def _with_passed_over(spark: SparkSession, listing: DataFrame, source: SourceConfig, path: str) -> DataFrame:
    """The listing with the files that Spark passes over."""
    more = [(file.path, file.length, file.modified) for file in _passed_over(source, path)]
    return listing.unionByName(spark.createDataFrame(more, listing.schema)) if more else listing


def _tell_passed_over(source: SourceConfig, path: str) -> None:
    if source.format in FOLDER_FORMATS:  # they know their own files
        return
    if files := _passed_over(source, path):
        log.warning(
            "files whose names begin with _ or . are not read",
            source=source.name, files=len(files), first=[file.path for file in files[:3]], todo="rename them",
        )  # fmt: skip


def _passed_over(source: SourceConfig, path: str) -> list[Listed]:
    try:
        return list(passed_over(path, reader_options(source)))
    except (OSError, ValueError, BotoCoreError, ClientError) as error:
        log.warning(
            "nobody could look for files whose names begin with _ or .: Spark passes over them",
            source=source.name, error=str(error),
        )  # fmt: skip
        return []


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
    """Columns to read; json and xml get one more for rows that do not parse."""
    if source.row_schema:
        schema = cast(T.StructType, T.StructType.fromDDL(source.row_schema))
    elif source.format in TEXT_FORMATS:
        schema = reader.format(source.format).load(input_path(source.path)).schema
    else:
        return None
    if source.format in TEXT_FORMATS and schema.fields and CORRUPT not in schema.names:
        schema = T.StructType([*schema.fields, T.StructField(CORRUPT, T.StringType())])
    return schema
