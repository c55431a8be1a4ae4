"""Rows of image listings, and what a listing says of photos it no longer names."""

from __future__ import annotations

from collections.abc import Collection

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.catalog.quarantine import UNKNOWN_KIND, fault_column
from leastpack.catalog.versions import PRODUCT_KEY, USED, apart_if_faulty, with_status
from leastpack.config.sources import SourceConfig
from leastpack.tables.schemas import PRODUCT_IMAGES

KINDS = ("tunnel", "catalog")
VIEW_KEY = (*PRODUCT_KEY, "view")


def clean_images(rows: DataFrame, source: SourceConfig, marketplaces: Collection[str]) -> DataFrame:
    """Clean the rows of one image listing.

    Returns:
        One row a row of the listing: key, fault, raw (of faulty rows), row_hash, source and the columns of
        `product_images`.
    """
    fault = F.coalesce(
        fault_column("product_images", marketplaces), F.when(~F.lower("kind").isin(*KINDS), F.lit(UNKNOWN_KIND))
    )
    version = F.coalesce("etag", F.col("captured_at").cast("string"), F.lit(""))
    size = F.coalesce(F.col("size_bytes").cast("string"), F.lit(""))
    return apart_if_faulty(rows.withColumn("fault", fault)).select(
        *VIEW_KEY,
        "fault",
        "raw",
        "row_hash",
        "source",
        F.lower("kind").alias("kind"),
        F.sha2(F.concat_ws("\n", "uri", size, version), 256).alias("image_key"),
        "captured_at",
        "uri",
    )


def rank_images(rows: DataFrame) -> DataFrame:
    """Add `status` to cleaned image rows that carry `known`: of the rows of a view the latest captured one is used."""
    return with_status(rows, VIEW_KEY, [F.desc_nulls_last("captured_at")], F.col("known"))


def assemble_images(ranked: DataFrame, stored: DataFrame) -> DataFrame:
    """All rows that `product_images` should hold after the listings at hand.

    A listing speaks for all photos of a kind of the products it names: a stored photo of such a product and kind that
    it no longer names is gone. Photos of other products, and of the other kind, stay.

    Args:
        ranked: `rank_images`.
        stored: The table as it is.
    """
    listed = ranked.where(F.col("status") == USED).select(*PRODUCT_IMAGES.names)
    old, new = stored.alias("old"), listed.alias("new")
    same_product = (F.col("old.marketplace") == F.col("new.marketplace")) & (
        F.col("old.product_id") == F.col("new.product_id")
    )
    replaced = (F.col("old.kind") == F.col("new.kind")) | (F.col("old.view") == F.col("new.view"))
    kept = old.join(new, on=same_product & replaced, how="left_anti")
    return listed.unionByName(kept.select(*PRODUCT_IMAGES.names))
