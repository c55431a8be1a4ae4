"""Human tests so far: of pairs that a person doubted, few and chosen; and what testers find in those that are asked."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from leastpack.errors import ConfigError, InputError
from leastpack.files import get_file, put_file
from leastpack.queue.sheet import RESULTS, read_sheet, write_csv, write_xlsx
from leastpack.sample.files import write_csv as write_export
from leastpack.sample.listings import YEAR
from leastpack.sample.streams import stream
from leastpack.sample.truth import Market

COLUMNS = ("test_id", "marketplace", "product_id", "package_type", "verdict", "tested_on")
PAIR = ("marketplace", "product_id", "package_type")
SAFE, UNSAFE = RESULTS


def write_human_tests(folder: Path, markets: Sequence[Market], tau: float, tested_share: float, seed: int) -> None:
    """human_tests.csv of all marketplaces.

    Args:
        folder: Folder of the sample.
        markets: The marketplaces and their truth.
        tau: Damage rate above which a pair is unsafe.
        tested_share: Tests as a share of products.
        seed: Sample seed.
    """
    rows: list[dict[str, Any]] = []
    for market in markets:
        rng = stream(seed, "human_tests", market.packages.marketplace)
        doubt = market.fits / (1.0 + np.log(np.maximum(market.judged, 1e-9) / tau) ** 2)
        chosen = rng.random(market.fits.shape) < doubt * tested_share * len(market.products) / doubt.sum()
        for row, column in np.argwhere(chosen).tolist():
            day = datetime.date(YEAR, 1, 1) + datetime.timedelta(days=int(rng.integers(0, 365)))
            rows.append(
                {
                    "marketplace": market.packages.marketplace,
                    "product_id": market.products[row].product_id,
                    "package_type": market.packages.types[column].name,
                    "verdict": UNSAFE if market.rate[row, column] > tau else SAFE,
                    "tested_on": day.isoformat(),
                }
            )
    rows.sort(key=lambda row: (row["tested_on"], row["marketplace"], row["product_id"], row["package_type"]))
    numbered = [{"test_id": f"T{number:06d}", **row} for number, row in enumerate(rows, start=1)]
    write_export(folder / "human_tests.csv", numbered, COLUMNS)


def answer_sheet(place: str, truth: Path, day: datetime.date) -> int:
    """Play the testers: fill in a sheet of the test queue by the sample's hidden truth.

    Args:
        place: The sheet, as `leastpack queue export` wrote it; it is replaced.
        truth: truth.parquet of the sample.
        day: Day of the tests.

    Returns:
        Number of tests.

    Raises:
        ConfigError: There is no truth: the sheet does not belong to a sample.
        InputError: The sheet asks for a pair that the sample does not sell.
    """
    if not truth.is_file():
        raise ConfigError(f"there is no {truth}", todo="run leastpack sample with the same config")
    table = pq.read_table(truth, columns=[*PAIR, "unsafe"]).to_pydict()
    known = dict(zip(zip(*(table[name] for name in PAIR), strict=True), table["unsafe"], strict=True))
    rows = read_sheet(get_file(place, "the sheet"), place)
    answered = [_answered(row, known, day) for row in rows]
    write = write_xlsx if place.lower().endswith(".xlsx") else write_csv
    put_file(place, write(answered), "the sheet")
    return len(answered)


def _answered(row: Mapping[str, Any], known: Mapping[tuple[str, ...], bool], day: datetime.date) -> dict[str, Any]:
    pair = tuple(str(row[name]) for name in PAIR)
    if pair not in known:
        raise InputError(f"the sample does not sell {pair}", todo="export the sheet of the sample's own tables")
    return {**row, "result": UNSAFE if known[pair] else SAFE, "tested_on": day.isoformat(), "tester": "sample"}
