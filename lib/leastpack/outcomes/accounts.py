"""What became of every raw row: the account of each source, and the rows for quarantine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.catalog.counting import Delivered
from leastpack.catalog.quarantine import IMPOSSIBLE, why_column
from leastpack.config.sources import SourceConfig
from leastpack.outcomes.cleaning import UNKNOWN_PRODUCT
from leastpack.outcomes.package_codes import CONTRADICTORY_CODE, UNREADABLE_CODE
from leastpack.runs import Run

USED, QUARANTINED = "used", "quarantined"
WHY = {
    UNKNOWN_PRODUCT: "The catalog has no such product in that marketplace.",
    f"{IMPOSSIBLE}PROPENSITY": "The probability is not above 0 and at most 1.",
    f"{IMPOSSIBLE}DRAW_PROBABILITY": "The probability is not above 0 and at most 1.",
    f"{IMPOSSIBLE}UPDATED_AT": "The row was corrected in the future: it would stand above every correction to come.",
    f"{IMPOSSIBLE}ITEMS": "A shipment has at least one item.",
    f"{IMPOSSIBLE}STARS": "Stars go from 1 to 5.",
    f"{IMPOSSIBLE}RESULT": "The result of a test is SAFE or UNSAFE.",
    UNREADABLE_CODE: "The code has bytes that are not UTF-8, and could be taken for another one.",
    CONTRADICTORY_CODE: "The code names another type on some of these days, or a declared type has its name.",
}


def account_for(
    run: Run, sources: Sequence[SourceConfig], judged: DataFrame, delivered: Mapping[str, Delivered]
) -> Counter[str]:
    """Account for every row of the sources of one kind, one account a source.

    Args:
        run: The run.
        sources: The sources, also those without a row.
        judged: Their judged rows.
        delivered: What `count_exports` found in each.

    Returns:
        Rows by fate over all sources: `used`, `quarantined`, or the reason they were set aside for.

    Raises:
        PromiseError: A row was lost or repeated on the way.
    """
    fate = F.when(F.col("fault").isNotNull(), F.lit(QUARANTINED)).otherwise(F.coalesce("set_aside", F.lit(USED)))
    fates: dict[str, Counter[str]] = {source.name: Counter() for source in sources}
    for row in judged.groupBy("source", fate.alias("fate")).count().collect():
        fates[row["source"]][row["fate"]] = row["count"]
    for name, counts in fates.items():
        aside = {reason: n for reason, n in sorted(counts.items()) if reason not in (USED, QUARANTINED)}
        aside.update(delivered[name].aside)
        rows_in = delivered[name].rows
        run.account(name, rows_in=rows_in, used=counts[USED], set_aside=aside, quarantined=counts[QUARANTINED])
    return sum(fates.values(), Counter())


def quarantine_rows(judged: Iterable[DataFrame]) -> DataFrame:
    """The rows with a fault: source, code, why, raw."""
    rows = [table.where("fault IS NOT NULL").select("source", F.col("fault").alias("code"), "raw") for table in judged]
    return reduce(DataFrame.union, rows).withColumn("why", F.coalesce(_why(F.col("code")), why_column(F.col("code"))))


def _why(code: Column) -> Column:
    return F.coalesce(*[F.when(code == name, F.lit(text)) for name, text in WHY.items()])
