"""Counts damage by pair and month in the part of the history that a delivery touches, and remembers how far it got."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from leastpack.config.outcomes import OutcomesConfig
from leastpack.config.sources import REPORT_KINDS, SourceConfig
from leastpack.outcomes.cleaning import AHEAD_DAYS, ITEM
from leastpack.outcomes.damage import damage_marks, judge_reports, marked_shipments
from leastpack.outcomes.history import after
from leastpack.outcomes.intake import Intake
from leastpack.outcomes.pairs import monthly_outcomes
from leastpack.outcomes.readers.reader import ReviewReader
from leastpack.outcomes.recount import BEGINNING, Counted, Start, recount, rules_digest
from leastpack.outcomes.shipments import judge_items
from leastpack.outcomes.watermarks import watermarks
from leastpack.pilot_arms import ARM, count_arms, with_arms
from leastpack.tables import Tables
from leastpack.tables.schemas import OUTCOME_BUCKETS

STATE = OUTCOME_BUCKETS.name
FIRST_EVENT = "1990-01-01"


@dataclass(frozen=True)
class Recounted:
    """The part of the history that is counted anew.

    Attributes:
        starts: Bucket to where it starts; empty where nothing has changed.
        reports: Rows of `damage_reports` of that part, with their verdicts.
        monthly: Rows of `pair_outcomes` of that part.
        pilots: Rows of `pilot_outcomes` of that part; None where no pilot was ever proposed.
    """

    starts: Mapping[int, Start]
    reports: DataFrame
    monthly: DataFrame
    pilots: DataFrame | None


def read_counted(tables: Tables) -> dict[int, Counted]:
    """How each bucket was counted last."""
    if not tables.exists(STATE):
        return {}
    rows = tables.read(STATE).collect()
    return {row["bucket"]: Counted(row["rules"], row["watermarks"] or {}, row["pending_from"]) for row in rows}


def write_counted(spark: SparkSession, tables: Tables, counted: Mapping[int, Counted]) -> None:
    """Remember how each bucket was counted."""
    rows = [(bucket, one.rules, dict(one.watermarks), one.pending_from) for bucket, one in counted.items()]
    tables.replace(STATE, spark.createDataFrame(rows, OUTCOME_BUCKETS.schema))


def pending(counted: Mapping[int, Counted], starts: Mapping[int, Start]) -> dict[int, Counted]:
    """What to remember before the history is written, so that a run that is stopped is not taken for one that ended."""
    marked = dict(counted)
    for bucket, start in starts.items():
        if bucket in counted and start.place_from is not None:
            last = counted[bucket]
            marked[bucket] = Counted(last.rules, last.watermarks, start.place_from)
    return marked


def first_shipped(shipments: Intake) -> dict[str, datetime.date]:
    """By marketplace, day of the first shipment of all that are kept or delivered now."""
    days = [rows.select("marketplace", "shipped_at") for rows in (shipments.stored, shipments.changed)]
    first = days[0].union(days[1]).groupBy("marketplace").agg(F.to_date(F.min("shipped_at")).alias("day"))
    return {row["marketplace"]: row["day"] for row in first.collect()}


def counted_until(counted: Mapping[int, Counted]) -> dict[str, datetime.date]:
    """By marketplace, the day up to which all buckets have been counted."""
    found: dict[str, datetime.date] = {}
    for one in counted.values():
        for name, day in one.watermarks.items():
            found[name] = min(day, found.get(name, day))
    return found


def delivered_until(
    marketplaces: Collection[str],
    reports: Intake,
    sources: Sequence[SourceConfig],
    rules: OutcomesConfig,
    counted: Mapping[int, Counted],
) -> dict[str, datetime.date]:
    """Today's watermarks of the marketplaces with shipments, from the history as it will be."""
    told = after(reports.stored, reports.changed, reports.table)
    until = F.date_add(F.current_date(), AHEAD_DAYS)
    day = F.to_date("reported_at")
    sound = told.where(day.between(F.lit(FIRST_EVENT).cast("date"), until))
    ends = sound.groupBy("source", "marketplace").agg(F.max(day).alias("day")).collect()
    last = {(row["source"], row["marketplace"]): row["day"] for row in ends}
    read = {source.name for source in reports.sources}
    unread = {source.name for source in sources if source.kind in REPORT_KINDS} - read
    return watermarks(sources, last, marketplaces, rules.as_of, counted_until(counted), unread)


def touched_days(shipments: Intake, reports: Intake, rules: OutcomesConfig, buckets: int) -> dict[int, datetime.date]:
    """Bucket to the earliest day that a delivery may change the counts of.

    A report that names its shipment may damage one of the whole window before it, which reports that name none then
    meet.
    """
    told = F.to_date("reported_at")
    reaches = F.when(F.col("shipment_id").isNotNull(), F.date_sub(told, rules.return_window_days)).otherwise(told)
    bucket = bucket_column(buckets).alias("bucket")
    days = []
    for intake, day in ((shipments, F.to_date("shipped_at")), (reports, reaches)):
        key = list(intake.table.key)
        replaced = intake.near.join(intake.changed.select(*key).distinct(), on=key, how="left_semi")
        days += [rows.select(bucket, day.alias("day")) for rows in (intake.changed, replaced)]
    each = days[0].unionByName(days[1]).unionByName(days[2]).unionByName(days[3])
    return {row["bucket"]: row["day"] for row in each.groupBy("bucket").agg(F.min("day").alias("day")).collect()}


def plan_recount(
    counted: Mapping[int, Counted],
    touched: Mapping[int, datetime.date],
    until: Mapping[str, datetime.date],
    rules: OutcomesConfig,
    buckets: int,
    reader: str,
) -> dict[int, Start]:
    """Where to start in each bucket; where shipments of several items are dropped, in all of them alike.

    The items of a shipment may be in several buckets, and then all must be looked at to tell that there are several.
    """
    starts = recount(counted, touched, until, rules, buckets, reader)
    if rules.multi_item == "all" or not starts:
        return starts
    placed = [start.place_from for start in starts.values() if start.place_from is not None]
    same = Start(min(placed, default=None), min(start.count_from for start in starts.values()))
    return dict.fromkeys(range(buckets), same)


def count_damage(
    spark: SparkSession,
    shipments: Intake,
    reports: Intake,
    starts: Mapping[int, Start],
    began: Mapping[str, datetime.date],
    until: Mapping[str, datetime.date],
    rules: OutcomesConfig,
    reader: ReviewReader,
    buckets: int,
    arms: DataFrame | None = None,
) -> Recounted:
    """Judge reports and count shipments of the part of the history that `starts` names.

    Shipments that a pilot assigned are counted by what it assigned, and apart: they certify, and teach nothing.
    """
    first = min((start.period for start in starts.values()), default="9999-12")
    rows = [(bucket, start.place_from, start.period) for bucket, start in starts.items()]
    begins = F.broadcast(spark.createDataFrame(rows, "bucket int, place_from date, first_period string"))

    def part(intake: Intake) -> DataFrame:
        whole = after(intake.stored.where(F.col("period") >= first), intake.changed, intake.table)
        whole = whole.withColumn("bucket", bucket_column(buckets))
        joined = whole.join(begins, on="bucket", how="inner").where("period >= first_period")
        return joined.drop("bucket", "first_period")

    # Each plan ends here, as those of the delivery do.
    items = judge_items(part(shipments).drop("place_from"), rules, until).localCheckpoint()
    shipped_before = F.to_date("shipped_at").alias("shipped_before")
    old = shipments.stored.withColumn("bucket", bucket_column(buckets)).join(begins, on="bucket", how="inner")
    before = old.where("period < first_period").select(*ITEM, shipped_before)
    candidates = items if arms is None else _apart(with_arms(items, arms))
    judged = judge_reports(part(reports), candidates, before, began, rules, reader).drop("place_from").localCheckpoint()
    marked = marked_shipments(items, damage_marks(judged))
    if arms is None:
        return Recounted(starts, judged, monthly_outcomes(marked, rules.split.salt).localCheckpoint(), None)
    assigned = with_arms(marked, arms).localCheckpoint()
    others = assigned.where("pilot_id IS NULL")
    monthly = monthly_outcomes(others, rules.split.salt).localCheckpoint()
    return Recounted(starts, judged, monthly, count_arms(assigned).localCheckpoint())


def _apart(items: DataFrame) -> DataFrame:
    """Items whose package type tells their arm, too, for reports that name no shipment.

    One that may mean shipments of an arm and others means one of each then: else the damage of a pilot would be
    spread over shipments that somebody chose the package of.
    """
    arm = F.concat(F.lit(" of "), F.col("pilot_id"), F.lit(" "), F.col("arm_type"))
    named = F.concat("package_type", F.coalesce(arm, F.lit("")))
    return items.withColumn("package_type", named).drop(*ARM)


def part_condition(starts: Mapping[int, Start], buckets: int) -> str | None:
    """The part of a table by product and period that `starts` names, as SQL; None where it is the whole table."""
    if len(starts) == buckets and all(start.count_from == BEGINNING for start in starts.values()):
        return None
    by_period: dict[str, list[int]] = {}
    for bucket, start in starts.items():
        by_period.setdefault(start.period, []).append(bucket)
    bucket_ = f"pmod(xxhash64(marketplace, product_id), {buckets})"
    parts = [
        f"(period >= '{period}' AND {bucket_} IN ({', '.join(map(str, sorted(numbers)))}))"
        for period, numbers in sorted(by_period.items())
    ]
    return " OR ".join(parts) or "false"


def bucket_column(buckets: int) -> Column:
    """The hash bucket of the row's product."""
    return F.pmod(F.xxhash64("marketplace", "product_id"), F.lit(buckets)).cast("int")


def counted_now(
    until: Mapping[str, datetime.date], rules: OutcomesConfig, buckets: int, reader: str
) -> dict[int, Counted]:
    """What to remember once everything is written."""
    return dict.fromkeys(range(buckets), Counted(rules_digest(rules, reader), until, None))
