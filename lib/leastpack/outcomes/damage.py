"""Which shipments arrived damaged: from returns with a damage reason and from reviews that tell of damage.

Every shipment gets the same time to tell: what comes after the return window is set aside as `late`, whatever it says,
and is part of what the reporting rate covers. Otherwise old shipments would look worse than young ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from leastpack.config.outcomes import OutcomesConfig
from leastpack.outcomes.cleaning import DUPLICATE, ITEM, first_reason, repeated, used
from leastpack.outcomes.reasons import NOT_DAMAGE, UNMAPPED, reason_verdict
from leastpack.outcomes.reviews import ReviewReader

NO_SHIPMENT, AMBIGUOUS, LOST = "no_shipment", "ambiguous_shipment", "lost"
NO_STARS, BEFORE_SHIPMENT, LATE, LONG_AFTER = "no_stars", "before_shipment", "late", "long_after"
SHIPMENT_SET_ASIDE, BEFORE_HISTORY = "shipment_set_aside", "before_history"
# Half a year after the window, no customer sends a return: the date is wrong.
LONG_AFTER_DAYS = 183
JUDGED = ("source", "row_hash", "fault", "raw", "set_aside")


def judge_returns(returns: DataFrame, shipments: DataFrame, config: OutcomesConfig) -> DataFrame:
    """Returns that tell of the damage of a shipment that counts.

    Args:
        returns: `read_judged` rows of returns.
        shipments: Judged shipments.
        config: The rules.

    Returns:
        marketplace, shipment_id, product_id, source, row_hash, fault, raw, set_aside, reason_code.
    """
    verdict = reason_verdict(F.col("reason_code"), config)
    first = first_reason(
        (DUPLICATE, repeated([*ITEM, "reason_code"], ["returned_at"])),
        (NOT_DAMAGE, verdict == NOT_DAMAGE),
        (UNMAPPED, verdict == UNMAPPED),
    )
    marked = returns.select("*", F.to_date("returned_at").alias("told_on"), first.alias("earlier"))
    return _meet_shipments(marked, shipments, config, "reason_code")


def judge_reviews(reviews: DataFrame, shipments: DataFrame, config: OutcomesConfig, reader: ReviewReader) -> DataFrame:
    """Reviews that tell of the damage of a shipment that counts.

    A review that names no shipment belongs to the one shipment of its product whose return window it falls into; with
    several such shipments it is set aside.

    Args:
        reviews: `read_judged` rows of reviews.
        shipments: Judged shipments.
        config: The rules.
        reader: Reads the texts of reviews with few stars.

    Returns:
        marketplace, shipment_id, product_id, source, row_hash, fault, raw, set_aside.
    """
    low = F.col("stars") <= config.review_max_stars
    tells = _told(reader, F.when(low & F.col("fault").isNull(), F.col("text")))
    first = first_reason(
        (DUPLICATE, repeated(["marketplace", "review_id"], ["reviewed_at"])),
        (NO_STARS, F.col("stars").isNull()),
        (NOT_DAMAGE, ~tells),
    )
    marked = reviews.select("*", F.to_date("reviewed_at").alias("told_on"), first.alias("earlier"))
    return _meet_shipments(_attach(marked, shipments, config), shipments, config)


def counted_shipments(shipments: DataFrame, told: Sequence[DataFrame]) -> DataFrame:
    """The shipments that count, and whether any used return or review calls them damaged.

    Args:
        shipments: Judged shipments.
        told: Judged returns and judged reviews, at least one of them.

    Returns:
        marketplace, shipment_id, product_id, package_type, shipped_on, propensity, damaged.
    """
    named = reduce(DataFrame.union, [used(rows).select(*ITEM) for rows in told]).distinct()
    joined = used(shipments).join(named.withColumn("damaged", F.lit(True)), on=list(ITEM), how="left")
    return joined.select(
        *ITEM, "package_type", "shipped_on", "propensity", F.coalesce("damaged", F.lit(False)).alias("damaged")
    )


def _known_shipments(shipments: DataFrame) -> DataFrame:
    known = shipments.where(F.col("fault").isNull() & ~F.col("set_aside").eqNullSafe(DUPLICATE))
    return known.select(*ITEM, "shipped_on", F.col("set_aside").alias("shipment_aside"))


def _meet_shipments(told: DataFrame, shipments: DataFrame, config: OutcomesConfig, *more: str) -> DataFrame:
    known = _known_shipments(shipments)
    began = known.groupBy("marketplace").agg(F.min("shipped_on").alias("began"))
    met = told.join(known, on=list(ITEM), how="left").join(F.broadcast(began), on="marketplace", how="left")
    days = F.datediff("told_on", "shipped_on")
    none = F.col("shipped_on").isNull()
    # Such a return may well be of a shipment from before the first one that was ever delivered.
    early = F.datediff("told_on", "began") <= config.return_window_days
    later = first_reason(
        (LOST, none & F.col("shipment_id").isNull()),
        (BEFORE_HISTORY, none & early),
        (NO_SHIPMENT, none),
        (BEFORE_SHIPMENT, days < 0),
        (LONG_AFTER, days > config.return_window_days + LONG_AFTER_DAYS),
        (LATE, days > config.return_window_days),
        (SHIPMENT_SET_ASIDE, F.col("shipment_aside").isNotNull()),
    )
    return met.withColumn("set_aside", F.coalesce("earlier", later)).select(*ITEM, *JUDGED, *more)


def _attach(reviews: DataFrame, shipments: DataFrame, config: OutcomesConfig) -> DataFrame:
    """Name the shipment of damage reviews that name none, where only one can be meant."""
    searching = F.col("shipment_id").isNull() & F.col("earlier").isNull() & F.col("fault").isNull()
    # Shipments are counted by day first: a product with a million shipments meets each review in a month of rows.
    by_day = _known_shipments(shipments).groupBy("marketplace", "product_id", F.col("shipped_on").alias("day"))
    days = by_day.agg(F.count("*").alias("candidates"), F.min("shipment_id").alias("candidate"))
    window = F.sequence(F.date_sub("told_on", config.return_window_days), F.col("told_on"))
    lost = reviews.where(searching).select(
        "marketplace", "product_id", "source", "row_hash", "review_id", F.explode(window).alias("day")
    )
    found = (
        lost.join(days, on=["marketplace", "product_id", "day"], how="inner")
        .groupBy("marketplace", "review_id")
        .agg(F.sum("candidates").alias("candidates"), F.min("candidate").alias("candidate"))
    )
    joined = reviews.join(found, on=["marketplace", "review_id"], how="left")
    only = F.when(searching & (F.col("candidates") == 1), F.col("candidate"))
    ambiguous = F.when(searching & (F.col("candidates") > 1), F.lit(AMBIGUOUS))
    return joined.withColumns(
        {"shipment_id": F.coalesce("shipment_id", only), "earlier": F.coalesce("earlier", ambiguous)}
    )


def _told(reader: ReviewReader, text: Column) -> Column:
    def told(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        for texts in batches:
            yield pd.Series(reader.tells_of_damage(texts.where(texts.notna(), None).tolist()))

    return pandas_udf(told, "boolean")(text)  # type: ignore[call-overload,no-any-return]
