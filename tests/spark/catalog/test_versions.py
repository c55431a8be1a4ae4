from __future__ import annotations

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from leastpack.catalog.versions import apart_if_faulty, later_than, with_status

ROWS = [
    ("NA", "P1", 2, 10, None),
    ("NA", "P1", 2, 10, None),
    ("NA", "P1", 2, 20, None),
    ("NA", "P1", 1, 5, None),
    ("NA", "P1", None, 4, None),
    ("EU", "P1", None, 30, None),
    ("NA", None, 3, 40, "MISSING_ID"),
    ("NA", None, 3, 40, "MISSING_ID"),
]
EXPECTED = {
    ("NA", 10): ["duplicate", "used"],
    ("NA", 20): ["conflicting_version"],
    ("NA", 5): ["older_version"],
    ("NA", 4): ["older_version"],
    ("EU", 30): ["used"],
    ("NA", 40): ["quarantined", "quarantined"],
}


def statuses(spark: SparkSession, rows: list[tuple], partitions: int) -> dict[tuple[str, int], list[str]]:
    kind = "marketplace string, product_id string, day int, row_hash bigint, fault string"
    df = spark.createDataFrame(rows, kind).repartition(partitions)
    df = apart_if_faulty(df.withColumns({"source": F.lit("shop"), "raw": F.lit("raw")}))
    ranked = with_status(df, ("marketplace", "product_id"), [F.desc_nulls_last("day")], F.lit(True))
    found: dict[tuple[str, int], list[str]] = {}
    for row in ranked.collect():
        assert (row["raw"] is None) == (row["fault"] is None)
        found.setdefault((row["marketplace"], row["row_hash"]), []).append(row["status"])
    return {key: sorted(values) for key, values in found.items()}


def test_p4_what_becomes_of_a_row_does_not_depend_on_order_or_partitions(spark: SparkSession) -> None:
    assert statuses(spark, ROWS, 1) == EXPECTED
    assert statuses(spark, ROWS[::-1], 3) == EXPECTED


def test_p14_a_row_without_a_date_never_stands_above_one_with_a_date(spark: SparkSession) -> None:
    cases = [(2, 1), (1, 2), (2, 2), (1, None), (None, 1), (None, None)]
    rows = spark.createDataFrame(cases, "held int, given int")
    found = rows.select(later_than(F.col("held"), F.col("given")).alias("why")).collect()
    assert [row["why"] for row in found] == ["older_version", None, None, "undated_version", None, None]
