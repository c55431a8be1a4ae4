"""One row a product: its scores in every package type, with all else that its choice follows from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class ProductFacts:
    """What is known of products besides their scores, each frame with the product's key.

    Attributes:
        values: `product_values`.
        current: `current_packages`.
        state: `last_state`.
        pinned: Key and `pinned`, of pinned products.
        marks: `marks.product_marks`.
    """

    values: DataFrame
    current: DataFrame
    state: DataFrame
    pinned: DataFrame
    marks: DataFrame


def product_facts(
    tables: Tables,
    inputs: Mapping[str, DataFrame],
    ruled: DataFrame,
    marks: DataFrame,
    currency_units: Mapping[str, float],
) -> ProductFacts:
    """Gather what is known of products.

    Args:
        tables: For the trials of the last release.
        inputs: products and pair_outcomes.
        ruled: `ruled.ruled_products`.
        marks: `marks.product_marks`.
        currency_units: Rough value of one unit of each currency.
    """
    return ProductFacts(
        product_values(inputs["products"], currency_units),
        current_packages(inputs["pair_outcomes"]),
        last_state(tables),
        ruled.where("pinned IS NOT NULL").select(*PRODUCT, "pinned"),
        marks,
    )


def product_rows(scores: DataFrame, facts: ProductFacts, types: Mapping[str, Sequence[str]]) -> DataFrame:
    """The scores by product, with its facts.

    Args:
        scores: Rows of `scores`, which `check_scores` found to be whole.
        facts: What else is known.
        types: Package types by marketplace, in order of name.

    Returns:
        SHARED, LISTED (an element a package type, in order of name) and FACTS; `marks` as a list of bits like these,
        null for a product without any.
    """
    rows = scores.select(*SHARED, *LISTED)
    for frame in (facts.values, facts.current, facts.state, facts.pinned, facts.marks):
        rows = rows.join(frame, on=PRODUCT, how="left")
    return rows.withColumn("marks", _in_order(F.col("marks"), declared(types)))


def declared(types: Mapping[str, Sequence[str]]) -> Column:
    """The names of the product's package types."""
    listed = [part for name, own in types.items() for part in (F.lit(name), F.array(*map(F.lit, own)))]
    return F.element_at(F.create_map(*listed), F.col("marketplace"))


def product_values(products: DataFrame, currency_units: Mapping[str, float]) -> DataFrame:
    """Key and `value` of every product: its price in the unit of `currency_units`, null where it is not known."""
    units = F.create_map(*[F.lit(x) for pair in sorted(currency_units.items()) for x in pair])
    return products.select(*PRODUCT, (F.col("price") * F.try_element_at(units, F.col("currency"))).alias("value"))


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
