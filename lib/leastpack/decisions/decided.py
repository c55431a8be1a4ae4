"""Decisions product by product: an Arrow stage over the packages of each product, opened to pairs by Spark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.config.decisions import DecisionsConfig
from leastpack.decisions.cells import PRODUCT
from leastpack.decisions.market import Market, Numbers
from leastpack.decisions.recommend import NONE, Choice, recommend
from leastpack.decisions.rules import CODES, NOT_IN_USE, REASONS, SAFE, UNSAFE, Codes, Pairs, decide

KEPT = {"marketplace": "string", "product_id": "string", "bucket": "int"}
LISTS = {"fits": "array<boolean>", "risk": "array<float>", "error": "array<string>"}
GROUNDS = ("views_used", "damage_rate", "void_share", "proven", "value", "current_package_type")
CODED = {"code": "array<tinyint>", "certificate": "array<smallint>"}
CHOSEN = {
    "package_type": "string", "current_package_type": "string", "safe_default": "string", "reason": "string",
    "expected_damage_cost": "double", "package_cost": "double", "weight_saved_g": "double",
    "alternatives": "array<string>",
}  # fmt: skip
OTHERWISE = {"otherwise_g": "double"}
_SCHEMA = ", ".join(f"{name} {kind}" for name, kind in {**KEPT, **LISTS, **CODED, **CHOSEN, **OTHERWISE}.items())


def decide_products(
    products: DataFrame, markets: Mapping[str, Market], settings: DecisionsConfig, reporting_rate: float
) -> DataFrame:
    """Decide on all pairs of every product, and choose its package.

    Args:
        products: KEPT, LISTS and GROUNDS, one row a product; the lists have an element a package type, in order of
            name. `proven` has UNKNOWN, SAFE or UNSAFE, and is null for a product without any proof.
        markets: Package types by marketplace.
        settings: Section `decisions`.
        reporting_rate: Share of damages that are reported.

    Returns:
        KEPT, LISTS, CODED (reason and certificate of each pair), CHOSEN (the columns of `recommendations`) and the tare
        of the package that the product ships in otherwise: the recommended one, else the current one.
    """

    def decided(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            names = batch.column("marketplace").dictionary_encode()
            for index, name in enumerate(names.dictionary.to_pylist()):
                rows = batch.take(pa.array(np.flatnonzero(names.indices.to_numpy() == index)))
                yield decide_batch(rows, markets[name], settings, reporting_rate)

    return products.select(*KEPT, *LISTS, *GROUNDS).mapInArrow(decided, _SCHEMA)  # type: ignore[arg-type]


def decide_batch(
    rows: pa.RecordBatch, market: Market, settings: DecisionsConfig, reporting_rate: float
) -> pa.RecordBatch:
    """`decide_products` for some products of one marketplace."""
    pairs = _pairs(rows, len(market.names))
    codes = decide(pairs, market, settings.reject_risk)
    value = _numbers(rows.column("value"))
    choice = recommend(pairs, codes, market, value, settings, reporting_rate)
    certificate = np.where(
        codes == CODES["under_threshold"], market.certificate[pairs.photos.astype(np.intp)], np.int16(NONE)
    )
    current = rows.column("current_package_type")
    kept = {name: rows.column(name) for name in (*KEPT, *LISTS)}
    coded = {"code": _lists(codes), "certificate": _lists(certificate)}
    return pa.RecordBatch.from_pydict({**kept, **coded, **_chosen(choice, current, market)})


def open_decisions(
    decided: DataFrame, markets: Mapping[str, Market], certificates: Sequence[str], model_version: str
) -> DataFrame:
    """One row a pair.

    Args:
        decided: `decide_products`.
        markets: Package types by marketplace.
        certificates: Identifiers, in the order that `certificate` counts.
        model_version: Of the scores.

    Returns:
        The columns of `pair_decisions` less run_id; `tare_g` and `otherwise_g`; and `candidate`: the pair fits, has a
        risk and its package is in use.
    """
    types = F.element_at(F.create_map(*_types(markets)), F.col("marketplace"))
    zipped = F.arrays_zip(types.alias("type"), F.col("code"), F.col("certificate"), *map(F.col, LISTS))
    chosen = F.col("package_type").alias("_chosen")
    pairs = decided.select(*KEPT, chosen, "otherwise_g", F.inline(zipped))
    code = F.col("code").cast("int") + 1
    reason = F.when(F.col("code") == 0, F.col("error")).otherwise(F.element_at(_literals(REASONS), code))
    named = F.element_at(_literals(certificates or [""]), F.col("certificate") + 1)
    package = F.col("type.package_type")
    usable = F.col("code") != CODES[NOT_IN_USE]
    return pairs.select(
        *PRODUCT,
        package.alias("package_type"),
        "bucket",
        F.element_at(_literals(REASONS.values()), code).alias("decision"),
        reason.alias("reason"),
        "risk",
        "fits",
        F.coalesce(package == F.col("_chosen"), F.lit(False)).alias("recommended"),
        F.lit(model_version).alias("model_version"),
        F.when(F.col("certificate") != NONE, named).alias("certificate_id"),
        F.col("type.tare_g").alias("tare_g"),
        "otherwise_g",
        (F.coalesce("fits", F.lit(False)) & F.col("risk").isNotNull() & usable).alias("candidate"),
    )


def proof_codes(proofs: Column, types: Column) -> Column:
    """From package type to SAFE or UNSAFE, to a list of codes in the order of `types`."""

    def code(name: Column) -> Column:
        label = F.try_element_at(proofs, name)
        known = F.when(label == "SAFE", SAFE).when(label == "UNSAFE", UNSAFE)
        return F.coalesce(known, F.lit(0)).cast("tinyint")

    return F.when(proofs.isNotNull(), F.transform(types, code))


def _pairs(rows: pa.RecordBatch, size: int) -> Pairs:
    def matrix(name: str) -> Numbers:
        return _numbers(rows.column(name).flatten()).reshape(-1, size)

    proven = rows.column("proven")
    codes: Codes = np.zeros((len(rows), size), dtype=np.int8)
    told = proven.is_valid().to_numpy(zero_copy_only=False)
    codes[told] = proven.flatten().to_numpy().reshape(-1, size)
    return Pairs(
        scored=rows.column("error").flatten().is_null().to_numpy(zero_copy_only=False).reshape(-1, size),
        fits=matrix("fits"),
        risk=matrix("risk"),
        damage_rate=matrix("damage_rate"),
        void=np.nan_to_num(matrix("void_share")),
        photos=_numbers(rows.column("views_used")) > 0,
        proven=codes,
    )


def _chosen(choice: Choice, current: pa.Array, market: Market) -> dict[str, pa.Array]:
    names = pa.array(market.names)
    place = pc.fill_null(pc.index_in(current, names), NONE).to_numpy()
    tare = _at(market.tare_g, choice.package)
    current_tare = _at(market.tare_g, place)
    first = np.arange(len(market.names)) < choice.certified[:, None]
    offsets = np.concatenate([[0], np.cumsum(choice.certified)]).astype(np.int32)
    alternatives = pa.ListArray.from_arrays(pa.array(offsets), names.take(pa.array(choice.ordered[first])))
    return {
        "package_type": _named(names, choice.package),
        "current_package_type": current,
        "safe_default": _named(names, choice.safe_default),
        "reason": pa.array(choice.reason.tolist()),
        "expected_damage_cost": _nulled(choice.damage_cost),
        "package_cost": _nulled(_at(market.cost, choice.package)),
        "weight_saved_g": _nulled(current_tare - tare),
        "alternatives": alternatives,
        "otherwise_g": _nulled(np.where(choice.package == NONE, current_tare, tare)),
    }


def _at(values: Numbers, places: npt.NDArray[np.intp]) -> Numbers:
    return np.where(places == NONE, np.nan, values[places])


def _named(names: pa.Array, places: npt.NDArray[np.intp]) -> pa.Array:
    return names.take(pa.array(places, mask=places == NONE))


def _nulled(values: Numbers) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))


def _numbers(column: pa.Array) -> Numbers:
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    numbers: Numbers = column.to_numpy(zero_copy_only=False).astype(np.float64)
    return numbers


def _lists(values: npt.NDArray[Any]) -> pa.ListArray:
    n, size = values.shape
    return pa.ListArray.from_arrays(np.arange(n + 1, dtype=np.int32) * size, pa.array(values.ravel()))


def _types(markets: Mapping[str, Market]) -> Iterator[Column]:
    for name, market in markets.items():
        yield F.lit(name)
        tares = [None if np.isnan(tare) else float(tare) for tare in market.tare_g]
        yield F.array(*[_type(*fields) for fields in zip(market.names, tares, strict=True)])


def _type(name: str, tare_g: float | None) -> Column:
    return F.struct(F.lit(name).alias("package_type"), F.lit(tare_g).cast("double").alias("tare_g"))


def _literals(values: Iterable[str]) -> Column:
    return F.array(*map(F.lit, values))
