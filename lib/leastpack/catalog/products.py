"""Rows of product exports, cleaned field by field."""

from __future__ import annotations

from collections.abc import Collection

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.catalog.measured import read_listing
from leastpack.catalog.quarantine import UNREADABLE, fault_column
from leastpack.catalog.sizes import clean_sides
from leastpack.catalog.versions import apart_if_faulty
from leastpack.catalog.weights import weight_candidates
from leastpack.config.sources import SourceConfig
from leastpack.measures.identifiers import DAMAGED_UNIVERSAL_ID


def clean_products(rows: DataFrame, source: SourceConfig, marketplaces: Collection[str]) -> DataFrame:
    """Clean the rows of one product export.

    Args:
        rows: What `read_source` gives.
        source: The export, for its units.
        marketplaces: Marketplaces that have package types.

    Returns:
        One row a row of the export: key, fault, raw (of faulty rows), row_hash, source, the fields of `products` that
        need nothing but the row, and `notes`.
    """
    texts = rows.withColumns({"read": read_listing(source), "fault": fault_column("products", marketplaces)})
    read = texts.withColumn("size", clean_sides(F.col("read.sides")))
    weight = weight_candidates(F.col("read.grams"), F.col("read.number"), source.lost_units)
    unreadable = F.transform(F.col("unreadable"), lambda field: F.concat(F.lit(UNREADABLE), F.upper(field)))
    damaged = F.when(F.col("read.damaged"), F.lit(DAMAGED_UNIVERSAL_ID))
    own = F.array(F.col("read.size_code"), F.col("size.code"), F.col("read.price_code"), damaged)
    codes = F.concat(own, unreadable)
    return apart_if_faulty(read).select(
        "marketplace",
        "product_id",
        "fault",
        "raw",
        "row_hash",
        "source",
        F.coalesce("read.family_id", "product_id").alias("family_id"),
        F.col("read.universal_id").alias("universal_id"),
        "brand",
        "vendor",
        "hazard_class",
        "category",
        F.lower(F.replace(F.col("language"), F.lit("_"), F.lit("-"))).alias("language"),
        F.col("read.price").alias("price"),
        F.col("read.currency").alias("currency"),
        F.col("size.sides").alias("listed_sides_cm"),
        F.when(F.col("weight").isNotNull(), weight).alias("listed_weights"),
        F.array_compact(codes).alias("notes"),
        "updated_at",
        "deleted_at",
        "title",
        "description",
    )
