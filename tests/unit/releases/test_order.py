"""P5: the pass over batches counts what a plain comparison of every product's pairs counts, however rows are cut."""

from __future__ import annotations

import itertools
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from leastpack.releases.order import ORDER_TOLERANCE, Order, compare_batches

# box is at least as protective as mailer and bag, mailer as bag.
ORDERS = {
    "NA": Order(("bag", "box", "mailer"), ((), (0, 2), (0,))),
    "EU": Order(("bag", "box"), ((), (0,))),
}
Row = dict[str, Any]


def plain(rows: list[Row]) -> int:
    found = 0
    for strong in rows:
        order = ORDERS.get(strong["marketplace"])
        if order is None or strong["risk"] is None or strong["package_type"] not in order.names:
            continue
        weaker = {order.names[i] for i in order.weaker[order.names.index(strong["package_type"])]}
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


def passed(rows: list[Row], cuts: list[int], at_once: int = 1) -> tuple[int, list[Row]]:
    """What the pass counts, and the rows it leaves to be brought together."""
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    places = sorted({0, len(rows), *(cut % (len(rows) + 1) for cut in cuts)})
    slices = [table.slice(a, b - a) for a, b in itertools.pairwise(places)]
    batches = [batch for one in slices for batch in one.combine_chunks().to_batches()]
    answer = [row for batch in compare_batches(batches, ORDERS, at_once) for row in batch.to_pylist()]
    return sum(row["rises"] or 0 for row in answer), [row for row in answer if row["product_id"] is not None]


SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("marketplace", "product_id", "package_type")]
    + [(name, pa.float64()) for name in ("risk", "void_share")]
)
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
@given(
    scores(),
    st.lists(st.integers(0, 30), max_size=5),
    st.integers(1, 20),
    st.randoms(use_true_random=False),
    st.booleans(),
)
def test_p5_the_pass_and_what_it_leaves_make_the_plain_count(
    rows: list[Row], cuts: list[int], at_once: int, dice: Any, mix: bool
) -> None:
    if mix:
        dice.shuffle(rows)
    together, left = passed(rows, cuts, at_once)
    assert together + plain(left) == plain(rows)


def test_rows_that_lie_together_are_not_left() -> None:
    rows = [
        {"marketplace": "NA", "product_id": f"p{i}", "package_type": name, "risk": 0.1, "void_share": 0.0}
        for i in range(50)
        for name in ("mailer", "bag", "box")
    ]
    _, left = passed(rows, [10, 40])
    assert left == []
