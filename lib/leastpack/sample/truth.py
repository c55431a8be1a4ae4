"""What is really so: fit and damage rate of every product in every package of its marketplace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from leastpack.config.packages import PackageFile
from leastpack.sample.physics import any_damage, damage_by_mechanism
from leastpack.sample.room import goes_in
from leastpack.sample.streams import stream
from leastpack.sample.world import Product, packed_sides, weights, what_products_withstand

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

TRUTH_SCHEMA = pa.schema(
    [
        ("marketplace", pa.string()),
        ("product_id", pa.string()),
        ("package_type", pa.string()),
        ("damage_rate", pa.float64()),
        ("unsafe", pa.bool_()),
        ("fits", pa.bool_()),
    ]
)
PLANNER_ERROR = 0.6  # log spread of a planner's guess of what a product withstands


@dataclass(frozen=True)
class Market:
    """One marketplace: its products, its packages, and the truth about their pairs.

    Attributes:
        packages: The package types.
        products: The products, n of them.
        fits: (n, packages) whether they fit.
        mechanisms: (n, packages, 5) chance of each mechanism a shipment.
        rate: (n, packages) chance of any damage a shipment.
        judged: (n, packages) the same as a planner guesses it from words and packing.
    """

    packages: PackageFile
    products: list[Product]
    fits: Bools
    mechanisms: Floats
    rate: Floats
    judged: Floats


def know(products: Sequence[Product], packages: PackageFile, seed: int) -> Market:
    """The truth about the products of one marketplace."""
    sold = [product for product in products if product.marketplace == packages.marketplace]
    sides, grams = packed_sides(sold), weights(sold)
    withstands = what_products_withstand(sold, seed)
    mechanisms = damage_by_mechanism(withstands, sides, packages.types, packages.attributes)
    guess = what_products_withstand(sold, seed, spread=0.0)
    guess *= np.exp(stream(seed, "planner", packages.marketplace).normal(0.0, PLANNER_ERROR, guess.shape))
    return Market(
        packages=packages,
        products=sold,
        fits=np.stack([goes_in(sides, grams, package) for package in packages.types], axis=1),
        mechanisms=mechanisms,
        rate=any_damage(mechanisms),
        judged=any_damage(damage_by_mechanism(guess, sides, packages.types, packages.attributes)),
    )


def truth_columns(markets: Sequence[Market], tau: float) -> dict[str, list[object]]:
    """Columns of truth.parquet: one row for every product and package type of its marketplace."""
    columns: dict[str, list[object]] = {name: [] for name in TRUTH_SCHEMA.names}
    for market in markets:
        names = [package.name for package in market.packages.types]
        for row, product in enumerate(market.products):
            columns["marketplace"] += [product.marketplace] * len(names)
            columns["product_id"] += [product.product_id] * len(names)
            columns["package_type"] += names
            columns["damage_rate"] += market.rate[row].tolist()
            columns["unsafe"] += (market.rate[row] > tau).tolist()
            columns["fits"] += market.fits[row].tolist()
    return columns
