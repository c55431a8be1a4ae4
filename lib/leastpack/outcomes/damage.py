"""What the rules make of returns and reviews, and which shipments they damaged.

Every shipment gets the same time to tell: what comes after the return window is `late`, whatever it says, and is part
of what the reporting rate covers. Otherwise old shipments would look worse than young ones.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from leastpack.config.outcomes import OutcomesConfig
from leastpack.outcomes.cleaning import ITEM
from leastpack.outcomes.placement import BOUNDED, PLACED, SAME_DAMAGE
from leastpack.outcomes.readers.reader import ReviewReader
from leastpack.outcomes.reasons import DAMAGE, NOT_DAMAGE, reason_verdict
from leastpack.outcomes.shipments import MULTI_ITEM
from leastpack.outcomes.unnamed import place_reports

NO_STARS, NO_SHIPMENT, BEFORE_HISTORY = "no_stars", "no_shipment", "before_history"
BEFORE_SHIPMENT, LATE, LONG_AFTER = "before_shipment", "late", "long_after"
SHIPMENT_SET_ASIDE = "shipment_set_aside"
# Half a year after the window hardly anybody returns anything: the date is wrong.
LONG_AFTER_DAYS = 183
# Verdicts of reports that count as damage of a shipment, and of those that may.
CERTAIN = (DAMAGE, PLACED, SAME_DAMAGE)
COUNTED = (*CERTAIN, BOUNDED)


def judge_reports(
    reports: DataFrame,
    shipments: DataFrame,
    before: DataFrame,
    began: Mapping[str, datetime.date],
    config: OutcomesConfig,
    reader: ReviewReader,
) -> DataFrame:
    """Find the verdict of every report told on or after its `place_from`; the others keep theirs.

    Args:
        reports: Rows of `damage_reports` with place_from (date, null to keep all).
        shipments: `judge_items` rows, of the whole window before the earliest place_from and later.
        before: marketplace, shipment_id, product_id and shipped_before (date) of all shipments before these.
        began: By marketplace, day of the first shipment of all.
        config: The rules.
        reader: Reads the texts of reviews with few stars.

    Returns:
        The same columns, with verdict and damaged_shipments.
    """
    dated = reports.withColumn("told_on", F.to_date("reported_at"))
    open_ = F.coalesce(F.col("told_on") >= F.col("place_from"), F.lit(False))
    settled = dated.where(~open_)
    said = reason_verdict(F.col("reason_code"), config)
    tells = F.coalesce(_read(reader, config), F.lit(False))
    first = (
        F.when(F.col("kind") == "returns", F.nullif(said, F.lit(DAMAGE)))
        .when(F.col("stars").isNull(), F.lit(NO_STARS))
        .when(~tells, F.lit(NOT_DAMAGE))
    )
    found = {"verdict": first, "damaged_shipments": F.lit(None).cast("array<string>")}
    # Plans end here, so that texts are read once.
    fresh = dated.where(open_).withColumns(found).localCheckpoint()
    silent = fresh.where("verdict IS NOT NULL")
    telling = fresh.where("verdict IS NULL")
    named = _meet_shipments(telling.where("shipment_id IS NOT NULL"), shipments, before, began, config)
    unnamed = telling.where("shipment_id IS NULL")
    named = named.localCheckpoint()
    marks = damage_marks(settled.unionByName(named))
    placed = place_reports(unnamed, shipments.where(~F.col("set_aside").eqNullSafe(MULTI_ITEM)), marks, config)
    judged = settled.unionByName(silent).unionByName(named).unionByName(placed)
    return judged.select(*reports.columns)


def damage_marks(reports: DataFrame) -> DataFrame:
    """What reports say of each shipment.

    Args:
        reports: Rows of `damage_reports`.

    Returns:
        marketplace, shipment_id, product_id, damaged (certainly), maybe (a report may mean it), sources (array of those
        that told of a certain damage).
    """
    counted = reports.where(F.col("verdict").isin(*COUNTED))
    shipment = F.explode("damaged_shipments").alias("shipment_id")
    each = counted.select("marketplace", "product_id", "verdict", "source", shipment)
    certain = F.col("verdict").isin(*CERTAIN)
    return each.groupBy(*ITEM).agg(
        F.bool_or(certain).alias("damaged"),
        F.bool_or(~certain).alias("maybe"),
        F.collect_set(F.when(certain, F.col("source"))).alias("sources"),
    )


def marked_shipments(shipments: DataFrame, marks: DataFrame) -> DataFrame:
    """The shipments that count, with damaged and maybe.

    Args:
        shipments: `judge_items`.
        marks: `damage_marks`.
    """
    joined = shipments.where("set_aside IS NULL").join(marks, on=list(ITEM), how="left")
    return joined.withColumns({name: F.coalesce(name, F.lit(False)) for name in ("damaged", "maybe")})


def _meet_shipments(
    named: DataFrame,
    shipments: DataFrame,
    before: DataFrame,
    began: Mapping[str, datetime.date],
    config: OutcomesConfig,
) -> DataFrame:
    known = shipments.select(*ITEM, "shipped_on", F.col("set_aside").alias("shipment_aside"))
    met = named.join(known, on=list(ITEM), how="left").localCheckpoint()
    shipped_before = _among(before, met.where("shipped_on IS NULL"))
    days = F.datediff("told_on", F.coalesce("shipped_on", "shipped_before"))
    # Of a shipment from before the first that was ever delivered.
    early = F.coalesce(F.datediff("told_on", _began(began)) <= config.return_window_days, F.lit(False))
    verdict = (
        F.when(days.isNull() & early, F.lit(BEFORE_HISTORY))
        .when(days.isNull(), F.lit(NO_SHIPMENT))
        .when(days > config.return_window_days + LONG_AFTER_DAYS, F.lit(LONG_AFTER))
        .when(F.col("shipped_before").isNotNull(), F.lit(LATE))
        .when(days < 0, F.lit(BEFORE_SHIPMENT))
        .when(days > config.return_window_days, F.lit(LATE))
        # One too young will count; an item that the rules drop never does.
        .when(F.col("shipment_aside") == MULTI_ITEM, F.lit(SHIPMENT_SET_ASIDE))
        .otherwise(F.lit(DAMAGE))
    )
    judged = met.join(shipped_before, on=list(ITEM), how="left").withColumn("verdict", verdict)
    damaged = F.when(F.col("verdict") == DAMAGE, F.array("shipment_id"))
    return judged.withColumn("damaged_shipments", damaged).select(*named.columns)


def _began(began: Mapping[str, datetime.date]) -> Column:
    """Day of the first shipment of the row's marketplace; null where it has none."""
    named = [F.when(F.col("marketplace") == name, F.lit(day)) for name, day in sorted(began.items())]
    return F.coalesce(*named, F.lit(None).cast("date"))


def _among(shipments: DataFrame, reports: DataFrame) -> DataFrame:
    """The shipments that the reports name; only files with identifiers between their least and greatest are read."""
    least, greatest = reports.agg(F.min("shipment_id"), F.max("shipment_id")).collect()[0]
    if least is None:
        return shipments.limit(0)
    near = shipments.where(F.col("shipment_id").between(least, greatest))
    return near.join(reports.select(*ITEM).distinct(), on=list(ITEM), how="left_semi")


def _read(reader: ReviewReader, config: OutcomesConfig) -> Column:
    def told(batches: Iterator[tuple[pd.Series, pd.Series, pd.Series]]) -> Iterator[pd.Series]:
        for texts, languages, months in batches:
            yield pd.Series(reader.tells_of_damage(_or_none(texts), _or_none(languages), _or_none(months)))

    low = (F.col("kind") == "reviews") & (F.col("stars") <= config.review_max_stars)
    text = F.when(low, F.col("text"))
    month = F.date_format("reported_at", "yyyy-MM")
    return pandas_udf(told, "boolean")(text, F.col("language"), month)  # type: ignore[call-overload,no-any-return]


def _or_none(values: pd.Series) -> list[str | None]:
    return [None if pd.isna(value) else value for value in values]
