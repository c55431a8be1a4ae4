"""Protection order: more protection at equal or less void never has more risk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Row

from leastpack.policy.market import Flags, at_least_as_protective
from leastpack.tables.by_pair import TYPES

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

# Risks of one product come from one matrix product; rounding may part what is equal by less than this.
ORDER_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Order:
    """The package types of one marketplace, and which is at least as protective as which.

    Attributes:
        names: Package types, sorted.
        stronger: (t, t); [i, j] where j is at least as protective as i, and another type.
    """

    names: tuple[str, ...]
    stronger: Flags


def orders(package_types: Iterable[Row]) -> dict[str, Order]:
    """The order of every marketplace's types.

    Args:
        package_types: Rows of the table.
    """
    listed: dict[str, dict[str, list[float]]] = {}
    for row in sorted(package_types, key=lambda row: (row.marketplace, row.package_type)):
        listed.setdefault(row.marketplace, {})[row.package_type] = row.profile
    return {
        market: Order(tuple(profiles), at_least_as_protective(list(profiles.values())))
        for market, profiles in listed.items()
    }


def rises(rows: pa.RecordBatch, order: Order) -> Counts:
    """Pairs whose risk is higher than that of a type they are at least as protective as, at equal or less void.

    Args:
        rows: package_types, risk and void_share of n products of one marketplace, each list with an element for each
            of its t types; a pair without a risk breaks no order, and products with other types are counted elsewhere.
        order: Its types.

    Returns:
        (n,) such pairs of each product.
    """
    size = len(order.names)
    names = rows.column(TYPES).flatten()
    places = pc.fill_null(pc.index_in(names, pa.array(order.names)), -1).to_numpy(zero_copy_only=False)
    places = places.reshape(-1, size)
    # Lists in another order are put into that of names.
    back = np.argsort(places, axis=1)
    whole = (np.take_along_axis(places, back, axis=1) == np.arange(size)).all(axis=1)
    risk, void = (np.take_along_axis(_matrix(rows, name, size), back, axis=1) for name in ("risk", "void_share"))
    found = np.zeros(len(rows), dtype=np.int64)
    for strong in range(size):
        broken = np.zeros(len(rows), dtype=bool)
        for weak in np.flatnonzero(order.stronger[:, strong]):
            # Nothing is above NaN: a missing risk breaks no order.
            less_void = np.nan_to_num(void[:, strong]) <= np.nan_to_num(void[:, weak])
            broken |= less_void & (risk[:, strong] > risk[:, weak] + ORDER_TOLERANCE)
        found += broken & whole
    return found


def _matrix(rows: pa.RecordBatch, column: str, size: int) -> Floats:
    """(products, types) numbers; NaN for null."""
    numbers: Floats = rows.column(column).flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    return numbers.reshape(-1, size)
