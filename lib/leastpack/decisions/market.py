"""The package types of a marketplace as arrays, in order of name, with all that a decision asks of them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyspark.sql import Row

from leastpack.decisions.cells import NO_PHOTOS, PHOTOS
from leastpack.decisions.sequence import at_least_as_protective

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]
STRATA = (NO_PHOTOS, PHOTOS)
Given = tuple[str, str, str, str, float, str]


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
        threshold: (2, t) by place in STRATA; NaN without a certificate.
        certificate: (2, t) index into the certificates' identifiers; -1 for none.
    """

    names: tuple[str, ...]
    stronger: Flags
    in_use: Flags
    safe_default: Flags
    cost: Numbers
    tare_g: Numbers
    unit: Numbers
    threshold: Numbers
    certificate: npt.NDArray[np.int16]


def make_markets(
    package_types: Iterable[Row], given: Sequence[Given], day: datetime.date, currency_units: Mapping[str, float]
) -> tuple[dict[str, Market], list[str]]:
    """The package types of every marketplace, and the identifiers of the certificates that they name.

    Args:
        package_types: Rows of the table.
        given: Rows of `certificates.thresholds`: pool, profile_hash, stratum, marketplace, threshold, certificate_id.
        day: Package types are in use from their valid_from on, and until their valid_to.
        currency_units: Rough value of one unit of each currency.
    """
    certificates = sorted({row[5] for row in given})
    thresholds = {(row[3], row[1], row[2]): (row[4], certificates.index(row[5])) for row in given}
    own: dict[str, list[Row]] = {}
    for row in sorted(package_types, key=lambda row: row.package_type):
        own.setdefault(row.marketplace, []).append(row)
    return {name: _market(name, types, thresholds, day, currency_units) for name, types in own.items()}, certificates


def _market(
    marketplace: str,
    rows: list[Row],
    thresholds: Mapping[tuple[str, str, str], tuple[float, int]],
    day: datetime.date,
    units: Mapping[str, float],
) -> Market:
    keys = [[(marketplace, row.profile_hash, stratum) for row in rows] for stratum in STRATA]
    none = (np.nan, -1)
    found = [[thresholds.get(key, none) for key in of_stratum] for of_stratum in keys]
    return Market(
        names=tuple(row.package_type for row in rows),
        stronger=at_least_as_protective([row.profile for row in rows]),
        in_use=np.array([_in_use(row, day) for row in rows]),
        safe_default=np.array([bool(row.safe_default) for row in rows]),
        cost=_numbers([row.cost for row in rows]),
        tare_g=_numbers([row.tare_g for row in rows]),
        unit=_numbers([units.get(row.currency) for row in rows]),
        threshold=np.array([[one[0] for one in of_stratum] for of_stratum in found], dtype=np.float64),
        certificate=np.array([[one[1] for one in of_stratum] for of_stratum in found], dtype=np.int16),
    )


def _in_use(row: Row, day: datetime.date) -> bool:
    begun = row.valid_from is not None and row.valid_from <= day
    return begun and (row.valid_to is None or day < row.valid_to)


def _numbers(values: list[float | None]) -> Numbers:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
