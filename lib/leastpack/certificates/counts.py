"""How many products of a sample move at each level of the grid, and at what risk: all that a round is planned from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.certificates.arrays import READ, read_products
from leastpack.certificates.cells import cell_name, stratum_of
from leastpack.certificates.terms import PILOT, Terms
from leastpack.policy.choose import choose
from leastpack.policy.exact import Counts, Floats
from leastpack.tables.keys import PAIR

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


def correction(examples: DataFrame, scores: DataFrame, terms: Terms) -> Floats:
    """How far labels of the calibrate split lie from the risks at or under each level of the grid.

    Only pairs count that were labelled whatever their outcome, by tests or many shipments: the targets of others carry
    little more than the prior that they come from.

    Args:
        examples: Rows of `training_examples` of that split.
        scores: `pair_scores`.
        terms: The policy.

    Returns:
        (G,) what the mean risk is to be multiplied by: unsafe labels found over those expected.
    """
    chosen = examples.where("eligible OR by_human_test")
    labelled = chosen.join(scores.where("risk IS NOT NULL").select(*PAIR, "risk"), on=PAIR, how="inner")
    # As of sorted levels: the first one that the risk is at or under.
    levels = F.array(*[F.lit(float(level)) for level in terms.grid])
    place = F.size(F.filter(levels, lambda level: level < F.col("risk")))
    sums = {"found": "target", "expected": "risk"}
    rows = labelled.groupBy(place.alias("place")).agg(
        *[F.sum(F.col(value).cast("decimal(28,9)")).cast("double").alias(name) for name, value in sums.items()]
    )
    found, expected = np.zeros(len(terms.grid) + 1), np.zeros(len(terms.grid) + 1)
    for row in rows.collect():
        found[row.place], expected[row.place] = row.found, row.expected
    # One label's worth of belief in the risks as they are.
    factor: Floats = ((np.cumsum(found) + 1) / (np.cumsum(expected) + 1))[:-1]
    return factor


def _counted(rows: pa.RecordBatch, marketplace: str, terms: Terms) -> pa.RecordBatch:
    products = read_products(rows, terms.markets[marketplace], terms.config.decisions, terms.reported)
    options, photos = products.options, products.pairs.photos
    bad = products.pairs.damage_rate if terms.labels == PILOT else options.risk
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
        for with_photos in (False, True):
            moved = choice.moves & (photos == with_photos)
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
