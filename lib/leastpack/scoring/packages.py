"""The package types of each marketplace, as plain arrays that travel to the executors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Package:
    """One package type, with what geometry and the model need of it."""

    name: str
    kind: str
    profile: tuple[float, ...]
    inner_cm: tuple[float, float, float] | None
    void_filled: bool
    max_weight_g: float | None
    valid: bool


@dataclass(frozen=True)
class PackageSet:
    """The package types of one marketplace, in order of name."""

    packages: tuple[Package, ...]

    @property
    def names(self) -> list[str]:
        """Names in order."""
        return [package.name for package in self.packages]

    @property
    def profiles(self) -> npt.NDArray[np.float32]:
        """(P, M) protection profiles; an invalid type counts as no protection, its risk is not used."""
        return np.array([package.profile for package in self.packages], dtype=np.float32)


def package_sets(rows: Iterable[Mapping[str, Any]], attributes: tuple[str, ...]) -> dict[str, PackageSet]:
    """Group rows of `package_types` by marketplace.

    Args:
        rows: Rows of the table.
        attributes: The model's protection attributes; a type that declares others is invalid for this model.

    Returns:
        Marketplace to its package types.
    """
    by_marketplace: dict[str, list[Package]] = {}
    for row in rows:
        by_marketplace.setdefault(row["marketplace"], []).append(_package(row, attributes))
    return {
        marketplace: PackageSet(tuple(sorted(packages, key=lambda package: package.name)))
        for marketplace, packages in sorted(by_marketplace.items())
    }


def _package(row: Mapping[str, Any], attributes: tuple[str, ...]) -> Package:
    profile = tuple(float(x) for x in row["profile"] or ())
    inner = (row["inner_length_cm"], row["inner_width_cm"], row["inner_height_cm"])
    own_container = row["kind"] == "own_container"
    valid = (
        tuple(row["attributes"] or ()) == attributes
        and len(profile) == len(attributes)
        and all(0.0 <= x <= 1.0 for x in profile)
        and (own_container or all(side is not None and side > 0 for side in inner))
    )
    return Package(
        name=row["package_type"],
        kind=row["kind"],
        profile=profile if valid else (0.0,) * len(attributes),
        inner_cm=None if own_container or not valid else inner,
        void_filled=bool(row["void_filled"]),
        max_weight_g=row["max_weight_g"],
        valid=valid,
    )
