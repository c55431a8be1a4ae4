"""Scores by product, for rules that look at all packages of a product at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.scoring.side_by_side import Types, Whole, side_by_side
from leastpack.tables.keys import PAIR, PRODUCT

SHARED = (*PRODUCT, "bucket", "views_used")
LISTED = {
    "fits": "boolean", "risk": "float", "damage_rate": "float", "void_share": "double", "error": "string",
}  # fmt: skip
_SCHEMA = ", ".join(
    ["marketplace string, product_id string, bucket int, views_used int, package_type array<string>"]
    + [f"{name} array<{kind}>" for name, kind in LISTED.items()]
)


def by_product(scores: DataFrame, types: Types) -> DataFrame:
    """Collect the pairs of each product, without moving those that lie side by side.

    Args:
        scores: Rows of `pair_scores`.
        types: Package types by marketplace, in order of name.

    Returns:
        SHARED, package_type and LISTED, one row a stretch of rows: `package_type` is null where it holds all package
        types in order of name, and names the pairs of a product that is not whole; `together` joins these.
    """

    def collected(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for part in side_by_side(batches, types):
            yield from (_whole(part) if isinstance(part, Whole) else _apart(part)).to_batches()

    columns = [*dict.fromkeys((*PAIR, *SHARED)), *LISTED]
    return scores.select(*columns).mapInArrow(collected, _SCHEMA)  # type: ignore[arg-type]


def together(stretches: DataFrame) -> DataFrame:
    """SHARED, package_type and LISTED of products that lay in several stretches, package types in order of name."""
    one = F.arrays_zip("package_type", *LISTED)
    apart = stretches.where(F.col("package_type").isNotNull())
    grouped = apart.groupBy(*PRODUCT).agg(
        F.min("bucket").alias("bucket"),
        F.max("views_used").alias("views_used"),
        F.array_sort(F.flatten(F.collect_list(one))).alias("pairs"),
    )
    return grouped.select(*SHARED, *[F.col(f"pairs.{name}").alias(name) for name in ("package_type", *LISTED)])


def declared(types: Types) -> Column:
    """The names of the product's package types."""
    listed = [part for name, own in types.items() for part in (F.lit(name), F.array(*map(F.lit, own)))]
    return F.element_at(F.create_map(*listed), F.col("marketplace"))


def _whole(part: Whole) -> pa.Table:
    shared = {name: part.product(name) for name in SHARED}
    unnamed = pa.nulls(len(part), pa.list_(pa.string()))
    return pa.table({**shared, "package_type": unnamed, **{name: part.lists(name) for name in LISTED}})


def _apart(rows: pa.Table) -> pa.Table:
    """Lists of one pair each."""
    offsets = np.arange(len(rows) + 1, dtype=np.int32)
    shared = {name: rows.column(name) for name in SHARED}
    lists = {n: pa.ListArray.from_arrays(offsets, rows.column(n).combine_chunks()) for n in ("package_type", *LISTED)}
    return pa.table({**shared, **lists})
