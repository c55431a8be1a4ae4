"""Returns and reviews: late, under-reported, and mostly about other things than damage."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from leastpack.sample.exports import ID_COLUMN
from leastpack.sample.files import write_csv, write_jsonl
from leastpack.sample.listings import CLOSING, YEAR
from leastpack.sample.physics import MECHANISMS
from leastpack.sample.shipments import NO_DAMAGE, Shipped, shipment_ids
from leastpack.sample.streams import stream
from leastpack.sample.words import words

OTHER_RETURN_SHARE = 0.045  # of shipments
FALSE_CLAIM = 0.0003  # of shipments: said to be damaged, and are not
MISCODED = 0.15  # of the damages without a damage code: returned under another one
COMMENTED = 0.7
LATE = 0.07  # share of returns that come 30 to 90 days after the shipment
REVIEWED, REVIEWED_IF_DAMAGED, TELLS_DAMAGE, KNOWS_SHIPMENT = 0.06, 0.12, 0.65, 0.8

# Each marketplace has its own codes; leastpack maps them in the `columns` of its source.
REASONS: dict[str, dict[str, str]] = {
    "NA": {
        "shock": "BROKEN_ON_ARRIVAL", "crush": "DAMAGED_BY_CARRIER", "pierce": "DAMAGED_BY_CARRIER", "leak": "LEAKED",
        "mishap": "DAMAGED_BY_CARRIER", "defect": "DEFECTIVE", "wrong": "WRONG_ITEM", "unwanted": "NO_LONGER_NEEDED",
        "described": "NOT_AS_DESCRIBED",
    },
    "EU": {
        "shock": "E11", "crush": "E10", "pierce": "E10", "leak": "E12", "mishap": "E10", "defect": "E20",
        "wrong": "E30", "unwanted": "E50", "described": "E40",
    },
    "JP": {
        "shock": "D01", "crush": "D01", "pierce": "D01", "leak": "D02", "mishap": "D01", "defect": "F01",
        "wrong": "W01", "unwanted": "N01", "described": "I01",
    },
}  # fmt: skip
RETURN_COLUMNS = {
    "NA": ("shipment_id", "asin", "reason", "customer_comment", "returned_at"),
    "EU": ("shipment", "sku", "grund", "kommentar", "returned"),
    "JP": ("shipment_id", "item_code", "riyu", "comment", "returned_at"),
}
OTHERS = ("defect", "wrong", "unwanted", "described")


@dataclass(frozen=True)
class Period:
    """From when, and until before when, a delivery tells what came back."""

    since: datetime.datetime
    until: datetime.datetime

    def holds(self, at: npt.NDArray[np.datetime64]) -> npt.NDArray[np.bool_]:
        """Which moments are in it."""
        return (at >= np.datetime64(self.since)) & (at < np.datetime64(self.until))


# All that was told when the sample is exported.
FIRST = Period(datetime.datetime(YEAR, 1, 1), CLOSING)


def returns_of(shipped: Shipped, reporting_rate: float, seed: int, period: Period) -> list[dict[str, Any]]:
    """Rows of what came back in a period.

    Args:
        shipped: Shipments and what happened to them.
        reporting_rate: Share of the damages that come back under a damage code.
        seed: Sample seed.
        period: When.
    """
    marketplace = shipped.market.packages.marketplace
    rng = stream(seed, "returns", marketplace)
    cause, tells = _causes(shipped, reporting_rate, rng)
    days = np.where(rng.random(len(cause)) < LATE, rng.uniform(30, 90, len(cause)), 2 + rng.gamma(2.0, 3.5, len(cause)))
    back = shipped.at + (days * 86400).astype("timedelta64[s]")
    ids = shipment_ids(shipped)
    said = {**words("feedback")["damage"], **words("feedback")["other_returns"]}
    rows = []
    for row in np.flatnonzero((cause != "") & period.holds(back)):
        product = shipped.market.products[shipped.product[row]]
        sentences = said[str(tells[row])][product.language]
        comment = sentences[rng.integers(len(sentences))] if rng.random() < COMMENTED else None
        code = REASONS[marketplace][str(cause[row])]
        values = (ids[row], product.product_id, code, comment, str(back[row]))
        rows.append(dict(zip(RETURN_COLUMNS[marketplace], values, strict=True)))
    return rows


def write_returns(folder: Path, marketplace: str, rows: Sequence[dict[str, Any]]) -> None:
    """returns.csv (NA, JP) or returns.jsonl (EU)."""
    if marketplace == "EU":
        write_jsonl(folder / "eu" / "returns.jsonl", rows)
    else:
        write_csv(folder / marketplace.lower() / "returns.csv", rows, RETURN_COLUMNS[marketplace])


def reviews_of(shipped: Shipped, seed: int, period: Period) -> list[dict[str, Any]]:
    """Rows of what was written in a period: stars and text, some telling of damage."""
    marketplace = shipped.market.packages.marketplace
    rng = stream(seed, "reviews", marketplace)
    damaged = shipped.damage != NO_DAMAGE
    written = rng.random(len(damaged)) < np.where(damaged, REVIEWED_IF_DAMAGED, REVIEWED)
    ids = shipment_ids(shipped)
    rows: list[dict[str, Any]] = []
    for row in np.flatnonzero(written):
        at = shipped.at[row] + np.timedelta64(int(rng.integers(3 * 86400, 45 * 86400)), "s")
        stars, text = _review(shipped, int(row), rng)
        known = rng.random() < KNOWS_SHIPMENT
        if not period.holds(at):
            continue
        product = shipped.market.products[shipped.product[row]]
        rows.append(
            {
                "review_id": f"{marketplace}-R{shipped.numbered_from + row:08d}",
                ID_COLUMN[marketplace]: product.product_id,
                "shipment_id": ids[row] if known else None,
                "stars": stars,
                "text": text,
                "language": product.language,
                "at": str(at),
            }
        )
    return rows


def write_reviews(folder: Path, marketplace: str, rows: Sequence[dict[str, Any]]) -> None:
    """reviews.jsonl of a marketplace."""
    write_jsonl(folder / marketplace.lower() / "reviews.jsonl", rows)


def _causes(
    shipped: Shipped, reporting_rate: float, rng: np.random.Generator
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]:
    """Reason each row is returned for ("" if it is kept), and what its comment tells of."""
    count = len(shipped.damage)
    true_cause = np.array([*MECHANISMS, ""], dtype=object)[shipped.damage]
    damaged = shipped.damage != NO_DAMAGE
    reported = damaged & (rng.random(count) < reporting_rate)
    miscoded = damaged & ~reported & (rng.random(count) < MISCODED)
    other = ~damaged & (rng.random(count) < OTHER_RETURN_SHARE)
    claim = ~damaged & ~other & (rng.random(count) < FALSE_CLAIM)
    any_other = np.array(OTHERS, dtype=object)[rng.integers(0, len(OTHERS), count)]
    cause = np.select([reported, miscoded, other, claim], [true_cause, "defect", any_other, "shock"], default="")
    tells = np.where(miscoded, true_cause, cause)
    return np.asarray(cause, dtype=object), np.asarray(tells, dtype=object)


def _review(shipped: Shipped, row: int, rng: np.random.Generator) -> tuple[int, str]:
    language = shipped.market.products[shipped.product[row]].language
    mechanism = int(shipped.damage[row])
    if mechanism != NO_DAMAGE and rng.random() < TELLS_DAMAGE:
        told = words("feedback")["damage"][MECHANISMS[mechanism]][language]
        return int(rng.integers(1, 3)), str(told[rng.integers(len(told))])
    good = rng.random() < (0.4 if mechanism != NO_DAMAGE else 0.86)
    said = words("feedback")["good_reviews" if good else "bad_reviews"][language]
    return int(rng.integers(4, 6) if good else rng.integers(1, 4)), str(said[rng.integers(len(said))])
