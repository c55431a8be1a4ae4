"""The kinds of product the invented marketplace sells, read from kinds.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

NEVER = 1e9


@dataclass(frozen=True)
class Kind:
    """One kind of product; kinds.yaml tells what the numbers mean.

    Attributes:
        key: Name, key of the word lists too.
        group: Department.
        shape: How it is drawn.
        materials: What it is made of; each variation family takes one.
        sides_cm: Usual sides of the bare product.
        weight_g: Usual weight.
        price: Usual price in US dollars.
        often: Relative number of families.
        withstands: Drop height, load, sharp hit and pressure that the bare product withstands.
        packings: Chance of each vendor packing.
        spec: What kind of size its title tells.
        packs: Whether it is also sold by several.
    """

    key: str
    group: str
    shape: str
    materials: tuple[str, ...]
    sides_cm: tuple[float, float, float]
    weight_g: float
    price: float
    often: float
    withstands: tuple[float, float, float, float]
    packings: dict[str, float]
    spec: str
    packs: bool


@cache
def kinds() -> tuple[Kind, ...]:
    """All kinds, in the order of the file."""
    rows = yaml.safe_load(Path(__file__).with_name("kinds.yaml").read_text(encoding="utf-8"))
    return tuple(_kind(row) for row in rows)


def _kind(row: dict[str, Any]) -> Kind:
    limits = row["withstands"]
    shock, crush, pierce, leak = (
        NEVER if limits[name] == "never" else float(limits[name]) for name in ("shock", "crush", "pierce", "leak")
    )
    total = sum(row["packings"].values())
    return Kind(
        key=row["key"],
        group=row["group"],
        shape=row["shape"],
        materials=tuple(row["materials"]),
        sides_cm=tuple(row["sides_cm"]),
        weight_g=row["weight_g"],
        price=row["price"],
        often=row["often"],
        withstands=(shock, crush, pierce, leak),
        packings={name: share / total for name, share in row["packings"].items()},
        spec=row.get("spec", ""),
        packs=row.get("packs", False),
    )
