"""What the policy of a round chooses for products, at the levels of their cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.certificates.arrays import READ, listed_moves, read_products
from leastpack.certificates.cells import cell_among
from leastpack.certificates.counts import by_marketplace
from leastpack.certificates.terms import RANDOM, Terms
from leastpack.policy.choose import choose_by_level

_SCHEMA = "marketplace string, product_id string, cell string, choices array<string>, drawn boolean"


@dataclass(frozen=True)
class Draw:
    """What a round draws.

    Attributes:
        levels: Of each cell, in the order of their tests.
        start: Where the products begin that are drawn, by hash.
        ends: Where they end in each cell.
        listed: Keep what is chosen for all products, drawn or not.
    """

    levels: Mapping[str, Sequence[float]]
    start: float
    ends: Mapping[str, float]
    listed: bool


def of_cell(values: Mapping[str, float]) -> Column:
    """The value of a row's cell; null where it has none."""
    return F.create_map(*[F.lit(part) for item in sorted(values.items()) for part in item])[F.col("cell")]


def choices_of(products: DataFrame, terms: Terms, draw: Draw) -> DataFrame:
    """What the policy chooses at the levels of a product's cell, for products that move at one of them.

    Args:
        products: `products.product_rows` of all that may be drawn or listed, with `panel`, their place by hash.
        terms: The policy.
        draw: What is drawn.

    Returns:
        marketplace, product_id, cell, choices, drawn.
    """

    def chosen(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for marketplace, rows in by_marketplace(batches):
            for photos in (False, True):
                cell = cell_among(draw.levels, terms.pool(marketplace), photos)
                if cell is not None:
                    yield _chosen(rows, marketplace, photos, cell, draw, terms)

    columns = ["marketplace", "product_id", "panel", *READ]
    return products.select(columns).mapInArrow(chosen, _SCHEMA)  # type: ignore[arg-type]


def count_drawn(products: DataFrame, terms: Terms, draw: Draw) -> dict[str, int]:
    """Products drawn, by cell, whether they move or not."""
    inside = products.where(F.col("panel") >= draw.start)
    counted = inside.groupBy("marketplace", (F.col("views_used") > 0).alias("photos"))
    found: dict[str, int] = {}
    sums = [F.count_if(F.col("panel") < end).alias(cell) for cell, end in draw.ends.items()]
    for row in counted.agg(*sums).collect():
        cell = cell_among(draw.ends, terms.pool(row.marketplace), bool(row.photos))
        if cell is not None:
            found[cell] = found.get(cell, 0) + row[cell]
    return found


def _chosen(
    rows: pa.RecordBatch, marketplace: str, photos: bool, cell: str, draw: Draw, terms: Terms
) -> pa.RecordBatch:
    market, levels = terms.markets[marketplace], draw.levels[cell]
    products = read_products(rows, market, terms.config.decisions, terms.reported)
    packages, moves = choose_by_level(products.options, levels, terms.least_saving(marketplace))
    if terms.labels == RANDOM:
        moves = listed_moves(products, packages, moves)
    place = rows.column("panel").to_numpy(zero_copy_only=False)
    drawn = (place >= draw.start) & (place < draw.ends[cell])
    wanted = (drawn | draw.listed) & (products.pairs.photos == photos) & moves.any(axis=0)
    kept = np.flatnonzero(wanted)
    names = pa.array(market.names).take(pa.array(packages[:, kept].T.ravel(), mask=~moves[:, kept].T.ravel()))
    return pa.RecordBatch.from_pydict(
        {
            "marketplace": rows.column("marketplace").take(pa.array(kept)),
            "product_id": rows.column("product_id").take(pa.array(kept)),
            "cell": pa.array([cell] * len(kept), pa.string()),
            "choices": pa.ListArray.from_arrays(
                pa.array(np.arange(len(kept) + 1, dtype=np.int32) * len(levels)), names
            ),
            "drawn": pa.array(drawn[kept]),
        }
    )
