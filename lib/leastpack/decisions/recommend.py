"""The package each product should ship in."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.config.decisions import DecisionsConfig
from leastpack.decisions.cells import PRODUCT
from leastpack.decisions.rules import CERTIFIED, NOT_IN_USE
from leastpack.errors import ConfigError


def current_packages(pair_outcomes: DataFrame) -> DataFrame:
    """The package type each product was shipped in most in its last closed month with shipments.

    Equal counts go to the name that sorts last, so that the answer does not depend on the order of rows.

    Returns:
        marketplace, product_id, current_package_type.
    """
    latest = F.max(F.struct("period", "n", "package_type")).alias("latest")
    shipped = pair_outcomes.where("n > 0").groupBy(*PRODUCT).agg(latest)
    return shipped.select(*PRODUCT, F.col("latest.package_type").alias("current_package_type"))


def with_costs(
    decided: DataFrame,
    products: DataFrame,
    config: DecisionsConfig,
    currency_units: Mapping[str, float],
    reporting_rate: float,
) -> DataFrame:
    """Add what each pair costs a shipment, in the currency of its package.

    Args:
        decided: `rules.decide_pairs`.
        products: The table, for prices.
        config: Damage cost, trade-off, price where none is known.
        currency_units: Rough value of one unit of each currency.
        reporting_rate: Share of damages that are reported; the damage rate is one of reported damages, and the others
            cost the customer as much.

    Returns:
        `decided` with `damage_cost` = damage_cost * price * damage rate / reporting_rate (null without a damage rate)
        and `total_cost` = package cost + trade_off * damage_cost.
    """
    units = F.create_map(*[F.lit(x) for pair in sorted(currency_units.items()) for x in pair])
    prices = products.select(*PRODUCT, (F.col("price") * F.try_element_at(units, F.col("currency"))).alias("value"))
    joined = decided.join(prices, on=PRODUCT, how="left")
    price = F.coalesce("value", F.lit(config.price_when_unknown)) / F.try_element_at(units, F.col("currency"))
    rate = F.col("damage_rate") / reporting_rate
    # least() would pass over a null.
    damage_cost = config.damage_cost * price * F.when(rate <= 1, rate).when(rate > 1, F.lit(1.0))
    priced = joined.withColumn("damage_cost", damage_cost).drop("value")
    return priced.withColumn("total_cost", F.col("cost") + config.trade_off * F.col("damage_cost"))


def check_currencies(package_types: DataFrame, currency_units: Mapping[str, float]) -> None:
    """Check that costs and prices can be compared.

    Raises:
        ConfigError: A package type's currency has no unit.
    """
    used = {row.currency for row in package_types.select("currency").distinct().collect()}
    if unknown := sorted(str(currency) for currency in used - set(currency_units)):
        raise ConfigError(
            f"package costs are in {', '.join(unknown)}, whose rough value is not known",
            expected=f"one of {', '.join(sorted(currency_units))}",
            todo="add the currency to currency_units",
        )


def recommend(costed: DataFrame, current: DataFrame, package_types: DataFrame) -> DataFrame:
    """Choose the package of every product.

    The certified or proven safe type of least total cost; where there is none, the least costly safe default that
    fits and is not proven unsafe; else none. Equal costs go to the name that sorts first.

    Args:
        costed: `with_costs`, one row a pair.
        current: `current_packages`.
        package_types: The table, for the weight of the current package.

    Returns:
        The columns of table recommendations, one row a product of `costed`.
    """
    certified = F.col("decision") == CERTIFIED
    sound = F.coalesce("fits", F.lit(False)) & ~F.col("reason").isin("proven_unsafe", NOT_IN_USE)
    default = F.coalesce("safe_default", F.lit(False)) & sound
    best = F.min(F.when(certified, _choice(F.col("total_cost")))).alias("best")
    fallback = F.min(F.when(default, _choice(F.col("cost")))).alias("fallback")
    ordered = F.sort_array(F.collect_list(F.when(certified, F.struct("total_cost", "package_type")))).alias("ordered")
    by_product = costed.groupBy(*PRODUCT).agg(best, fallback, ordered).join(current, on=PRODUCT, how="left")
    tares = package_types.select(
        "marketplace", F.col("package_type").alias("current_package_type"), F.col("tare_g").alias("current_tare_g")
    )
    chosen = by_product.join(F.broadcast(tares), on=["marketplace", "current_package_type"], how="left").withColumn(
        "chosen", F.coalesce("best", "fallback")
    )
    safe_reason = F.when(F.col("best.reason") == "proven_safe", "proven_safe").otherwise("certified")
    return chosen.select(
        *PRODUCT,
        F.col("chosen.package_type").alias("package_type"),
        "current_package_type",
        F.col("fallback.package_type").alias("safe_default"),
        F.when(F.col("best").isNotNull(), safe_reason)
        .when(F.col("fallback").isNotNull(), F.lit("safe_default"))
        .otherwise(F.lit("nothing_fits"))
        .alias("reason"),
        F.col("chosen.damage_cost").alias("expected_damage_cost"),
        F.col("chosen.cost").alias("package_cost"),
        (F.col("current_tare_g") - F.col("chosen.tare_g")).alias("weight_saved_g"),
        F.transform("ordered", lambda one: one["package_type"]).alias("alternatives"),
        F.current_timestamp().alias("changed_at"),
    )


def _choice(order: Column) -> Column:
    """A struct whose least value is the choice: the cost, then the name, then what is to be kept."""
    return F.struct(order.alias("order"), "package_type", "cost", "damage_cost", "tare_g", "reason")
