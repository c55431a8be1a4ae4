"""What the marketplaces' people have decided themselves: one export of rules for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from leastpack.config.packages import PackageFile
from leastpack.sample.files import write_csv
from leastpack.sample.listings import Listing

COLUMNS = ("rule", "market", "what", "package", "item", "brand", "begins", "because", "edited")
BEGINS, EDITED = "2024-01-15", "2024-01-10T09:00:00"


def write_rules(folder: Path, markets: Sequence[tuple[PackageFile, Sequence[Listing]]]) -> None:
    """rules.csv."""
    rows = [row for packages, listings in markets for row in _rules(packages, listings)]
    write_csv(folder / "rules.csv", rows, COLUMNS)


def _rules(packages: PackageFile, listings: Sequence[Listing]) -> Iterator[dict[str, Any]]:
    """A vendor does not want its cartons seen on a doorstep, and one product goes out in the safe default."""
    every = {"market": packages.marketplace, "begins": BEGINS, "edited": EDITED}
    bare = next((one.name for one in packages.types if one.kind == "own_container"), None)
    brand = next((listing.brand for listing in listings if listing.brand), None)
    if bare is not None and brand is not None:
        ban = {"what": "ban", "package": bare, "brand": brand, "because": "the vendor wants its cartons covered"}
        yield {"rule": f"{packages.marketplace}-1", **every, **ban}
    default = next(one.name for one in packages.types if one.safe_default)
    pin = {"what": "pin", "package": default, "item": listings[-1].product_id, "because": "bought as a gift"}
    yield {"rule": f"{packages.marketplace}-2", **every, **pin}
