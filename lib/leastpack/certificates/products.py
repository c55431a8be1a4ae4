"""One row a product: its scores in every package type, with all else that its choice follows from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.errors import PromiseError
from leastpack.scoring.by_product import LISTED, SHARED, by_product, declared, together
from leastpack.tables import Tables
from leastpack.tables.keep import keep
from leastpack.tables.keys import PRODUCT

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


def product_rows(
    scores: DataFrame, facts: ProductFacts, types: Mapping[str, Sequence[str]], here: ExitStack
) -> DataFrame:
    """The scores by product, with its facts.

    Args:
        scores: Rows of `pair_scores` of some products, all of each.
        facts: What else is known.
        types: Package types by marketplace, in order of name.
        here: Keeps what is read more than once.

    Returns:
        SHARED, LISTED (an element a package type, in order of name) and FACTS; `marks` as a list of bits like these,
        null for a product without any.

    Raises:
        PromiseError: A product has not one score for each package type.
    """
    stretches = keep(here, by_product(scores, types))
    apart = keep(here, together(stretches))
    if broken := apart.where(~F.col("package_type").eqNullSafe(declared(types))).count():
        raise PromiseError(
            "pair_scores is not whole",
            expected="one score for every package type of a product",
            found=f"{broken} products have others",
            todo="run leastpack score to its end, then this step again",
        )
    columns = [*SHARED, *LISTED]
    whole = stretches.where(F.col("package_type").isNull()).select(columns).unionByName(apart.select(columns))
    for frame in (facts.values, facts.current, facts.state, facts.pinned, facts.marks):
        whole = whole.join(frame, on=PRODUCT, how="left")
    return whole.withColumn("marks", _in_order(F.col("marks"), declared(types)))


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
