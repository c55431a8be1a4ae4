"""How many rows each export holds, counted apart from the work on them, so that an account can catch a lost row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.catalog.sources import NO_ELEMENT
from leastpack.config.sources import SourceConfig
from leastpack.log import log


@dataclass(frozen=True)
class Delivered:
    """What an export holds.

    Attributes:
        rows: Rows, of an exploded export elements; a row without an element counts once.
        no_element: Of these, rows whose exploded array is empty.
    """

    rows: int
    no_element: int

    @property
    def aside(self) -> Mapping[str, int]:
        """Rows that `with_content` leaves out, by reason."""
        return {NO_ELEMENT: self.no_element}


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
    filled = [F.count(field).alias(field) for field in source.columns]
    row = rows.agg(F.count("*").alias("rows"), F.count_if(NO_ELEMENT).alias(NO_ELEMENT), *filled).collect()[0]
    with_content = row["rows"] - row[NO_ELEMENT]
    for field, expression in source.columns.items():
        if with_content and not row[field]:
            log.warning("a mapped field is empty in every row", source=source.name, field=field, expression=expression)
    return Delivered(row["rows"], row[NO_ELEMENT])
