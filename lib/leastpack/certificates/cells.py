"""Cells: parts of the catalog with levels of their own, pools of marketplaces by whether there are photos."""

from __future__ import annotations

POOLED = "*"
PHOTOS, NO_PHOTOS = "photos", "no_photos"


def pool_of(marketplace: str, pooled: bool) -> str:
    """The pool of a marketplace."""
    return POOLED if pooled else marketplace


def cell_of(pool: str, photos: bool) -> str:
    """The name of a cell."""
    return f"{pool}/{PHOTOS if photos else NO_PHOTOS}"


def pool_and_stratum(cell: str) -> tuple[str, str]:
    """What a cell's name is made of."""
    pool, _, stratum = cell.rpartition("/")
    return pool, stratum
