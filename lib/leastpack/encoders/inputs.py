"""What the model sees of each product: one row a product, vectors and buckets joined to it."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from leastpack.catalog.buckets import bucket_columns
from leastpack.catalog.text import text_column
from leastpack.config.root import Config
from leastpack.encoders.engines import encoder_identities, resolve_engines
from leastpack.encoders.work import live, of_encoder, tunnel_photos
from leastpack.tables.store import Tables

PRODUCT = ["marketplace", "product_id"]
SIZES = ["length_cm", "width_cm", "height_cm", "weight_g"]

# The code of a photo that no encode run has met yet.
NOT_ENCODED = "NOT_ENCODED"


def product_inputs(
    spark: SparkSession,
    tables: Tables,
    config: Config,
    versions: Mapping[str, int] | None = None,
    few: DataFrame | None = None,
) -> DataFrame:
    """One row a product that is not deleted, with everything the model is built from.

    Args:
        spark: The session.
        tables: The tables.
        config: The configuration; its encoders decide which embeddings are taken.
        versions: Versions to read `products`, `product_images` and `embeddings` at; the latest where not given.
        few: Key of the products that are asked for, where they are few; None takes all.

    Returns:
        The columns of `product_keys`, text (null if none), text_vector (null if none or failed), image_vectors (empty
        if none), one for each of image_keys.
    """
    return _inputs(tables, config, versions or {}, few, vectors=True)


def product_keys(tables: Tables, config: Config, versions: Mapping[str, int] | None = None) -> DataFrame:
    """One row a product that is not deleted, with what says whether its scores are up to date: no vector is read.

    Args:
        tables: The tables.
        config: As for `product_inputs`.
        versions: As for `product_inputs`.

    Returns:
        marketplace, product_id, bucket, text_key, text_encoded (false if it failed or nothing has encoded it yet);
        image_keys of the encoded tunnel views in order of view (empty if none), image_errors: codes of the views that
        failed; repeated_views: how many of them are there only since a photo has several rows in `embeddings`, which
        must not be; length_bucket, width_bucket, height_bucket, weight_bucket, price_bucket; length_cm, width_cm,
        height_cm, weight_g.
    """
    return _inputs(tables, config, versions or {}, None, vectors=False)


def _inputs(
    tables: Tables, config: Config, versions: Mapping[str, int], few: DataFrame | None, vectors: bool
) -> DataFrame:
    products = tables.read("products", versions.get("products"))
    images = tables.read("product_images", versions.get("product_images"))
    embeddings = tables.read("embeddings", versions.get("embeddings"))
    if few is not None:
        products = products.join(F.broadcast(few.select(*PRODUCT)), on=PRODUCT, how="left_semi")
        embeddings = _of_products(embeddings, products, images)
    text_encoder, image_encoder = encoder_identities(resolve_engines(config))
    text_vector = [F.col("vector").alias("text_vector")] if vectors else []
    texts = of_encoder(embeddings, "text", text_encoder).select(
        F.col("content_key").alias("text_key"), F.col("error").isNull().alias("text_encoded"), *text_vector
    )
    views = _views(tunnel_photos(products, images), of_encoder(embeddings, "image", image_encoder), vectors)
    buckets = bucket_columns(config.currency_units)
    text = [text_column().alias("text")] if vectors else []
    lists = {name: kind for name, kind in _LISTS.items() if vectors or name != "image_vectors"}
    return (
        live(products)
        .select(
            *PRODUCT, "bucket", *text, "text_key", *[column.alias(name) for name, column in buckets.items()], *SIZES
        )
        .join(texts, on="text_key", how="left")
        .join(views, on=PRODUCT, how="left")
        .select(
            *PRODUCT,
            "bucket",
            *(["text", "text_vector"] if vectors else []),
            "text_key",
            F.coalesce("text_encoded", F.lit(False)).alias("text_encoded"),
            *[F.coalesce(F.col(name), F.array().cast(kind)).alias(name) for name, kind in lists.items()],
            F.coalesce("repeated_views", F.lit(0)).alias("repeated_views"),
            *buckets,
            *SIZES,
        )
    )


def _of_products(embeddings: DataFrame, few: DataFrame, images: DataFrame) -> DataFrame:
    """The embeddings of a few products, found in one reading: otherwise all of them, vectors too, would be shuffled."""
    texts, photos = few.select("text_key"), tunnel_photos(few, images).select("image_key")
    return embeddings.join(F.broadcast(texts.union(photos).toDF("content_key")), on="content_key", how="left_semi")


_LISTS = {"image_keys": "array<string>", "image_vectors": "array<array<float>>", "image_errors": "array<string>"}


def _views(photos: DataFrame, embeddings: DataFrame, vectors: bool) -> DataFrame:
    """One row a product with photos: keys and vectors of the encoded views, codes of the others, in order of view."""
    vector = ["vector"] if vectors else []
    known = embeddings.select(F.col("content_key").alias("image_key"), "error", *vector, F.lit(True).alias("there"))
    code = F.when(F.col("there").isNull(), F.lit(NOT_ENCODED)).when(F.col("error").isNotNull(), F.col("error"))
    wanted = {"image_keys": ("IS NULL", "image_key"), "image_errors": ("IS NOT NULL", "error")}
    wanted |= {"image_vectors": ("IS NULL", "vector")} if vectors else {}
    return (
        photos.select(*PRODUCT, "view", "image_key")
        .join(known, on="image_key", how="left")
        .withColumn("error", code)
        .groupBy(*PRODUCT)
        .agg(F.array_sort(F.collect_list(F.struct("view", "image_key", "error", *vector))).alias("views"))
        .select(
            *PRODUCT,
            *[
                F.expr(f"transform(filter(views, v -> v.error {test}), v -> v.{field})").alias(name)
                for name, (test, field) in wanted.items()
            ],
            (F.size("views") - F.size(F.array_distinct("views.view"))).alias("repeated_views"),
        )
    )
