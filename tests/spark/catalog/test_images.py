from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession

from leastpack.catalog.images import clean_images
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
