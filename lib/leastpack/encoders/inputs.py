"""What the model sees of each product: one row a product, vectors and buckets joined to it."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from leastpack.catalog.buckets import bucket_columns
from leastpack.catalog.text import text_column
from leastpack.config.root import Config
from leastpack.encoders.encode import encoder_identities
from leastpack.encoders.work import live, of_encoder, tunnel_photos
from leastpack.tables.store import Tables

PRODUCT = ["marketplace", "product_id"]
SIZES = ["length_cm", "width_cm", "height_cm", "weight_g"]

# The code of a photo that no encode run has met yet.
NOT_ENCODED = "NOT_ENCODED"

_VIEW = "struct<view:string,image_key:string,error:string,vector:array<float>>"


def product_inputs(
    spark: SparkSession, tables: Tables, config: Config, versions: Mapping[str, int] | None = None
) -> DataFrame:
    """One row a product that is not deleted, with everything the model is built from.

    Args:
        spark: The session.
        tables: The tables.
        config: The configuration; its encoders decide which embeddings are taken.
        versions: Versions to read `products`, `product_images` and `embeddings` at; the latest where not given.

    Returns:
        marketplace, product_id, bucket; text (null if none), text_key, text_vector (null if none or failed);
        image_keys and image_vectors of the encoded tunnel views in order of view (empty if none), image_errors: codes
        of the views that failed; length_bucket, width_bucket, height_bucket, weight_bucket, price_bucket; length_cm,
        width_cm, height_cm, weight_g.
    """
    pinned = versions or {}
    products = tables.read("products", pinned.get("products"))
    images = tables.read("product_images", pinned.get("product_images"))
    embeddings = tables.read("embeddings", pinned.get("embeddings"))
    text_encoder, image_encoder = encoder_identities(config.encoders)
    texts = of_encoder(embeddings, "text", text_encoder).select(
        F.col("content_key").alias("text_key"), F.col("vector").alias("text_vector")
    )
    views = _views(tunnel_photos(products, images), of_encoder(embeddings, "image", image_encoder))
    buckets = bucket_columns(config.currency_units)
    return (
        live(products)
        .select(
            *PRODUCT,
            "bucket",
            text_column().alias("text"),
            "text_key",
            *[column.alias(name) for name, column in buckets.items()],
            *SIZES,
        )
        .join(texts, on="text_key", how="left")
        .join(views, on=PRODUCT, how="left")
        .select(
            *PRODUCT,
            "bucket",
            "text",
            "text_key",
            "text_vector",
            *[F.coalesce(F.col(name), F.array().cast(kind)).alias(name) for name, kind in _LISTS.items()],
            *buckets,
            *SIZES,
        )
    )


_LISTS = {"image_keys": "array<string>", "image_vectors": "array<array<float>>", "image_errors": "array<string>"}


def _views(photos: DataFrame, embeddings: DataFrame) -> DataFrame:
    """One row a product with photos: keys and vectors of the encoded views, codes of the others, in order of view."""
    vectors = embeddings.select(F.col("content_key").alias("image_key"), "error", "vector", F.lit(True).alias("there"))
    code = F.when(F.col("there").isNull(), F.lit(NOT_ENCODED)).when(F.col("error").isNotNull(), F.col("error"))
    views = F.array_sort(F.collect_list(F.struct("view", "image_key", "error", "vector"))).cast(f"array<{_VIEW}>")
    return (
        photos.select(*PRODUCT, "view", "image_key")
        .join(vectors, on="image_key", how="left")
        .withColumn("error", code)
        .groupBy(*PRODUCT)
        .agg(views.alias("views"))
        .select(
            *PRODUCT,
            F.expr("transform(filter(views, v -> v.error IS NULL), v -> v.image_key)").alias("image_keys"),
            F.expr("transform(filter(views, v -> v.error IS NULL), v -> v.vector)").alias("image_vectors"),
            F.expr("transform(filter(views, v -> v.error IS NOT NULL), v -> v.error)").alias("image_errors"),
        )
    )
