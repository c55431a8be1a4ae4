"""What there is to encode and what is done: plans over `products`, `product_images` and `embeddings`."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.catalog.text import text_column

TUNNEL = "tunnel"

# Days until what failed is asked for again: these after the first run that asked, twice as many after each other one.
FIRST_WAIT, LONGEST_WAIT = 1, 30
# What is decided before anything is asked for, by the config alone: the next run decides it anew.
AT_ONCE = "URI_NOT_ALLOWED"


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


def to_retry(contents: DataFrame, done: DataFrame, day: datetime.date) -> DataFrame:
    """Contents whose error may pass and whose next try is due."""
    return contents.join(done.where(due(day)).select("content_key"), on="content_key", how="left_semi")


def passing() -> Column:
    """Condition: an error that may pass."""
    return F.col("error").isNotNull() & ~F.coalesce(F.col("error_permanent"), F.lit(False))


def due(day: datetime.date) -> Column:
    """Condition: an error that may pass, to be asked about on this day; rows of an earlier leastpack name no day."""
    return passing() & (F.col("next_try").isNull() | (F.col("next_try") <= F.lit(day)))


def with_next_try(answers: DataFrame, before: DataFrame | None, day: datetime.date) -> DataFrame:
    """Answers with columns attempts and next_try.

    Args:
        answers: Columns content_key, error, error_permanent and others.
        before: Rows of `embeddings` that these answers replace; None if nothing of it was asked before.
        day: The day of this run.
    """
    if before is None:
        counted = answers.withColumn("asked", F.lit(0))
    else:
        asked = before.where(passing()).groupBy("content_key").agg(F.max("attempts").alias("asked"))
        counted = answers.join(asked, on="content_key", how="left")
    attempts = F.coalesce(F.col("asked"), F.lit(0)) + 1
    wait = F.least(F.lit(FIRST_WAIT) * F.pow(F.lit(2.0), F.col("attempts") - 1), F.lit(float(LONGEST_WAIT))).cast("int")
    waits = passing() & (F.col("error") != AT_ONCE)
    return (
        counted.withColumn("attempts", F.when(waits, attempts))
        .withColumn("next_try", F.when(waits, F.date_add(F.lit(day), wait)))
        .drop("asked")
    )


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
        failed_due: Of these, the ones to try again now.
        waiting: Failed ones that may pass and wait for their next try.
        warned: Encoded ones by warning.
        copies: Rows of the catalog that have a content.
        keyless: Rows of the catalog that have none.
    """

    encoded: int
    missing: int
    failed: dict[str, int]
    failed_due: dict[str, int]
    waiting: int
    warned: dict[str, int]
    copies: int
    keyless: int

    @property
    def due(self) -> int:
        """Contents to try again."""
        return sum(self.failed_due.values())

    @property
    def duplicates(self) -> int:
        """Rows of the catalog whose content another row has too."""
        return self.copies - self.encoded - self.missing - sum(self.failed.values())


def state_of(contents: DataFrame, done: DataFrame, day: datetime.date) -> State:
    """Compare contents with the encoder's embeddings on a day; one pass, a few counts come back."""
    again = [passing().alias("passing"), due(day).alias("due")]
    there = done.select("content_key", "error", "warning", *again, F.lit(True).alias("there"))
    counts = (
        contents.select("content_key", "copies")
        .join(there, on="content_key", how="left")
        .groupBy(F.col("content_key").isNull().alias("keyless"), "there", "error", "warning")
        .agg(
            F.count("*").alias("n"),
            F.count_if("passing").alias("passing"),
            F.count_if("due").alias("due"),
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
        failed_due={row["error"]: row["due"] for row in failed if row["due"]},
        waiting=sum(row["passing"] - row["due"] for row in failed),
        warned={row["warning"]: row["n"] for row in keyed if row["warning"] is not None},
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
