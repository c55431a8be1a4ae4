"""Brings history and counts up to a delivery, in an order that survives a kill."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from leastpack.config.outcomes import OutcomesConfig
from leastpack.config.sources import SourceConfig
from leastpack.errors import InputError
from leastpack.log import log
from leastpack.outcomes.counted import (
    Recounted,
    count_damage,
    counted_now,
    delivered_until,
    first_shipped,
    part_condition,
    pending,
    plan_recount,
    read_counted,
    touched_days,
    write_counted,
)
from leastpack.outcomes.intake import Intake
from leastpack.outcomes.readers.kept import reader_in_force
from leastpack.outcomes.recount import Counted
from leastpack.runs import Run
from leastpack.tables import Tables

MOST_LOST = 0.05


@dataclass(frozen=True)
class Update:
    """What a delivery makes of history and counts.

    Attributes:
        counted: How each bucket was counted before.
        until: By marketplace, day up to which reports have been delivered.
        recounted: The part that is counted anew.
        reader: Digest of the reader of reviews.
    """

    counted: Mapping[int, Counted]
    until: Mapping[str, datetime.date]
    recounted: Recounted
    reader: str


def plan_update(
    spark: SparkSession,
    tables: Tables,
    intakes: Mapping[str, Intake],
    sources: Sequence[SourceConfig],
    rules: OutcomesConfig,
    arms: DataFrame | None = None,
) -> Update:
    """Find what is to be counted anew, and count it; nothing is written.

    Args:
        spark: The session.
        tables: For how far each bucket was counted.
        intakes: What was delivered, by table.
        sources: The sources of history.
        rules: The rules.
        arms: Rows of `pilots`; None where no pilot was ever proposed.

    Raises:
        InputError: What an earlier leastpack counted would be lost.
    """
    shipments, reports = intakes["shipment_items"], intakes["damage_reports"]
    buckets = tables.config.buckets
    counted = read_counted(tables)
    began = first_shipped(shipments)
    until = delivered_until(list(began), reports, sources, rules, counted)
    for marketplace, day in sorted(until.items()):
        log.info("reports delivered", marketplace=marketplace, until=str(day), window_days=rules.return_window_days)
    touched = touched_days(shipments, reports, rules, buckets) if counted else {}
    in_force = reader_in_force(tables, rules)
    starts = plan_recount(counted, touched, until, rules, buckets, in_force.digest)
    months = min((start.period for start in starts.values()), default="none")
    log.info("counted anew", buckets=len(starts), of=buckets, from_month=months)
    for language, choice in sorted((in_force.choices or {}).items()):
        log.info("reader of reviews", language=language, speaker=choice.speaker, threshold=choice.threshold)
        if choice.missed:
            log.warning(
                "the reader of reviews finds less damage than the list of words did",
                language=language, missed=choice.missed, todo="measure outcomes.reporting_rate again, or set "
                "outcomes.damage_reader to words: what is not found makes packages look safer",
            )  # fmt: skip
    recounted = count_damage(spark, shipments, reports, starts, began, until, rules, in_force.reader, buckets, arms)
    if not counted:
        _require_no_less(tables, recounted)
    return Update(counted, until, recounted, in_force.digest)


def _require_no_less(tables: Tables, recounted: Recounted) -> None:
    """Refuse a first count from kept history far below what an earlier leastpack counted without keeping any."""
    if not tables.exists("pair_outcomes"):
        return
    before = tables.read("pair_outcomes").agg(F.sum("n")).collect()[0][0] or 0
    now = recounted.monthly.agg(F.sum("n")).collect()[0][0] or 0
    if now < (1 - MOST_LOST) * before:
        raise InputError(
            "pair_outcomes counts more shipments than have been delivered, and no history of them is kept",
            expected=f"about {before:,} shipments or more",
            found=f"{now:,} that count",
            todo="deliver the whole history once (later, changes are enough), or drop the table pair_outcomes",
        )


def write_update(
    spark: SparkSession,
    tables: Tables,
    run: Run,
    intakes: Mapping[str, Intake],
    update: Update,
    rules: OutcomesConfig,
) -> None:
    """Write history, counts, and how far they got.

    What is to be counted anew is remembered first: a run that is stopped between two tables leaves rows in the history
    that the next one finds unchanged, and would not count.
    """
    starts, buckets = update.recounted.starts, tables.config.buckets
    if update.counted:
        write_counted(spark, tables, pending(update.counted, starts))
    for name in ("shipment_items", "human_tests"):
        tables.apply_changes(name, intakes[name].changed)
    part = part_condition(starts, buckets)
    tables.merge("damage_reports", update.recounted.reports, delete_missing=True, scope=part)
    tables.merge("pair_outcomes", update.recounted.monthly, delete_missing=True, scope=part)
    counted = [("damage_reports", update.recounted.reports), ("pair_outcomes", update.recounted.monthly)]
    if update.recounted.pilots is not None:
        tables.merge("pilot_outcomes", update.recounted.pilots, delete_missing=True, scope=part)
        counted.append(("pilot_outcomes", update.recounted.pilots))
    for name, rows in counted:
        written = tables.read(name)
        written = written.where(part) if part is not None else written
        run.expect(name, rows=written.count(), expected=rows.count())
    write_counted(spark, tables, counted_now(update.until, rules, buckets, update.reader))
