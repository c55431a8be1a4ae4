"""Pairs in doubt of some products: those whose pass would save most are what a person may be asked to test next.

A pair is in doubt by decision TEST, without any human test yet. It is worth the weight that a pass would save against
the recommended (else the current) package, times the shipments of the product, times the chance to pass, 1 - risk.
Products of a panel are not asked about: their results are kept from training, and so would teach the model nothing.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from leastpack.certificates.arrays import Products, numbers
from leastpack.decisions.rules import TEST, Codes, of_decision
from leastpack.policy.choose import NONE, Flags, Places
from leastpack.policy.market import Market, Numbers

DOUBTS = "array<struct<package_type: string, risk: float, weight_saved_g: double, worth: double>>"


def doubts(
    products: Products, market: Market, codes: Codes, recommended: Places, rows: pa.RecordBatch, most: int
) -> pa.ListArray:
    """The pairs of some products of one marketplace that may come into the queue as doubtful: DOUBTS, a list a product.

    Of all of them the queue takes the `most` of greatest worth; so no more of these products are given, but for equals.

    Args:
        products: The products.
        market: Their package types.
        codes: (n, t) `rules.decide`.
        recommended: (n,) places of the recommended packages.
        rows: `shipments` and `in_panel` of the products.
        most: Doubtful pairs of the queue.
    """
    ships = np.where(recommended == NONE, products.shipped, recommended)
    saved = np.where(ships == NONE, np.nan, market.tare_g[ships])[:, None] - market.tare_g
    # A product that never shipped counts for one shipment.
    shipments = np.fmax(numbers(rows.column("shipments")), 1.0)
    worth = saved * shipments[:, None] * (1 - products.pairs.risk)
    in_panel = rows.column("in_panel").to_numpy(zero_copy_only=False).astype(bool)
    waiting = of_decision(codes, TEST) & ~products.tested & ~in_panel[:, None] & (saved > 0)
    chosen = waiting & _among(worth, waiting, most)
    names = pa.array(market.names).take(pa.array(np.nonzero(chosen)[1]))
    risk = pa.array(products.pairs.risk[chosen].astype(np.float32))
    pairs = [names, risk, pa.array(saved[chosen]), pa.array(worth[chosen])]
    structs = pa.StructArray.from_arrays(pairs, ["package_type", "risk", "weight_saved_g", "worth"])
    offsets = np.concatenate([[0], np.cumsum(chosen.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), structs)


def _among(worth: Numbers, waiting: Flags, most: int) -> Flags:
    """Whether a pair's worth is among the `most` greatest of those that wait."""
    found = worth[waiting]
    among: Flags = worth >= (np.partition(found, -most)[-most] if most < len(found) else -np.inf)
    return among
