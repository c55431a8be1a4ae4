"""Protection order over all scores: more protection at equal or less void never has more risk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.tables.by_pair import TYPES
from leastpack.tables.keys import PAIR

Floats = npt.NDArray[np.float64]

# Risks of one product come from one matrix product; rounding may part what is equal by less than this.
ORDER_TOLERANCE = 1e-6

COLUMNS = ("marketplace", TYPES, "risk", "void_share")


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
        scores: Rows of `scores`; those without a risk break no order.
        package_types: Rows of `package_types`.
    """
    orders = _orders(package_types)

    def compared(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return compare_batches(batches, orders)

    counted = scores.select(*COLUMNS).mapInArrow(compared, "rises bigint")  # type: ignore[arg-type]
    return int(counted.agg(F.sum("rises").alias("rises")).collect()[0].rises or 0)


def compare_batches(batches: Iterable[pa.RecordBatch], orders: Mapping[str, Order]) -> Iterator[pa.RecordBatch]:
    """Count the pairs of each batch that break the order.

    Args:
        batches: COLUMNS of `scores`; a product with other package types than its marketplace is counted elsewhere.
        orders: Package types by marketplace.

    Returns:
        `rises`, one row a batch.
    """
    for batch in batches:
        found = 0
        for name, order in orders.items():
            own = _whole(batch.filter(pc.equal(batch.column("marketplace"), name)), order)
            places = _places(own, order)
            risk, void = (_by_name(_matrix(own, column, order), places) for column in ("risk", "void_share"))
            found += _count(risk, np.nan_to_num(void), order)
        yield pa.RecordBatch.from_pydict({"rises": pa.array([found], pa.int64())})


def _whole(rows: pa.RecordBatch, order: Order) -> pa.RecordBatch:
    """The products with a risk and a share for each package type."""
    there = np.ones(len(rows), dtype=bool)
    for name in (TYPES, "risk", "void_share"):
        lengths = pc.fill_null(pc.list_value_length(rows.column(name)), 0)
        there &= lengths.to_numpy(zero_copy_only=False) == len(order.names)
    return rows.filter(pa.array(there))


def _places(rows: pa.RecordBatch, order: Order) -> npt.NDArray[np.int_]:
    """(products, types) place in `order` of each element's type; -1 for types that it lacks."""
    found = pc.index_in(rows.column(TYPES).flatten(), value_set=pa.array(order.names, pa.string()))
    places: npt.NDArray[np.int_] = pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.intp)
    return places.reshape(-1, len(order.names))


def _by_name(numbers: Floats, places: npt.NDArray[np.int_]) -> Floats:
    """The numbers of products with each type of `order` once, in its order whatever that of their lists."""
    every = np.arange(places.shape[1])
    if (places == every).all():
        return numbers
    back = np.argsort(places, axis=1)
    once = (np.take_along_axis(places, back, axis=1) == every).all(axis=1)
    ordered: Floats = np.take_along_axis(numbers, back, axis=1)[once]
    return ordered


def _matrix(rows: pa.RecordBatch, column: str, order: Order) -> Floats:
    """(products, types) numbers; NaN for null."""
    numbers: Floats = rows.column(column).flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    return numbers.reshape(-1, len(order.names))


def _count(risk: Floats, void: Floats, order: Order) -> int:
    found = 0
    for strong, weaker in enumerate(order.weaker):
        broken = np.zeros(len(risk), dtype=bool)
        for weak in weaker:
            # Nothing is above NaN: a missing risk breaks no order.
            broken |= (void[:, strong] <= void[:, weak]) & (risk[:, strong] > risk[:, weak] + ORDER_TOLERANCE)
        found += int(broken.sum())
    return found


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
