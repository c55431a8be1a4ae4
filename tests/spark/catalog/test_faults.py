"""P14: a tenth of the listings made faulty, one kind of fault each: no other value moves, none becomes a wrong one."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from tests.spark.catalog.exports import Shop

Listing = dict[str, str]
VALUES = ("length_cm", "width_cm", "height_cm", "weight_g", "price", "currency", "updated_at", "universal_id")
PRODUCTS = 400
# What happens to listings on their way, and what they may be noted with beside the true value or none.
FAULTS: dict[str, Callable[[Listing], Listing]] = {
    "milliseconds": lambda row: {**row, "changed": "1714557600000"},
    "day of a spreadsheet": lambda row: {**row, "changed": "45413"},
    "far future": lambda row: {**row, "changed": "9999-12-31"},
    "rounded number": lambda row: {**row, "gtin": "4.00638E+12"},
    "lost digit": lambda row: {**row, "gtin": row["gtin"][:-1]},
    "filler": lambda row: {**row, "gtin": "なし"},
    "whole double": lambda row: {**row, "gtin": row["gtin"] + ".0"},
    "formula": lambda row: {**row, "gtin": f'="{row["gtin"]}"'},
    "no-break space": lambda row: {**row, "id": f"\u00a0{row['id']}\u200b", "size": row["size"].replace(" ", "\u00a0")},
    "unknown unit": lambda row: {**row, "size": row["size"].replace("in", "spans")},
    "preposition": lambda row: {**row, "size": f"{in_cm(row['size'])} in cm"},
    "other system beside": lambda row: {**row, "size": f"{row['size']} ({in_cm(row['size'])} cm)"},
    "json": lambda row: {**row, "size": str(dict(zip("lwh", sides_of(row), strict=True))).replace("'", '"')},
    "unknown weight": lambda row: {**row, "weight": row["weight"].replace("lb", "catties")},
    "weight with a range": lambda row: {**row, "weight": "1-" + row["weight"]},
    "foreign money": lambda row: {**row, "price": row["price"].replace("$", "") + " som"},
    "range of prices": lambda row: {**row, "price": f"{row['price']} - $999.00"},
    "exponent": lambda row: {**row, "price": f"${float(row['price'][1:]) / 100:.4f}E2"},
    "empty": lambda row: {**row, "size": "", "weight": "", "price": "", "changed": "", "gtin": ""},
}  # fmt: skip


def sides_of(row: Listing) -> list[float]:
    return [float(side) for side in row["size"].removesuffix(" in").split(" x ")]


def in_cm(size: str) -> str:
    return " x ".join(f"{float(side) * 2.54:.1f}" for side in size.removesuffix(" in").split(" x "))


def check_digit(body: str) -> str:
    return str(-sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(body)) % 10)


def listings() -> list[Listing]:
    draw = random.Random(5)
    made = []
    for number in range(PRODUCTS):
        sides = sorted((draw.randrange(20, 300) / 10 for _ in range(3)), reverse=True)
        # What starts with 02, 04 or 2, with a digit lost or not, is given by a store and links nothing.
        body = f"0{draw.randrange(30 * 10**10, 40 * 10**10)}"
        made.append(
            {
                "id": f"P{number}",
                "gtin": body + check_digit(body),
                "title": f"thing {number}",
                "size": " x ".join(map(str, sides)) + " in",
                "weight": f"{math.prod(sides) * 0.009:.2f} lb",
                "price": f"${draw.randrange(100, 90_000) / 100:.2f}",
                "changed": f"2024-0{draw.randrange(1, 9)}-1{draw.randrange(9)}",
            }
        )
    return made


def read_back(spark: SparkSession, folder: Path, rows: list[Listing]) -> dict[str, dict[str, Any]]:
    folder.mkdir()
    shop = Shop(spark, folder)
    shop.products(rows, currency="USD")
    shop.build()
    account = shop.accounts()["products"]
    found = account["used"] + sum(account["set_aside"].values()) + account["quarantined"]
    assert account["rows_in"] == len(rows) == found
    return {key[1]: row for key, row in shop.rows("products").items()}


def test_p14_faulty_listings_move_no_other_value_and_become_none_or_noted(spark: SparkSession, tmp_path: Path) -> None:
    rows = listings()
    true = read_back(spark, tmp_path / "clean", rows)
    assert all(true[row["id"]][name] is not None for row in rows for name in VALUES)
    names = list(FAULTS)
    chosen = {place: names[place // 10 % len(names)] for place in range(0, PRODUCTS, 10)}
    faulty = [FAULTS[chosen[place]](row) if place in chosen else row for place, row in enumerate(rows)]
    found = read_back(spark, tmp_path / "faulty", faulty)
    assert found.keys() == true.keys()
    for place, row in enumerate(rows):
        for name in VALUES:
            got, meant = found[row["id"]][name], true[row["id"]][name]
            same = math.isclose(got, meant, rel_tol=0.01) if isinstance(got, float) else got == meant
            if place not in chosen:
                assert same, (row, name, got)
            else:
                lost = got is None and (found[row["id"]]["notes"] or chosen[place] in ("empty", "filler"))
                assert same or lost, (chosen[place], name, got, meant)
