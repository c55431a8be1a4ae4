"""The package types a snapshot is made with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from leastpack.errors import InputError


@dataclass(frozen=True)
class PackageRow:
    """One package type, with what the model and `leastpack.catalog.geometry` need of it."""

    marketplace: str
    package_type: str
    kind: str
    profile: tuple[float, ...]
    inner_cm: tuple[float, float, float] | None
    void_filled: bool
    max_weight_g: float | None

    @property
    def name(self) -> str:
        """`marketplace/package_type`, the name in a snapshot's manifest."""
        return f"{self.marketplace}/{self.package_type}"


def package_rows(rows: Iterable[Mapping[str, Any]]) -> tuple[tuple[PackageRow, ...], tuple[str, ...]]:
    """The package types in order of name, and the attributes they share.

    Raises:
        InputError: There are none, or they differ in their attributes.
    """
    listed = sorted(rows, key=lambda row: (row["marketplace"], row["package_type"]))
    attributes = {tuple(row["attributes"]) for row in listed}
    if len(attributes) != 1:
        raise InputError(
            "table package_types cannot be trained on",
            expected="package types that all declare the same protection attributes",
            found=f"{len(listed)} types with {len(attributes)} lists of attributes",
            todo="correct the package files and run: leastpack catalog",
        )
    return tuple(_package_row(row) for row in listed), attributes.pop()


def _package_row(row: Mapping[str, Any]) -> PackageRow:
    inner = (row["inner_length_cm"], row["inner_width_cm"], row["inner_height_cm"])
    return PackageRow(
        marketplace=row["marketplace"],
        package_type=row["package_type"],
        kind=row["kind"],
        profile=tuple(float(x) for x in row["profile"]),
        inner_cm=None if row["kind"] == "own_container" or None in inner else inner,
        void_filled=bool(row["void_filled"]),
        max_weight_g=row["max_weight_g"],
    )
