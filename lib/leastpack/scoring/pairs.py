"""Products to pairs: an Arrow stage gives each product lists of scores, one element a package, and Spark opens them.

Lists travel as Arrow buffers from the model's arrays to Spark's rows; no Python object is made for a product or a pair.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.meter import LOADS, Meter, schema
from leastpack.scoring.cross import Crossed, Risks, cross
from leastpack.scoring.packages import PackageSet
from leastpack.scoring.worker_model import WorkerModel

NO_INPUT, PACKAGE_INVALID, INTERNAL = "NO_INPUT", "PACKAGE_INVALID", "INTERNAL"

SIDES = ("length_cm", "width_cm", "height_cm")
CROSS_INPUTS = ("marketplace", "vector", *SIDES, "weight_g")
_KEPT = "marketplace string, product_id string, bucket int, no_input boolean, views_used int, warnings array<string>"
METER = ("cross_s", "write_s", *LOADS)
KEPT = tuple(_KEPT.split()[::2])
_LISTS = "fits array<boolean>, void_share array<double>, risk array<float>, damage_rate array<float>"
LISTS = tuple(_LISTS.split()[::2])
# Products given to Spark at a time: few, so that little of the time it takes to write them goes untold.
PIECE = 1_000
# A matrix of billions of pairs is as large as these numbers are: they are kept in 4 bytes each.
_TYPES = {"void_share": np.float64, "risk": np.float32, "damage_rate": np.float32}


def cross_products(
    products: DataFrame, model: WorkerModel, packages: Mapping[str, PackageSet], padding_cm: float
) -> DataFrame:
    """Scores of every product, in lists with an element a package type of its marketplace.

    Args:
        products: Columns KEPT and CROSS_INPUTS, one row a product.
        model: Its product vectors are in `vector`, null where it has none.
        packages: Package types by marketplace.
        padding_cm: Room a box needs beside the product, a side.

    Returns:
        KEPT, LISTS and METER, one row a product.
    """

    def crossed(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        told = Meter(METER)
        for batch in batches:
            scorer = model.open(told)  # by the first batch: a part without rows needs none
            columns = {name: batch.column(name) for name in CROSS_INPUTS}
            with told.seconds("cross_s"):
                lists = cross_batch(columns, scorer, packages, padding_cm)
            kept = {name: batch.column(name) for name in KEPT}
            yield from told.given_away("write_s", pa.RecordBatch.from_pydict({**kept, **lists}), PIECE)

    inputs = products.select(*dict.fromkeys((*KEPT, *CROSS_INPUTS)))
    return inputs.mapInArrow(crossed, f"{_KEPT}, {_LISTS}, {schema(METER)}")  # type: ignore[arg-type]


def open_lists(scored: DataFrame, packages: Mapping[str, PackageSet]) -> DataFrame:
    """One row for every product x package type of its marketplace.

    Args:
        scored: KEPT and LISTS of `cross_products`.
        packages: Package types by marketplace; a product of another one has no pairs.

    Returns:
        marketplace, product_id, bucket, views_used, warnings, package_type, fits, void_share, risk, damage_rate, error:
        risk and damage_rate are null exactly where error is set.
    """
    declared_types = F.create_map(*[part for name, own in packages.items() for part in (F.lit(name), _types(own))])
    declared = F.element_at(declared_types, F.col("marketplace"))
    zipped = F.arrays_zip(declared.alias("type"), *LISTS)
    pairs = scored.select(*KEPT, F.inline(zipped))
    error = (
        F.when(F.col("no_input"), NO_INPUT)
        .when(~F.col("type.valid"), PACKAGE_INVALID)
        .when(F.col("risk").isNull() | F.col("damage_rate").isNull(), INTERNAL)
    )
    return pairs.select(
        "marketplace",
        "product_id",
        "bucket",
        "views_used",
        "warnings",
        "type.package_type",
        "fits",
        "void_share",
        F.when(error.isNull(), F.col("risk")).alias("risk"),
        F.when(error.isNull(), F.col("damage_rate")).alias("damage_rate"),
        error.alias("error"),
    )


def cross_batch(
    columns: Mapping[str, pa.Array], scorer: Risks, packages: Mapping[str, PackageSet], padding_cm: float
) -> dict[str, pa.ListArray]:
    """The scores of a batch of products: arrays in, lists out.

    Args:
        columns: CROSS_INPUTS, n rows.
        scorer: The model.
        packages: Package types by marketplace.
        padding_cm: Room a box needs beside the product, a side.

    Returns:
        LISTS, n lists each, with an element a package type of the product's marketplace in order of name.
    """
    markets = columns["marketplace"].dictionary_encode()
    names, market = markets.dictionary.to_pylist(), markets.indices.to_numpy()
    vectors = _vectors(columns["vector"])
    sides = np.stack([_numbers(columns[name]) for name in SIDES], axis=1)
    weights = _numbers(columns["weight_g"])
    sizes = np.array([len(packages[name].packages) if name in packages else 0 for name in names], dtype=np.int32)
    offsets = np.concatenate([[0], np.cumsum(sizes[market])]).astype(np.int32)
    flat = {name: np.full(offsets[-1], np.nan) for name in LISTS}
    for index in np.flatnonzero(sizes):
        rows = np.flatnonzero(market == index)
        found = cross(scorer, vectors[rows], sides[rows], weights[rows], packages[names[index]], padding_cm)
        _place(flat, found, offsets[rows], sizes[index])
    return {name: pa.ListArray.from_arrays(pa.array(offsets), _values(name, flat[name])) for name in LISTS}


def _place(flat: dict[str, npt.NDArray[np.float64]], found: Crossed, starts: npt.NDArray[np.int32], size: int) -> None:
    places = starts[:, None] + np.arange(size, dtype=np.int32)
    values = {"fits": found.fits, "void_share": found.void, "risk": found.risk, "damage_rate": found.damage_rate}
    for name, array in values.items():
        flat[name][places] = array


def _values(name: str, flat: npt.NDArray[np.float64]) -> pa.Array:
    """Numbers with null for NaN; of `fits` whether they are above 0."""
    values = flat > 0 if name == "fits" else flat.astype(_TYPES[name], copy=False)
    return pa.array(values, mask=np.isnan(flat))


def _vectors(column: pa.ListArray) -> npt.NDArray[np.float32]:
    """(n, d) vectors, NaN where the list is null or shorter than others."""
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    width = max(1, int(lengths.max(initial=0)))
    there = lengths == width
    values = column.filter(pa.array(there)).flatten().to_numpy(zero_copy_only=False)
    vectors = np.full((len(column), width), np.nan, dtype=np.float32)
    vectors[there] = values.reshape(-1, width)
    return vectors


def _numbers(column: pa.Array) -> npt.NDArray[np.float64]:
    numbers: npt.NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return numbers.astype(np.float64, copy=False)


def _types(packages: PackageSet) -> Column:
    fields = [{"package_type": one.name, "valid": one.valid} for one in packages.packages]
    return F.array(*[F.struct(*[F.lit(value).alias(name) for name, value in one.items()]) for one in fields])
