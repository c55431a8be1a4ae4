"""Plays the packing stations while a pilot goes on: what they ship in what, and what breaks."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leastpack.policy.pilot import Arm, arm_of
from leastpack.sample.listings import Listing
from leastpack.sample.shipments import Shipped, demand_of, ends_of, shipment_id, strike
from leastpack.sample.streams import stream
from leastpack.sample.truth import Market

DAYS_A_YEAR = 365
# Numbers of shipments begin here: those of the year before are lower.
FIRST_NUMBER = 50_000_000


@dataclass(frozen=True)
class Trial:
    """How a product ships while a pilot goes on.

    Attributes:
        pilot_id: The pilot.
        starts_on: Its first day.
        ends_on: The day after its last one.
        arms: Which shipments go out in what.
    """

    pilot_id: str
    starts_on: datetime.date
    ends_on: datetime.date
    arms: Sequence[Arm]


def trials_of(arms: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Trial]:
    """The trial of each product.

    Args:
        arms: Rows of `pilots`, of one pilot a product.

    Returns:
        (marketplace, product_id) to its trial.
    """
    found: dict[tuple[str, str], Trial] = {}
    for row in arms:
        key = (row["marketplace"], row["product_id"])
        before = found[key].arms if key in found else ()
        ends = min(row["ends_on"], row["stopped_on"] or row["ends_on"])
        arm = Arm(row["package_type"], row["begins"], row["ends"], row["control"])
        found[key] = Trial(row["pilot_id"], row["starts_on"], ends, (*before, arm))
    return found


def ship_trials(
    market: Market,
    listings: Sequence[Listing],
    shipped: Shipped,
    arms: Mapping[str, Trial],
    per_product: float,
    seed: int,
    until: datetime.date,
) -> Shipped:
    """Draw the shipments of the products of a pilot, one item each, while it goes on.

    Each goes out as `pilots` says: in the package of its arm, or as ever in the one that its product went out in last.

    Args:
        market: Products, packages and truth.
        listings: Listings of the products, in the same order.
        shipped: The year before.
        arms: By product, its trial.
        per_product: Mean shipments a product over a year.
        seed: Sample seed.
        until: Shipments of that day on are not delivered yet.
    """
    demand = demand_of(stream(seed, "shipments", market.packages.marketplace), len(market.products), per_product)
    rng = stream(seed, "trials", market.packages.marketplace)
    # Not in a package that was drawn at random.
    habit = np.isnan(shipped.propensity)
    last = np.full(len(market.products), -1)
    last[shipped.product[habit]] = shipped.package[habit]
    place = {package.name: column for column, package in enumerate(market.packages.types)}
    ends, rows = ends_of(listings), []
    for row, sold in enumerate(market.products):
        trial = arms.get(sold.product_id)
        if trial is None or last[row] < 0:
            continue
        days = (trial.ends_on - trial.starts_on).days
        for _ in range(rng.poisson(demand[row] * days / DAYS_A_YEAR)):
            day = trial.starts_on + datetime.timedelta(days=int(rng.integers(days)))
            at = np.datetime64(day, "s") + np.timedelta64(int(rng.integers(6 * 3600, 22 * 3600)), "s")
            if day < until and at < ends[row]:
                rows.append((row, at, trial))
    rows.sort(key=lambda one: (one[1], one[0]))
    shipment = FIRST_NUMBER + np.arange(len(rows), dtype=np.int64)
    product = np.array([row for row, _, _ in rows], dtype=np.int64)
    package = last[product]
    for number, (_, _, trial) in enumerate(rows):
        arm = arm_of(trial.arms, trial.pilot_id, shipment_id(market, int(shipment[number])))
        if arm is not None:
            package[number] = place[arm.package_type]
    return Shipped(
        market,
        product,
        package,
        np.array([at for _, at, _ in rows], dtype="datetime64[s]"),
        shipment,
        np.ones(len(rows), dtype=np.int64),
        np.full(len(rows), np.nan),
        strike(market.mechanisms[product, package], rng),
        FIRST_NUMBER,
    )
