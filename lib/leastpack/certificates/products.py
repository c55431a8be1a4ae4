"""One row a product: its scores in every package type, with all else that its choice follows from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.tables import Tables
from leastpack.tables.by_pair import LISTED
from leastpack.tables.keys import PRODUCT

# Columns of a product row that all its package types share.
SHARED = (*PRODUCT, "bucket", "views_used")
STATE = ("moved_from", "on_trial")
# Columns of a product row beside SHARED and LISTED.
FACTS = ("value", "current_package_type", "shipments", *STATE, "pinned", "marks")


def product_facts(
    tables: Tables,
    inputs: Mapping[str, DataFrame],
    ruled: DataFrame,
    marks: DataFrame,
    types: Mapping[str, Sequence[str]],
    currency_units: Mapping[str, float],
) -> DataFrame:
    """What is known of products beside their scores.

    Args:
        tables: For the trials of the last release.
        inputs: products and pair_outcomes.
        ruled: `ruled.ruled_products`.
        marks: `marks.product_marks`.
        types: Package types by marketplace, in order of name.
        currency_units: Rough value of one unit of each currency.

    Returns:
        Key, bucket and FACTS of every row of products; `marks` as a list of bits, an element a package type, null for a
        product without any.
    """
    pinned = ruled.where("pinned IS NOT NULL").select(*PRODUCT, "pinned")
    rows = product_values(inputs["products"], currency_units)
    for frame in (current_packages(inputs["pair_outcomes"]), last_state(tables), pinned, marks):
        rows = rows.join(frame, on=PRODUCT, how="left")
    return rows.withColumn("marks", _in_order(F.col("marks"), declared(types))).select(*PRODUCT, "bucket", *FACTS)


def product_rows(scores: DataFrame, facts: DataFrame) -> DataFrame:
    """The scores by product, with its facts.

    Args:
        scores: Rows of `scores`, which `check_scores` found to be whole.
        facts: `product_facts`. A scored product that is not among them is left out: nothing may be said of it.

    Returns:
        SHARED, LISTED (an element a package type, in order of name) and FACTS.
    """
    return scores.select(*SHARED, *LISTED).join(facts, on=[*PRODUCT, "bucket"], how="inner")


def declared(types: Mapping[str, Sequence[str]]) -> Column:
    """The names of the product's package types."""
    listed = [part for name, own in types.items() for part in (F.lit(name), F.array(*map(F.lit, own)))]
    return F.element_at(F.create_map(*listed), F.col("marketplace"))


def product_values(products: DataFrame, currency_units: Mapping[str, float]) -> DataFrame:
    """Key, bucket and `value` of every product: its price in the unit of `currency_units`, null where not known."""
    units = F.create_map(*[F.lit(x) for pair in sorted(currency_units.items()) for x in pair])
    value = F.col("price") * F.try_element_at(units, F.col("currency"))
    return products.select(*PRODUCT, "bucket", value.alias("value"))


def current_packages(pair_outcomes: DataFrame) -> DataFrame:
    """The package type each product was shipped in most in its last closed month with shipments.

    Equal counts go to the name that sorts last, so that the answer does not depend on the order of rows.

    Returns:
        marketplace, product_id, current_package_type, and `shipments` of all package types in all closed months.
    """
    latest = F.max(F.struct("period", "n", "package_type")).alias("latest")
    shipped = pair_outcomes.where("n > 0").groupBy(*PRODUCT).agg(latest, F.sum("n").alias("shipments"))
    return shipped.select(*PRODUCT, F.col("latest.package_type").alias("current_package_type"), "shipments")


def last_state(tables: Tables) -> DataFrame:
    """Key and STATE of products that the releases so far left on trial; none before the first release."""
    if not tables.exists("trials"):
        nothing = "marketplace string, product_id string, moved_from string, on_trial array<string>"
        return tables.spark.createDataFrame([], nothing)
    return tables.read("trials", tables.version("trials")).select(*PRODUCT, *STATE)


def _in_order(marks: Column, types: Column) -> Column:
    listed = F.transform(types, lambda name: F.coalesce(F.try_element_at(marks, name), F.lit(0)).cast("bigint"))
    return F.when(marks.isNotNull(), listed)
