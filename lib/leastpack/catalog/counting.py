"""How many rows each export holds, counted apart from the work on them, so that an account can catch a lost row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.catalog.layouts import CUT, SWALLOWED
from leastpack.catalog.line_counts import check_lines
from leastpack.catalog.sources import IS_HEADER, NO_ELEMENT, NOT_WANTED
from leastpack.config.sources import FIELDS, MEASURES, TYPES, SourceConfig
from leastpack.errors import InputError
from leastpack.log import log
from leastpack.runs import Run


@dataclass(frozen=True)
class Delivered:
    """What an export holds.

    Attributes:
        rows: Rows, of an exploded export elements; a row without an element counts once.
        no_element: Of these, rows whose exploded array is empty.
        not_utf_8: Field to how many rows hold bytes in it that are not UTF-8.
        not_wanted: Rows that do not meet the source's `where`.
        cut: Lines that end, or begin, inside of quotes.
    """

    rows: int
    no_element: int
    not_utf_8: Mapping[str, int] = field(default_factory=dict)
    not_wanted: int = 0
    cut: int = 0

    @property
    def aside(self) -> Mapping[str, int]:
        """Rows that `with_content` leaves out, by reason."""
        return {NO_ELEMENT: self.no_element, NOT_WANTED: self.not_wanted}


# What stands in a text for bytes that are not UTF-8.
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
TEXTS = {kind: [field for field in fields if field not in MEASURES | TYPES.keys()] for kind, fields in FIELDS.items()}


def record_bytes(run: Run, delivered: Mapping[str, Delivered]) -> None:
    """Record how many rows of each source and field hold bytes that are not UTF-8, and how many lines are cut."""
    for source, counts in delivered.items():
        for name, rows in counts.not_utf_8.items():
            run.figure(f"not_utf_8.{source}.{name}", rows)
        if counts.cut:
            run.figure(f"cut_lines.{source}", counts.cut)


def count_exports(exports: Mapping[str, DataFrame], sources: Sequence[SourceConfig]) -> dict[str, Delivered]:
    """Count the rows of each export in a pass of its own, and warn of mapped fields that no row fills.

    In JSON and Parquet read with `row_schema`, a column that the files lack reads as null and raises nothing.

    Args:
        exports: `read_exports`.
        sources: Those to count.

    Returns:
        Source name to its counts.

    Raises:
        InputError: A file has another header than the first, or has rows that swallow others.
    """
    return {source.name: _count(exports[source.name], source) for source in sources}


def _count(rows: DataFrame, source: SourceConfig) -> Delivered:
    files = [row.asDict() for row in rows.groupBy("file").agg(*_counts(source)).collect()]
    for file in files:
        if file["file"] is not None and not file["headers"]:
            raise InputError(
                f"source {source.name!r}: a file has not the header of the others: {file['file']}",
                expected="one header, in the same order, in every file of the source",
                found="a file without it",
                todo='give files of another header a source of their own, or set `header: "false"` and `row_schema`',
            )
    check_lines(rows.sparkSession, source, {file["file"]: file for file in files})
    total = {name: sum(file[name] for file in files) for name in files[0] if name != "file"} if files else {}
    return _delivered(source, total) if files else Delivered(0, 0)


def _counts(source: SourceConfig) -> list[Any]:
    row = ~F.col("aside").eqNullSafe(F.lit(IS_HEADER))
    filled = [F.count(F.when(row, F.col(name))).alias(name) for name in source.columns]
    texts = [name for name in source.columns if name in TEXTS[source.kind]]
    replaced = [F.count_if(F.col(name).contains(REPLACEMENT)).alias(f"{REPLACEMENT}{name}") for name in texts]
    swallowed = F.col("broken") == SWALLOWED
    return [
        F.count_if(row).alias("rows"),
        F.count_if(~row).alias("headers"),
        F.count_if(F.col("aside") == NO_ELEMENT).alias(NO_ELEMENT),
        F.count_if(F.col("aside") == NOT_WANTED).alias(NOT_WANTED),
        F.count_if(F.col("broken") == CUT).alias(CUT),
        F.count_if(swallowed).alias(SWALLOWED),
        F.coalesce(F.sum(F.when(swallowed, F.col("lines"))), F.lit(0)).alias("lines_swallowed"),
        F.coalesce(F.sum("lines"), F.lit(0)).alias("lines"),
        *filled,
        *replaced,
    ]


def _delivered(source: SourceConfig, total: Mapping[str, int]) -> Delivered:
    looked_at = total["rows"] - total[NO_ELEMENT] - total[NOT_WANTED]
    for name, expression in source.columns.items():
        if looked_at and not total[name]:
            log.warning("a mapped field is empty in every row", source=source.name, field=name, expression=expression)
    not_utf_8 = {name: n for name in source.columns if (n := total.get(f"{REPLACEMENT}{name}"))}
    for name, n in not_utf_8.items():
        log.warning(
            "bytes that are not UTF-8 were replaced: the file is in another encoding",
            source=source.name, field=name, rows=n, todo="set `encoding` in the options of the source",
        )  # fmt: skip
    if total[CUT]:
        log.warning(
            "lines end or begin inside of quotes, and are in quarantine",
            source=source.name, lines=total[CUT],
            todo='set `multiLine: "true"` in the options of the source if values hold newlines, `quote: ""` if it does '
            "not quote",
        )  # fmt: skip
    return Delivered(total["rows"], total[NO_ELEMENT], not_utf_8, total[NOT_WANTED], total[CUT])
