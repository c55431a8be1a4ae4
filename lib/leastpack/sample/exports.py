"""Product exports, each marketplace in its own format and units."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from leastpack.sample.files import write_csv, write_jsonl, write_parquet
from leastpack.sample.listings import POUND, RATES, Listing
from leastpack.sample.world import Product

ID_COLUMN = {"NA": "asin", "EU": "sku", "JP": "item_code"}
STAMP = pa.timestamp("us", tz="UTC")
INCH, POUND_G, OUNCE_G = 2.54, 453.592, 28.3495

NA_PRODUCTS = (
    "asin", "parent_asin", "gtin", "title", "bullet_text", "brand", "department", "list_price", "item_dimensions",
    "item_weight", "lang", "last_updated", "discontinued_on",
)  # fmt: skip
JP_PRODUCTS = pa.schema(
    [
        *(
            (name, pa.string())
            for name in ("item_code", "group_code", "jan", "title", "description", "maker", "category")
        ),
        *((name, pa.int64()) for name in ("price_yen", "length_mm", "width_mm", "height_mm", "weight_g")),
        ("updated", STAMP),
        ("ended", STAMP),
    ]
)
NONSENSE_SIZES = (
    "N/A",
    "0.0 x 0.0 x 0.0 inches",
    "1.0 x 1.0 x 1.0 inches",
    "see description",
    "999.0 x 999.0 x 999.0 inches",
)


def write_products(folder: Path, marketplace: str, rows: Sequence[Listing]) -> None:
    """products.csv (NA), products.jsonl (EU) or products.parquet (JP)."""
    if marketplace == "NA":
        write_csv(folder / "na" / "products.csv", [_na(row) for row in rows], NA_PRODUCTS)
    elif marketplace == "EU":
        write_jsonl(folder / "eu" / "products.jsonl", [_eu(row) for row in rows])
    else:
        write_parquet(folder / "jp" / "products.parquet", [_jp(row) for row in rows], JP_PRODUCTS)


def family_code(product: Product) -> str:
    """The variation family's identifier in its marketplace."""
    return f"{product.marketplace[0]}F{product.family:05d}"


def _na(row: Listing) -> dict[str, Any]:
    return {
        "asin": row.product_id,
        "parent_asin": family_code(row.product),
        "gtin": row.gtin,
        "title": row.title,
        "bullet_text": row.description,
        "brand": row.brand,
        "department": row.category,
        "list_price": None if row.price is None else f"${row.price:,.2f}",
        "item_dimensions": _na_sides(row),
        "item_weight": _na_weight(row),
        "lang": row.language,
        "last_updated": row.updated.isoformat(timespec="seconds"),
        "discontinued_on": row.discontinued and row.discontinued.date().isoformat(),
    }


def _na_sides(row: Listing) -> str | None:
    if row.sides_cm is None:
        return None
    if row.parts == 0:
        return NONSENSE_SIZES[int(row.style * len(NONSENSE_SIZES))]
    sides = {2: row.sides_cm[:2], 3: row.sides_cm, 6: row.sides_cm + row.packed_cm}[row.parts]
    return " x ".join(f"{side / INCH:.1f}" for side in sides) + " inches"


def _na_weight(row: Listing) -> str | None:
    """A number whose unit the export lost: pounds or ounces as the vendor pleased, now and then grams with a space."""
    if row.weight_g is None:
        return None
    if row.style < 0.02 and row.weight_g >= 1000:
        return f"{row.weight_g:,.0f} ".replace(",", " ")
    ounces = row.style < (0.75 if row.weight_g < POUND_G else 0.25)
    return f"{row.weight_g / (OUNCE_G if ounces else POUND_G):.{1 if ounces else 2}f}"


def _eu(row: Listing) -> dict[str, Any]:
    pounds = row.language == "en" and row.style < 0.6
    price = None
    if row.price is not None:
        price = f"£{row.price / RATES['EU'] * POUND:.2f}" if pounds else f"{_comma(row.price, 2)} €"
    record = {
        "sku": row.product_id,
        "family": family_code(row.product),
        "gtin": row.gtin,
        "name": row.title,
        "text": row.description,
        "brand": row.brand,
        "category": row.category,
        "price": price,
        "masse": _eu_sides(row),
        "gewicht": _eu_weight(row),
        "language": row.language,
        "changed": row.updated.isoformat(timespec="seconds"),
        "delisted": row.discontinued and row.discontinued.date().isoformat(),
    }
    return {key: value for key, value in record.items() if value is not None or row.style > 0.3}


def _eu_sides(row: Listing) -> str | None:
    if row.sides_cm is None:
        return None
    if row.parts == 0:
        return ("k. A.", "0 x 0 x 0 cm", "9999 x 1 x 1 cm")[int(row.style * 3)]
    sides = row.sides_cm[:2] if row.parts == 2 else row.sides_cm
    if row.style > 0.93:
        return " x ".join(f"{side * 10:.0f}" for side in sides) + " mm"
    return " x ".join(_comma(side, 1).removesuffix(",0") for side in sides) + " cm"


def _eu_weight(row: Listing) -> str | None:
    if row.weight_g is None:
        return None
    return f"{_comma(row.weight_g / 1000, 3)} kg" if row.style < 0.55 else f"{row.weight_g:.0f} g"


def _jp(row: Listing) -> dict[str, Any]:
    sides: list[int | None] = [None, None, None]
    if row.sides_cm is not None:
        sides = [round(side * 10) for side in row.sides_cm]
        if row.parts == 0:
            sides = [0, 0, 0] if row.style < 0.5 else [99999, 1, 1]
        if row.parts == 2:
            sides[2] = None
    return {
        "item_code": row.product_id,
        "group_code": family_code(row.product),
        "jan": row.gtin,
        "title": row.title,
        "description": row.description,
        "maker": row.brand,
        "category": row.category,
        "price_yen": None if row.price is None else round(row.price),
        "length_mm": sides[0],
        "width_mm": sides[1],
        "height_mm": sides[2],
        "weight_g": None if row.weight_g is None else round(row.weight_g),
        "updated": row.updated,
        "ended": row.discontinued,
    }


def _comma(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace(".", ",")
