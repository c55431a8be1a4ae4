from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from leastpack.catalog.pins import pinned_sources
from leastpack.catalog.sources import read_rows, reading, with_content
from leastpack.config.sources import SourceConfig
from leastpack.errors import InputError
from leastpack.runs import Run


def source(path: Path, form: str = "csv", kind: str = "products", **rest: Any) -> SourceConfig:
    base = {"name": "shop", "kind": kind, "format": form, "path": str(path), "marketplace": "NA"}
    return SourceConfig.model_validate({"columns": {"product_id": "id"}, **base, **rest})


def rows(spark: SparkSession, config: SourceConfig) -> list[Row]:
    """All rows, in order of their raw text; times as text, since Python would move them to the machine's zone."""
    with reading(config):
        found = with_content(read_rows(spark, config))
        times = {name: F.col(name).cast("string") for name, kind in found.dtypes if kind == "timestamp"}
        return found.withColumns(times).orderBy("raw").collect()


def test_csv_with_quotes_newlines_and_a_byte_order_mark(spark: SparkSession, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('\ufeffid,"list price",title\n1,"$1,2","a ""b""\nnext"\n2,, \n', encoding="utf-8")
    columns = {"product_id": "id", "price": "`list price`", "title": "title"}
    first, second = rows(spark, source(path, columns=columns, options={"multiLine": "true"}))
    assert (first["product_id"], first["price"], first["title"]) == ("1", "$1,2", 'a "b"\nnext')
    assert (second["product_id"], second["price"], second["title"]) == ("2", None, None)
    assert first["marketplace"] == "NA"
    assert first["source"] == "shop"
    assert first["raw"].startswith('{"id":"1"')


def test_p8_rows_that_do_not_parse_stay_rows(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,title\n1,fine\n2,too,many\n3\n", encoding="utf-8")
    found = rows(spark, source(tmp_path / "a.csv"))
    assert sorted((row["malformed"], row["raw"]) for row in found) == [
        (False, '{"id":"1","title":"fine"}'),
        (True, '{"_corrupt_record":"2,too,many"}'),
        (True, '{"_corrupt_record":"3"}'),
    ]
    (tmp_path / "a.jsonl").write_text('{"id": 1}\nnot json\n{"id": [}\n', encoding="utf-8")
    for schema in (None, "id string"):
        found = rows(spark, source(tmp_path / "a.jsonl", "json", row_schema=schema))
        assert sorted((row["malformed"], row["product_id"]) for row in found if not row["malformed"]) == [(False, "1")]
        assert sum(row["malformed"] for row in found) == 2


def test_numeric_columns_are_read_whatever_the_decimal_sign_of_texts(spark: SparkSession, tmp_path: Path) -> None:
    spark.sql("SELECT 1 id, 1.125D price, 3 weight").write.parquet(str(tmp_path / "p"))
    columns = {"product_id": "id", "price": "price", "weight": "weight"}
    for comma, price in ((False, "1.125000000"), (True, "1,125000000")):
        found = rows(spark, source(tmp_path / "p", "parquet", columns=columns, decimal_comma=comma))
        assert found[0]["price"] == price


def test_values_of_another_type_are_null_and_named(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,at\n1,2024-05-01T10:00:00\n2,1 May\n3,\n", encoding="utf-8")
    found = rows(spark, source(tmp_path / "a.csv", columns={"product_id": "id", "updated_at": "at"}))
    assert [row["updated_at"] for row in found] == ["2024-05-01 10:00:00", None, None]
    assert [row["unreadable"] for row in found] == [[], ["updated_at"], []]


def test_not_a_number_is_a_missing_one(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,stars\n1,NaN\n2,4.5\n3,many\n", encoding="utf-8")
    columns = {
        "product_id": "id", "review_id": "id", "reviewed_at": "timestamp '2024-05-01'", "stars": "stars",
    }  # fmt: skip
    found = rows(spark, source(tmp_path / "a.csv", kind="reviews", columns=columns))
    assert [(row["stars"], row["unreadable"]) for row in found] == [(None, []), (4.5, []), (None, ["stars"])]


def test_the_files_own_time_may_date_a_row(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,at\n1,2024-05-01\n2,\n", encoding="utf-8")
    at = "coalesce(try_cast(at AS timestamp), _metadata.file_modification_time)"
    first, second = rows(spark, source(tmp_path / "a.csv", columns={"product_id": "id", "updated_at": at}))
    assert first["updated_at"] == "2024-05-01 00:00:00"
    written = datetime.datetime.fromtimestamp((tmp_path / "a.csv").stat().st_mtime, datetime.UTC)
    assert second["updated_at"].startswith(f"{written:%Y-%m-%d %H:%M:%S}")


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_p14_a_folder_that_names_a_value_keeps_its_text(spark: SparkSession, tmp_path: Path, form: str) -> None:
    for store in ("007", "1e3"):
        frame = spark.createDataFrame([("a",)], "title string")
        frame.write.options(header="true").format(form).save(str(tmp_path / f"store={store}"))
    found = rows(spark, source(tmp_path, form, columns={"product_id": "store", "title": "title"}))
    assert sorted((row["product_id"], row["title"]) for row in found) == [("007", "a"), ("1e3", "a")]


def test_an_array_becomes_rows(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"id":"1","photos":["a","b"]}\n{"id":"2","photos":[]}\nbroken\n', encoding="utf-8"
    )
    columns = {"product_id": "id", "view": "concat('v', position)", "uri": "element", "kind": "'tunnel'"}
    schema = "id string, photos array<string>"
    config = source(
        tmp_path / "a.jsonl", "json", "product_images", columns=columns, explode="photos", row_schema=schema
    )
    found = [(row["product_id"], row["view"], row["uri"], row["malformed"]) for row in rows(spark, config)]
    assert found[1:] == [("1", "v0", "a", False), ("1", "v1", "b", False)]
    assert found[0][3]
    assert len({row["row_hash"] for row in rows(spark, config)}) == 3


def test_a_folder_is_a_listing(spark: SparkSession, tmp_path: Path) -> None:
    for name in ("P1/tunnel_0.jpg", "P1/_tunnel_1.jpg", "P2/readme.txt"):
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / name).write_bytes(b"12345")
    columns = {
        "product_id": "regexp_extract(path, '([^/]+)/[^/]+$', 1)", "view": "regexp_extract(path, '([^/]+)[.]jpg$', 1)",
        "uri": "path", "kind": "'tunnel'", "size_bytes": "length", "etag": "modificationTime",
    }  # fmt: skip
    config = source(
        tmp_path / "images", "binaryFile", "product_images", columns=columns, options={"pathGlobFilter": "*.jpg"}
    )
    found = [(row["product_id"], row["view"], row["size_bytes"]) for row in rows(spark, config)]
    assert found == [("P1", "_tunnel_1", 5), ("P1", "tunnel_0", 5)]  # Spark passes over the first
    assert "content" not in with_content(read_rows(spark, config)).columns


def test_other_files_that_spark_passes_over_are_told_of(spark: SparkSession, tmp_path: Path) -> None:
    for name in ("a.csv", "_b.csv", "_SUCCESS"):
        (tmp_path / name).write_text(f"id\n{name}\n", encoding="utf-8")
    with structlog.testing.capture_logs() as told:
        assert [row["product_id"] for row in rows(spark, source(tmp_path))] == ["a.csv"]
    assert [(line["files"], line["first"]) for line in told] == [(1, [f"file:{tmp_path}/_b.csv"])]


def test_own_columns_beside_an_exploded_array(spark: SparkSession, tmp_path: Path) -> None:
    line = '{"id":"1","position":7,"Element":"x","photos":["a","b"]}\n'
    (tmp_path / "a.jsonl").write_text(line, encoding="utf-8")
    columns = {
        "product_id": "id", "view": "concat_ws('_', position, own_position, own_element)", "uri": "element",
        "kind": "'tunnel'",
    }  # fmt: skip
    config = source(tmp_path / "a.jsonl", "json", "product_images", columns=columns, explode="photos")
    later = config.model_copy(update={"where": "element > 'a'"})
    found = sorted((row["view"], row["uri"]) for row in rows(spark, later))
    assert found == [("1_7_x", "b")]
    assert sorted((row["view"], row["uri"]) for row in rows(spark, config)) == [("0_7_x", "a"), ("1_7_x", "b")]


def test_the_working_directory_is_where_relative_paths_start(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").write_text("id\n1\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert rows(spark, source(Path("a.csv")))[0]["product_id"] == "1"


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_file_of_no_bytes_has_no_rows(spark: SparkSession, tmp_path: Path, form: str) -> None:
    (tmp_path / "a").write_text("", encoding="utf-8")
    assert rows(spark, source(tmp_path / "a", form)) == []


def expect(spark: SparkSession, config: SourceConfig, *words: str) -> None:
    with pytest.raises(InputError) as raised:
        rows(spark, config)
    for word in ("shop", *words):
        assert word in str(raised.value), f"{word} is not in: {raised.value}"


def test_errors_say_what_is_wrong(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,title\n1,x\n", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    expect(spark, source(tmp_path / "none.csv"), "nothing to read", "none.csv", "correct `path`")
    expect(spark, source(tmp_path / "*.tsv"), "nothing to read", "*.tsv")
    expect(spark, source(tmp_path / "empty", "parquet"), "nothing to read", "empty")
    expect(spark, source(tmp_path / "a.csv", "parquet"), "cannot be read as parquet")
    expect(spark, source(tmp_path / "a.csv", "no_such_format"), "cannot be read as no_such_format")
    expect(spark, source(tmp_path / "a.csv", row_schema="id nonsense(("), "cannot be read as csv", "row_schema")
    wrong = {"product_id": "id", "title": "titel"}
    expect(spark, source(tmp_path / "a.csv", columns=wrong), "title: 'titel' does not resolve", "id, title")
    expect(spark, source(tmp_path / "a.csv", columns={"product_id": "id ("}), "product_id: 'id ('")
    expect(spark, source(tmp_path / "a.csv", explode="photos"), "explode: 'photos' does not resolve")


def test_an_expression_that_fails_on_a_value_is_an_error_of_the_input(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,n\n1,0\n", encoding="utf-8")
    expect(spark, source(tmp_path / "a.csv", columns={"product_id": "1 div cast(n as int)"}), "try_divide")


def test_other_errors_pass_through() -> None:
    with pytest.raises(ZeroDivisionError), reading():
        raise ZeroDivisionError


def test_a_source_with_versions_is_read_at_one_for_the_whole_step(spark: SparkSession, tmp_path: Path) -> None:
    path = tmp_path / "listed"
    for number in range(2):
        spark.sql(f"SELECT 'p{number}' id").coalesce(1).write.format("delta").mode("append").save(str(path))
    spark.sql("CREATE OR REPLACE TEMPORARY VIEW no_versions AS SELECT 'v' id")
    given = [
        source(path, "delta", name="newest"),
        source(path, "delta", name="older", options={"versionasof": "0"}),
        source(Path(f"{path}@v0"), "delta", name="in_path"),
        source(Path(f"delta.`{path}`"), "table", name="named"),
        source(Path("no_versions"), "table", name="view"),
        source(tmp_path / "nothing", "delta", name="nothing"),
    ]
    run = Run("catalog", "one")
    with structlog.testing.capture_logs() as told:
        held = pinned_sources(spark, run, given)
    assert run.inputs == {"source:newest": 1, "source:older": 0, "source:named": 1}
    assert [line["source"] for line in told] == ["view"]
    spark.sql("SELECT 'late' id").write.format("delta").mode("append").save(str(path))
    found = {one.name: {row["product_id"] for row in read_rows(spark, one).collect()} for one in held[:5]}
    assert found == {"newest": {"p0", "p1"}, "older": {"p0"}, "in_path": {"p0"}, "named": {"p0", "p1"}, "view": {"v"}}
    expect(spark, held[5].model_copy(update={"name": "shop"}), "nothing to read")
