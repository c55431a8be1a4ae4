"""The guards of the catalog step: rows in quarantine, products delisted at once, photos that a listing drops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.catalog.images import VIEW_KEY
from leastpack.catalog.rules import gone_rules
from leastpack.catalog.versions import PRODUCT_KEY, USED
from leastpack.config.sources import Kind, SourceConfig
from leastpack.guards import Guard, deletion_guard, quarantine_guard
from leastpack.runs import Run

Counts = dict[str, tuple[int, int]]


def catalog_guards(
    run: Run,
    sources: Sequence[SourceConfig],
    ranked: Mapping[Kind, DataFrame],
    products: DataFrame,
    photos: DataFrame,
    rules: DataFrame,
) -> list[Guard]:
    """All guards of the step.

    Args:
        run: The run, with the account of every source.
        sources: The sources.
        ranked: Their rows with status, by kind.
        products: The table `products` as it is.
        photos: The table `product_images` as it is.
        rules: The table `packaging_rules` as it is.
    """
    gone = delisted(ranked["products"], products)
    if "product_images" in ranked:
        gone |= dropped_photos(ranked["product_images"], photos)
    if "rules" in ranked:
        gone |= gone_rules(ranked["rules"], rules, [source.name for source in sources if source.kind == "rules"])
    guards = [quarantine_guard(source, run.accounts[source.name]) for source in sources]
    return guards + [deletion_guard(source, *gone[source.name]) for source in sources if source.name in gone]


def delisted(ranked: DataFrame, stored: DataFrame) -> Counts:
    """Products that were sold and are not after this delivery, of those that were sold.

    A source could delist what it brought before, and what it names now.

    Args:
        ranked: `assemble.rank_products`.
        stored: The table `products`.

    Returns:
        Source to both counts.
    """
    sold = stored.where("deleted_at IS NULL").groupBy("source").count().collect()
    own: dict[str, int] = {row["source"]: row["count"] for row in sold}
    named = ranked.where((F.col("status") == USED) & F.col("stored_sold"))
    told = named.groupBy("source").agg(
        F.count_if(F.col("deleted_at").isNotNull()).alias("delisted"),
        F.count_if(~F.col("stored_source").eqNullSafe(F.col("source"))).alias("taken_over"),
    )
    return {row["source"]: (row["delisted"], own.get(row["source"], 0) + row["taken_over"]) for row in told.collect()}


def dropped_photos(ranked: DataFrame, stored: DataFrame) -> Counts:
    """Photos that a listing no longer names, of all stored photos of the marketplaces and kinds that it names.

    Args:
        ranked: `images.rank_images`.
        stored: The table `product_images`.

    Returns:
        Source to both counts.
    """
    listed = ranked.where(F.col("status") == USED)
    scope = ["marketplace", "kind"]
    held = stored.groupBy(*scope).count()
    totals = listed.select("source", *scope).distinct().join(held, on=scope, how="inner")
    # Several listings may speak of a product and kind: one of them answers for what is gone.
    speaker = listed.groupBy(*PRODUCT_KEY, "kind").agg(F.min("source").alias("source"))
    gone = stored.join(speaker, on=[*PRODUCT_KEY, "kind"], how="inner").join(
        listed.select(*VIEW_KEY), on=list(VIEW_KEY), how="left_anti"
    )
    dropped: dict[str, int] = {row["source"]: row["count"] for row in gone.groupBy("source").count().collect()}
    of_source = totals.groupBy("source").agg(F.sum("count").alias("total")).collect()
    return {row["source"]: (dropped.get(row["source"], 0), row["total"]) for row in of_source}
