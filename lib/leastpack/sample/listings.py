"""What a listing declares, with all the dirt of a real one."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from leastpack.sample.packing import PACKINGS
from leastpack.sample.streams import stream
from leastpack.sample.texts import Text
from leastpack.sample.world import Product

YEAR = 2024  # the year of shipments
CLOSING = datetime.datetime(2025, 1, 1)  # everything is exported as it stood then
RATES = {"NA": 1.0, "EU": 0.92, "JP": 150.0}
POUND = 0.79

NO_SIZE, NONSENSE_SIZE, TWO_PART, SIX_PART = 0.07, 0.012, 0.03, 0.05
NO_WEIGHT, ABSURD_WEIGHT = 0.05, 0.006
NO_PRICE, ABSURD_PRICE = 0.03, 0.005
NO_BRAND, NO_TITLE = 0.04, 0.008
NO_GTIN, PLACEHOLDER_GTIN = 0.2, 0.003
DISCONTINUED = 0.02
REPEATED, OLDER, WITHOUT_ID = 0.012, 0.02, 0.003


@dataclass(frozen=True)
class Listing:
    """One row of a product export before it takes a marketplace's format.

    Attributes:
        product: The product it speaks of.
        product_id: None where the export lost it.
        title: None where missing; so are the other texts.
        sides_cm: Declared sides of the bare product, None where missing.
        packed_cm: Declared sides of the packed product, where the vendor gives both.
        parts: How many of the sides are told: 3, 2 or 6; 0 is nonsense.
        weight_g: Declared weight, None where missing.
        price: Price in the marketplace's main currency, None where missing.
        updated: Last change.
        discontinued: Day it was delisted, None while it is sold.
        style: Which of the marketplace's ways of writing numbers it uses, 0..1.
    """

    product: Product
    product_id: str | None
    title: str | None
    description: str | None
    brand: str | None
    category: str
    language: str
    gtin: str | None
    sides_cm: tuple[float, float, float] | None
    packed_cm: tuple[float, float, float]
    parts: int
    weight_g: float | None
    price: float | None
    updated: datetime.datetime
    discontinued: datetime.datetime | None
    style: float


def declare(product: Product, text: Text, seed: int) -> Listing:
    """What the current listing of a product says."""
    rng = stream(seed, "listing", product.number)
    chance = {
        name: float(rng.random()) for name in ("size", "parts", "weight", "price", "brand", "title", "gtin", "end")
    }
    jitter = rng.normal(1.0, 0.015, 3)
    sides = tuple(sorted((float(s * j) for s, j in zip(product.sides_cm, jitter, strict=True)), reverse=True))
    weight = product.weight_g / (1.0 + PACKINGS[product.packing].tare_share) * float(rng.normal(1.0, 0.03))
    updated = CLOSING - datetime.timedelta(minutes=int(rng.integers(1, 550 * 24 * 60)))
    ended = CLOSING - datetime.timedelta(days=int(rng.integers(5, 200)))
    return Listing(
        product=product,
        product_id=product.product_id,
        title=None if chance["title"] < NO_TITLE else text.title,
        description=text.description,
        brand=None if chance["brand"] < NO_BRAND else text.brand,
        category=text.category,
        language=text.language,
        gtin=_gtin(product.gtin, chance["gtin"]),
        sides_cm=None if chance["size"] < NO_SIZE else (sides[0], sides[1], sides[2]),
        packed_cm=product.packed_cm,
        parts=_parts(chance["parts"]),
        weight_g=_weight(weight, chance["weight"], rng),
        price=_price(product.price * RATES[product.marketplace], chance["price"], rng),
        updated=max(updated, ended) if chance["end"] < DISCONTINUED else updated,
        discontinued=ended if chance["end"] < DISCONTINUED else None,
        style=float(rng.random()),
    )


def export_rows(listings: Sequence[Listing], seed: int, marketplace: str) -> list[Listing]:
    """The rows of one marketplace's export: listings, repeated and older versions, rows without an id, in any order."""
    rng = stream(seed, "rows", marketplace)
    rows = list(listings)
    for listing in listings:
        draw = rng.random()
        if draw < REPEATED:
            rows.append(listing)
        elif draw < REPEATED + OLDER:
            rows.append(_older(listing, rng))
        elif draw < REPEATED + OLDER + WITHOUT_ID:
            rows.append(replace(listing, product_id=None))
    return [rows[place] for place in rng.permutation(len(rows))]


def _older(listing: Listing, rng: np.random.Generator) -> Listing:
    before = listing.updated - datetime.timedelta(days=int(rng.integers(20, 300)))
    price = None if listing.price is None else listing.price * float(rng.uniform(0.8, 1.3))
    return replace(listing, updated=before, price=price, description=None, discontinued=None)


def _parts(chance: float) -> int:
    if chance < NONSENSE_SIZE:
        return 0
    if chance < NONSENSE_SIZE + TWO_PART:
        return 2
    return 6 if chance < NONSENSE_SIZE + TWO_PART + SIX_PART else 3


def _weight(weight: float, chance: float, rng: np.random.Generator) -> float | None:
    if chance < NO_WEIGHT:
        return None
    if chance < NO_WEIGHT + ABSURD_WEIGHT:
        return float(rng.choice([0.0, weight * 1000.0]))
    return weight


def _price(price: float, chance: float, rng: np.random.Generator) -> float | None:
    if chance < NO_PRICE:
        return None
    if chance < NO_PRICE + ABSURD_PRICE:
        return float(rng.choice([0.0, 9_999_999.0]))
    return price


def _gtin(gtin: str, chance: float) -> str | None:
    if chance < PLACEHOLDER_GTIN:
        return "0000000000000"
    return None if chance < PLACEHOLDER_GTIN + NO_GTIN else gtin
