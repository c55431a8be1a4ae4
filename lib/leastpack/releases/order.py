"""Protection order over the whole matrix of scores: more protection at equal or less void never has more risk.

One pass over Arrow batches compares the products whose rows lie side by side; only the others are brought together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.scoring.side_by_side import AT_ONCE, Whole, side_by_side
from leastpack.tables.keys import PAIR, PRODUCT

# Risks of one product come from one matrix product; rounding may part what is equal by less than this.
ORDER_TOLERANCE = 1e-6

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


def compare_batches(
    batches: Iterable[pa.RecordBatch], orders: Mapping[str, Order], at_once: int = AT_ONCE
) -> Iterator[pa.RecordBatch]:
    """Compare the products of a file's part.

    Args:
        batches: COLUMNS of `pair_scores` as they lie in the file.
        orders: Package types by marketplace.
        at_once: Of `side_by_side`.

    Returns:
        COLUMNS and `rises`: rows that tell only how many pairs break the order, and the rows of products that are not
        whole here, without `rises`.
    """
    types = {name: order.names for name, order in orders.items()}
    for part in side_by_side(batches, types, at_once):
        if isinstance(part, Whole):
            void = np.nan_to_num(part.matrix("void_share"))
            yield from _answer(_count(part.matrix("risk"), void, orders[part.marketplace]), None)
        else:
            yield from _answer(0, part)


def _count(risk: npt.NDArray[np.float64], void: npt.NDArray[np.float64], order: Order) -> int:
    found = 0
    for strong, weaker in enumerate(order.weaker):
        broken = np.zeros(len(risk), dtype=bool)
        for weak in weaker:
            # Nothing is above NaN: a missing risk breaks no order.
            broken |= (void[:, strong] <= void[:, weak]) & (risk[:, strong] > risk[:, weak] + ORDER_TOLERANCE)
        found += int(broken.sum())
    return found


def _answer(found: int, apart: pa.Table | None) -> Iterator[pa.RecordBatch]:
    if apart is None:
        nothing: dict[str, list[Any]] = {name: [None] for name in COLUMNS}
        yield from pa.table({**nothing, "rises": [found]}, schema=_arrow_schema()).to_batches()
    else:
        with_rises = apart.append_column("rises", pa.nulls(len(apart), pa.int64()))
        yield from with_rises.cast(_arrow_schema()).to_batches()


def _arrow_schema() -> pa.Schema:
    words = [(name, pa.string()) for name in PAIR]
    return pa.schema([*words, ("risk", pa.float64()), ("void_share", pa.float64()), ("rises", pa.int64())])


def with_weaker(package_types: DataFrame) -> DataFrame:
    """Package types with `weaker`: the other types of their marketplace that they are at least as protective as."""
    other = package_types.select("marketplace", F.col("package_type").alias("other"), F.col("profile").alias("theirs"))
    at_least = F.forall(F.zip_with("profile", "theirs", lambda mine, their: mine >= their), lambda higher: higher)
    weaker = (
        package_types.join(F.broadcast(other), on="marketplace", how="inner")
        .where((F.col("package_type") != F.col("other")) & at_least)
        .groupBy("marketplace", "package_type")
        .agg(F.sort_array(F.collect_list("other")).alias("weaker"))
    )
    joined = package_types.join(F.broadcast(weaker), on=["marketplace", "package_type"], how="left")
    return joined.withColumn("weaker", F.coalesce("weaker", F.array().cast("array<string>")))


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
