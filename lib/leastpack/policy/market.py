"""The package types of a marketplace as arrays, in order of name, with all that a choice asks of them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyspark.sql import Row

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Market:
    """The t package types of one marketplace.

    Attributes:
        names: Sorted.
        stronger: (t, t); [i, j] where j is at least as protective as i, and another type.
        in_use: (t,) used on the day of the decision.
        safe_default: (t,) may be recommended without a certificate.
        cost: (t,) of one package, in its currency.
        tare_g: (t,).
        unit: (t,) rough value of one unit of the cost's currency; NaN if unknown.
    """

    names: tuple[str, ...]
    stronger: Flags
    in_use: Flags
    safe_default: Flags
    cost: Numbers
    tare_g: Numbers
    unit: Numbers


def make_markets(
    package_types: Iterable[Row], day: datetime.date, currency_units: Mapping[str, float]
) -> dict[str, Market]:
    """The package types of every marketplace.

    Args:
        package_types: Rows of the table.
        day: Package types are in use from their valid_from on, and until their valid_to.
        currency_units: Rough value of one unit of each currency.
    """
    by_marketplace: dict[str, list[Row]] = {}
    for row in sorted(package_types, key=lambda row: row.package_type):
        by_marketplace.setdefault(row.marketplace, []).append(row)
    return {name: _market(types, day, currency_units) for name, types in by_marketplace.items()}


def at_least_as_protective(profiles: npt.ArrayLike) -> Flags:
    """The order of protection among profiles: every attribute at least as high.

    Args:
        profiles: (P, M) protection by attribute.

    Returns:
        (P, P); [i, j] is True where another profile j is at least as protective as i. False on the diagonal.
    """
    values = np.asarray(profiles, dtype=np.float64)
    order: Flags = (values[None, :, :] >= values[:, None, :]).all(axis=2)
    np.fill_diagonal(order, False)
    return order


def _market(rows: list[Row], day: datetime.date, units: Mapping[str, float]) -> Market:
    return Market(
        names=tuple(row.package_type for row in rows),
        stronger=at_least_as_protective([row.profile for row in rows]),
        in_use=np.array([_in_use(row, day) for row in rows]),
        safe_default=np.array([bool(row.safe_default) for row in rows]),
        cost=_numbers([row.cost for row in rows]),
        tare_g=_numbers([row.tare_g for row in rows]),
        unit=_numbers([units.get(row.currency) for row in rows]),
    )


def _in_use(row: Row, day: datetime.date) -> bool:
    begun = row.valid_from is not None and row.valid_from <= day
    return begun and (row.valid_to is None or day < row.valid_to)


def _numbers(values: list[float | None]) -> Numbers:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
