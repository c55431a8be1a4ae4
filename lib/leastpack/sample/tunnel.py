"""What the tunnel measured of the packed products, each marketplace in its own units."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from leastpack.sample.exports import INCH, POUND_G, STAMP
from leastpack.sample.files import write_csv, write_parquet
from leastpack.sample.listings import CLOSING
from leastpack.sample.streams import stream
from leastpack.sample.world import Product

MISREAD = 0.008  # share of tunnel rows with one side read wrong
DEFECT = 0.01
TWICE_MEASURED = 0.03
EU_TUNNEL = pa.schema(
    [
        ("sku", pa.string()),
        *((name, pa.float64()) for name in ("l_cm", "b_cm", "h_cm", "g")),
        ("defect", pa.bool_()),
        ("at", STAMP),
    ]
)
Reading = tuple[Product, tuple[float, float, float], float, bool, datetime.datetime]


def write_tunnel(folder: Path, marketplace: str, products: Sequence[Product], seed: int) -> None:
    """tunnel.csv (NA, inches and pounds), tunnel.parquet (EU) or tunnel.csv (JP, millimetres)."""
    readings = [reading for product in products for reading in _measure(product, seed)]
    if marketplace == "NA":
        columns = ("asin", "len_in", "wid_in", "hei_in", "weight_lb", "defect", "measured_at")
        write_csv(folder / "na" / "tunnel.csv", [_na_reading(*reading) for reading in readings], columns)
    elif marketplace == "EU":
        write_parquet(folder / "eu" / "tunnel.parquet", [_eu_reading(*reading) for reading in readings], EU_TUNNEL)
    else:
        columns = ("item_code", "mm_l", "mm_w", "mm_h", "g", "defect", "at")
        write_csv(folder / "jp" / "tunnel.csv", [_jp_reading(*reading) for reading in readings], columns)


def _measure(product: Product, seed: int) -> list[Reading]:
    """One reading, now and then two: the true packed size within about one percent, a few sides misread."""
    rng = stream(seed, "tunnel", product.number)
    readings: list[Reading] = []
    for _ in range(2 if rng.random() < TWICE_MEASURED else 1):
        sides = np.array(product.packed_cm) * rng.normal(1.0, 0.01, 3)
        if rng.random() < MISREAD:
            sides[rng.integers(3)] *= rng.choice([0.0, 0.1, 3.0])
        weight = product.weight_g * float(rng.normal(1.0, 0.005))
        at = CLOSING - datetime.timedelta(minutes=int(rng.integers(1, 500 * 24 * 60)))
        read = (float(sides[0]), float(sides[1]), float(sides[2]))
        readings.append((product, read, weight, bool(rng.random() < DEFECT), at))
    return readings


def _na_reading(
    product: Product, sides: tuple[float, float, float], weight: float, defect: bool, at: datetime.datetime
) -> dict[str, Any]:
    length, width, height = (f"{side / INCH:.2f}" for side in sides)
    return {
        "asin": product.product_id, "len_in": length, "wid_in": width, "hei_in": height,
        "weight_lb": f"{weight / POUND_G:.3f}", "defect": "Y" if defect else "N",
        "measured_at": at.isoformat(timespec="seconds"),
    }  # fmt: skip


def _eu_reading(
    product: Product, sides: tuple[float, float, float], weight: float, defect: bool, at: datetime.datetime
) -> dict[str, Any]:
    length, width, height = (round(side, 1) for side in sides)
    return {
        "sku": product.product_id, "l_cm": length, "b_cm": width, "h_cm": height,
        "g": round(weight, 0), "defect": defect, "at": at,
    }  # fmt: skip


def _jp_reading(
    product: Product, sides: tuple[float, float, float], weight: float, defect: bool, at: datetime.datetime
) -> dict[str, Any]:
    length, width, height = (round(side * 10) for side in sides)
    return {
        "item_code": product.product_id, "mm_l": length, "mm_w": width, "mm_h": height,
        "g": round(weight), "defect": "1" if defect else "0", "at": at.isoformat(timespec="seconds"),
    }  # fmt: skip
