"""Which shipments count, and as of when."""

from __future__ import annotations

import datetime

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from leastpack.config.outcomes import OutcomesConfig
from leastpack.outcomes.cleaning import DUPLICATE, ITEM, first_reason, repeated, used

MULTI_ITEM, TOO_YOUNG = "multi_item", "too_young"


def judge_repeats(shipments: DataFrame, config: OutcomesConfig) -> DataFrame:
    """Set aside repeated rows and, where the config drops them, shipments of several items.

    An item of a shipment is one row; of rows with the same item the earliest counts.

    Args:
        shipments: `read_judged` rows of shipments.
        config: The rules.

    Returns:
        marketplace, shipment_id, product_id, package_type, shipped_on (date), propensity, source, row_hash, fault, raw
        and set_aside.
    """
    together = F.lit(False) if config.multi_item == "all" else _several_items()
    reason = first_reason((DUPLICATE, repeated(ITEM, ["shipped_at"])), (MULTI_ITEM, together))
    return shipments.select(
        *ITEM,
        "package_type",
        F.to_date("shipped_at").alias("shipped_on"),
        "propensity",
        "source",
        "row_hash",
        "fault",
        "raw",
        reason.alias("set_aside"),
    )


def closing_day(shipments: DataFrame, config: OutcomesConfig) -> datetime.date | None:
    """The day taken as today: the configured one, else that of the latest shipment but never later than today.

    Args:
        shipments: Rows of `judge_repeats`.
        config: The rules.

    Returns:
        The day; None where there are no usable shipments.
    """
    if config.as_of is not None:
        return config.as_of
    # One mistyped year would otherwise close every window.
    latest = F.least(F.max("shipped_on"), F.current_date())
    day: datetime.date | None = used(shipments).select(F.when(F.count("*") > 0, latest)).collect()[0][0]
    return day


def judge_age(shipments: DataFrame, config: OutcomesConfig, as_of: datetime.date | None) -> DataFrame:
    """Set aside shipments whose return window is still open as of that day.

    Args:
        shipments: Rows of `judge_repeats`.
        config: The rules.
        as_of: The day taken as today.

    Returns:
        The same columns.
    """
    if as_of is None:
        return shipments
    closes = F.date_add("shipped_on", config.return_window_days)
    open_still = first_reason((TOO_YOUNG, closes > F.lit(as_of)))
    return shipments.withColumn("set_aside", F.coalesce("set_aside", open_still))


def _several_items() -> Column:
    together = Window.partitionBy("marketplace", "shipment_id", F.when(F.col("fault").isNotNull(), F.col("row_hash")))
    products = F.size(F.collect_set("product_id").over(together))
    return (F.coalesce("items", F.lit(1)) > 1) | (products > 1)
