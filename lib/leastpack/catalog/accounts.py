"""The account of every export: each row used, set aside for a reason, or in quarantine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.catalog.counting import Delivered
from leastpack.catalog.quarantine import why_column
from leastpack.catalog.versions import QUARANTINED, UNDATED_VERSION, USED
from leastpack.config.sources import SourceConfig
from leastpack.errors import InputError
from leastpack.log import log
from leastpack.runs import Run


def account_sources(
    run: Run, ranked: DataFrame, sources: Sequence[SourceConfig], delivered: Mapping[str, Delivered]
) -> int:
    """Count the rows of each export by what became of them, and enter the counts in the run.

    An export of products without any row stops the step: it is far likelier a broken delivery than an empty shop. Any
    other empty export is only warned of.

    Args:
        run: The run.
        ranked: Rows with source and status.
        sources: The exports that `ranked` holds.
        delivered: What `count_exports` found in each.

    Returns:
        How many rows are in quarantine.

    Raises:
        InputError: An export of products is empty, or none of its rows can be used.
        PromiseError: A row was lost or repeated on the way.
    """
    counts: dict[str, dict[str, int]] = {source.name: {} for source in sources}
    for row in ranked.groupBy("source", "status").count().collect():
        counts[row["source"]][row["status"]] = row["count"]
    for source in sources:
        by_status = counts[source.name]
        rows_in = delivered[source.name].rows
        if not rows_in and source.kind == "products":
            raise InputError(
                f"source {source.name!r}: the export {source.path} is empty",
                expected="one or more products",
                found="0 rows",
                todo="deliver the export again, or take the source out of the config",
            )
        looked_at = rows_in - sum(delivered[source.name].aside.values())
        if source.kind == "products" and by_status.get(QUARANTINED, 0) == looked_at:
            raise InputError(
                f"source {source.name!r}: not one row of {source.path} can be used",
                expected="products with an identifier and a known marketplace",
                found=f"{rows_in} rows, all faulty, empty or not wanted",
                todo="check sources.columns and `where`; in JSON a column that the files lack reads as null",
            )
        if not rows_in:
            log.warning("an export is empty", source=source.name, path=source.path)
        if undated := by_status.get(UNDATED_VERSION, 0):
            todo = "map the column that dates them, and set `epoch` where it is a number that counts no seconds"
            told = {"source": source.name, "rows": undated, "todo": todo}
            log.warning("rows without a date that can be do not replace dated ones", **told)
        aside = {status: n for status, n in by_status.items() if status not in (USED, QUARANTINED)}
        aside.update(delivered[source.name].aside)
        run.account(
            source.name,
            rows_in=rows_in,
            used=by_status.get(USED, 0),
            set_aside=aside,
            quarantined=by_status.get(QUARANTINED, 0),
        )
    return sum(by_status.get(QUARANTINED, 0) for by_status in counts.values())


def quarantined_rows(ranked: DataFrame) -> DataFrame:
    """The rows in quarantine, as `write_quarantine` takes them."""
    fault = F.col("fault")
    return ranked.where(F.col("status") == QUARANTINED).select(
        "source", fault.alias("code"), why_column(fault).alias("why"), "raw"
    )
