"""Rows of image listings, and what a listing says of photos it no longer names."""

from __future__ import annotations

from collections.abc import Collection

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.catalog.quarantine import UNKNOWN_KIND, fault_column
from leastpack.catalog.times import event_time
from leastpack.catalog.versions import PRODUCT_KEY, USED, apart_if_faulty, later_than, with_status
from leastpack.config.sources import SourceConfig
from leastpack.tables.schemas import PRODUCT_IMAGES

KINDS = ("tunnel", "catalog")
VIEW_KEY = (*PRODUCT_KEY, "view")
KIND_KEY = (*PRODUCT_KEY, "kind")


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


def rank_images(rows: DataFrame, stored: DataFrame) -> DataFrame:
    """Add `status` to cleaned image rows that carry `known`: of the rows of a view the latest captured one is used.

    A listing of a product's photos of a kind is late as a whole where a photo that it names was taken before the stored
    one of that view, or has no date beside one that has; or where it names no stored view, and the newest stored photo
    of that kind is newer than all of its own.

    Args:
        rows: `clean_images`, with `known`.
        stored: The table `product_images` as it is.
    """
    ranked = with_status(rows, VIEW_KEY, [F.desc_nulls_last("captured_at")], F.col("known"))
    late = _late(ranked.where(F.col("status") == USED), stored)
    joined = ranked.join(late, on=list(KIND_KEY), how="left")
    status = F.coalesce(F.when(F.col("status") == USED, F.col("late")), "status")
    return joined.withColumn("status", status).drop("late")


def _late(listed: DataFrame, stored: DataFrame) -> DataFrame:
    """Product, kind, and `late`: why its listing does not speak, null where it does."""
    held = stored.select(*VIEW_KEY, event_time(F.col("captured_at")).alias("held_at"))
    same_view = listed.join(held, on=list(VIEW_KEY), how="inner").groupBy(*KIND_KEY)
    by_view = same_view.agg(
        F.lit(True).alias("shared"), F.min(later_than(F.col("held_at"), F.col("captured_at"))).alias("late_view")
    )
    newest = listed.groupBy(*KIND_KEY).agg(F.max("captured_at").alias("newest"))
    newest_held = stored.groupBy(*KIND_KEY).agg(F.max(event_time(F.col("captured_at"))).alias("newest_held"))
    both = newest.join(by_view, on=list(KIND_KEY), how="left").join(newest_held, on=list(KIND_KEY), how="left")
    apart = F.when(F.col("shared").isNull(), later_than(F.col("newest_held"), F.col("newest")))
    return both.select(*KIND_KEY, F.coalesce("late_view", apart).alias("late"))


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
