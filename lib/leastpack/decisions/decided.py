"""Decisions product by product: an Arrow stage over the packages of each product."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from leastpack.certificates.arrays import READ, Products, numbers, read_products
from leastpack.certificates.cells import cell_among
from leastpack.certificates.counts import by_marketplace
from leastpack.certificates.in_force import Standing
from leastpack.certificates.marks import DISPROVED
from leastpack.certificates.terms import Terms
from leastpack.decisions.doubts import DOUBTS, doubts
from leastpack.decisions.rules import CERTIFIED, REASONS, Codes, decide, of_decision
from leastpack.policy.choose import NONE, Flags, Places, choose
from leastpack.policy.market import Market, Numbers
from leastpack.policy.options import damage_costs
from leastpack.policy.recommend import KEPT as STAYS
from leastpack.policy.recommend import Known, Recommendation, recommend
from leastpack.policy.trial import trials_after
from leastpack.tables.by_pair import TYPES

KEPT = {"marketplace": "string", "product_id": "string", "bucket": "int"}
# An element a package type.
LISTS = {
    TYPES: "array<string>", "decision": "array<string>", "reason": "array<string>", "risk": "array<float>",
    "fits": "array<boolean>",
}  # fmt: skip
# The columns of `recommendations`, less its key.
CHOSEN = {
    "package_type": "string", "current_package_type": "string", "moved_from": "string", "on_trial": "array<string>",
    "safe_default": "string", "reason": "string", "why_not_moved": "string", "certificate_id": "string",
    "expected_damage_cost": "double", "package_cost": "double", "weight_saved_g": "double",
    "alternatives": "array<string>",
}  # fmt: skip
# A number in [0, 1) by hash of the product: its turn where not all may move at once.
TURN = "turn"
# Whether the product is in a panel: the queue does not ask about it.
IN_PANEL = "in_panel"
_COLUMNS = (*KEPT, "shipments", TURN, IN_PANEL, *READ)


def _schema(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in columns.items())


_CHOSEN = f"struct<{', '.join(f'{name}: {kind}' for name, kind in CHOSEN.items())}>"
_DECIDED = _schema({**KEPT, **LISTS, "moves": "boolean", "chosen": _CHOSEN, "doubts": DOUBTS})


@dataclass(frozen=True)
class Grounds:
    """What all products are decided on.

    Attributes:
        terms: The policy.
        standing: Its certificates.
        released: Share of the new moves of each pool that may go out now; 1 where all may.
        policy_bits: `marks.policy_bit` of each round.
    """

    terms: Terms
    standing: Standing
    released: Mapping[str, float]
    policy_bits: Mapping[str, int]


def decide_products(products: DataFrame, grounds: Grounds) -> DataFrame:
    """Decide on all pairs of every product, and choose its package.

    Args:
        products: `products.product_rows` with TURN and IN_PANEL.
        grounds: What is decided on.

    Returns:
        One row a product: KEPT; LISTS; whether it moves; `chosen`, what is recommended for it; and `doubts.DOUBTS`.
    """

    def decided(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for marketplace, rows in by_marketplace(batches):
            yield decide_batch(rows, marketplace, grounds)

    return products.select(*_COLUMNS).mapInArrow(decided, _DECIDED)  # type: ignore[arg-type]


def decide_batch(rows: pa.RecordBatch, marketplace: str, grounds: Grounds) -> pa.RecordBatch:
    """`decide_products` for some products of one marketplace."""
    terms, market = grounds.terms, grounds.terms.markets[marketplace]
    settings = terms.config.decisions
    products, cells = _read(rows, marketplace, grounds)
    turn = rows.column(TURN).to_numpy(zero_copy_only=False)
    least_saving = terms.least_saving(marketplace)
    turn_come = turn < grounds.released.get(terms.pool(marketplace), 1.0)
    found = recommend(products.options, _known(products, market, cells, turn_come, least_saving), least_saving)
    each = np.arange(len(turn))
    moved_to: Flags = np.zeros(products.safe.shape, dtype=bool)
    by_certificate = found.certified & ~found.by_proof
    moved_to[each[by_certificate], found.package[by_certificate]] = True
    codes = decide(products, market, moved_to, cells.withdrawn, settings.reject_risk)
    value = _damage_cost(products, found.package, numbers(rows.column("value")), grounds, market)
    chosen = {
        **_chosen(products, found, market),
        "alternatives": _alternatives(of_decision(codes, CERTIFIED), products, market),
        "certificate_id": pa.array(cells.certificate, pa.string(), mask=~by_certificate),
        "expected_damage_cost": _nulled(value),
        "current_package_type": rows.column("current_package_type"),
    }
    left = (found.package != NONE) & (found.package != products.options.today)
    decided = {
        **{name: rows.column(name) for name in (*KEPT, "risk", "fits")},
        **_named_lists(codes, rows.column("error"), market),
        "moves": pa.array(left & (found.reason != STAYS)),
        "chosen": pa.StructArray.from_arrays([chosen[name] for name in CHOSEN], list(CHOSEN)),
        "doubts": doubts(products, market, codes, found.package, rows, settings.queue_size),
    }
    return pa.RecordBatch.from_pydict({name: decided[name] for name in (*KEPT, *LISTS, "moves", "chosen", "doubts")})


def new_moves(products: DataFrame, grounds: Grounds) -> DataFrame:
    """Products that would newly move if all might: marketplace and TURN."""

    def moving(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for marketplace, rows in by_marketplace(batches):
            terms, market = grounds.terms, grounds.terms.markets[marketplace]
            products, cells = _read(rows, marketplace, grounds)
            least_saving = terms.least_saving(marketplace)
            known = _known(products, market, cells, np.ones(len(rows), dtype=bool), least_saving)
            found = recommend(products.options, known, least_saving)
            new = _moves(products, found) & ~products.trials.introduced[np.arange(len(rows)), found.package]
            yield rows.select(["marketplace", TURN]).filter(pa.array(new))

    return products.select(*_COLUMNS).mapInArrow(moving, f"marketplace string, {TURN} double")  # type: ignore[arg-type]


@dataclass(frozen=True)
class _Cells:
    """The certificates of n products: those of their cells."""

    level: Numbers
    supported: Flags
    withdrawn: Flags
    certificate: npt.NDArray[np.object_]
    of_list: Flags


def _read(rows: pa.RecordBatch, marketplace: str, grounds: Grounds) -> tuple[Products, _Cells]:
    """The products of one marketplace, and the certificates of their cells."""
    terms, market = grounds.terms, grounds.terms.markets[marketplace]
    levels, supported, withdrawn, certificates, bits, lists = [], [], [], [], [], []
    for photos in (False, True):
        pool, standing = terms.pool(marketplace), grounds.standing
        one = standing.in_force.get(cell_among(standing.in_force, pool, photos) or "")
        levels.append(np.nan if one is None else one.level)
        supported.append(cell_among(standing.supported, pool, photos) is not None)
        withdrawn.append([one is not None and name in one.withdrawn for name in market.names])
        certificates.append(None if one is None else one.certificate_id)
        lists.append(one is not None and one.of_list)
        bits.append(DISPROVED if one is None else grounds.policy_bits[one.round_id])
    products = read_products(rows, market, terms.config.decisions, terms.reported, (bits[0], bits[1]))
    which = products.pairs.photos.astype(np.intp)
    cells = _Cells(
        np.array(levels, dtype=np.float64)[which],
        np.array(supported)[which],
        np.array(withdrawn, dtype=bool).reshape(2, -1)[which],
        np.array(certificates, dtype=object)[which],
        np.array(lists)[which],
    )
    return products, cells


def _moves(products: Products, found: Recommendation) -> Flags:
    """Products that leave today's package, or get their first, by a certificate or by a proof."""
    moves: Flags = (found.package != products.options.today) & (found.certified | found.by_proof)
    return moves


def _known(products: Products, market: Market, cells: _Cells, turn_come: Flags, least_saving: float) -> Known:
    """What counts beside the options.

    A product stays back where the policy would move it to a package that its own shipments show to be unsafe. One that
    a release has moved goes on, whatever its turn.
    """
    options, rows = products.options, np.arange(len(turn_come))
    choice = choose(options, cells.level, least_saving)
    fits = (products.pairs.fits == 1) & market.in_use
    has = options.today != NONE
    return Known(
        level=cells.level,
        supported=cells.supported,
        fits=fits,
        scored=products.pairs.scored,
        safe=products.safe,
        unsafe=products.unsafe | products.alarmed,
        pinned=products.pinned,
        banned=products.banned,
        misfit=has & (products.pairs.fits[rows, options.today] == 0),
        suspended=choice.moves & products.alarmed[rows, choice.package],
        withdrawn=cells.withdrawn,
        unlisted=cells.of_list[:, None] & ~products.listed,
        released=turn_come | products.trials.introduced.any(axis=1),
        in_use=market.in_use,
        shipped=products.shipped,
        safe_default=market.safe_default,
    )


def _chosen(products: Products, found: Recommendation, market: Market) -> dict[str, pa.Array]:
    today, package = products.options.today, found.package
    trials = trials_after(products.trials, today, package, _moves(products, found))
    saved = _at(market.tare_g, today) - _at(market.tare_g, package)
    return {
        "package_type": _named(market, package),
        "moved_from": _named(market, trials.before),
        "on_trial": _name_lists(market, trials.introduced),
        "safe_default": _named(market, found.safe_default),
        "reason": pa.array(found.reason.tolist()),
        "why_not_moved": pa.array([why or None for why in found.why_not_moved.tolist()], pa.string()),
        "package_cost": _nulled(_at(market.cost, package)),
        "weight_saved_g": _nulled(saved),
    }


def _damage_cost(products: Products, package: Places, value: Numbers, grounds: Grounds, market: Market) -> Numbers:
    """(n,) expected damage cost of the recommended packages."""
    terms = grounds.terms
    costs = damage_costs(products.pairs.damage_rate, value, market, terms.config.decisions, terms.reported)
    return np.where(package == NONE, np.nan, costs[np.arange(len(package)), package])


def _alternatives(certified: Flags, products: Products, market: Market) -> pa.ListArray:
    """Names of the certified pairs of each product, in order of preference."""
    order = products.options.order
    in_order = np.take_along_axis(certified, order, axis=1)
    offsets = np.concatenate([[0], np.cumsum(in_order.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(market.names).take(pa.array(order[in_order])))


def _name_lists(market: Market, flags: Flags) -> pa.ListArray:
    """The names that are set, a list a product; null where none is."""
    counts = flags.sum(axis=1)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    names = pa.array(market.names).take(pa.array(np.nonzero(flags)[1]))
    lists = pa.ListArray.from_arrays(pa.array(offsets), names)
    return pa.array([one or None for one in lists.to_pylist()], pa.list_(pa.string()))


def _at(values: Numbers, places: Places) -> Numbers:
    return np.where(places == NONE, np.nan, values[places])


def _named(market: Market, places: Places) -> pa.Array:
    return pa.array(market.names).take(pa.array(places, mask=places == NONE))


def _nulled(values: Numbers) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))


def _named_lists(codes: Codes, errors: pa.ListArray, market: Market) -> dict[str, pa.ListArray]:
    """Type, decision and reason of each pair; the reason of an UNSCORED pair is its score's error."""
    n, size = codes.shape
    code = pa.array(codes.ravel())
    lists = {
        TYPES: pa.array(market.names).take(pa.array(np.tile(np.arange(size), n))),
        "decision": pa.array(list(REASONS.values())).take(code),
        "reason": pc.coalesce(errors.flatten(), pa.array(list(REASONS)).take(code)),
    }
    offsets = pa.array(np.arange(n + 1, dtype=np.int32) * size)
    return {name: pa.ListArray.from_arrays(offsets, values) for name, values in lists.items()}
