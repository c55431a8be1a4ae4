"""Which pairs in doubt of some products may come into the queue."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.decisions.test_rules import product_batch, terms_of

from leastpack.certificates.arrays import read_products
from leastpack.certificates.marks import TESTED
from leastpack.decisions.doubts import doubts
from leastpack.decisions.rules import CODES

MARKET = terms_of().markets["NA"]
SIZE = len(MARKET.names)
LIGHTER = {name: float(MARKET.tare_g[MARKET.names.index("box")] - MARKET.tare_g[place])
           for place, name in enumerate(MARKET.names)}  # fmt: skip
PRODUCTS = st.lists(
    st.fixed_dictionaries(
        {
            "shipments": st.one_of(st.none(), st.integers(0, 5)),
            "in_panel": st.booleans(),
            "risk": st.sampled_from([0.25, 0.5, 0.75]),
            "codes": st.lists(st.sampled_from(sorted(CODES)), min_size=SIZE, max_size=SIZE),
            "tested": st.lists(st.booleans(), min_size=SIZE, max_size=SIZE),
        }
    ),
    min_size=1,
    max_size=6,
)


@settings(deadline=None, max_examples=60)
@given(PRODUCTS, st.integers(1, 8))
def test_those_of_greatest_worth_are_given_and_with_them_none_but_equals(rows: list[dict[str, Any]], most: int) -> None:
    score = {"fits": True, "damage_rate": 0.001, "void_share": 0.0, "views_used": 3}
    batches = []
    for row in rows:
        marks = [TESTED if one else 0 for one in row["tested"]]
        own = [{**score, "risk": row["risk"]}] * SIZE
        batch = product_batch("NA", own, marks, ("box", None, None, None), 0.0).to_pydict()
        batches.append({**batch, "shipments": [row["shipments"]], "in_panel": [row["in_panel"]]})
    schema = product_batch("NA", own, marks, ("box", None, None, None), 0.0).schema
    whole = pa.RecordBatch.from_pydict({n: [b[n][0] for b in batches] for n in schema.names}, schema=schema)
    products = read_products(whole, MARKET, terms_of().config.decisions, 1.0)
    codes = np.array([[CODES[code] for code in row["codes"]] for row in rows], dtype=np.int8)
    kept_in = np.full(len(rows), MARKET.names.index("box"))

    found = {
        (place, pair["package_type"]): pair["worth"]
        for place, own in enumerate(doubts(products, MARKET, codes, kept_in, whole, most).to_pylist())
        for pair in own
    }
    expected = {
        (place, name): LIGHTER[name] * max(1, row["shipments"] or 0) * (1 - row["risk"])
        for place, row in enumerate(rows)
        for name, code, tested in zip(MARKET.names, row["codes"], row["tested"], strict=True)
        if code == "doubtful" and not tested and not row["in_panel"] and LIGHTER[name] > 0
    }
    least = sorted(expected.values(), reverse=True)[:most][-1:]
    assert found == {key: worth for key, worth in expected.items() if worth >= least[0]}


def test_a_product_that_ships_in_nothing_known_saves_nothing() -> None:
    score = {"fits": True, "risk": 0.5, "damage_rate": 0.001, "void_share": 0.0, "views_used": 3}
    whole = product_batch("NA", [score] * SIZE, [0] * SIZE, (None, None, None, None), 0.0)
    products = read_products(whole, MARKET, terms_of().config.decisions, 1.0)
    codes = np.full((1, SIZE), CODES["doubtful"], dtype=np.int8)
    assert doubts(products, MARKET, codes, np.array([-1]), whole, 5).to_pylist() == [[]]
