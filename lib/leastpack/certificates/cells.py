"""Cells: parts of the catalog with levels of their own, pools of marketplaces by whether there are photos."""

from __future__ import annotations

from collections.abc import Collection

POOLED = "*"
PHOTOS, NO_PHOTOS = "photos", "no_photos"
# Both together, where one of them alone is too small for a round.
EITHER = "either"


def pool_of(marketplace: str, pooled: bool) -> str:
    """The pool of a marketplace."""
    return POOLED if pooled else marketplace


def stratum_of(photos: bool) -> str:
    """The stratum of products with or without photos behind their risks."""
    return PHOTOS if photos else NO_PHOTOS


def cell_name(pool: str, stratum: str) -> str:
    """The name of a cell."""
    return f"{pool}/{stratum}"


def pool_and_stratum(cell: str) -> tuple[str, str]:
    """What a cell's name is made of."""
    pool, _, stratum = cell.rpartition("/")
    return pool, stratum


def in_words(cell: str) -> str:
    """A cell as a reader would say it."""
    pool, stratum = pool_and_stratum(cell)
    photos = {PHOTOS: "with photos", NO_PHOTOS: "without photos", EITHER: "with and without photos"}
    return f"{'all marketplaces' if pool == POOLED else pool}, {photos[stratum]}"


def cell_among(cells: Collection[str], pool: str, photos: bool) -> str | None:
    """The one of some cells that products of a pool with or without photos are in; None where none is."""
    names = (cell_name(pool, stratum) for stratum in (stratum_of(photos), EITHER))
    return next((name for name in names if name in cells), None)
