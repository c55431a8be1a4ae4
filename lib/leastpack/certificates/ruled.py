"""What the rules that people make mean for single products on a day: the package of a pin, and banned packages."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.catalog.rules import BAN, PIN, SCOPES
from leastpack.certificates.products import declared
from leastpack.tables.keys import PRODUCT


def in_force(rules: DataFrame, day: datetime.date) -> DataFrame:
    """The rules that hold on a day: from valid_from on, and until valid_to."""
    begun = F.col("valid_from").isNull() | (F.col("valid_from") <= F.lit(day))
    return rules.where(begun & (F.col("valid_to").isNull() | (F.col("valid_to") > F.lit(day))))


def ruled_products(
    products: DataFrame, rules: DataFrame, types: Mapping[str, Sequence[str]], in_use: Mapping[str, Sequence[str]]
) -> DataFrame:
    """The pins and bans of all products that a rule speaks of.

    A ban stands above a pin. Of several pins the one with the narrowest scope counts (product, then vendor, then hazard
    class), of those the one that began last, then the first by name. A pinned product is banned from all other types.

    Args:
        products: The table.
        rules: `in_force`.
        types: Package types by marketplace.
        in_use: Those of them that are in use: a pin to another one holds nothing.

    Returns:
        marketplace, product_id, `pinned` (a package type or null) and `banned` (package types, possibly none).
    """
    matches = reduce(DataFrame.unionByName, [_matches(products, rules, place) for place in range(len(SCOPES))])
    began = -F.coalesce(F.unix_date("valid_from"), F.lit(-(2**31)).cast("int")).cast("bigint")
    pin = F.struct("scope", began.alias("began"), "package_type")
    by_product = matches.groupBy(*PRODUCT).agg(
        F.collect_set(F.when(F.col("action") == BAN, F.col("package_type"))).alias("banned"),
        F.array_sort(F.collect_set(F.when(F.col("action") == PIN, pin))).alias("pins"),
    )
    used = declared(in_use)

    def holds(one: Column) -> Column:
        return F.array_contains(used, one["package_type"]) & ~F.array_contains("banned", one["package_type"])

    allowed = F.filter("pins", holds)
    pinned = by_product.withColumn("pinned", F.get(allowed, F.lit(0))["package_type"])
    others = F.array_except(declared(types), F.array("pinned"))
    banned = F.when(F.col("pinned").isNotNull(), others).otherwise(F.col("banned"))
    return pinned.select(*PRODUCT, "pinned", banned.alias("banned"))


def banned_pairs(ruled: DataFrame) -> DataFrame:
    """The key of every pair that a ban, or a pin to another package, forbids."""
    return ruled.select(*PRODUCT, F.explode("banned").alias("package_type"))


def _matches(products: DataFrame, rules: DataFrame, place: int) -> DataFrame:
    """Products with the rules whose narrowest scope is the one at a place of SCOPES."""
    scope, wider = SCOPES[place], SCOPES[place + 1 :]
    narrower = [F.col(name).isNull() for name in SCOPES[:place]]
    own = reduce(Column.__and__, narrower, F.col(scope).isNotNull())
    named = rules.where(own).select(
        "marketplace",
        F.col(scope).alias("_scope"),
        *[F.col(name).alias(f"_{name}") for name in wider],
        "action",
        "package_type",
        "valid_from",
        F.lit(place).alias("scope"),
    )
    given = F.col(scope) if scope == "product_id" else F.lower(scope)
    found = products.withColumn("_scope", given).join(named, on=["marketplace", "_scope"], how="inner")
    for name in wider:
        found = found.where(F.col(f"_{name}").isNull() | F.col(f"_{name}").eqNullSafe(F.lower(name)))
    return found.select(*PRODUCT, "action", "package_type", "valid_from", "scope")
