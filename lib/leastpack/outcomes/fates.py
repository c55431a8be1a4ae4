"""What became of each delivered row that could be read: counted, or set aside for a reason."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.config.outcomes import OutcomesConfig
from leastpack.config.sources import Kind
from leastpack.log import log
from leastpack.outcomes.cleaning import used
from leastpack.outcomes.damage import BEFORE_SHIPMENT, COUNTED, LONG_AFTER, NO_SHIPMENT
from leastpack.outcomes.deliveries import NO_IDENTIFIER
from leastpack.outcomes.placement import BOUNDED, NO_SHIPMENT_IN_WINDOW, NO_SHIPMENT_LEFT
from leastpack.outcomes.reasons import is_damage_reason
from leastpack.outcomes.shipments import judge_items
from leastpack.runs import Run

# Reports of damage that no shipment could be found for.
LOST = (NO_SHIPMENT, BEFORE_SHIPMENT, LONG_AFTER, NO_SHIPMENT_IN_WINDOW, NO_SHIPMENT_LEFT)
MOST_LOST = 0.1


def item_fates(rows: DataFrame, kind: Kind, rules: OutcomesConfig, until: Mapping[str, datetime.date]) -> DataFrame:
    """Set aside the delivered shipments that do not count, or not yet; human tests all count.

    Args:
        rows: `keyed_rows` of shipments or human tests.
        kind: Which of them.
        rules: The label rules.
        until: By marketplace, day up to which reports have been delivered.
    """
    if kind == "human_tests":
        return rows
    judged = judge_items(used(rows), rules, until).select(*rows.columns)
    return judged.unionByName(rows.where("set_aside IS NOT NULL OR fault IS NOT NULL"))


def report_fates(rows: DataFrame, recounted: DataFrame, near: DataFrame) -> DataFrame:
    """Add each delivered report's verdict, and set aside those that count for nothing.

    Args:
        rows: `keyed_rows` of returns or reviews.
        recounted: Reports with the verdicts found now.
        near: Stored reports that the delivery names, for those that nothing touched.

    Returns:
        The rows, with verdict, and with set_aside where it does not count.
    """
    key = ["source", "marketplace", "report_id"]
    now = recounted.select(*key, F.col("verdict").alias("found"))
    before = near.select(*key, F.col("verdict").alias("kept"))
    joined = rows.join(now, on=key, how="left").join(before, on=key, how="left")
    counts = F.col("fault").isNull() & F.col("set_aside").isNull()
    verdict = F.when(counts, F.coalesce("found", "kept"))
    judged = joined.withColumn("verdict", verdict).drop("found", "kept")
    no_use = F.when(~F.col("verdict").isin(*COUNTED), F.col("verdict"))
    return judged.withColumn("set_aside", F.coalesce("set_aside", no_use))


def warn_of_same_reports(run: Run, near: DataFrame, rules: OutcomesConfig) -> None:
    """Warn of returns of damage without any identifier that read as ones already kept, and count once with them.

    They may be the same file again, or new damage of the same product, reason and time.

    Args:
        run: The run.
        near: Stored reports, with `named`: the delivery has the same key.
        rules: The label rules.
    """
    unnamed = F.col("report_id").startswith(NO_IDENTIFIER) & F.col("shipment_id").isNull()
    same = near.where(F.col("named") & unnamed & is_damage_reason(rules))
    for row in same.groupBy("source").count().collect():
        run.figure(f"damage_reports.{row['source']}.same_again", row["count"])
        log.warning(
            "returns name neither themselves nor a shipment and read as ones already kept: they count once",
            source=row["source"], returns=row["count"], todo="map return_id or shipment_id",
        )  # fmt: skip


def report_shares(run: Run, judged: Sequence[DataFrame]) -> None:
    """Record of each source's reports of damage the shares placed on a shipment, bounded and lost; warn of many lost.

    Args:
        run: The run.
        judged: `report_fates` of all kinds.
    """
    damage = reduce(DataFrame.unionByName, judged).where(F.col("verdict").isin(*COUNTED, *LOST))
    counts = damage.groupBy("source").agg(
        F.count("*").alias("reports"),
        F.count_if(F.col("verdict") == BOUNDED).alias("bounded"),
        F.count_if(F.col("verdict").isin(*LOST)).alias("lost"),
    )
    for row in counts.collect():
        source, reports, bounded, lost = row
        run.figure(f"damage_reports.{source}", reports)
        run.figure(f"damage_reports.{source}.placed", (reports - bounded - lost) / reports)
        run.figure(f"damage_reports.{source}.bounded", bounded / reports)
        run.figure(f"damage_reports.{source}.lost", lost / reports)
        if lost >= MOST_LOST * reports:
            log.warning("reports of damage find no shipment", source=source, lost=lost, reports=reports)
