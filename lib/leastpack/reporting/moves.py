"""What the recommendations change, product by product and by what was shipped before."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.outcomes.bounds import upper_bounds
from leastpack.reporting.gather import collected
from leastpack.tables.by_pair import TYPES, by_product, of_type
from leastpack.tables.keys import PAIR, PRODUCT

# Reasons of products whose package is another than without leastpack.
BY_CERTIFICATE = ("moved", "first", "away_from_rejected")
CONFIDENCE = 0.95
COUNTS = ("products", "moved", "kept", "unsupported", "shipments", "not_compared")
SUMS = tuple(f"{name}_{suffix}" for name in ("grams", "damages", "true") for suffix in ("before", "after"))


@dataclass(frozen=True)
class Totals:
    """All products together; shares of products, and sums over the shipments of the closed months.

    Attributes:
        products: Products with a recommendation.
        moved: Of these, moved or given a first package by a certificate.
        kept: Kept in the package that they ship in.
        unsupported: Of these, in a cell without any round of tests.
        shipments: Shipments of products of which all that follows is known in both packages.
        not_compared: Shipments of the others.
        grams_before: Package weight of these in the package without leastpack; None without shipments.
        grams_after: The same in the recommended package.
        damages_before: Expected reported damages of these.
        damages_after: The same in the recommended package.
        true_before: True damages, by a sample's truth; None without one.
        true_after: The same in the recommended package.
    """

    products: int
    moved: int
    kept: int
    unsupported: int
    shipments: int
    not_compared: int
    grams_before: float | None
    grams_after: float | None
    damages_before: float | None
    damages_after: float | None
    true_before: float | None
    true_after: float | None


def by_marketplace(
    recommendations: DataFrame,
    package_types: DataFrame,
    scores: DataFrame,
    outcomes: DataFrame,
    truth: DataFrame | None = None,
) -> pd.DataFrame:
    """What changes, by marketplace.

    Args:
        recommendations: The table.
        package_types: The table.
        scores: `released_products` of scores: the damage rates that the model expects.
        outcomes: pair_outcomes, for the shipments of each product.
        truth: A sample's hidden damage rates; None for a real marketplace.

    Returns:
        Counts of products and of reasons, and sums over shipments as in `Totals`; true sums are null without a truth.
    """
    shipped = outcomes.groupBy(*PRODUCT).agg(F.sum("n").alias("shipped"))
    before = F.coalesce("moved_from", "current_package_type").alias("before")
    rows = recommendations.select(*PRODUCT, "package_type", before, "reason", "why_not_moved", "weight_saved_g")
    tare = package_types.select("marketplace", F.col("package_type").alias("before"), F.col("tare_g").alias("grams"))
    joined = rows.join(shipped, on=PRODUCT, how="left").join(
        F.broadcast(tare), on=["marketplace", "before"], how="left"
    )
    rates = {"damages": scores.select(*PRODUCT, TYPES, "damage_rate")}
    if truth is not None:
        rates["true"] = by_product(truth.select(*PAIR, "damage_rate"))
    for name, frame in rates.items():
        before, after = (of_type("damage_rate", package) for package in ("before", "package_type"))
        expected = {f"{name}_before": before, f"{name}_after": after}
        joined = joined.join(frame, on=PRODUCT, how="left").withColumns(expected).drop(TYPES, "damage_rate")
    joined = joined.withColumns(
        {"grams_before": F.col("grams"), "grams_after": F.col("grams") - F.col("weight_saved_g")}
    )
    compared = [f"{name}_{suffix}" for name in ("grams", *rates) for suffix in ("before", "after")]
    # A product of which one of these is unknown counts in none: else what is unknown would look light and safe.
    known = reduce(Column.__and__, [F.col(name).isNotNull() for name in compared])
    n = F.when(known, F.coalesce("shipped", F.lit(0))).otherwise(F.lit(0))
    none = F.lit(None).cast("double")
    zero = F.lit(0.0)
    sums = {
        name: F.coalesce(F.sum(F.when(known, n * F.col(name))), zero) if name in compared else none for name in SUMS
    }
    grouped = joined.groupBy("marketplace").agg(
        F.count("*").alias("products"),
        F.count_if(F.col("reason").isin(*BY_CERTIFICATE)).alias("moved"),
        F.count_if(F.col("reason") == "proven_safe").alias("proven"),
        F.count_if(F.col("reason") == "kept").alias("kept"),
        F.count_if(F.coalesce(F.col("why_not_moved") == "unsupported", F.lit(False))).alias("unsupported"),
        F.sum(n).alias("shipments"),
        (F.sum(F.coalesce("shipped", F.lit(0))) - F.sum(n)).alias("not_compared"),
        *[value.cast("double").alias(name) for name, value in sums.items()],
    )
    return collected(grouped.orderBy("marketplace"))


def totals(markets: pd.DataFrame) -> Totals:
    """The sums of `by_marketplace`; a sum of something unknown is unknown."""

    def total(name: str) -> float | None:
        values = markets[name].astype(float)
        return None if values.isna().any() or not len(values) else float(values.sum())

    counts: dict[str, Any] = {name: int(markets[name].sum()) for name in COUNTS}
    sums: dict[str, Any] = {name: total(name) if counts["shipments"] else None for name in SUMS}
    return Totals(**counts, **sums)


def by_reason(recommendations: DataFrame) -> pd.DataFrame:
    """Products by reason and why they do not move."""
    grouped = recommendations.groupBy("reason", "why_not_moved").agg(F.count("*").alias("products"))
    return collected(grouped.orderBy(F.desc("products"), "reason", "why_not_moved"))


def kept_products(recommendations: DataFrame, outcomes: DataFrame) -> dict[str, float]:
    """What the shipments of kept products say of the packages that they stay in: nothing is promised of these.

    Returns:
        products, shipments n, reported damages k, and the exact 95 % upper bound of k / n.
    """
    kept = recommendations.where("reason = 'kept'").select(*PAIR)
    counts = kept.join(outcomes.groupBy(*PAIR).agg(F.sum("n").alias("n"), F.sum("k").alias("k")), on=PAIR, how="left")
    row = counts.agg(F.count("*").alias("products"), F.sum("n").alias("n"), F.sum("k").alias("k")).collect()[0]
    n, k = int(row.n or 0), int(row.k or 0)
    return {"products": row.products, "n": n, "k": k, "upper": float(upper_bounds(k, n, CONFIDENCE))}
