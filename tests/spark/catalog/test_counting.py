from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from structlog.testing import capture_logs
from tests.spark.catalog.exports import Shop

from leastpack.catalog import build
from leastpack.catalog.counting import Delivered, count_exports
from leastpack.catalog.sources import read_exports, read_rows, with_content
from leastpack.config.sources import SourceConfig
from leastpack.errors import InputError, PromiseError


def photos(path: Path, **columns: str) -> SourceConfig:
    given: dict[str, Any] = {"name": "photos", "kind": "product_images", "format": "json", "path": str(path)}
    mapped = {"product_id": "id", "view": "concat('v', position)", "uri": "element", "kind": "'tunnel'", **columns}
    schema = "id string, photos array<string>, taken string"
    return SourceConfig.model_validate(
        {**given, "marketplace": "NA", "columns": mapped, "explode": "photos", "row_schema": schema}
    )


def counted(spark: SparkSession, source: SourceConfig) -> dict[str, Delivered]:
    return count_exports(read_exports(spark, [source]), [source])


def test_p1_rows_without_an_element_are_counted_and_read_by_nobody(spark: SparkSession, tmp_path: Path) -> None:
    lines = ['{"id":"1","photos":["a",null]}', '{"id":"2","photos":[]}', '{"id":"3"}', "broken"]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    source = photos(tmp_path / "a.jsonl")
    assert counted(spark, source) == {"photos": Delivered(rows=5, no_element=2)}
    assert with_content(read_rows(spark, source)).count() == 3


def test_a_file_delivered_between_counting_and_reading_is_in_neither(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id":"1","photos":["a"]}', encoding="utf-8")
    source = photos(tmp_path)
    exports = read_exports(spark, [source])
    delivered = count_exports(exports, [source])
    (tmp_path / "b.jsonl").write_text('{"id":"2","photos":["b"]}', encoding="utf-8")
    assert delivered["photos"].rows == with_content(exports["photos"]).count() == 1


def test_files_of_one_export_share_their_header(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("id,title\n1,a\n", encoding="utf-8")
    (tmp_path / "2.csv").write_text('"id","title"\r\n2,b\r\nid,title\n3,c\n', encoding="utf-8")
    (tmp_path / "3.csv").write_text("", encoding="utf-8")
    for lines in ("false", "true"):
        given = {"name": "shop", "kind": "products", "format": "csv", "path": str(tmp_path), "marketplace": "NA"}
        mapped = {"product_id": "id", "title": "title"}
        source = SourceConfig.model_validate({**given, "columns": mapped, "options": {"multiLine": lines}})
        assert counted(spark, source)["shop"].rows == 3
        (tmp_path / "4.csv").write_text("title,id\nb,2\n", encoding="utf-8")
        with pytest.raises(InputError, match=r"has not the header of the others.*4\.csv"):
            counted(spark, source)
        (tmp_path / "4.csv").unlink()


def test_a_mapped_field_that_no_row_fills_is_warned_of(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id":"1","photos":["a"],"at":"2024-05-01"}\n', encoding="utf-8")
    with capture_logs() as logs:
        counted(spark, photos(tmp_path / "a.jsonl", captured_at="taken"))
    told = [(entry["source"], entry["field"], entry["expression"]) for entry in logs if "empty" in entry["event"]]
    assert told == [("photos", "captured_at", "taken")]


def test_p1_a_lost_row_stops_the_step(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(spark, tmp_path)
    shop.products([{"id": "1", "title": "a"}, {"id": "2", "title": "b"}])
    clean = build.CLEANERS["products"]

    def careless(rows: DataFrame, *rest: Any) -> DataFrame:
        return clean(rows.where("product_id <> '2'"), *rest)

    monkeypatch.setitem(build.CLEANERS, "products", careless)
    with pytest.raises(PromiseError, match="does not balance"):
        shop.build()
    assert not shop.tables.exists("products")
