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
    """Columns content_key, content, copies: each distinct text of live products once; those without under null."""
    return _distinct(live(products).select(F.col("text_key").alias("content_key"), text_column().alias("content")))


def image_contents(products: DataFrame, images: DataFrame) -> DataFrame:
    """Columns content_key, content (a URI), copies: each distinct tunnel photo of live products once."""
    photos = tunnel_photos(products, images)
    return _distinct(photos.select(F.col("image_key").alias("content_key"), F.col("uri").alias("content")))


def _distinct(contents: DataFrame) -> DataFrame:
    return contents.groupBy("content_key").agg(F.first("content").alias("content"), F.count("*").alias("copies"))


def tunnel_photos(products: DataFrame, images: DataFrame) -> DataFrame:
    """Rows of `product_images` that the model sees: tunnel photos of live products."""
    sold = live(products).select("marketplace", "product_id")
    return images.where(F.col("kind") == TUNNEL).join(sold, on=["marketplace", "product_id"], how="left_semi")


def of_encoder(embeddings: DataFrame, modality: str, identity: str) -> DataFrame:
    """Rows of `embeddings` of one encoder."""
    return embeddings.where((F.col("modality") == modality) & (F.col("encoder") == identity))


def unseen(contents: DataFrame, done: DataFrame) -> DataFrame:
    """Contents without a row in the encoder's embeddings."""
    keyed = contents.where(F.col("content_key").isNotNull())
    return keyed.join(done.select("content_key"), on="content_key", how="left_anti")


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
        failed: Failed ones by code.
        failed_passing: Of these, the ones whose error may pass.
        copies: Rows of the catalog that have a content.
        keyless: Rows of the catalog that have none.
    """

    encoded: int
    missing: int
    failed: dict[str, int]
    failed_passing: dict[str, int]
    copies: int
    keyless: int

    @property
    def passing(self) -> int:
        """Contents to try again."""
        return sum(self.failed_passing.values())

    @property
    def duplicates(self) -> int:
        """Rows of the catalog whose content another row has too."""
        return self.copies - self.encoded - self.missing - sum(self.failed.values())


def state_of(contents: DataFrame, done: DataFrame) -> State:
    """Compare contents with the encoder's embeddings; one pass, a few counts come back."""
    there = done.select("content_key", "error", passing().alias("passing"), F.lit(True).alias("there"))
    counts = (
        contents.select("content_key", "copies")
        .join(there, on="content_key", how="left")
        .groupBy(F.col("content_key").isNull().alias("keyless"), "there", "error")
        .agg(
            F.count("*").alias("n"),
            F.sum(F.coalesce(F.col("passing"), F.lit(False)).cast("int")).alias("passing"),
            F.sum("copies").alias("copies"),
        )
        .collect()
    )
    keyed = [row for row in counts if not row["keyless"]]
    failed = [row for row in keyed if row["error"] is not None]
    return State(
        encoded=sum(row["n"] for row in keyed if row["there"] and row["error"] is None),
        missing=sum(row["n"] for row in keyed if not row["there"]),
        failed={row["error"]: row["n"] for row in failed},
        failed_passing={row["error"]: row["passing"] for row in failed if row["passing"]},
        copies=sum(row["copies"] for row in keyed),
        keyless=sum(row["copies"] for row in counts if row["keyless"]),
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
