"""Workloads a and b: nothing is encoded yet. Every contender encodes the products and writes the pairs' rows to Delta.

naive              a pandas UDF over pairs that encodes each of them, padded to 128 tokens
predict_batch_udf  pyspark.ml's: each product once, padded to the longest of the batch, then the head; images in full
stages             leastpack's stages in one Spark job, with nothing kept, counted or checked
steps              leastpack's steps encode and score, whole: cached vectors, buckets, accounts
steps, unchanged   the same again, with nothing to do
limit              the same encoders in a bare loop: no Spark, the best batches, the fastest engine that passes the gate
"""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
from PIL import Image
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tests.perf.bare import Bare
from tests.perf.catalog import MARKETPLACE, append, make_config, make_model, sizes
from tests.perf.timing import Contender
from tests.perf.tutorials import naive_pairs, predict_batch_pairs

from leastpack.catalog.buckets import bucket_columns
from leastpack.catalog.text import text_key_column
from leastpack.config import Config
from leastpack.encoders.allow import AllowList
from leastpack.encoders.encode import encode_products
from leastpack.encoders.engines import MODALITIES, encoder_identities, resolve_engines
from leastpack.encoders.sent import sent_network
from leastpack.encoders.worker import IMAGE_SCHEMA, TEXT_SCHEMA, image_stage, text_stage
from leastpack.scoring.fuse import vector_column
from leastpack.scoring.lists import cross_products
from leastpack.scoring.packages import package_sets
from leastpack.scoring.score import score_pairs
from leastpack.scoring.worker_model import send_model
from leastpack.tables import Tables

TYPES, BUCKETS, SEED = 20, 2, 5
VIEWS, DISTINCT_PICTURES = 3, 60
REAL_TITLES = Path(__file__).parents[3] / "shared" / "data" / "d8" / "amazon.csv"
FILES = ("embeddings", "product_vectors", "scores")


def prepare(spark: SparkSession, root: Path, products: int, views: int) -> Config:
    """Make a catalog of titles, and of photos where `views` is not 0, anew under `root`."""
    shutil.rmtree(root, ignore_errors=True)
    config = make_config(root, BUCKETS)
    photos = root / "photos"
    config.encoders.fetch.roots.append(str(photos))
    make_model(spark, config, TYPES, SEED)
    tables = Tables(spark, config.tables)
    names = ("product_id", "title", "bucket")
    listed = [(f"N{i:06d}", title, i % BUCKETS) for i, title in enumerate(titles(products))]
    rows = spark.createDataFrame(listed, ", ".join(f"{n} {'int' if n == 'bucket' else 'string'}" for n in names))
    whole = rows.withColumns({name: F.lit(None).cast("string") for name in ("brand", "category", "description")})
    key = text_key_column().alias("text_key")
    keyed = whole.select("*", F.lit(MARKETPLACE).alias("marketplace"), key, *sizes(SEED))
    append(tables, "products", keyed)
    tables.ensure("product_images")
    if views:
        taken = [(f"N{i:06d}", f"tunnel_{view}") for i in range(products) for view in range(views)]
        uris = _photos(photos, len(taken))
        images = [(*one, "tunnel", uri, uri) for one, uri in zip(taken, uris, strict=True)]
        frame = spark.createDataFrame(
            images, "product_id string, view string, kind string, uri string, image_key string"
        )
        append(tables, "product_images", frame.withColumn("marketplace", F.lit(MARKETPLACE)))
    return config


def titles(count: int) -> list[str]:
    """Real titles where they are beside the checkout, else invented ones of the same length; no two alike."""
    if not REAL_TITLES.is_file():
        return [f"{MADE_UP[i % len(MADE_UP)]} {i}" for i in range(count)]
    with REAL_TITLES.open(encoding="utf-8", errors="replace", newline="") as stream:
        found = dict.fromkeys(row["title"] for row in csv.DictReader(stream, delimiter="|") if row["title"])
    return list(found)[:count]


MADE_UP = (
    "Porcelain espresso cup set of 2 with saucers, white, dishwasher safe, model",
    "Steel wrench 12 mm, chrome vanadium, drop forged, with rubber grip",
    "USB 2.0 optical mouse with retractable cable, black, for notebooks, model",
)


def _photos(folder: Path, count: int) -> list[str]:
    """That many JPEG files of 1280 x 960; a few pictures, each under many names."""
    folder.mkdir(parents=True)
    dice = np.random.default_rng(SEED)
    for number in range(min(count, DISTINCT_PICTURES)):
        small = dice.integers(0, 256, (96, 128, 3), dtype=np.uint8)
        Image.fromarray(small).resize((1280, 960), Image.Resampling.BICUBIC).save(folder / f"{number}.jpg", quality=88)
    names = [folder / f"{i % DISTINCT_PICTURES}.jpg" for i in range(count)]
    for place, name in enumerate(names[DISTINCT_PICTURES:], start=DISTINCT_PICTURES):
        (folder / f"{place}.jpg").hardlink_to(name)
    return [str(folder / f"{i}.jpg") for i in range(count)]


def contenders(spark: SparkSession, config: Config, naive_products: int) -> dict[str, Contender]:
    """Name to what is timed; `naive` scores only the first products, as it would take hours."""
    products = Tables(spark, config.tables).read("products")
    some = products.orderBy("product_id").limit(naive_products)
    one, two = Bare(config, processes=1, threads=2), Bare(config, processes=2, threads=1)
    place = Path(str(config.tables.root)).parent
    return {
        "naive": lambda: naive_pairs(spark, config, some, place / "naive"),
        "predict_batch_udf": lambda: predict_batch_pairs(spark, config, products, place / "predict_batch_udf"),
        "stages": lambda: _stages(spark, config, place / "stages"),
        "steps": lambda: _steps(spark, config),
        "steps, unchanged": lambda: _encode_and_score(spark, config),
        "limit, 1 process": lambda: one.run(place / "limit"),
        "limit, 2 processes": lambda: two.run(place / "limit"),
    }


def _stages(spark: SparkSession, config: Config, target: Path) -> None:
    tables, model = Tables(spark, config.tables), send_model(spark, config.model.directory)
    encoders = resolve_engines(config)
    identities = dict(zip(MODALITIES, encoder_identities(encoders), strict=True))
    networks = {name: sent_network(spark, config, encoders, name) for name in MODALITIES}
    products, images = tables.read("products"), tables.read("product_images")
    texts = products.select("text_key", "title").repartition(2)
    encode = text_stage(encoders, identities["text"], networks["text"])
    encoded = texts.mapInArrow(encode, TEXT_SCHEMA).select(  # type: ignore[arg-type]
        F.col("content_key").alias("text_key"), F.col("vector").alias("text_vector")
    )
    look = image_stage(encoders, identities["image"], networks["image"], AllowList.here(encoders.fetch))
    seen = images.select("image_key", "uri").repartition(2).mapInArrow(look, IMAGE_SCHEMA)  # type: ignore[arg-type]
    views = (
        images.join(seen.withColumnRenamed("content_key", "image_key"), on="image_key", how="inner")
        .groupBy("product_id")
        .agg(
            F.transform(F.sort_array(F.collect_list(F.struct("view", "vector"))), lambda one: one["vector"]).alias("v")
        )
    )
    none = F.array().cast("array<array<float>>")
    inputs = (
        products.withColumns(bucket_columns(config.currency_units))
        .join(encoded, on="text_key", how="left")
        .join(views, on="product_id", how="left")
        .withColumns({"text": F.col("title"), "image_vectors": F.coalesce("v", none)})
    )
    states = {"no_input": F.lit(False), "views_used": F.size("image_vectors"), "warnings": F.array(F.lit("NO_PHOTO"))}
    states["fingerprint"] = F.lit("f" * 16)
    fused = inputs.select("*", vector_column(model).alias("fused")).select("*", "fused.vector").withColumns(states)
    rows = [row.asDict() for row in tables.read("package_types").collect()]
    packages = package_sets(rows, model.spec.attributes)
    scored = cross_products(fused, model, packages, config.scoring.padding_cm)
    scored.drop("no_input").write.format("delta").mode("overwrite").save(str(target))


def _steps(spark: SparkSession, config: Config) -> None:
    for name in FILES:
        shutil.rmtree(Path(str(config.tables.root)) / name, ignore_errors=True)
    _encode_and_score(spark, config)


def _encode_and_score(spark: SparkSession, config: Config) -> None:
    encode_products(spark, config)
    score_pairs(spark, config)
