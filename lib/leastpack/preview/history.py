"""What the outcomes step would make of the first rows of shipments, returns, reviews, tests and package codes.

Reports are looked up among all shipments of their products, and the damage of shipments among all reports that name
them: in the sources, and in what earlier deliveries left. First rows alone would hardly ever meet.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from leastpack.catalog.sources import read_rows, reading
from leastpack.config.outcomes import OutcomesConfig
from leastpack.config.sources import REPORT_KINDS, Kind, SourceConfig
from leastpack.errors import LeastpackError
from leastpack.outcomes.cleaning import ITEM, Known, used
from leastpack.outcomes.counted import FIRST_EVENT
from leastpack.outcomes.damage import CERTAIN, COUNTED, NO_STARS, damage_marks, judge_reports, marked_shipments
from leastpack.outcomes.deliveries import keyed_rows
from leastpack.outcomes.intake import judged_rows
from leastpack.outcomes.readers.kept import reader_in_force
from leastpack.outcomes.reasons import NOT_DAMAGE, UNMAPPED, plain_reason
from leastpack.outcomes.recount import BEGINNING
from leastpack.outcomes.shipments import judge_items
from leastpack.preview.findings import Month
from leastpack.tables import Tables
from leastpack.tables.schemas import DAMAGE_REPORTS, SHIPMENT_ITEMS

PRODUCT = ["marketplace", "product_id"]
# No shipment is too young here: a preview tells what can be read, not what counts today.
OPEN_END = datetime.date(9999, 1, 1)
# Verdicts of reports that tell of no damage.
SILENT = (NOT_DAMAGE, UNMAPPED, NO_STARS)


@dataclass(frozen=True)
class History:
    """Where shipments and reports are looked up.

    Attributes:
        spark: The session.
        tables: The tables; `shipment_items` and `damage_reports` are read where they are there.
        exports: `read_rows` of the sources that can be read, each with its kind.
        known: What the catalog would know.
        rules: The label rules.
        left_out: Sources that cannot be read.
    """

    spark: SparkSession
    tables: Tables
    exports: Sequence[tuple[Kind, DataFrame]]
    known: Known
    rules: OutcomesConfig
    left_out: Sequence[str]


def companions(kind: Kind) -> tuple[Kind, ...]:
    """Kinds of sources that rows of a kind are looked up in."""
    return REPORT_KINDS if kind == "shipments" else ("shipments",) if kind in REPORT_KINDS else ()


def read_history(
    spark: SparkSession, tables: Tables, sources: Sequence[SourceConfig], known: Known, rules: OutcomesConfig
) -> History:
    """Read the sources in which others are looked up, as far as they can be read.

    Args:
        spark: The session.
        tables: The tables.
        sources: Sources of shipments, returns and reviews.
        known: What the catalog would know.
        rules: The label rules.
    """
    exports, left_out = [], []
    for source in sources:
        try:
            with reading(source):
                exports.append((source.kind, read_rows(spark, source)))
        except (LeastpackError, PySparkException):
            left_out.append(source.name)
    return History(spark, tables, exports, known, rules, left_out)


def judge_shipments(history: History, rows: DataFrame) -> tuple[list[dict[str, Any]], list[Month]]:
    """What becomes of shipments; and by month how many of those that count are damaged, by reports that name them.

    Args:
        history: Where reports are looked up.
        rows: The sample, `read_rows`.
    """
    keyed = _keyed(history, [rows], "shipments").localCheckpoint()
    items = _items(history, used(keyed))
    named = [
        _keyed(history, [_of_items(export, items)], kind) for kind, export in history.exports if kind in REPORT_KINDS
    ]
    stored = _stored(history, DAMAGE_REPORTS.name)
    reports = [used(report).select(*DELIVERED) for report in named]
    if stored is not None:
        reports.append(_of_items(stored, items).select(*DELIVERED))
    judged = rows_with_fates(keyed, items)
    if not reports:
        return judged, []
    told = reduce(DataFrame.unionByName, reports).dropDuplicates(list(DAMAGE_REPORTS.key))
    marked = marked_shipments(items, damage_marks(_judged_reports(history, told, items, {})))
    month = F.date_format("shipped_at", "yyyy-MM").alias("month")
    counted = marked.groupBy("marketplace", month).agg(F.count("*").alias("n"), F.count_if("damaged").alias("k"))
    months = [Month(row["marketplace"], row["month"], row["n"], row["k"]) for row in counted.collect()]
    return judged, sorted(months, key=lambda one: (one.marketplace, one.month))


def judge_told(
    history: History, rows: DataFrame, kind: Kind
) -> tuple[list[dict[str, Any]], list[Month], dict[str, int]]:
    """What becomes of returns or reviews; by month how many tell of damage and are charged; codes that nobody maps.

    Args:
        history: Where shipments are looked up.
        rows: The sample, `read_rows`.
        kind: returns or reviews.
    """
    keyed = _keyed(history, [rows], kind).localCheckpoint()
    reports = used(keyed).select(*DELIVERED)
    items = _shipments_of(history, reports)
    key = list(DAMAGE_REPORTS.key)
    verdicts = _judged_reports(history, reports, items, _began(history)).select(*key, "verdict")
    fates = keyed.join(verdicts, on=key, how="left")
    found = fates.select(
        "row_hash",
        "fault",
        F.coalesce("set_aside", F.when(~F.col("verdict").isin(*COUNTED), F.col("verdict"))).alias("set_aside"),
        "verdict",
        "marketplace",
        F.date_format("reported_at", "yyyy-MM").alias("month"),
        plain_reason(F.col("reason_code")).alias("code"),
    )
    judged = [row.asDict() for row in found.collect()]
    unmapped = Counter(str(row["code"]) for row in judged if row["verdict"] == UNMAPPED)
    return judged, report_months(judged), dict(unmapped.most_common())


def judge_tests(history: History, rows: DataFrame) -> list[dict[str, Any]]:
    """What becomes of human tests."""
    return _fates(_keyed(history, [rows], "human_tests"))


def report_months(judged: Iterable[Mapping[str, Any]]) -> list[Month]:
    """By month, reports that can be used, those that tell of damage, and those charged to a shipment.

    Args:
        judged: Rows with marketplace, month, fault and verdict (null where the row repeats another one).
    """
    counts: dict[tuple[str, str], Counter[str]] = {}
    for row in judged:
        if row["fault"] is not None or row["verdict"] is None:
            continue
        month = counts.setdefault((row["marketplace"], row["month"]), Counter())
        month["rows"] += 1
        month["damaged"] += row["verdict"] not in SILENT
        month["placed"] += row["verdict"] in CERTAIN
    return [Month(market, month, n["rows"], n["damaged"], n["placed"]) for (market, month), n in sorted(counts.items())]


def rows_with_fates(keyed: DataFrame, items: DataFrame) -> list[dict[str, Any]]:
    """Delivered shipments with what the rules of the step make of them.

    Args:
        keyed: `keyed_rows` of shipments.
        items: `judge_items` of those that count.
    """
    dropped = items.where("set_aside IS NOT NULL").select(*ITEM, F.col("set_aside").alias("dropped"))
    rows = keyed.join(dropped, on=list(ITEM), how="left")
    sound = F.col("fault").isNull()
    return _fates(rows.withColumn("set_aside", F.coalesce("set_aside", F.when(sound, F.col("dropped")))))


DELIVERED = [name for name in DAMAGE_REPORTS.names if name not in ("verdict", "damaged_shipments")]


def _keyed(history: History, exports: Sequence[DataFrame], kind: Kind) -> DataFrame:
    return keyed_rows(judged_rows(history.spark, exports, kind, history.known), kind, history.rules)


def _fates(rows: DataFrame) -> list[dict[str, Any]]:
    return [row.asDict() for row in rows.select("row_hash", "fault", "set_aside").collect()]


def _items(history: History, shipments: DataFrame) -> DataFrame:
    until = dict.fromkeys(history.known.marketplaces, OPEN_END)
    return judge_items(shipments, history.rules, until).localCheckpoint()


def _of_items(reports: DataFrame, items: DataFrame) -> DataFrame:
    return reports.join(F.broadcast(items.select(*ITEM).distinct()), on=list(ITEM), how="left_semi")


def _shipments_of(history: History, reports: DataFrame) -> DataFrame:
    """All shipments of the products that the reports speak of."""
    products = F.broadcast(reports.select(*PRODUCT).distinct())
    exports = [
        export.join(products, on=PRODUCT, how="left_semi") for kind, export in history.exports if kind == "shipments"
    ]
    delivered = used(_keyed(history, exports, "shipments")).select(*SHIPMENT_ITEMS.names)
    stored = _stored(history, SHIPMENT_ITEMS.name)
    if stored is not None:
        kept = stored.select(*SHIPMENT_ITEMS.names).join(products, on=PRODUCT, how="left_semi")
        kept = kept.join(delivered.select(*ITEM), on=list(ITEM), how="left_anti")
        delivered = delivered.unionByName(kept)
    return _items(history, delivered)


def _began(history: History) -> dict[str, datetime.date]:
    """By marketplace, day of the first of all shipments."""
    rows = [export for kind, export in history.exports if kind == "shipments"]
    stored = _stored(history, SHIPMENT_ITEMS.name)
    rows += [] if stored is None else [stored]
    if not rows:
        return {}
    days = reduce(DataFrame.union, [one.select("marketplace", F.to_date("shipped_at").alias("day")) for one in rows])
    first = days.where(F.col("day") >= FIRST_EVENT).groupBy("marketplace").agg(F.min("day").alias("day")).collect()
    return {row["marketplace"]: row["day"] for row in first}


def _judged_reports(
    history: History, reports: DataFrame, items: DataFrame, began: Mapping[str, datetime.date]
) -> DataFrame:
    """Rows of `damage_reports` with the verdicts that they get among these shipments."""
    found = {"verdict": F.lit(None).cast("string"), "damaged_shipments": F.lit(None).cast("array<string>")}
    open_ = reports.withColumns({**found, "place_from": F.lit(BEGINNING)})
    before = items.select(*ITEM, F.col("shipped_on").alias("shipped_before")).limit(0)
    reader = reader_in_force(history.tables, history.rules).reader
    return judge_reports(open_, items, before, began, history.rules, reader)


def _stored(history: History, name: str) -> DataFrame | None:
    return history.tables.read(name) if history.tables.exists(name) else None
