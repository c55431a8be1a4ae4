"""Every product of a batch in every package type of its marketplace: risks, fit and void. Arrays in, arrays out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from leastpack.catalog.geometry import fits, void_share
from leastpack.scoring.packages import PackageSet

Floats = npt.NDArray[np.float64]
# Products computed at once: what they need of intermediate numbers stays in the processor's cache.
BLOCK = 512


class Risks(Protocol):
    """The model's last stage."""

    def risks(
        self, vectors: npt.NDArray[np.float32], profiles: npt.NDArray[np.float32], void: Floats
    ) -> tuple[Floats, Floats]:
        """Calibrated risk and damage rate, (n, P) each."""


@dataclass(frozen=True)
class Crossed:
    """Scores of n products x P package types.

    Attributes:
        fits: (n, P) 1 fits, 0 does not, NaN where the size is unknown.
        void: (n, P) share left empty.
        risk: (n, P) in [0, 1]; NaN where the product has no vector or the package type is invalid.
        damage_rate: (n, P) like risk.
    """

    fits: Floats
    void: Floats
    risk: Floats
    damage_rate: Floats


def cross(
    model: Risks,
    vectors: npt.NDArray[np.float32],
    product_cm: Floats,
    weight_g: Floats,
    packages: PackageSet,
    padding_cm: float,
) -> Crossed:
    """Score products of one marketplace.

    Args:
        model: Gives risk and damage rate for product vectors.
        vectors: (n, d) small vectors; a row that is not finite has none.
        product_cm: (n, 3) sides, NaN where unknown.
        weight_g: (n,) weights, NaN where unknown.
        packages: The marketplace's package types.
        padding_cm: Room a box needs beside the product, a side.
    """
    void = np.stack([void_share(product_cm, package) for package in packages.packages], axis=1)
    fitting = np.stack([fits(product_cm, weight_g, package, padding_cm) for package in packages.packages], axis=1)
    risk, damage_rate = np.full((2, *void.shape), np.nan)
    usable = np.flatnonzero(np.isfinite(vectors).all(axis=1))
    for start in range(0, len(usable), BLOCK):
        rows = usable[start : start + BLOCK]
        risk[rows], damage_rate[rows] = model.risks(vectors[rows], packages.profiles, void[rows])
    invalid = [column for column, package in enumerate(packages.packages) if not package.valid]
    risk[:, invalid] = damage_rate[:, invalid] = np.nan
    return Crossed(fitting, void, risk, damage_rate)
