"""Protection order over the whole matrix of scores: more protection at equal or less void never has more risk.

Scores are written product by product, so nearly every product's rows lie together in a file: one pass over Arrow
batches compares them, without moving any. Only products that the end of a file's part cuts in two, or whose rows lie
apart, are brought together by Spark.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.decisions.cells import PAIR, PRODUCT, with_weaker

# Risks of one product come from one matrix product; rounding may part what is equal by less than this.
ORDER_TOLERANCE = 1e-6

Ints = npt.NDArray[np.int64]
_SCHEMA = "marketplace string, product_id string, package_type string, risk double, void_share double, rises bigint"
COLUMNS = (*PAIR, "risk", "void_share")


@dataclass(frozen=True)
class Order:
    """The package types of one marketplace, and which is at least as protective as which.

    Attributes:
        names: Package types.
        weaker: For each place in `names`, the places of the types it is at least as protective as.
    """

    names: tuple[str, ...]
    weaker: tuple[tuple[int, ...], ...]


def rises(scores: DataFrame, package_types: DataFrame) -> int:
    """Pairs whose risk is higher than that of a type they are at least as protective as, at equal or less void.

    Args:
        scores: Rows of `pair_scores`; those without a risk break no order.
        package_types: Rows of `package_types`.
    """
    orders = _orders(package_types)

    def compared(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return compare_batches(batches, orders)

    passed = scores.select(*COLUMNS).mapInArrow(compared, _SCHEMA)  # type: ignore[arg-type]
    # Kept on the way: what lies apart is looked at after the pass that counts the rest.
    passed = passed.persist()
    try:
        together = passed.agg(F.sum("rises").alias("rises")).collect()[0].rises
        apart = passed.where("product_id IS NOT NULL").drop("rises")
        return int(together or 0) + _rises_apart(apart, package_types)
    finally:
        passed.unpersist()


def compare_batches(batches: Iterable[pa.RecordBatch], orders: Mapping[str, Order]) -> Iterator[pa.RecordBatch]:
    """Compare the products of a file's part.

    Args:
        batches: COLUMNS of `pair_scores` as they lie in the file.
        orders: Package types by marketplace.

    Returns:
        COLUMNS and `rises`: rows that tell only how many pairs break the order, and the rows of products that are not
        whole here, without `rises`.
    """
    rest: pa.Table | None = None
    for batch in batches:
        rows = pa.Table.from_batches([batch])
        rows = rows if rest is None else pa.concat_tables([rest, rows])
        found, apart, rest = compare_runs(rows, orders)
        yield from _answer(found, apart)
    if rest is not None and len(rest):
        yield from _answer(0, rest)


def compare_runs(rows: pa.Table, orders: Mapping[str, Order]) -> tuple[int, pa.Table, pa.Table]:
    """Compare the products whose rows are all there, side by side.

    Args:
        rows: Some rows of `pair_scores` as they lie in a file.
        orders: Package types by marketplace.

    Returns:
        Pairs that break the order; the rows of products that are not whole here; and the rows of the last product,
        which may go on.
    """
    starts, ends = _runs(rows)
    if not len(starts):
        return 0, rows, rows
    rest = rows.slice(starts[-1])
    starts, ends = starts[:-1], ends[:-1]
    markets = rows.column("marketplace").take(pa.array(starts)).to_pylist()
    found, whole = 0, np.zeros(len(starts), dtype=bool)
    for name in dict.fromkeys(markets):
        order = orders.get(name)
        if order is None or not order.names:
            continue
        size = len(order.names)
        mine = np.flatnonzero([market == name for market in markets] & (ends - starts == size))
        places = starts[mine, None] + np.arange(size)
        taken = rows.take(pa.array(places.ravel()))
        types = pc.index_in(taken.column("package_type"), pa.array(order.names))
        types = pc.fill_null(types, -1).to_numpy().reshape(-1, size)
        all_there = (np.sort(types, axis=1) == np.arange(size)).all(axis=1)
        whole[mine[all_there]] = True
        risk, void = (_matrix(taken, column, types)[all_there] for column in ("risk", "void_share"))
        found += _count(risk, np.nan_to_num(void), order)
    cut = np.flatnonzero(~whole)
    lie = np.concatenate([np.arange(starts[i], ends[i]) for i in cut]) if len(cut) else np.zeros(0, dtype=np.int64)
    return found, rows.take(pa.array(lie)), rest


def _runs(rows: pa.Table) -> tuple[Ints, Ints]:
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


def _matrix(rows: pa.Table, column: str, types: Ints) -> npt.NDArray[np.float64]:
    """(products, types) numbers of a column in the order of the types; NaN for null."""
    numbers = rows.column(column).to_numpy().astype(np.float64).reshape(types.shape)
    return np.take_along_axis(numbers, np.argsort(types, axis=1), axis=1)


def _count(risk: npt.NDArray[np.float64], void: npt.NDArray[np.float64], order: Order) -> int:
    found = 0
    for strong, weaker in enumerate(order.weaker):
        broken = np.zeros(len(risk), dtype=bool)
        for weak in weaker:
            # Nothing is above NaN: a missing risk breaks no order.
            broken |= (void[:, strong] <= void[:, weak]) & (risk[:, strong] > risk[:, weak] + ORDER_TOLERANCE)
        found += int(broken.sum())
    return found


def _answer(found: int, apart: pa.Table) -> Iterator[pa.RecordBatch]:
    nothing: dict[str, list[Any]] = {name: [None] for name in COLUMNS}
    total = pa.table({**nothing, "rises": [found]}, schema=_arrow_schema())
    yield from total.to_batches()
    if len(apart):
        with_rises = apart.append_column("rises", pa.nulls(len(apart), pa.int64()))
        yield from with_rises.cast(_arrow_schema()).to_batches()


def _arrow_schema() -> pa.Schema:
    words = [(name, pa.string()) for name in PAIR]
    return pa.schema([*words, ("risk", pa.float64()), ("void_share", pa.float64()), ("rises", pa.int64())])


def _orders(package_types: DataFrame) -> dict[str, Order]:
    listed: dict[str, dict[str, list[str]]] = {}
    rows = with_weaker(package_types).select(*PAIR[::2], "weaker").collect()  # a few dozen
    for row in sorted(rows, key=lambda row: (row.marketplace, row.package_type)):
        listed.setdefault(row.marketplace, {})[row.package_type] = row.weaker
    orders = {}
    for market, weaker in listed.items():
        place = {name: i for i, name in enumerate(weaker)}
        orders[market] = Order(tuple(weaker), tuple(tuple(place[one] for one in own) for own in weaker.values()))
    return orders


def _rises_apart(scores: DataFrame, package_types: DataFrame) -> int:
    """The same for products whose rows do not lie together: one group a product."""
    weaker = with_weaker(package_types).select("marketplace", "package_type", "weaker")
    one = F.struct("package_type", "weaker", "risk", F.coalesce("void_share", F.lit(0.0)).alias("void"))
    scored = scores.where("risk IS NOT NULL").join(F.broadcast(weaker), on=["marketplace", "package_type"], how="inner")
    products = scored.groupBy(*PRODUCT).agg(F.collect_list(one).alias("packages"))
    counted = F.sum(F.size(F.filter("packages", _rises_from_a_weaker_one))).alias("rises")
    return int(products.agg(counted).collect()[0].rises or 0)


def _rises_from_a_weaker_one(strong: Column) -> Column:
    def rising(weak: Column) -> Column:
        ordered = F.array_contains(strong["weaker"], weak["package_type"]) & (strong["void"] <= weak["void"])
        return ordered & (strong["risk"] > weak["risk"] + ORDER_TOLERANCE)

    return F.exists("packages", rising)
