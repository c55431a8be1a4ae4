"""CSV of any shape as an export: line by line where no value holds a newline, else record by record."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from leastpack.catalog.csv_syntax import NEWLINES, Syntax, syntax_of
from leastpack.catalog.headers import Header, name_columns, quoted
from leastpack.catalog.layouts import BROKEN, CUT, FILE, HEADER, LINES, SWALLOWED, Export
from leastpack.catalog.reader_options import (
    CORRUPT,
    FILE_OPTIONS,
    encoding_of,
    is_on,
    option,
    reader_options,
    without,
)
from leastpack.config.sources import SourceConfig
from leastpack.errors import InputError

_LINE = "value"
_PLACED = re.compile(r"_c\d+")
# What may differ between two spellings of one header.
_NEGLIGIBLE = " \u00a0\ufeff\r"


@dataclass(frozen=True)
class _Layout:
    """What a file's columns are.

    Attributes:
        header: Names of the columns.
        types: Their types.
        cells: The header as it is written; None where the files have none.
        named: How many columns stand up to the last that has a name.
    """

    header: Header
    types: tuple[T.DataType, ...]
    cells: tuple[str | None, ...] | None
    named: int

    @property
    def texts(self) -> bool:
        return all(isinstance(kind, T.StringType) for kind in self.types)


def load_csv(spark: SparkSession, source: SourceConfig, path: str) -> Export | None:
    """Read a CSV source; None where its files hold no line at all.

    All columns are texts, unless `row_schema` says otherwise. A row with as many cells as the header has columns is
    one; so is a row that has fewer or more of them by empty ones without a name.

    Raises:
        InputError: The header is not the one that `row_schema` speaks of.
    """
    options = reader_options(source)
    if is_on(options, "multiLine") and option(options, "lineSep") is None:
        # Spark looks for the sign at the end of the first line, and takes no other.
        options["lineSep"] = "\n"
    first = _first_row(spark, options, path)
    if first and options.get("lineSep") == "\n" and any(re.search(r"\r(?!\n|$)", cell or "") for cell in first):
        options["lineSep"] = "\r"
        first = _first_row(spark, options, path)
    if first is None and not source.row_schema:
        return None
    layout = _layout(source, options, first)
    load = _records if is_on(options, "multiLine") else _lines
    return load(spark, options, path, layout)


def physical_lines(spark: SparkSession, options: Mapping[str, str], path: str) -> DataFrame:
    """The lines of text files that are not blank, one a row in the column `value`, whatever stands in them.

    Args:
        spark: The session.
        options: `reader_options` of the source; those that choose files and lines count.
        path: As Spark takes it.
    """
    kept = {key: value for key, value in options.items() if key.lower() in FILE_OPTIONS}
    charset = encoding_of(options)
    if charset in ("utf-8", "utf8"):
        lines = spark.read.options(**without(kept, "encoding", "charset")).format("text").load(path)
    else:
        whole = {"header": "false", "sep": "\x01", "quote": ""}
        if charset.startswith(("utf-16", "utf-32", "utf16", "utf32")):
            whole |= {"multiLine": "true", "lineSep": "\n"}
        lines = spark.read.options(**{**kept, **whole}).schema(f"{_LINE} string").format("csv").load(path)
    return lines.where(F.length(F.trim(_LINE)) > 0)


def _first_row(spark: SparkSession, options: Mapping[str, str], path: str) -> list[str | None] | None:
    """Cells of the first row of the files; None where there is none."""
    reader = spark.read.options(**{**without(options, "header", "enforceSchema", "inferSchema"), "header": "false"})
    found = reader.format("csv").load(path)
    columns = [quoted(name) for name in found.columns if _PLACED.fullmatch(name)]
    if not columns:
        return None
    rows = found.where("_metadata.file_block_start = 0").select(*columns).head(1)
    return [_bare(cell) for cell in rows[0]] if rows else None


def _bare(cell: str | None) -> str | None:
    return cell.rstrip("\r") if cell is not None else None


def _layout(source: SourceConfig, options: Mapping[str, str], first: Sequence[str | None] | None) -> _Layout:
    cells = tuple(first or ()) if is_on(options, "header") else None
    if source.row_schema:
        fields = cast(T.StructType, T.StructType.fromDDL(source.row_schema)).fields
        names = tuple(field.name for field in fields)
        found = [name.lower() for name in name_columns(cells or ()).names]
        if cells and found != [name.lower() for name in name_columns(names).names]:
            raise InputError(
                f"source {source.name!r}: the header of {source.path} is not that of `row_schema`",
                expected=", ".join(names),
                found=", ".join(cell or "" for cell in cells),
                todo=f"correct `row_schema` of the source {source.name!r}, or leave it out",
            )
        return _Layout(Header(names), tuple(field.dataType for field in fields), cells, len(names))
    count = len(first or ())
    header = name_columns(cells if cells is not None else [None] * count)
    unnamed = 0
    while cells and unnamed < count and not (cells[count - 1 - unnamed] or "").strip():
        unnamed += 1
    return _Layout(header, (T.StringType(),) * count, cells, count - unnamed)


def _lines(spark: SparkSession, options: Mapping[str, str], path: str, layout: _Layout) -> Export:
    """Every line is a row. Spark splits such files, and a line that is cut is known by its text."""
    syntax = syntax_of(options)
    lines = physical_lines(spark, options, path)
    beside = [name for name in lines.columns if name != _LINE]
    if comment := option(options, "comment"):
        lines = lines.where(~F.col(_LINE).startswith(comment))
    fields = [f"c{place} {kind.simpleString()}" for place, kind in enumerate(layout.types)]
    parsing = without(options, "header", "multiLine", "lineSep", "encoding", "charset", "columnPruning", "comment")
    parsed = lines.withColumn("cells", F.from_csv(_LINE, ", ".join([*fields, f"{CORRUPT} string"]), parsing))
    is_header = _is_header_line(layout.cells, syntax)
    broken = F.lit(None).cast("string")
    if syntax.quote:
        broken = F.when(F.col(_LINE).contains(syntax.quote) & F.col(_LINE).rlike(syntax.cut), F.lit(CUT))
    faulty = F.when(broken.isNotNull(), F.col(_LINE)).otherwise(_faulty(F.col(f"cells.{CORRUPT}"), syntax, layout))
    cells = [F.col(f"cells.c{place}") for place in range(len(layout.types))]
    return _export(parsed, layout, cells, beside, is_header, faulty, F.lit(1), broken)


def _records(spark: SparkSession, options: Mapping[str, str], path: str, layout: _Layout) -> Export:
    """A row ends where no quote is open. A row that has swallowed others is known by lines that look like rows."""
    syntax = syntax_of(options)
    names = [f"c{place}" for place in range(len(layout.types))]
    reader = spark.read.options(**{**without(options, "header", "enforceSchema", "inferSchema"), "header": "false"})
    schema = ", ".join(f"{name} string" for name in [*names, CORRUPT])
    found = reader.schema(schema).format("csv").load(path)
    beside = [name for name in found.columns if name not in {*names, CORRUPT}]
    cells = [F.col(name) for name in names]
    if option(options, "lineSep") == "\n":
        cells[-1] = F.nullif(F.regexp_replace(cells[-1], "\r$", ""), F.lit(""))
    written = F.concat_ws(syntax.separator, *[F.coalesce(cell, F.lit("")) for cell in cells])
    text = F.coalesce(CORRUPT, written)
    lines = F.filter(F.split(text, NEWLINES), lambda line: F.length(F.trim(line)) > 0)
    like_rows = F.size(F.filter(lines, lambda line: _separators(line, syntax) == len(names) - 1))
    # With one column every line looks like a row.
    swallowed = F.lit(len(names) > 1) & (F.size(lines) > 1) & (like_rows > 1) & (2 * like_rows >= F.size(lines))
    broken = F.when(swallowed, F.lit(SWALLOWED))
    typed = [cell.try_cast(kind) for cell, kind in zip(cells, layout.types, strict=True)]
    lost = F.lit(False)
    for cell, value in zip(cells, typed, strict=True):
        if not layout.texts:
            lost = lost | (cell.isNotNull() & value.isNull())
    faulty = F.when(swallowed | lost, text).otherwise(_faulty(F.col(CORRUPT), syntax, layout))
    is_header = F.lit(False)
    if layout.cells:
        same = [cell.eqNullSafe(F.lit(given)) for cell, given in zip(cells, layout.cells, strict=True)]
        is_header = same[0]
        for one in same[1:]:
            is_header = is_header & one
    return _export(found, layout, typed, beside, is_header, faulty, F.greatest(F.size(lines), F.lit(1)), broken)


def _export(
    rows: DataFrame,
    layout: _Layout,
    cells: Sequence[Column],
    beside: Sequence[str],
    is_header: Column,
    faulty: Column,
    lines: Column,
    broken: Column,
) -> Export:
    # A partition folder of a column's name stands above the column, as it does for Spark.
    folders = {name.lower() for name in beside}
    own = [(cell, name) for cell, name in zip(cells, layout.header.names, strict=True) if name.lower() not in folders]
    file = F.col("_metadata.file_path") if layout.cells else F.lit(None).cast("string")
    selected = rows.select(
        *[cell.alias(name) for cell, name in own],
        *[F.col(quoted(name)) for name in beside],
        F.when(~is_header, faulty).alias(CORRUPT),
        is_header.alias(HEADER),
        file.alias(FILE),
        lines.alias(LINES),
        F.when(~is_header, broken).alias(BROKEN),
    )
    columns = (*[name for _, name in own], *beside, CORRUPT)
    return Export(selected, columns, layout.header.spellings, layout.header.repeated)


def _faulty(corrupt: Column, syntax: Syntax, layout: _Layout) -> Column:
    """Text of a row that does not parse, null for one that only lacks, or has more, empty cells without a name."""
    if not layout.texts:
        return corrupt
    return F.when(~corrupt.rlike(syntax.other_width(len(layout.types), layout.named)), corrupt)


def _is_header_line(cells: Sequence[str | None] | None, syntax: Syntax) -> Column:
    """Whether a line says what the header does, however it is quoted."""
    if not cells:
        return F.lit(False)
    gone = _NEGLIGIBLE + syntax.quote
    bare = F.lower(F.translate(F.lit(syntax.separator.join(cell or "" for cell in cells)), gone, ""))
    longest = sum(len((cell or "").encode()) + 8 for cell in cells) + 64
    return (F.octet_length(_LINE) <= longest) & (F.lower(F.translate(F.col(_LINE), gone, "")) == bare)


def _separators(line: Column, syntax: Syntax) -> Column:
    return F.regexp_count(line, F.lit(syntax.separators))
