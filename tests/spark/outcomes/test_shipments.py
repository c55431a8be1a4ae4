"""Which shipments count."""

from __future__ import annotations

import datetime

from pyspark.sql import functions as F

from leastpack.config.outcomes import OutcomesConfig
from leastpack.outcomes.shipments import MULTI_ITEM, TOO_YOUNG, judge_items

ROWS = [
    ("s1", "a", "NA", "2024-01-05", None),
    ("s2", "a", "NA", "2024-01-05", 2),
    ("s3", "a", "NA", "2024-01-05", 1),
    ("s3", "b", "NA", "2024-01-05", 1),
    ("s4", "a", "NA", "2024-01-06", 1),
    ("s5", "a", "EU", "2024-01-05", 1),
]


def test_shipments_count_from_the_day_their_window_closes_and_several_items_by_rule(spark):
    """Windows close on 4 February where reports reach so far; nobody says how far they reach in EU."""
    named = "shipment_id string, product_id string, marketplace string, shipped_at string, items long"
    items = spark.createDataFrame(ROWS, named).withColumn("shipped_at", F.col("shipped_at").cast("timestamp"))
    until = {"NA": datetime.date(2024, 2, 4)}

    def reasons(multi_item):
        rules = OutcomesConfig(return_window_days=30, multi_item=multi_item)
        judged = judge_items(items, rules, until).orderBy("shipment_id", "product_id").collect()
        return [row["set_aside"] for row in judged]

    assert reasons("all") == [None, None, None, None, TOO_YOUNG, TOO_YOUNG]
    assert reasons("drop") == [None, MULTI_ITEM, MULTI_ITEM, MULTI_ITEM, TOO_YOUNG, TOO_YOUNG]
