"""How many products of a sample move at each level of the grid, and at what risk: all that a round is planned from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.certificates.arrays import READ, listed_moves, read_products
from leastpack.certificates.cells import cell_name, stratum_of
from leastpack.certificates.terms import RANDOM, Terms
from leastpack.policy.choose import choose
from leastpack.policy.exact import Counts, Floats

_SCHEMA = "cell string, place int, moves bigint, expected double"
# The place of rows that count products.
ALL = -1


@dataclass(frozen=True)
class CellCounts:
    """A cell of the sample.

    Attributes:
        products: Products.
        moves: (G,) of these, moving at each level of the grid.
        expected: (G,) sum of the risks of the packages that they move to; for a pilot, of their damage rates.
    """

    products: int
    moves: Counts
    expected: Floats


def by_marketplace(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[str, pa.RecordBatch]]:
    """The rows of each marketplace apart."""
    for batch in batches:
        names = batch.column("marketplace").dictionary_encode()
        places = names.indices.to_numpy(zero_copy_only=False)
        for index, name in enumerate(names.dictionary.to_pylist()):
            yield name, batch.take(pa.array(np.flatnonzero(places == index)))


def count_moves(products: DataFrame, terms: Terms) -> dict[str, CellCounts]:
    """Count the moves of a sample at every level.

    Args:
        products: `products.product_rows`.
        terms: The policy.

    Returns:
        Counts by cell.
    """

    def counted(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for marketplace, rows in by_marketplace(batches):
            yield _counted(rows, marketplace, terms)

    rows = products.select("marketplace", *READ).mapInArrow(counted, _SCHEMA)  # type: ignore[arg-type]
    # Decimals add up to the same sum in any order.
    expected = F.sum(F.col("expected").cast("decimal(28,9)")).cast("double").alias("expected")
    found: dict[str, CellCounts] = {}
    size = len(terms.grid)
    for row in rows.groupBy("cell", "place").agg(F.sum("moves").alias("moves"), expected).collect():
        one = found.setdefault(row.cell, CellCounts(0, np.zeros(size, dtype=np.int64), np.zeros(size)))
        if row.place == ALL:
            found[row.cell] = CellCounts(row.moves, one.moves, one.expected)
        else:
            one.moves[row.place], one.expected[row.place] = row.moves, row.expected
    return dict(sorted(found.items()))


def _counted(rows: pa.RecordBatch, marketplace: str, terms: Terms) -> pa.RecordBatch:
    products = read_products(rows, terms.markets[marketplace], terms.config.decisions, terms.reported)
    options, photos = products.options, products.pairs.photos
    bad = products.pairs.damage_rate if terms.of_shipments else options.risk
    each = np.arange(len(photos))
    cells, places, moves, expected = [], [], [], []
    for with_photos in (False, True):
        inside = photos == with_photos
        if not inside.any():
            continue
        cells.append(cell_name(terms.pool(marketplace), stratum_of(with_photos)))
        places.append(ALL)
        moves.append(int(inside.sum()))
        expected.append(0.0)
    for place, level in enumerate(terms.grid):
        choice = choose(options, float(level), terms.least_saving(marketplace))
        moves_here = listed_moves(products, choice.package, choice.moves) if terms.labels == RANDOM else choice.moves
        for with_photos in (False, True):
            moved = moves_here & (photos == with_photos)
            if not moved.any():
                continue
            cells.append(cell_name(terms.pool(marketplace), stratum_of(with_photos)))
            places.append(place)
            moves.append(int(moved.sum()))
            expected.append(float(bad[each[moved], choice.package[moved]].sum()))
    columns = {
        "cell": pa.array(cells, pa.string()),
        "place": pa.array(places, pa.int32()),
        "moves": pa.array(moves, pa.int64()),
        "expected": pa.array(expected, pa.float64()),
    }
    return pa.RecordBatch.from_pydict(columns)
