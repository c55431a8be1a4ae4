"""What the catalog step would make of the first rows of products, photos and measurements."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from leastpack.catalog.assemble import assemble_products, rank_products, with_split_notes
from leastpack.catalog.images import clean_images, rank_images
from leastpack.catalog.measured import SIDES
from leastpack.catalog.products import clean_products
from leastpack.catalog.tunnel import clean_tunnel, rank_measurements
from leastpack.catalog.versions import PRODUCT_KEY, QUARANTINED, USED
from leastpack.config.sources import Kind, SourceConfig
from leastpack.preview.findings import EXAMPLES
from leastpack.tables.schemas import PRODUCT_IMAGES, PRODUCTS


@dataclass(frozen=True)
class Judged:
    """Rows with what becomes of them.

    Attributes:
        rows: One a row of the sample: row_hash, fault, set_aside, notes.
        became: Examples of what is kept of them, by column.
    """

    rows: list[dict[str, Any]]
    became: list[dict[str, str]]


def judge_catalog(
    spark: SparkSession, rows: DataFrame, source: SourceConfig, marketplaces: Collection[str], known: DataFrame
) -> Judged:
    """Clean and rank the rows as the catalog step does, beside an empty catalog.

    Args:
        spark: The session.
        rows: `with_content` of the sample.
        source: A source of products, product_images or tunnel.
        marketplaces: Marketplaces with package types.
        known: marketplace, product_id of known products.
    """
    return JUDGES[source.kind](spark, rows, source, marketplaces, known)


def _products(
    spark: SparkSession, rows: DataFrame, source: SourceConfig, marketplaces: Collection[str], _: DataFrame
) -> Judged:
    stored = with_split_notes(spark.createDataFrame([], PRODUCTS.schema))
    ranked = rank_products(clean_products(rows, source, marketplaces), stored).localCheckpoint()
    products = assemble_products(ranked, None, stored, buckets=1).collect()
    notes = {(row["marketplace"], row["product_id"]): row["notes"] for row in products}
    judged = [
        {**row, "notes": notes.get((row["marketplace"], row["product_id"]))}
        for row in _with_fates(ranked, *PRODUCT_KEY)
    ]
    became = [
        {
            "product_id": row["product_id"],
            "title": _short(row["title"]),
            "size": size_in_words([row[f"{side}_cm"] for side in SIDES]),
            "weight": weight_in_words(row["weight_g"]),
            "price": f"{row['price']:,.2f} {row['currency'] or '?'}" if row["price"] is not None else "",
        }
        for row in products[:EXAMPLES]
    ]
    return Judged(judged, became)


def _tunnel(
    spark: SparkSession, rows: DataFrame, source: SourceConfig, marketplaces: Collection[str], known: DataFrame
) -> Judged:
    measured = _with_known(clean_tunnel(rows, source, marketplaces), known)
    ranked = rank_measurements(measured, spark.createDataFrame([], PRODUCTS.schema)).localCheckpoint()
    speaking = ranked.where(F.col("status") == USED).limit(EXAMPLES).collect()
    became = [
        {
            "product_id": row["product_id"],
            "size": size_in_words([row[f"tunnel_{side}_cm"] for side in SIDES]),
            "weight": weight_in_words(row["tunnel_weight_g"]),
            "measured_at": str(row["measured_at"] or ""),
        }
        for row in speaking
    ]
    return Judged(_with_fates(ranked, F.col("tunnel_notes").alias("notes")), became)


def _images(
    spark: SparkSession, rows: DataFrame, source: SourceConfig, marketplaces: Collection[str], known: DataFrame
) -> Judged:
    stored = spark.createDataFrame([], PRODUCT_IMAGES.schema)
    ranked = rank_images(_with_known(clean_images(rows, source, marketplaces), known), stored).localCheckpoint()
    names = ("product_id", "kind", "view", "uri", "captured_at")
    speaking = ranked.where(F.col("status") == USED).limit(EXAMPLES).select(*names).collect()
    became = [{name: str(row[name] if row[name] is not None else "") for name in names} for row in speaking]
    return Judged(_with_fates(ranked), became)


JUDGES: dict[Kind, Callable[..., Judged]] = {"products": _products, "tunnel": _tunnel, "product_images": _images}


def size_in_words(sides: list[float | None]) -> str:
    """Sides in cm, such as `19.3 x 12.2 x 3.6 cm`; `?` where one is unknown, empty where all are."""
    if all(side is None for side in sides):
        return ""
    return " x ".join("?" if side is None else f"{side:.4g}" for side in sides) + " cm"


def weight_in_words(grams: float | None) -> str:
    """A weight, such as `350 g`; empty where it is unknown."""
    return "" if grams is None else f"{grams:,.4g} g" if grams < 1000 else f"{grams:,.0f} g"


def _with_known(rows: DataFrame, known: DataFrame) -> DataFrame:
    flagged = rows.join(known.withColumn("known", F.lit(True)), on=list(PRODUCT_KEY), how="left")
    return flagged.withColumn("known", F.coalesce("known", F.lit(False)))


def set_aside() -> Column:
    """Why a sound row does not count, of the status of its row."""
    return F.when(~F.col("status").isin(USED, QUARANTINED), F.col("status")).alias("set_aside")


def _with_fates(ranked: DataFrame, *columns: Any) -> list[dict[str, Any]]:
    return [row.asDict() for row in ranked.select("row_hash", "fault", set_aside(), *columns).collect()]


def _short(text: str | None, most: int = 40) -> str:
    return "" if text is None else text if len(text) <= most else text[: most - 1] + "…"
