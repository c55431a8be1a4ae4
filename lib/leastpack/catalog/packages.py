"""Package files as rows of `package_types`, beside the types that were withdrawn from their files."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from leastpack.config.packages import PackageFile, PackageType
from leastpack.errors import ConfigError
from leastpack.log import log

Values = dict[str, Any]


def package_rows(files: Sequence[PackageFile]) -> list[Values]:
    """One row of `package_types` a package type and marketplace, inner sides longest first."""
    return [_row(file, package) for file in files for package in file.types]


def withdrawn_rows(declared: Sequence[Values], stored: Iterable[Mapping[str, Any]], day: datetime.date) -> list[Values]:
    """Rows of types that no file declares any more: kept, so that their shipments still count, and not used again.

    Args:
        declared: `package_rows`.
        stored: Rows of the table.
        day: Today; a type's `valid_to` is the first day on which its file lacked it.

    Returns:
        The rows, those of an earlier run as they are.

    Raises:
        ConfigError: A type was declared under other attributes than the files have now.
    """
    known = {_key(row) for row in declared}
    attributes = declared[0]["attributes"]
    gone = []
    for row in stored:
        if _key(row) in known:
            continue
        name = "/".join(_key(row))
        if list(row["attributes"]) != attributes:
            raise ConfigError(
                f"package type {name} is in no package file any more, and was declared under other attributes",
                expected=", ".join(attributes),
                found=", ".join(row["attributes"]),
                todo="declare it again with its values for these attributes, and `valid_to` for its last day of use: "
                "what was shipped in it still counts",
            )
        ended = row["valid_to"]
        if ended is None or ended > day:
            log.warning("a package type has left its file: its history stays, it is used no more", type=name)
            ended = day
        gone.append({**row, "valid_to": ended})
    return gone


def _key(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["marketplace"], row["package_type"]


def _row(file: PackageFile, package: PackageType) -> Values:
    inner = sorted(package.inner_cm, reverse=True) if package.inner_cm is not None else [None, None, None]
    return {
        "marketplace": file.marketplace,
        "package_type": package.name,
        "kind": package.kind,
        "profile_hash": package.profile_hash,
        "profile": [float(value) for value in package.profile],
        "attributes": list(file.attributes),
        "inner_length_cm": inner[0],
        "inner_width_cm": inner[1],
        "inner_height_cm": inner[2],
        "void_filled": package.void_filled,
        "max_weight_g": package.max_weight_g,
        "tare_g": package.tare_g,
        "cost": package.cost,
        "currency": file.currency,
        "safe_default": package.safe_default,
        "valid_from": package.valid_from,
        "valid_to": package.valid_to,
    }
