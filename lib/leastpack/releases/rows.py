"""What each row of `scores` and `decisions` must be, counted product by product on Arrow batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from leastpack.decisions.rules import (
    BANNED,
    BY_ORDER,
    CERTIFIED,
    CERTIFIED_MOVE,
    NOT_IN_USE,
    PROVEN_UNSAFE,
    UNSCORED,
)
from leastpack.policy.market import Flags
from leastpack.releases.order import Counts, Order, rises
from leastpack.scoring.lists import INTERNAL
from leastpack.tables.by_pair import TYPES

OF_SCORES = ("pairs", "uneven", "null_rule", "outside_0_1", "failed", "rises")
OF_DECISIONS = (
    "uneven", "above_level", "certificate_unnamed", "certified_unfit", "unscored_rule", "unsound_recommendations",
)  # fmt: skip
_SCORES = ("risk", "damage_rate", "void_share", "error", "fits")
_DECISIONS = ("decision", "reason", "risk", "fits")
_DECIDED = ("marketplace", "recommended", "moves", "certificate_id", "model_version")


@dataclass(frozen=True)
class Allowed:
    """What decisions may name.

    Attributes:
        levels: Level of each certificate with one.
        models: Model version of each.
        defaults: Marketplace and name of the safe-default types.
    """

    levels: Mapping[str, float]
    models: Mapping[str, str]
    defaults: Set[tuple[str, str]]


def count_scores(scores: DataFrame, orders: Mapping[str, Order], kept: list[str]) -> DataFrame:
    """What is wrong with each row of `scores`: the columns `kept` of it, and a count each of OF_SCORES.

    `pairs` counts its pairs; `uneven` is 1 where a list has more or less elements than package types, and then nothing
    else of it is counted.
    """

    def counted(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield _beside(batch, kept, scores_wrong(batch, orders))

    columns = [*dict.fromkeys([*kept, "marketplace", TYPES, *_SCORES])]
    return scores.select(columns).mapInArrow(counted, _schema(scores, kept, OF_SCORES))  # type: ignore[arg-type]


def count_decisions(decisions: DataFrame, allowed: Allowed, kept: list[str]) -> DataFrame:
    """What is wrong with each row of `decisions`: the columns `kept` of it, and a count each of OF_DECISIONS."""

    def counted(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield _beside(batch, kept, decisions_wrong(batch, allowed))

    columns = [*dict.fromkeys([*kept, TYPES, *_DECISIONS, *_DECIDED])]
    return decisions.select(columns).mapInArrow(counted, _schema(decisions, kept, OF_DECISIONS))  # type: ignore[arg-type]


def scores_wrong(batch: pa.RecordBatch, orders: Mapping[str, Order]) -> dict[str, Counts]:
    """(n,) counts of OF_SCORES of n rows."""
    even = _even(batch, _SCORES)
    rows = batch.filter(pa.array(even))
    risk, rate = (_numbers(rows.column(name)) for name in ("risk", "damage_rate"))
    scored = rows.column("error").flatten().is_null().to_numpy(zero_copy_only=False)
    there = {name: rows.column(name).flatten().is_valid().to_numpy(zero_copy_only=False) for name in _SCORES[:2]}
    outside = np.zeros(len(risk), dtype=bool)
    for name, values in (("risk", risk), ("damage_rate", rate)):
        outside |= there[name] & ~((values >= 0) & (values <= 1))
    each = _Each(rows)
    found = {
        "null_rule": each.count((there["risk"] != scored) | (there["damage_rate"] != scored)),
        "outside_0_1": each.count(outside),
        "failed": each.count(_is(rows.column("error").flatten(), INTERNAL)),
        "rises": _rises(rows, orders),
    }
    whole = {name: _spread(counts, even) for name, counts in found.items()}
    return {"pairs": _lengths(batch, TYPES), "uneven": (~even).astype(np.int64), **whole}


def _rises(rows: pa.RecordBatch, orders: Mapping[str, Order]) -> Counts:
    found = np.zeros(len(rows), dtype=np.int64)
    for name, order in orders.items():
        own = _is(rows.column("marketplace"), name) & (_lengths(rows, TYPES) == len(order.names))
        found[own] = rises(rows.filter(pa.array(own)), order)
    return found


def decisions_wrong(batch: pa.RecordBatch, allowed: Allowed) -> dict[str, Counts]:
    """(n,) counts of OF_DECISIONS of n rows."""
    even = _even(batch, _DECISIONS)
    rows = batch.filter(pa.array(even))
    each = _Each(rows)
    decision, reason = (rows.column(name).flatten() for name in ("decision", "reason"))
    risk, fits = _numbers(rows.column("risk")), _is_true(rows.column("fits").flatten())
    certified, move = _is(decision, CERTIFIED), _is(reason, CERTIFIED_MOVE)
    certificate = rows.column("certificate_id")
    level = _looked_up(certificate, allowed.levels, pa.float64()).to_numpy(zero_copy_only=False)
    same = _is_true(pc.equal(_looked_up(certificate, allowed.models, pa.string()), rows.column("model_version")))
    by_certificate = each.count(move | _is(reason, BY_ORDER)) > 0
    named = certificate.is_valid().to_numpy(zero_copy_only=False)
    unnamed = (by_certificate != named) | (by_certificate & ~same)
    unsound = _is(reason, PROVEN_UNSAFE) | _is(reason, NOT_IN_USE) | _is(reason, BANNED)
    sound = certified | (each.in_pairs(rows, allowed.defaults) & fits & ~unsound)
    chosen = each.named(rows, "recommended")
    moves, some = _is_true(rows.column("moves")), rows.column("recommended").is_valid().to_numpy(zero_copy_only=False)
    found = {
        "above_level": each.count(move & ~(risk <= each.spread(level))),
        "certificate_unnamed": unnamed.astype(np.int64),
        "certified_unfit": each.count(certified & ~fits),
        "unscored_rule": each.count(_is(decision, UNSCORED) != np.isnan(risk)),
        "unsound_recommendations": (
            (moves & (each.count(chosen & sound) == 0)) | (some & (each.count(chosen) == 0))
        ).astype(np.int64),
    }
    return {"uneven": (~even).astype(np.int64), **{name: _spread(counts, even) for name, counts in found.items()}}


class _Each:
    """Flags of pairs, by product, where all lists of a product are as long as its package types."""

    def __init__(self, rows: pa.RecordBatch) -> None:
        self.lengths = _lengths(rows, TYPES)
        self.ends = np.cumsum(self.lengths)
        self.types = rows.column(TYPES).flatten()

    def count(self, flags: Flags) -> Counts:
        """(n,) how many pairs of each product have it."""
        sums = np.concatenate([[0], np.cumsum(flags)]).astype(np.int64)
        counts: Counts = sums[self.ends] - sums[self.ends - self.lengths]
        return counts

    def spread(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """A product's value beside each of its pairs."""
        return np.repeat(values, self.lengths)

    def named(self, rows: pa.RecordBatch, column: str) -> Flags:
        """The pairs whose type a product's column names."""
        names = rows.column(column).take(pa.array(np.repeat(np.arange(len(rows)), self.lengths)))
        return _is_true(pc.equal(self.types, names))

    def in_pairs(self, rows: pa.RecordBatch, pairs: Set[tuple[str, str]]) -> Flags:
        """The pairs whose marketplace and type are among some."""
        found = np.zeros(len(self.types), dtype=bool)
        for market in {market for market, _ in pairs}:
            own = np.repeat(_is(rows.column("marketplace"), market), self.lengths)
            names = [name for of, name in pairs if of == market]
            found |= own & _is_true(pc.is_in(self.types, pa.array(names, pa.string())))
        return found


def _even(batch: pa.RecordBatch, lists: Iterable[str]) -> Flags:
    """(n,) products whose lists are all as long as their package types."""
    even = np.ones(len(batch), dtype=bool)
    for name in lists:
        even &= _lengths(batch, name) == _lengths(batch, TYPES)
    return even


def _lengths(rows: pa.RecordBatch, name: str) -> Counts:
    lengths: Counts = pc.fill_null(pc.list_value_length(rows.column(name)), 0).to_numpy(zero_copy_only=False)
    return lengths.astype(np.int64)


def _numbers(lists: pa.ListArray) -> npt.NDArray[np.float64]:
    """Values of all lists; NaN for null."""
    numbers: npt.NDArray[np.float64] = lists.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    return numbers


def _looked_up(keys: pa.Array, values: Mapping[str, object], kind: pa.DataType) -> pa.Array:
    """The value of each key; null where it has none."""
    coded = keys.dictionary_encode()
    return pa.array([values.get(key) for key in coded.dictionary.to_pylist()], kind).take(coded.indices)


def _is(values: pa.Array, value: str) -> Flags:
    return _is_true(pc.equal(values, value))


def _is_true(values: pa.BooleanArray) -> Flags:
    flags: Flags = pc.fill_null(values, False).to_numpy(zero_copy_only=False).astype(bool)
    return flags


def _spread(counts: Counts, even: Flags) -> Counts:
    found = np.zeros(len(even), dtype=np.int64)
    found[even] = counts
    return found


def _beside(batch: pa.RecordBatch, kept: list[str], counts: Mapping[str, Counts]) -> pa.RecordBatch:
    columns = {name: batch.column(name) for name in kept}
    return pa.RecordBatch.from_pydict({**columns, **{name: pa.array(values) for name, values in counts.items()}})


def _schema(frame: DataFrame, kept: list[str], counts: Iterable[str]) -> str:
    types = dict(frame.dtypes)
    return ", ".join([*(f"{name} {types[name]}" for name in kept), *(f"{name} bigint" for name in counts)])
