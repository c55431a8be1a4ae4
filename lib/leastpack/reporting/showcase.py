"""A dozen products for the reader's own eyes: the surest right answers and the largest mistakes."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.tables.by_pair import pairs
from leastpack.tables.keys import PAIR, PRODUCT

# name, label it has, whether the highest risk comes first, whether the answer is right
CASES = (
    ("right: unsafe and seen", "UNSAFE", True, True),
    ("wrong: unsafe and missed", "UNSAFE", False, False),
    ("right: safe and seen", "SAFE", False, True),
    ("wrong: safe and feared", "SAFE", True, False),
)


def choose_products(known: pd.DataFrame, most: int) -> pd.DataFrame:
    """Products with the highest and lowest risks of each label, a quarter each, no product twice.

    Args:
        known: `gather.test_pairs`.
        most: Products to choose.

    Returns:
        A row a product: marketplace, product_id, verdict, right.
    """
    chosen: list[dict[str, Any]] = []
    taken: set[tuple[str, str]] = set()
    for verdict, label, highest, right in CASES:
        ordered = known[known["label"] == label].sort_values(["risk", *PAIR], ascending=[not highest, True, True, True])
        room = -(-most // len(CASES))
        for row in ordered.itertuples():
            key = (str(row.marketplace), str(row.product_id))
            if room and key not in taken and len(chosen) < most:
                taken.add(key)
                chosen.append(
                    {
                        **dict(zip(PRODUCT, key, strict=True)),
                        "verdict": f"{verdict} ({row.package_type})",
                        "right": right,
                    }
                )
                room -= 1
    return pd.DataFrame(chosen, columns=[*PRODUCT, "verdict", "right"])


def showcase(
    chosen: pd.DataFrame,
    products: DataFrame,
    images: DataFrame,
    scores: DataFrame,
    decisions: DataFrame,
    examples: DataFrame,
    picture: Callable[[str], bytes | None],
) -> list[dict[str, Any]]:
    """Everything the page shows of the chosen products.

    Args:
        chosen: Result of `choose_products`.
        products: The table.
        images: product_images.
        scores: `released_products`.
        decisions: The same of decisions.
        examples: training_examples, for labels; those of too few shipments to prove anything are not shown.
        picture: A small JPEG of an image URI; None leaves the picture out.
    """
    if chosen.empty:
        return []
    keys = F.broadcast(products.sparkSession.createDataFrame(chosen[PRODUCT]))
    facts = {_key(row): row for row in products.join(keys, on=PRODUCT, how="inner").collect()}
    photos = images.join(keys, on=PRODUCT, how="inner").orderBy(F.desc("kind"), "view").collect()
    scored, decided = (pairs(frame.join(keys, on=PRODUCT, how="left_semi")) for frame in (scores, decisions))
    rows = (
        scored.select(*PAIR, "risk", "damage_rate", "fits")
        .join(decided.select(*PAIR, "decision"), on=PAIR, how="left")
        .join(examples.where("eligible").select(*PAIR, "label"), on=PAIR, how="left")
        .orderBy("risk")
        .collect()
    )
    shown = []
    for choice in chosen.to_dict("records"):
        key = (choice["marketplace"], choice["product_id"])
        pictures = [{"view": p["view"], "src": _data_uri(picture(p["uri"]))} for p in photos if _key(p) == key]
        shown.append(
            {
                **choice,
                "title": facts[key]["title"] or "(no title)",
                "facts": _facts(facts[key]),
                "images": [picture for picture in pictures if picture["src"]],
                "scores": [row.asDict() for row in rows if _key(row) == key],
            }
        )
    return shown


def _data_uri(small: bytes | None) -> str | None:
    return None if small is None else "data:image/jpeg;base64," + base64.b64encode(small).decode()


def _key(row: Any) -> tuple[str, str]:
    return row["marketplace"], row["product_id"]


def _facts(row: Any) -> str:
    sides = [row["length_cm"], row["width_cm"], row["height_cm"]]
    size = (
        " x ".join(f"{side:.1f}" for side in sides) + " cm"
        if all(side is not None for side in sides)
        else "size unknown"
    )
    weight = f"{row['weight_g']:.0f} g" if row["weight_g"] is not None else "weight unknown"
    price = f"{row['price']:.2f} {row['currency']}" if row["price"] is not None else "price unknown"
    return f"{size} ({row['size_source']}), {weight}, {price}"
