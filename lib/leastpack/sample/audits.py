"""Human tests: a known random draw of the fitting pairs, and some that a person chose."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from leastpack.sample.files import write_csv
from leastpack.sample.listings import YEAR
from leastpack.sample.streams import stream
from leastpack.sample.truth import Market

TESTER_ERROR = 0.01
AUDIT = f"audit-{YEAR}"
CHOSEN_SHARE = 0.02  # of the fitting pairs, by someone who looks for doubtful ones
COLUMNS = ("test_id", "marketplace", "product_id", "package_type", "verdict", "draw_probability", "draw", "tested_on")


def write_human_tests(folder: Path, markets: Sequence[Market], tau: float, audit_share: float, seed: int) -> None:
    """human_tests.csv of all marketplaces.

    Args:
        folder: Folder of the sample.
        markets: The marketplaces and their truth.
        tau: Damage rate above which a pair is unsafe.
        audit_share: Probability with which each fitting pair is drawn.
        seed: Sample seed.
    """
    rows: list[dict[str, Any]] = []
    for market in markets:
        rng = stream(seed, "audits", market.packages.marketplace)
        drawn = market.fits & (rng.random(market.fits.shape) < audit_share)
        doubt = 1.0 / (1.0 + np.log(np.maximum(market.judged, 1e-9) / tau) ** 2)
        doubt = doubt * market.fits
        chosen = rng.random(market.fits.shape) < CHOSEN_SHARE * doubt * market.fits.sum() / doubt.sum()
        verdict = (market.rate > tau) ^ (rng.random(market.fits.shape) < TESTER_ERROR)
        second = (market.rate > tau) ^ (rng.random(market.fits.shape) < TESTER_ERROR)
        rows += _rows(market, drawn, verdict, audit_share, rng) + _rows(market, chosen, second, None, rng)
    rows.sort(key=lambda row: (row["tested_on"], row["marketplace"], row["product_id"], row["package_type"]))
    numbered = [{"test_id": f"T{number:06d}", **row} for number, row in enumerate(rows, start=1)]
    write_csv(folder / "human_tests.csv", numbered, COLUMNS)


def _rows(
    market: Market, pairs: Any, unsafe: Any, probability: float | None, rng: np.random.Generator
) -> list[dict[str, Any]]:
    rows = []
    for row, column in np.argwhere(pairs).tolist():
        day = datetime.date(YEAR, 1, 1) + datetime.timedelta(days=int(rng.integers(0, 365)))
        rows.append(
            {
                "marketplace": market.packages.marketplace,
                "product_id": market.products[row].product_id,
                "package_type": market.packages.types[column].name,
                "verdict": "UNSAFE" if unsafe[row, column] else "SAFE",
                "draw_probability": probability,
                "draw": AUDIT if probability is not None else None,
                "tested_on": day.isoformat(),
            }
        )
    return rows
