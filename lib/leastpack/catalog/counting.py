"""How many rows each export holds, counted apart from the work on them, so that an account can catch a lost row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.catalog.sources import NO_ELEMENT
from leastpack.config.sources import FIELDS, MEASURES, TYPES, SourceConfig
from leastpack.log import log
from leastpack.runs import Run


@dataclass(frozen=True)
class Delivered:
    """What an export holds.

    Attributes:
        rows: Rows, of an exploded export elements; a row without an element counts once.
        no_element: Of these, rows whose exploded array is empty.
        not_utf_8: Field to how many rows hold bytes in it that are not UTF-8.
    """

    rows: int
    no_element: int
    not_utf_8: Mapping[str, int] = field(default_factory=dict)

    @property
    def aside(self) -> Mapping[str, int]:
        """Rows that `with_content` leaves out, by reason."""
        return {NO_ELEMENT: self.no_element}


# What stands in a text for bytes that are not UTF-8.
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
TEXTS = {kind: [field for field in fields if field not in MEASURES | TYPES.keys()] for kind, fields in FIELDS.items()}


def record_bytes(run: Run, delivered: Mapping[str, Delivered]) -> None:
    """Record how many rows of each source and field hold bytes that are not UTF-8."""
    for source, counts in delivered.items():
        for name, rows in counts.not_utf_8.items():
            run.figure(f"not_utf_8.{source}.{name}", rows)


def count_exports(exports: Mapping[str, DataFrame], sources: Sequence[SourceConfig]) -> dict[str, Delivered]:
    """Count the rows of each export in a pass of its own, and warn of mapped fields that no row fills.

    In JSON and Parquet read with `row_schema`, a column that the files lack reads as null and raises nothing.

    Args:
        exports: `read_exports`.
        sources: Those to count.

    Returns:
        Source name to its counts.
    """
    return {source.name: _count(exports[source.name], source) for source in sources}


def _count(rows: DataFrame, source: SourceConfig) -> Delivered:
    filled = [F.count(name).alias(name) for name in source.columns]
    texts = [name for name in source.columns if name in TEXTS[source.kind]]
    replaced = [F.count_if(F.col(name).contains(REPLACEMENT)).alias(f"{REPLACEMENT}{name}") for name in texts]
    none = F.count_if(NO_ELEMENT).alias(NO_ELEMENT)
    row = rows.agg(F.count("*").alias("rows"), none, *filled, *replaced).collect()[0]
    with_content = row["rows"] - row[NO_ELEMENT]
    for name, expression in source.columns.items():
        if with_content and not row[name]:
            log.warning("a mapped field is empty in every row", source=source.name, field=name, expression=expression)
    not_utf_8 = {name: n for name in texts if (n := row[f"{REPLACEMENT}{name}"])}
    for name, n in not_utf_8.items():
        log.warning(
            "bytes that are not UTF-8 were replaced: the file is in another encoding",
            source=source.name, field=name, rows=n, todo="set `encoding` in the options of the source",
        )  # fmt: skip
    return Delivered(row["rows"], row[NO_ELEMENT], not_utf_8)
