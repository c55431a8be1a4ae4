"""Which shipments count, and up to when."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from leastpack.config.outcomes import OutcomesConfig

MULTI_ITEM, TOO_YOUNG = "multi_item", "too_young"


def judge_items(items: DataFrame, config: OutcomesConfig, until: Mapping[str, datetime.date]) -> DataFrame:
    """Say which items of shipments do not count.

    Args:
        items: Rows of `shipment_items`.
        config: The rules.
        until: By marketplace, day up to which reports have been delivered.

    Returns:
        The same rows with shipped_on (date) and set_aside: MULTI_ITEM where the config drops shipments of several
        items, TOO_YOUNG where the return window ends after that day, or where nobody knows it.
    """
    together = F.lit(False) if config.multi_item == "all" else _several_items()
    closes = F.date_add("shipped_on", config.return_window_days)
    open_still = ~F.coalesce(closes <= day_column(until), F.lit(False))
    dated = items.withColumn("shipped_on", F.to_date("shipped_at"))
    aside = F.when(together, F.lit(MULTI_ITEM)).when(open_still, F.lit(TOO_YOUNG))
    return dated.withColumn("set_aside", aside)


def day_column(until: Mapping[str, datetime.date]) -> Column:
    """The day of the row's marketplace; null where none is known."""
    days = [F.when(F.col("marketplace") == name, F.lit(day)) for name, day in sorted(until.items())]
    return F.coalesce(*days) if days else F.lit(None).cast("date")


def _several_items() -> Column:
    products = F.size(F.collect_set("product_id").over(Window.partitionBy("marketplace", "shipment_id")))
    return (F.coalesce("items", F.lit(1)) > 1) | (products > 1)
