"""What a source's columns become before they are judged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from leastpack.catalog.fields import Fields
from leastpack.config.sources import FIELDS, SourceConfig

SAID = datetime(2024, 5, 1, 12, tzinfo=UTC)


def read(spark: SparkSession, name: str, values: list[Any], kind: str = "string", **settings: Any) -> list[Row]:
    """`value` and `lost` of a field of products for each value, in order."""
    columns = {"product_id": "id", "marketplace": "m", name: "value"}
    source = SourceConfig(name="s", kind="products", format="csv", path="p", columns=columns, **settings)
    rows = spark.createDataFrame([(i, value) for i, value in enumerate(values)], f"place int, value {kind}")
    mapped = rows.select("place", *[_of(field, name) for field in FIELDS["products"]])
    fields = Fields(source, {field.name: field.dataType for field in mapped.schema})
    found = mapped.select("place", fields.read(name).alias("value"), fields.unreadable().alias("lost")).collect()
    return sorted(found, key=lambda row: row["place"])


def _of(field: str, name: str) -> Any:
    return F.col("value").alias(field) if field == name else F.lit(None).alias(field)


def moments(rows: list[Row]) -> list[datetime | None]:
    return [None if row["value"] is None else row["value"].astimezone(UTC) for row in rows]


def test_what_cannot_be_seen_at_the_ends_is_no_part_of_a_text(spark: SparkSession) -> None:
    texts = ["A1", "A1 ", "\u00a0A1\t", "\u200bA1\ufeff", "\u3000A 1\r\n", "\u2060", "\t ", None]
    assert [row["value"] for row in read(spark, "product_id", texts)] == ["A1"] * 4 + ["A 1", None, None, None]


def test_a_whole_number_identifies_without_its_nought(spark: SparkSession) -> None:
    assert [row["value"] for row in read(spark, "product_id", ["7.0", "12345678.00", "7.5", "0.10.0"])] == [
        "7", "12345678", "7.5", "0.10.0",
    ]  # fmt: skip
    doubles = read(spark, "product_id", [7.0, 12345678.0, 4006381333931.0, 7.5, None], "double")
    assert [row["value"] for row in doubles] == ["7", "12345678", "4006381333931", "7.5", None]


def test_p14_an_identifier_that_lost_digits_is_unreadable(spark: SparkSession) -> None:
    texts = read(spark, "product_id", ["4.00638E+12", "4E12", "A1"])
    assert [(row["value"], row["lost"]) for row in texts] == [(None, ["product_id"]), ("4E12", []), ("A1", [])]
    assert read(spark, "product_id", [2.0**60], "double")[0]["lost"] == ["product_id"]


@pytest.mark.parametrize(
    ("value", "kind", "epoch"),
    [
        ("2024-05-01T12:00:00Z", "string", "s"),
        (int(SAID.timestamp()), "bigint", "s"),
        (str(int(SAID.timestamp())), "string", "s"),
        (SAID.timestamp() * 1e3, "double", "ms"),
        (f"{SAID.timestamp() * 1e3:.0f}", "string", "ms"),
        (int(SAID.timestamp() * 1e6), "bigint", "us"),
        ("45413.5", "string", "excel"),
    ],
)
def test_a_time_is_read_from_what_the_source_counts(spark: SparkSession, value: Any, kind: str, epoch: str) -> None:
    rows = read(spark, "updated_at", [value], kind, epoch=epoch)
    assert (moments(rows), rows[0]["lost"]) == ([SAID], [])


def test_p14_what_is_no_time_or_none_that_can_be_is_unreadable(spark: SparkSession) -> None:
    soon = datetime.now(UTC) + timedelta(days=3)
    texts = ["45413", "202405", "20240501", "10:30", "2024", "2024-05", "1714557600000", "1899-12-30", "0001-01-01",
             "9999-12-31", soon.isoformat(), "yesterday"]  # fmt: skip
    rows = read(spark, "updated_at", texts)
    assert [(row["value"], row["lost"]) for row in rows] == [(None, ["updated_at"])] * len(texts)
    assert [row["lost"] for row in read(spark, "updated_at", [1714557600000], "bigint")] == [["updated_at"]]
    assert [row["lost"] for row in read(spark, "updated_at", [None, " "])] == [[], []]


def test_p14_a_delisting_to_come_or_a_filler_for_one_means_still_sold(spark: SparkSession) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    rows = read(spark, "deleted_at", ["9999-12-31", "1900-01-01", tomorrow, "2024-05-01T12:00:00Z", "never"])
    assert moments(rows) == [None, None, None, SAID, None]
    assert [row["lost"] for row in rows] == [[], [], [], [], ["deleted_at"]]
