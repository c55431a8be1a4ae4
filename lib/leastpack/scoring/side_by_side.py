"""Pairs to products: rows of `pair_scores` as matrices, a row a product and a column a package type.

Scores are written product by product, so nearly every product's rows lie together in a file, and one pass over Arrow
batches finds them without moving any. Only products that the end of a file's part cuts in two, or whose rows lie apart
for another reason, have to be brought together by Spark.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from leastpack.tables.keys import PRODUCT

# Arrow brings ten thousand rows at a time, which is too few to pay for what is done once a batch.
AT_ONCE = 100_000

Ints = npt.NDArray[np.int64]
Types = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Whole:
    """Products of one marketplace, each with a pair for every package type.

    Attributes:
        marketplace: The marketplace.
        size: Its package types.
        pairs: Their rows, product by product, package types in order of name.
    """

    marketplace: str
    size: int
    pairs: pa.Table

    def __len__(self) -> int:
        return len(self.pairs) // self.size

    def matrix(self, column: str) -> npt.NDArray[np.float64]:
        """(products, types) numbers; NaN for null."""
        numbers: npt.NDArray[np.float64] = self.pairs.column(column).to_numpy().astype(np.float64)
        return numbers.reshape(-1, self.size)

    def lists(self, column: str) -> pa.ListArray:
        """A list a product, an element a package type."""
        values = self.pairs.column(column).combine_chunks()
        return pa.ListArray.from_arrays(np.arange(len(self) + 1, dtype=np.int32) * self.size, values)

    def product(self, column: str) -> pa.Array:
        """What all pairs of a product share, a value a product."""
        return self.pairs.column(column).combine_chunks().take(pa.array(np.arange(len(self)) * self.size))


def side_by_side(batches: Iterable[pa.RecordBatch], types: Types, at_once: int = AT_ONCE) -> Iterator[Whole | pa.Table]:
    """The products in a part of a file.

    Args:
        batches: Rows of `pair_scores` as they lie in the file.
        types: Package types by marketplace, in order of name.
        at_once: Least rows of a piece that batches are put together to; the last one may have fewer.

    Yields:
        Products whose pairs are all here side by side; and the rows of the others.
    """
    rest: pa.Table | None = None
    for rows in _put_together(batches, at_once):
        rows = rows if rest is None else pa.concat_tables([rest, rows])
        starts, ends = _stretches(rows)
        if not len(starts):
            continue
        # The last product may go on in the next piece.
        rest = rows.slice(starts[-1])
        yield from _products(rows, starts[:-1], ends[:-1], types)
    if rest is not None:
        yield from _products(rest, *_stretches(rest), types)


def _put_together(batches: Iterable[pa.RecordBatch], at_once: int) -> Iterator[pa.Table]:
    """Fewer, larger pieces: each ends with the batch that brings it to `at_once` rows."""
    piece: list[pa.RecordBatch] = []
    for batch in batches:
        piece.append(batch)
        if sum(map(len, piece)) >= at_once:
            yield pa.Table.from_batches(piece)
            piece = []
    if piece:
        yield pa.Table.from_batches(piece)


def _products(rows: pa.Table, starts: Ints, ends: Ints, types: Types) -> Iterator[Whole | pa.Table]:
    markets = rows.column("marketplace").take(pa.array(starts)).dictionary_encode().combine_chunks()
    market = markets.indices.to_numpy()
    whole = np.zeros(len(starts), dtype=bool)
    for index, name in enumerate(markets.dictionary.to_pylist()):
        names = types.get(name, ())
        if not names:
            continue
        mine = np.flatnonzero((market == index) & (ends - starts == len(names)))
        places = starts[mine, None] + np.arange(len(names))
        found = pc.index_in(rows.column("package_type").take(pa.array(places.ravel())), pa.array(names))
        order = pc.fill_null(found, -1).to_numpy().reshape(-1, len(names))
        all_there = (np.sort(order, axis=1) == np.arange(len(names))).all(axis=1)
        whole[mine[all_there]] = True
        places, order = places[all_there], order[all_there]
        if len(places):
            sorted_places = np.take_along_axis(places, np.argsort(order, axis=1), axis=1)
            yield Whole(name, len(names), rows.take(pa.array(sorted_places.ravel())))
    cut = np.flatnonzero(~whole)
    if len(cut):
        yield rows.take(pa.array(np.concatenate([np.arange(starts[i], ends[i]) for i in cut])))


def _stretches(rows: pa.Table) -> tuple[Ints, Ints]:
    """Where each stretch of rows of one product starts and ends."""
    if not len(rows):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    new = np.zeros(len(rows), dtype=bool)
    new[0] = True
    for name in PRODUCT:
        column = rows.column(name).combine_chunks()
        new[1:] |= pc.not_equal(column.slice(1), column.slice(0, len(rows) - 1)).to_numpy(zero_copy_only=False)
    starts = np.flatnonzero(new)
    return starts, np.append(starts[1:], len(rows))
