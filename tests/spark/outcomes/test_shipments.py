"""Which shipments count."""

from __future__ import annotations

import datetime

import pytest
from pyspark.sql import functions as F

from leastpack.config.outcomes import OutcomesConfig
from leastpack.outcomes.shipments import closing_day, judge_age, judge_repeats


@pytest.fixture
def read(spark):
    def make(rows):
        """Rows of (shipment, product, package, day, items), as read and without a fault unless the day is missing."""
        named = [(s, p, "NA", t, day and f"{day} 12:00:00", items) for s, p, t, day, items in rows]
        texts = (
            "shipment_id string, product_id string, marketplace string, package_type string, shipped_at string,"
            " items long"
        )
        typed = spark.createDataFrame(named, texts)
        read = typed.select("*", F.lit(None).cast("double").alias("propensity"), F.lit("export").alias("source"))
        return read.select(
            "*",
            F.xxhash64("*").alias("row_hash"),
            F.when(F.col("shipped_at").isNull(), F.lit("MISSING_SHIPPED_AT")).alias("fault"),
            F.lit(None).cast("string").alias("raw"),
        )

    return make


def reasons(judged):
    found = judged.orderBy("shipment_id", "product_id", "package_type", "shipped_on").collect()
    return [(row["shipment_id"], row["product_id"], row["package_type"], row["set_aside"]) for row in found]


ROWS = [
    ("s1", "a", "bag", "2024-01-05", None),
    ("s2", "a", "bag", "2024-01-05", 2),
    ("s3", "a", "bag", "2024-01-05", 1),
    ("s3", "b", "bag", "2024-01-05", 1),
    ("s4", "a", "box", "2024-01-09", 1),
    ("s4", "a", "bag", "2024-01-06", 1),
    ("s5", "a", "bag", None, 3),
]


def test_several_items_count_each_or_are_left_out(read):
    every = dict.fromkeys([r[:3] for r in ROWS])
    every["s4", "a", "box"] = "duplicate"
    assert reasons(judge_repeats(read(ROWS), OutcomesConfig(multi_item="all"))) == sorted(
        (*key, reason) for key, reason in every.items()
    )
    for key in [("s2", "a", "bag"), ("s3", "a", "bag"), ("s3", "b", "bag")]:
        every[key] = "multi_item"
    assert reasons(judge_repeats(read(ROWS), OutcomesConfig(multi_item="drop"))) == sorted(
        (*key, reason) for key, reason in every.items()
    )


def test_the_closing_day_is_the_latest_shipment_but_never_in_the_future(read):
    rules = OutcomesConfig()
    assert closing_day(judge_repeats(read(ROWS), rules), rules) == datetime.date(2024, 1, 6)
    mistyped = judge_repeats(read([*ROWS, ("s9", "a", "bag", "2924-01-01", 1)]), rules)
    assert closing_day(mistyped, rules) <= datetime.date.today() + datetime.timedelta(days=1)
    assert closing_day(mistyped, OutcomesConfig(as_of="2023-02-01")) == datetime.date(2023, 2, 1)
    assert closing_day(judge_repeats(read(ROWS[-1:]), rules), rules) is None


@pytest.mark.parametrize(("as_of", "reason"), [("2024-02-03", "too_young"), ("2024-02-04", None)])
def test_a_shipment_counts_from_the_day_its_window_closes(read, as_of, reason):
    rules = OutcomesConfig(return_window_days=30, as_of=as_of)
    judged = judge_age(judge_repeats(read(ROWS[:1]), rules), rules, rules.as_of)
    assert reasons(judged) == [("s1", "a", "bag", reason)]
