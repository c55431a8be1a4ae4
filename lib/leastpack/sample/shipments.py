"""A year of shipments under a policy that keeps fragile products out of light packages."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from leastpack.sample.exports import ID_COLUMN, STAMP
from leastpack.sample.files import write_parquet
from leastpack.sample.listings import YEAR, Listing
from leastpack.sample.physics import MECHANISMS
from leastpack.sample.streams import stream
from leastpack.sample.truth import Market

Floats = npt.NDArray[np.float64]

RANDOM_SHARE = 0.03  # shipments whose package is drawn at random
SPREAD = 1.6  # log spread of how well products sell: a few sell most
SECOND_SHARE = 0.1  # shipments in the package that a product's second packing station takes
COST_WEIGHT, RISK_WEIGHT, HABIT = 2.0, 0.5, 0.7
SENSIBLE_RATE = 0.004  # judged damage rate from which a planner starts to mind
BARE_RELUCTANCE = 1.5  # shipping in the own container shows what it is
TOGETHER = 0.07  # chance that a shipment goes in the same package as the one before it
REPEATED, UNKNOWN_TYPE, NO_TYPE = 0.0008, 0.0004, 0.0003
NO_DAMAGE = -1


@dataclass(frozen=True)
class Shipped:
    """Item rows of one marketplace, in order of time.

    Attributes:
        market: The marketplace.
        product: (m,) row of the product in the market.
        package: (m,) row of the package type.
        at: (m,) when, datetime64[s].
        shipment: (m,) number of the shipment; items of one package share it.
        items: (m,) items in the package.
        propensity: (m,) chance of the package where it was drawn at random, else NaN.
        damage: (m,) mechanism that struck, NO_DAMAGE if none.
        numbered_from: Where the numbers of shipments, and of the reviews of rows, begin.
    """

    market: Market
    product: npt.NDArray[np.int64]
    package: npt.NDArray[np.int64]
    at: npt.NDArray[np.datetime64]
    shipment: npt.NDArray[np.int64]
    items: npt.NDArray[np.int64]
    propensity: Floats
    damage: npt.NDArray[np.int64]
    numbered_from: int = 0


def ship(market: Market, listings: Sequence[Listing], per_product: float, random_only: bool, seed: int) -> Shipped:
    """Draw a year of shipments and what happened to them.

    Args:
        market: Products, packages and truth.
        listings: Listings of the products, in the same order (for the day they were delisted).
        per_product: Mean shipments a product.
        random_only: Draw every package at random among those that fit.
        seed: Sample seed.
    """
    rng = stream(seed, "shipments", market.packages.marketplace)
    demand = demand_of(rng, len(market.products), per_product)
    product = np.repeat(np.arange(len(market.products)), rng.poisson(demand))
    at = _moments(rng, len(product))
    order = np.argsort(at, kind="stable")
    order = order[at[order] < ends_of(listings)[product[order]]]
    product, at = product[order], at[order]
    package, propensity = _choose(market, product, at, random_only, rng)
    head = _together(market, product, package, propensity, rng)
    _, shipment, counts = np.unique(head, return_inverse=True, return_counts=True)
    damage = strike(market.mechanisms[product, package], rng)
    return Shipped(market, product, package, at[head], shipment + 1, counts[shipment], propensity, damage)


def demand_of(rng: np.random.Generator, products: int, per_product: float) -> Floats:
    """(products,) expected shipments over the year."""
    return rng.lognormal(-(SPREAD**2) / 2, SPREAD, products) * per_product


def ends_of(listings: Sequence[Listing]) -> npt.NDArray[np.datetime64]:
    """(n,) when products are sold no more; long after everything where they are."""
    ever = datetime.datetime(YEAR + 9, 1, 1)
    return np.array([listing.discontinued or ever for listing in listings], "datetime64[s]")


def write_shipments(folder: Path, shipped: Shipped, seed: int) -> None:
    """shipments.parquet of a marketplace, with a few repeated rows and rows of unknown or missing package type."""
    marketplace = shipped.market.packages.marketplace
    rng = stream(seed, "shipment_rows", marketplace)
    names = np.array([package.name for package in shipped.market.packages.types], dtype=object)
    ids = np.array([product.product_id for product in shipped.market.products], dtype=object)
    types = names[shipped.package]
    dirt = rng.random(len(types))
    types[dirt < UNKNOWN_TYPE] = "legacy_envelope"
    types[(dirt >= UNKNOWN_TYPE) & (dirt < UNKNOWN_TYPE + NO_TYPE)] = None
    frame = pd.DataFrame(
        {
            "shipment_id": shipment_ids(shipped),
            ID_COLUMN[marketplace]: ids[shipped.product],
            "package_type": types,
            "shipped_at": pd.to_datetime(shipped.at).tz_localize("UTC"),
            "items": shipped.items,
            "random_assignment_probability": shipped.propensity,
        }
    )
    repeated = frame[rng.random(len(frame)) < REPEATED]
    frame = pd.concat([frame, repeated], ignore_index=True)
    schema = pa.schema(
        [
            ("shipment_id", pa.string()),
            (ID_COLUMN[marketplace], pa.string()),
            ("package_type", pa.string()),
            ("shipped_at", STAMP),
            ("items", pa.int32()),
            ("random_assignment_probability", pa.float64()),
        ]
    )
    table = pa.Table.from_pandas(frame, schema, preserve_index=False)
    write_parquet(folder / marketplace.lower() / "shipments.parquet", table.to_pydict(), schema)


def shipment_ids(shipped: Shipped) -> npt.NDArray[np.object_]:
    """(m,) shipment identifiers."""
    return np.array([shipment_id(shipped.market, number) for number in shipped.shipment.tolist()], dtype=object)


def shipment_id(market: Market, number: int) -> str:
    """The retailer's identifier of a shipment."""
    return f"{market.packages.marketplace}-S{number:08d}"


def _moments(rng: np.random.Generator, count: int) -> npt.NDArray[np.datetime64]:
    """Moments over the year, half as many again in November and December."""
    days = 366 if YEAR % 4 == 0 else 365
    weight = np.ones(days)
    weight[305:] = 1.5
    day = rng.choice(days, size=count, p=weight / weight.sum())
    seconds = day * 86400 + rng.integers(6 * 3600, 22 * 3600, count)
    return np.datetime64(f"{YEAR}-01-01T00:00:00", "s") + seconds.astype("timedelta64[s]")


def _choose(
    market: Market,
    product: npt.NDArray[np.int64],
    at: npt.NDArray[np.datetime64],
    random_only: bool,
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Package of every row, and its probability where it was drawn at random."""
    types = market.packages.types
    cost = np.array([package.cost for package in types])
    liking = -COST_WEIGHT * cost / cost.max() - RISK_WEIGHT * np.log1p(market.judged / SENSIBLE_RATE)
    liking -= BARE_RELUCTANCE * np.array([package.kind == "own_container" for package in types])
    liking += rng.normal(0.0, HABIT, liking.shape)
    chance = _two_packages(np.where(market.fits, liking, -np.inf), rng)
    since = np.array([np.datetime64(package.valid_from) for package in types])
    free = market.fits[product] & (at.astype("datetime64[D]")[:, None] >= since)
    at_random = np.full(len(product), random_only) | (rng.random(len(product)) < RANDOM_SHARE)
    weight = np.where(at_random[:, None], 1.0, chance[product]) * free
    running = np.cumsum(weight, axis=1)
    drawn = rng.random(len(product)) * running[:, -1]
    package = (running <= drawn[:, None]).sum(axis=1)
    return package, np.where(at_random, 1.0 / free.sum(axis=1), np.nan)


def _two_packages(liking: Floats, rng: np.random.Generator) -> Floats:
    """(n, packages) chance of each package: most products go in one, and now and then in a second one."""
    # The largest of such sums is drawn with the probability exp(2 liking) over the sum of these.
    order = np.argsort(-(2.0 * liking + rng.gumbel(size=liking.shape)), axis=1)
    rows = np.arange(len(liking))
    # Packages that come into use during the year leave their products to the others until then.
    chance = np.where(np.isfinite(liking), 1e-6, 0.0)
    chance[rows, order[:, 1]] *= SECOND_SHARE * 1e6
    chance[rows, order[:, 0]] = 1.0 - SECOND_SHARE
    return chance


def _together(
    market: Market,
    product: npt.NDArray[np.int64],
    package: npt.NDArray[np.int64],
    propensity: Floats,
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """First row of every row's shipment: up to three rows that follow each other in time may share a package.

    Only rows of the same package type chosen by policy, of different products, whose volumes leave room.
    """
    inner = np.array([0.0 if p.inner_cm is None else float(np.prod(p.inner_cm)) for p in market.packages.types])
    volume = np.array([float(np.prod(p.packed_cm)) for p in market.products])
    may = (rng.random(len(product)) < TOGETHER) & np.isnan(propensity)
    head_of = np.arange(len(product))
    last: dict[int, int] = {}
    joined: dict[int, list[int]] = {}
    for row, (item, kind) in enumerate(zip(product.tolist(), package.tolist(), strict=True)):
        head = last.get(kind)
        if may[row] and head is not None and row - head < 50:
            members = joined[head]
            others = product[members]
            full = volume[others].sum() + volume[item] > 0.7 * inner[kind]
            if len(members) < 3 and item not in others and not full:
                members.append(row)
                head_of[row] = head
                continue
        if np.isnan(propensity[row]):
            last[kind], joined[row] = row, [row]
    return head_of


def strike(chances: Floats, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """The first mechanism that struck each row, NO_DAMAGE where none did."""
    struck = rng.random(chances.shape) < chances
    order = rng.permuted(np.tile(np.arange(len(MECHANISMS)), (len(chances), 1)), axis=1)
    in_order = np.take_along_axis(struck, order, axis=1)
    first = np.take_along_axis(order, in_order.argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.where(struck.any(axis=1), first, NO_DAMAGE)
