"""The package each product should ship in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.config.decisions import DecisionsConfig
from leastpack.decisions.cells import PRODUCT
from leastpack.decisions.market import Market, Numbers
from leastpack.decisions.rules import CERTIFIED, CODES, PROVEN_SAFE, PROVEN_UNSAFE, UNSAFE, Codes, Pairs, of_decision

Places = npt.NDArray[np.intp]
NONE = -1


@dataclass(frozen=True)
class Choice:
    """The packages of n products, as places among the package types; NONE where there is none.

    Attributes:
        package: (n,) the recommended one.
        safe_default: (n,) the least costly safe default that fits.
        reason: (n,) certified, proven_safe, safe_default or nothing_fits.
        damage_cost: (n,) expected damage cost of the recommended package; NaN without a damage rate.
        ordered: (n, t) all places, certified ones first, in order of total cost.
        certified: (n,) how many of `ordered` are certified.
    """

    package: Places
    safe_default: Places
    reason: npt.NDArray[np.str_]
    damage_cost: Numbers
    ordered: Places
    certified: Places


def current_packages(pair_outcomes: DataFrame) -> DataFrame:
    """The package type each product was shipped in most in its last closed month with shipments.

    Equal counts go to the name that sorts last, so that the answer does not depend on the order of rows.

    Returns:
        marketplace, product_id, current_package_type.
    """
    latest = F.max(F.struct("period", "n", "package_type")).alias("latest")
    shipped = pair_outcomes.where("n > 0").groupBy(*PRODUCT).agg(latest)
    return shipped.select(*PRODUCT, F.col("latest.package_type").alias("current_package_type"))


def product_values(products: DataFrame, currency_units: Mapping[str, float]) -> DataFrame:
    """Key and `value` of every product: its price in the unit of `currency_units`, null where it is not known."""
    units = F.create_map(*[F.lit(x) for pair in sorted(currency_units.items()) for x in pair])
    return products.select(*PRODUCT, (F.col("price") * F.try_element_at(units, F.col("currency"))).alias("value"))


def recommend(
    pairs: Pairs, codes: Codes, market: Market, value: Numbers, settings: DecisionsConfig, reporting_rate: float
) -> Choice:
    """Choose the package of every product.

    The certified or proven safe type of least total cost; where there is none, the least costly safe default that
    fits, is in use and is not proven unsafe; else none. Equal costs go to the name that sorts first.

    Args:
        pairs: The pairs of n products.
        codes: `rules.decide`.
        market: Their package types.
        value: (n,) price in the unit of `currency_units`; NaN where none is known.
        settings: Section `decisions`.
        reporting_rate: Share of damages that are reported.
    """
    certified = of_decision(codes, CERTIFIED)
    damage = damage_costs(pairs.damage_rate, value, market, settings, reporting_rate)
    total = market.cost + settings.trade_off * damage
    # A stable sort keeps the order of names among equals.
    known = np.where(np.isnan(total), np.finfo(np.float64).max, total)
    ordered = np.argsort(np.where(certified, known, np.inf), axis=1, kind="stable")
    count = certified.sum(axis=1)
    sound = (pairs.fits == 1) & market.in_use & (codes != CODES[PROVEN_UNSAFE]) & (pairs.proven != UNSAFE)
    default = market.safe_default & sound
    fallback = np.where(default.any(axis=1), np.where(default, market.cost, np.inf).argmin(axis=1), NONE)
    package = np.where(count > 0, ordered[:, 0], fallback)
    rows = np.arange(len(package))
    reason = np.select(
        [(count > 0) & (codes[rows, package] == CODES[PROVEN_SAFE]), count > 0, fallback != NONE],
        [PROVEN_SAFE, "certified", "safe_default"],
        default="nothing_fits",
    )
    cost = np.where(package == NONE, np.nan, damage[rows, package])
    return Choice(package, fallback, reason, cost, ordered, count)


def damage_costs(
    damage_rate: Numbers, value: Numbers, market: Market, settings: DecisionsConfig, reporting_rate: float
) -> Numbers:
    """(n, t) expected damage cost a shipment, in the currency of the package.

    It is damage_cost * price * damage rate / reporting_rate: the damage rate is one of reported damages, and the others
    cost the customer as much. NaN without a damage rate.
    """
    price = np.where(np.isnan(value), settings.price_when_unknown, value)[:, None] / market.unit
    costs: Numbers = settings.damage_cost * price * np.minimum(damage_rate / reporting_rate, 1.0)
    return costs
