"""P5: the pass over batches counts what a plain comparison of every product's pairs counts."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from leastpack.releases.order import ORDER_TOLERANCE, Order
from leastpack.releases.rows import scores_wrong
from leastpack.tables.by_pair import TYPES

# box is at least as protective as mailer and bag, mailer as bag.
ORDERS = {
    "NA": Order(("bag", "box", "mailer"), np.array([[0, 1, 1], [0, 0, 0], [0, 1, 0]], dtype=bool)),
    "EU": Order(("bag", "box"), np.array([[0, 1], [0, 0]], dtype=bool)),
}
Row = dict[str, Any]


def plain(rows: list[Row]) -> int:
    found = 0
    for strong in rows:
        order = ORDERS.get(strong["marketplace"])
        if order is None or strong["risk"] is None or strong["package_type"] not in order.names:
            continue
        own = order.names.index(strong["package_type"])
        weaker = {name for name, stronger in zip(order.names, order.stronger[:, own], strict=True) if stronger}
        found += any(
            weak["product_id"] == strong["product_id"]
            and weak["marketplace"] == strong["marketplace"]
            and weak["package_type"] in weaker
            and weak["risk"] is not None
            and (strong["void_share"] or 0.0) <= (weak["void_share"] or 0.0)
            and strong["risk"] > weak["risk"] + ORDER_TOLERANCE
            for weak in rows
        )
    return found


def passed(rows: list[Row], cuts: list[int]) -> int:
    """What the pass counts, products cut into batches at some places."""
    products: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        products.setdefault((row["marketplace"], row["product_id"]), []).append(row)
    listed = []
    for (market, _), own in products.items():
        ordered = sorted(own, key=lambda row: str(row["package_type"]))
        lists = {name: [row[name] for row in ordered] for name in ("package_type", "risk", "void_share")}
        errors = [None if risk is not None else "NO_INPUT" for risk in lists["risk"]]
        same = {"damage_rate": lists["risk"], "error": errors, "fits": [True] * len(errors)}
        listed.append({"marketplace": market, TYPES: lists.pop("package_type"), **lists, **same})
    table = pa.Table.from_pylist(listed, schema=SCHEMA)
    places = sorted({0, len(listed), *(cut % (len(listed) + 1) for cut in cuts)})
    slices = [table.slice(a, b - a) for a, b in itertools.pairwise(places)]
    batches = [batch for one in slices for batch in one.combine_chunks().to_batches()]
    return sum(int(scores_wrong(batch, ORDERS)["rises"].sum()) for batch in batches)


NUMBERS = pa.list_(pa.float64())
STRINGS = pa.list_(pa.string())
SCHEMA = pa.schema(
    {
        "marketplace": pa.string(), TYPES: STRINGS, "risk": NUMBERS, "void_share": NUMBERS, "damage_rate": NUMBERS,
        "error": STRINGS, "fits": pa.list_(pa.bool_()),
    }
)  # fmt: skip
RISK = st.one_of(st.none(), st.sampled_from([0.1, 0.1 + 5e-7, 0.2, 0.3]))
VOID = st.one_of(st.none(), st.sampled_from([0.0, 0.25, 0.5]))


@st.composite
def scores(draw: st.DrawFn) -> list[Row]:
    rows = []
    for number in range(draw(st.integers(0, 6))):
        market = draw(st.sampled_from(["NA", "EU", "JP"]))
        names = draw(st.permutations(ORDERS[market].names if market in ORDERS else ("bag",)))
        rows += [
            {"marketplace": market, "product_id": f"p{number}", "package_type": name}
            | {"risk": draw(RISK), "void_share": draw(VOID)}
            for name in names
        ]
    return rows


@settings(max_examples=200, deadline=None)
@given(scores(), st.lists(st.integers(0, 30), max_size=5))
def test_p5_the_pass_makes_the_plain_count_however_products_are_cut(rows: list[Row], cuts: list[int]) -> None:
    assert passed(rows, cuts) == plain(rows)


def test_lists_in_another_order_are_compared_by_name() -> None:
    for risk, found in (([0.9, 0.1], 1), ([0.1, 0.9], 0)):
        row = {"marketplace": "EU", TYPES: ["box", "bag"], "risk": risk, "void_share": [0.0, 0.0]}
        row |= {"damage_rate": risk, "error": [None, None], "fits": [True, True]}
        twice = {**row, TYPES: ["box", "box"]}
        batch = pa.RecordBatch.from_pylist([row, twice], schema=SCHEMA)
        assert scores_wrong(batch, ORDERS)["rises"].tolist() == [found, 0]


def test_products_with_other_types_than_their_marketplace_are_passed_over() -> None:
    rows = [
        {"marketplace": "NA", "product_id": "p", "package_type": name, "risk": risk, "void_share": 0.0}
        for name, risk in (("bag", 0.1), ("box", 0.9))
    ]
    assert passed(rows, []) == 0
    assert passed([*rows, {**rows[0], "package_type": "mailer"}], []) == 1
