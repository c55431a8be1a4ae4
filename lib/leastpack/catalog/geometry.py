"""Whether a product fits a package, and how much of the package it leaves empty. A rule, never learnt."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

# Finer than any size is measured, and so coarse that files keep the few values there are once.
VOID_DECIMALS = 4

Floats = npt.NDArray[np.float64]


class Container(Protocol):
    """What geometry needs to know of a package type."""

    @property
    def kind(self) -> str:
        """`own_container`, `bag`, `mailer` or `box`."""

    @property
    def inner_cm(self) -> tuple[float, float, float] | None:
        """Inner sides, longest first; null for an own container."""

    @property
    def void_filled(self) -> bool:
        """Whether the empty space is filled."""

    @property
    def max_weight_g(self) -> float | None:
        """Heaviest content."""


def fits(product_cm: Floats, weight_g: Floats, package: Container, padding_cm: float) -> Floats:
    """Whether each product fits, in any axis order.

    A box needs `padding_cm` beside the product on both ends of every axis. A bag or mailer closes around the product:
    laid flat, length + height must not exceed its length, width + height its width, and height its depth.

    Args:
        product_cm: (n, 3) sides, longest first, NaN where unknown.
        weight_g: (n,) weights, NaN where unknown; an unknown weight is no obstacle.
        package: The package type.
        padding_cm: Room a box needs, a side.

    Returns:
        (n,) 1.0 fits, 0.0 does not, NaN where the size is unknown.
    """
    n = len(product_cm)
    known = ~np.isnan(product_cm).any(axis=1)
    sides = np.ones(n, dtype=bool)
    if package.inner_cm is not None:
        inner = np.sort(np.asarray(package.inner_cm, dtype=np.float64))[::-1]
        needed = np.array(product_cm, dtype=np.float64)
        if package.kind == "box":
            needed = needed + 2 * padding_cm
        else:
            needed[:, :2] += product_cm[:, 2:3]
        with np.errstate(invalid="ignore"):
            # Side by side: numpy is slow over an axis of three.
            sides = (needed[:, 0] <= inner[0]) & (needed[:, 1] <= inner[1]) & (needed[:, 2] <= inner[2])
    too_heavy = np.zeros(n, dtype=bool)
    if package.max_weight_g is not None:
        with np.errstate(invalid="ignore"):
            too_heavy = weight_g > package.max_weight_g
    answer = np.where(known, sides, np.nan) if package.inner_cm is not None else np.ones(n)
    return np.where(too_heavy, 0.0, answer)


def void_share(product_cm: Floats, package: Container) -> Floats:
    """Share of each package left empty around the product, by volume, to VOID_DECIMALS.

    Args:
        product_cm: (n, 3) sides, NaN where unknown.
        package: The package type.

    Returns:
        (n,) in [0, 1]; 0 where the package hugs the product or is filled, and where the size is unknown.
    """
    if package.kind != "box" or package.void_filled or package.inner_cm is None:
        return np.zeros(len(product_cm))
    share = 1.0 - product_cm.prod(axis=1) / float(np.prod(package.inner_cm))
    known: Floats = np.nan_to_num(share, nan=0.0)
    return np.clip(known, 0.0, 1.0).round(VOID_DECIMALS)
