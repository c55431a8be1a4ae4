"""Every product of a batch in every package type of its marketplace: risks, fit and void. Arrays in, arrays out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from leastpack.catalog.geometry import fits, void_share
from leastpack.scoring.packages import PackageSet

Floats = npt.NDArray[np.float64]
PACKAGE_INVALID = "PACKAGE_INVALID"
INTERNAL = "INTERNAL"


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
        risk: (n, P) in [0, 1], NaN exactly where `error` is set.
        damage_rate: (n, P), NaN exactly where `error` is set.
        error: (n, P) error code or None.
    """

    fits: Floats
    void: Floats
    risk: Floats
    damage_rate: Floats
    error: npt.NDArray[np.object_]


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
        vectors: (n, d) small vectors; a row with NaN has no vector and gets INTERNAL.
        product_cm: (n, 3) sides, NaN where unknown.
        weight_g: (n,) weights, NaN where unknown.
        packages: The marketplace's package types.
        padding_cm: Room a box needs beside the product, a side.
    """
    void = np.stack([void_share(product_cm, package) for package in packages.packages], axis=1)
    fitting = np.stack([fits(product_cm, weight_g, package, padding_cm) for package in packages.packages], axis=1)
    usable = np.isfinite(vectors).all(axis=1)
    risk, damage_rate = np.full((2, *void.shape), np.nan)
    risk[usable], damage_rate[usable] = model.risks(vectors[usable], packages.profiles, void[usable])
    error = np.full(void.shape, None, dtype=object)
    error[~usable] = INTERNAL
    for column, package in enumerate(packages.packages):
        if not package.valid:
            error[:, column] = PACKAGE_INVALID
    failed = error != np.array(None)
    return Crossed(fitting, void, np.where(failed, np.nan, risk), np.where(failed, np.nan, damage_rate), error)
