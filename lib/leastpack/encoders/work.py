"""What there is to encode and what is done: plans over `products`, `product_images` and `embeddings`."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.catalog.text import text_column

TUNNEL = "tunnel"


def live(products: DataFrame) -> DataFrame:
    """Products that are still sold."""
    return products.where(F.col("deleted_at").isNull())


def text_contents(products: DataFrame) -> DataFrame:
    """Columns content_key, content: each distinct text of a live product once."""
    return (
        live(products)
        .where(F.col("text_key").isNotNull())
        .select(F.col("text_key").alias("content_key"), text_column().alias("content"))
        .dropDuplicates(["content_key"])
    )


def image_contents(products: DataFrame, images: DataFrame) -> DataFrame:
    """Columns content_key, content: each distinct tunnel photo of a live product once, with its URI."""
    return (
        tunnel_photos(products, images)
        .where(F.col("image_key").isNotNull())
        .select(F.col("image_key").alias("content_key"), F.col("uri").alias("content"))
        .dropDuplicates(["content_key"])
    )


def tunnel_photos(products: DataFrame, images: DataFrame) -> DataFrame:
    """Rows of `product_images` that the model sees: tunnel photos of live products."""
    sold = live(products).select("marketplace", "product_id")
    return images.where(F.col("kind") == TUNNEL).join(sold, on=["marketplace", "product_id"], how="left_semi")


def text_counts(products: DataFrame) -> dict[str, int]:
    """Rows of `products`, and how many of them are no text of their own, by reason."""
    live_key = F.when(F.col("deleted_at").isNull(), F.col("text_key"))
    row = products.agg(
        F.count("*").alias("rows"),
        F.count("deleted_at").alias("deleted"),
        F.count(live_key).alias("keys"),
        F.count_distinct(live_key).alias("distinct"),
    ).collect()[0]
    return {
        "rows": row["rows"],
        "deleted": row["deleted"],
        "no_text": row["rows"] - row["deleted"] - row["keys"],
        "duplicate": row["keys"] - row["distinct"],
    }


def image_counts(products: DataFrame, images: DataFrame) -> dict[str, int]:
    """Rows of `product_images`, and how many of them are no photo of their own to encode, by reason."""
    listed = images.agg(F.count("*").alias("rows"), F.count_if(F.col("kind") == TUNNEL).alias("tunnel")).collect()[0]
    seen = (
        tunnel_photos(products, images)
        .agg(
            F.count("*").alias("rows"),
            F.count("image_key").alias("keys"),
            F.count_distinct("image_key").alias("distinct"),
        )
        .collect()[0]
    )
    return {
        "rows": listed["rows"],
        "not_tunnel": listed["rows"] - listed["tunnel"],
        "no_live_product": listed["tunnel"] - seen["rows"],
        "no_key": seen["rows"] - seen["keys"],
        "duplicate": seen["keys"] - seen["distinct"],
    }


def of_encoder(embeddings: DataFrame, modality: str, identity: str) -> DataFrame:
    """Rows of `embeddings` of one encoder."""
    return embeddings.where((F.col("modality") == modality) & (F.col("encoder") == identity))


def unseen(contents: DataFrame, done: DataFrame) -> DataFrame:
    """Contents without a row in the encoder's embeddings."""
    return contents.join(done.select("content_key"), on="content_key", how="left_anti")


def to_retry(contents: DataFrame, done: DataFrame) -> DataFrame:
    """Contents whose error may pass."""
    return contents.join(done.where(passing()).select("content_key"), on="content_key", how="left_semi")


def passing() -> Column:
    """Condition: an error that may pass."""
    return F.col("error").isNotNull() & ~F.coalesce(F.col("error_permanent"), F.lit(False))


def in_chunk(chunk: int, chunks: int) -> Column:
    """Condition: the content falls into one of `chunks` parts of like size, whatever its partition."""
    return F.pmod(F.xxhash64("content_key"), F.lit(chunks)) == F.lit(chunk)


@dataclass(frozen=True)
class State:
    """How many distinct contents are encoded, missing, or failed by code.

    Attributes:
        encoded: With a vector.
        missing: Without a row.
        passing: Of the failed ones, those whose error may pass.
        failed: Failed ones by code.
    """

    encoded: int
    missing: int
    passing: int
    failed: dict[str, int]

    @property
    def total(self) -> int:
        """All rows; more than there are contents where a key has two rows."""
        return self.encoded + self.missing + sum(self.failed.values())


def state_of(contents: DataFrame, done: DataFrame) -> State:
    """Compare contents with the encoder's embeddings; one pass, a few counts come back."""
    there = done.select("content_key", "error", passing().alias("passing"), F.lit(True).alias("there"))
    counts = (
        contents.select("content_key")
        .join(there, on="content_key", how="left")
        .groupBy("there", "error")
        .agg(F.count("*").alias("n"), F.sum(F.coalesce(F.col("passing"), F.lit(False)).cast("int")).alias("passing"))
        .collect()
    )
    return State(
        encoded=sum(row["n"] for row in counts if row["there"] and row["error"] is None),
        missing=sum(row["n"] for row in counts if not row["there"]),
        passing=sum(row["passing"] for row in counts),
        failed={row["error"]: row["n"] for row in counts if row["error"] is not None},
    )


def unknown_share_by_language(products: DataFrame, done: DataFrame) -> dict[str, float]:
    """Share of tokens that the text encoder does not know, over live products, by their language."""
    tokens = done.where(F.col("tokens") > 0).select(F.col("content_key").alias("text_key"), "tokens", "unknown_tokens")
    shares = (
        live(products)
        .select("text_key", F.coalesce(F.col("language"), F.lit("none")).alias("language"))
        .join(tokens, on="text_key", how="inner")
        .groupBy("language")
        .agg((F.sum("unknown_tokens") / F.sum("tokens")).alias("share"))
    )
    return {row["language"]: float(row["share"]) for row in shares.orderBy("language").collect()}
