"""Invented deliveries, day by day: with late, corrected and repeated rows."""

from __future__ import annotations

import datetime
import random
from collections.abc import Mapping, Sequence
from typing import Any

FIRST = datetime.date(2024, 1, 1)
PRODUCTS = ["mug", "vase", "book", "lamp"]
Day = Mapping[str, Sequence[Mapping[str, Any]]]


def deliveries(days: int, seed: int) -> list[Day]:
    """Rows by kind for each day; every row says when it was last corrected, and no two of a key say the same time."""
    rng = random.Random(seed)
    out: list[dict[str, list[dict[str, Any]]]] = [{"shipments": [], "returns": [], "reviews": []} for _ in range(days)]

    def deliver(kind: str, row: dict[str, Any], told: int) -> None:
        late = rng.choice([0, 0, 0, 1, 9])
        versions = [row]
        if rng.random() < 0.2:
            versions.append(_corrected(kind, row, rng))
        for number, version in enumerate(versions):
            stamped = {**version, "updated_at": f"{FIRST + datetime.timedelta(told)} 0{number}:00:00"}
            # Corrections may overtake what they correct.
            for _ in range(rng.choice([1, 1, 2])):
                at = told + late + rng.randrange(3)
                if at < days:
                    out[at][kind].append(stamped)

    for number in range(days * 4):
        day = rng.randrange(days)
        product = rng.choice(PRODUCTS)
        package = rng.choice(["bag", "box"]) if product == "mug" else "bag"
        deliver("shipments", _shipment(number, product, package, day), day)
        if rng.random() < 0.4:
            told = day + rng.randrange(12)
            named = number if rng.random() < 0.5 else None
            deliver("returns", _return(number, product, named, told, rng), told)
            if rng.random() < 0.6:
                told += rng.randrange(3)
                deliver("reviews", _review(number, product, named, told, rng), told)
    return out


def whole(days: Sequence[Day]) -> dict[str, list[Mapping[str, Any]]]:
    """All of them as one delivery."""
    return {kind: [row for day in days for row in day[kind]] for kind in ("shipments", "returns", "reviews")}


def _at(day: int) -> str:
    return f"{FIRST + datetime.timedelta(day)} 12:00:00"


def _shipment(number: int, product: str, package: str, day: int) -> dict[str, Any]:
    return {
        "shipment_id": f"s{number:04d}", "product_id": product, "package_type": package, "shipped_at": _at(day),
        "propensity": 0.25 if number % 5 == 0 else None,
    }  # fmt: skip


def _return(number: int, product: str, shipment: int | None, day: int, rng: random.Random) -> dict[str, Any]:
    return {
        "return_id": f"b{number:04d}", "product_id": product, "returned_at": _at(day),
        "shipment_id": None if shipment is None else f"s{shipment:04d}",
        "reason_code": rng.choice(["BROKEN", "BROKEN", "UNWANTED"]),
    }  # fmt: skip


def _review(number: int, product: str, shipment: int | None, day: int, rng: random.Random) -> dict[str, Any]:
    return {
        "review_id": f"r{number:04d}", "product_id": product, "reviewed_at": _at(day),
        "shipment_id": None if shipment is None else f"s{shipment:04d}",
        "stars": rng.choice(["1", "2", "5"]), "text": rng.choice(["arrived broken", "ugly"]),
    }  # fmt: skip


def _corrected(kind: str, row: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    if kind == "shipments":
        moved = datetime.datetime.fromisoformat(row["shipped_at"]) + datetime.timedelta(rng.choice([-20, -1, 3]))
        return {**row, "package_type": rng.choice(["bag", "box", "mailer"]), "shipped_at": str(moved)}
    if kind == "returns":
        return {**row, "reason_code": rng.choice(["BROKEN", "UNWANTED"])}
    return {**row, "stars": rng.choice(["1", "5"])}
