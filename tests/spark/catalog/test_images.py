from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from leastpack.catalog.images import clean_images, rank_images
from leastpack.catalog.sources import read_rows, with_content
from leastpack.config.sources import FIELDS, SourceConfig

PHOTO = {"product_id": "P1", "view": "tunnel_0", "uri": "a.jpg", "kind": "tunnel", "size_bytes": "10", "etag": "x"}


def test_the_image_key_follows_uri_size_and_tag(spark: SparkSession, tmp_path: Path) -> None:
    fields = [field for field in FIELDS["product_images"] if field != "marketplace"]
    day = {"captured_at": "2024-01-01"}
    photos = [
        PHOTO,
        {**PHOTO, **day},
        {**PHOTO, "uri": "b.jpg"},
        {**PHOTO, "size_bytes": "11"},
        {**PHOTO, "etag": "y"},
        {**PHOTO, "etag": "", **day},
        {**PHOTO, "etag": ""},
    ]
    lines = [",".join(photo.get(field, "") for field in fields) for photo in photos]
    path = tmp_path / "images.csv"
    path.write_text("\n".join([",".join(fields), *lines]) + "\n", encoding="utf-8")
    base = {"name": "images", "kind": "product_images", "format": "csv", "path": str(path), "marketplace": "NA"}
    source = SourceConfig.model_validate({**base, "columns": {field: field for field in fields}})
    rows = clean_images(with_content(read_rows(spark, source)), source, ["NA"]).collect()
    keys = [row["image_key"] for row in rows]
    assert [row["fault"] for row in rows] == [None] * 7
    # The tag stands for the content; the day counts only where there is no tag.
    assert keys[0] == keys[1]
    assert len(set(keys)) == 6


def test_p14_a_listing_of_older_photos_does_not_speak(spark: SparkSession) -> None:
    def photo(product: str, view: str, day: str | None) -> tuple[str, str, str, str | None]:
        return ("NA", product, view, day)

    held = [
        photo("late", "a", "2024-05-02"), photo("late", "b", None), photo("newer", "a", "2024-05-01"),
        photo("fewer", "a", "2024-05-01"), photo("fewer", "b", "2024-05-02"), photo("undated", "a", "2024-05-01"),
        photo("other", "a", "2024-05-02"),
    ]  # fmt: skip
    listed = [
        photo("late", "a", "2024-05-01"), photo("late", "c", "2024-06-01"), photo("newer", "a", "2024-05-02"),
        photo("fewer", "a", "2024-05-01"), photo("undated", "a", None), photo("other", "z", "2024-05-01"),
        photo("new", "a", None),
    ]  # fmt: skip
    kind = "marketplace string, product_id string, view string, captured_at string"
    stored = spark.createDataFrame(held, kind).withColumn("kind", F.lit("tunnel"))
    same = {"kind": "tunnel", "known": True, "fault": None, "row_hash": 1, "source": "s"}
    rows = spark.createDataFrame(listed, kind).withColumns({name: F.lit(value) for name, value in same.items()})
    dated = {"captured_at": F.col("captured_at").cast("timestamp")}
    found = rank_images(rows.withColumns(dated), stored.withColumns(dated)).collect()
    assert {(row["product_id"], row["view"]): row["status"] for row in found} == {
        ("late", "a"): "older_version", ("late", "c"): "older_version", ("newer", "a"): "used", ("fewer", "a"): "used",
        ("undated", "a"): "undated_version", ("other", "z"): "older_version", ("new", "a"): "used",
    }  # fmt: skip
