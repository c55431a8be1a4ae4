"""An Arrow stage gives each product lists of scores, an element a package type of its marketplace.

They travel as Arrow buffers from the model's arrays to Spark's rows; no Python object is made for a product or a pair.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from leastpack.meter import LOADS, Meter, schema
from leastpack.scoring.cross import Risks, cross
from leastpack.scoring.packages import PackageSet
from leastpack.scoring.worker_model import WorkerModel

NO_INPUT, PACKAGE_INVALID, INTERNAL = "NO_INPUT", "PACKAGE_INVALID", "INTERNAL"

SIDES = ("length_cm", "width_cm", "height_cm")
CROSS_INPUTS = ("marketplace", "vector", *SIDES, "weight_g")
_KEPT = (
    "marketplace string, product_id string, bucket int, no_input boolean, views_used int, warnings array<string>, "
    "fingerprint string"
)
METER = ("cross_s", "write_s", *LOADS)
KEPT = tuple(_KEPT.split()[::2])
# In the order in which `cross_batch` answers: Spark takes columns by their place.
_LISTS = (
    "package_types array<string>, fits array<boolean>, risk array<float>, damage_rate array<float>, "
    "void_share array<double>, error array<string>"
)
NUMBERS = ("fits", "risk", "damage_rate", "void_share")
_ERRORS = (NO_INPUT, PACKAGE_INVALID, INTERNAL)
# Products given to Spark at a time: few, so that little of the time it takes to write them goes untold.
PIECE = 1_000
# A matrix of billions of pairs is as large as these numbers are: they are kept in 4 bytes each.
_TYPES = {"void_share": np.float64, "risk": np.float32, "damage_rate": np.float32}


def cross_products(
    products: DataFrame,
    model: WorkerModel,
    packages: Mapping[str, PackageSet],
    padding_cm: float,
) -> DataFrame:
    """Scores of every product, in lists with an element a package type of its marketplace.

    Args:
        products: Columns KEPT and CROSS_INPUTS, one row a product.
        model: Its product vectors are in `vector`, null where it has none.
        packages: Package types by marketplace.
        padding_cm: Room a box needs beside the product, a side.

    Returns:
        KEPT, the lists of `cross_batch` and METER, one row a product of a marketplace with package types.
    """

    def crossed(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        told = Meter(METER)
        for batch in batches:
            scorer = model.open(told)  # by the first batch: a part without rows needs none
            batch = batch.filter(pc.is_in(batch.column("marketplace"), pa.array(list(packages), pa.string())))
            with told.seconds("cross_s"):
                lists = cross_batch(batch, scorer, packages, padding_cm)
            kept = {name: batch.column(name) for name in KEPT}
            yield from told.given_away("write_s", pa.RecordBatch.from_pydict({**kept, **lists}), PIECE)

    inputs = products.select(*dict.fromkeys((*KEPT, *CROSS_INPUTS)))
    return inputs.mapInArrow(crossed, f"{_KEPT}, {_LISTS}, {schema(METER)}")  # type: ignore[arg-type]


def cross_batch(
    products: pa.RecordBatch, scorer: Risks, packages: Mapping[str, PackageSet], padding_cm: float
) -> dict[str, pa.ListArray]:
    """The scores of a batch of products: arrays in, lists out.

    Args:
        products: CROSS_INPUTS and no_input, n rows, each of a marketplace in `packages`.
        scorer: The model.
        packages: Package types by marketplace.
        padding_cm: Room a box needs beside the product, a side.

    Returns:
        package_types, fits, risk, damage_rate, void_share and error: n lists each, with an element a package type of
        the product's marketplace in order of name; risk and damage_rate are null exactly where error is set.
    """
    markets = products.column("marketplace").dictionary_encode()
    names, market = markets.dictionary.to_pylist(), markets.indices.to_numpy()
    vectors = _vectors(products.column("vector"))
    sides = np.stack([_numbers(products.column(name)) for name in SIDES], axis=1)
    weights = _numbers(products.column("weight_g"))
    sizes = np.array([len(packages[name].packages) for name in names], dtype=np.int32)
    offsets = np.concatenate([[0], np.cumsum(sizes[market])]).astype(np.int32)
    flat = {name: np.full(offsets[-1], np.nan) for name in NUMBERS}
    declared = [package for name in names for package in packages[name].packages]
    firsts = np.cumsum(sizes) - sizes
    # Of each pair the place of its package type in `declared`.
    types = np.empty(offsets[-1], dtype=np.int32)
    for index in range(len(names)):
        rows = np.flatnonzero(market == index)
        found = cross(scorer, vectors[rows], sides[rows], weights[rows], packages[names[index]], padding_cm)
        places = offsets[rows][:, None] + np.arange(sizes[index], dtype=np.int32)
        values = {"fits": found.fits, "void_share": found.void, "risk": found.risk, "damage_rate": found.damage_rate}
        for name, array in values.items():
            flat[name][places] = array
        types[places] = firsts[index] + np.arange(sizes[index], dtype=np.int32)
    no_input = products.column("no_input").to_numpy(zero_copy_only=False).astype(bool)
    valid = np.array([package.valid for package in declared], dtype=bool)
    failed = np.isnan(flat["risk"]) | np.isnan(flat["damage_rate"])
    error = np.select([np.repeat(no_input, np.diff(offsets)), ~valid[types], failed], [0, 1, 2], default=-1)
    flat["risk"][error >= 0] = flat["damage_rate"][error >= 0] = np.nan
    lists = {
        "package_types": _words(types, [package.name for package in declared]),
        **{name: _values(name, flat[name]) for name in NUMBERS},
        "error": _words(error, _ERRORS),
    }
    return {name: pa.ListArray.from_arrays(pa.array(offsets), values) for name, values in lists.items()}


def _words(places: npt.NDArray[np.int_], words: Sequence[str]) -> pa.Array:
    """The words at places, null below 0."""
    indices = pa.array(places.astype(np.int32), mask=places < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(list(words), pa.string())).cast(pa.string())


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
