"""From Arrow rows of products to the arrays that the policy is computed on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from leastpack.certificates.marks import ALARMED, BANNED, DISPROVED, LISTED, RULED, SAFE, SETTLED, TESTED, UNSAFE
from leastpack.config.decisions import DecisionsConfig
from leastpack.policy.choose import NONE, Flags, Options, Places
from leastpack.policy.market import Market, Numbers
from leastpack.policy.options import Facts, make_options
from leastpack.policy.pairs import Pairs, no_safer_than
from leastpack.policy.trial import Trials, todays_package

# Columns of `products.product_rows` that are read here.
READ = (
    "views_used", "fits", "risk", "damage_rate", "void_share", "error",
    "value", "current_package_type", "moved_from", "on_trial", "pinned", "marks",
)  # fmt: skip


@dataclass(frozen=True)
class Products:
    """Some products of one marketplace with its t package types, before any choice.

    Attributes:
        pairs: Their pairs.
        options: What they can ship in.
        shipped: (n,) place of the package that each ships in; NONE where it never shipped.
        trials: What of them is on trial.
        safe: (n, t) pairs proven safe.
        unsafe: (n, t) pairs proven unsafe, themselves or by order.
        alarmed: (n, t) pairs that their own shipments show surely to be unsafe.
        pinned: (n,) a rule pins the product to the package that counts as today's.
        banned: (n, t) pairs that a rule forbids now, whatever the policy knew when it was tested.
        tested: (n, t) pairs that a person has tested.
        listed: (n, t) pairs on the frozen list of moves that the policy's certificate is of; before a list of past
            shipments is drawn, those that may be on it.
    """

    pairs: Pairs
    options: Options
    shipped: Places
    trials: Trials
    safe: Flags
    unsafe: Flags
    alarmed: Flags
    pinned: Flags
    banned: Flags
    tested: Flags
    listed: Flags


def read_products(
    rows: pa.RecordBatch,
    market: Market,
    settings: DecisionsConfig,
    reported: float,
    policy_bits: tuple[int, int] = (DISPROVED, DISPROVED),
) -> Products:
    """The arrays of some products of one marketplace.

    Args:
        rows: READ of the products.
        market: The package types.
        settings: What damage and weight cost.
        reported: Share of damages that are reported.
        policy_bits: `marks.policy_bit` of the policy of products without, and with photos.
    """
    pairs, marks = _pairs(rows, len(market.names)), _marks(rows, len(market.names))
    safe, settled = marks & SAFE > 0, marks & SETTLED > 0
    unsafe = marks & UNSAFE > 0
    shipped = places_of(rows.column("current_package_type"), market)
    pin = places_of(rows.column("pinned"), market)
    pinned = (pin != NONE) & market.in_use[pin]
    today, going_on = todays_package(shipped, _trials(rows, market), settled)
    bits = np.array(policy_bits)[pairs.photos.astype(np.intp)][:, None]
    disproved = marks & bits > 0
    facts = Facts(
        today=today,
        pinned=np.where(pinned, pin, NONE),
        banned=marks & (bits * RULED // DISPROVED) > 0,
        disproved=disproved | (~settled & no_safer_than(disproved, pairs.void, market)),
        value=numbers(rows.column("value")),
    )
    return Products(
        pairs=pairs,
        options=make_options(pairs, market, facts, settings, reported),
        shipped=shipped,
        # A pin ends what was on trial: someone decided.
        trials=Trials(np.where(pinned, NONE, going_on.before), going_on.introduced & ~pinned[:, None]),
        safe=safe,
        unsafe=unsafe | (~safe & no_safer_than(unsafe, pairs.void, market)),
        alarmed=marks & ALARMED > 0,
        pinned=pinned,
        banned=marks & BANNED > 0,
        tested=marks & TESTED > 0,
        listed=marks & (bits * LISTED // DISPROVED) > 0,
    )


def listed_moves(products: Products, packages: Places, moves: Flags) -> Flags:
    """The moves that past shipments may certify: to a listed package, of a product that has another one.

    Args:
        products: The products.
        packages: (n,) or (L, n) of a choice.
        moves: The same of its moves.
    """
    rows = np.arange(packages.shape[-1])
    found: Flags = moves & (products.options.today != NONE) & products.listed[rows, packages]
    return found


def places_of(names: pa.Array, market: Market) -> Places:
    """(n,) places of package types by name; NONE for null and for types that are not declared any more."""
    found = pc.index_in(names, pa.array(market.names))
    places: Places = pc.fill_null(found, NONE).to_numpy(zero_copy_only=False).astype(np.intp)
    return places


def numbers(column: pa.Array) -> Numbers:
    """Numbers and truth values as float64; NaN for null."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    found: Numbers = column.to_numpy(zero_copy_only=False).astype(np.float64)
    return found


def _pairs(rows: pa.RecordBatch, size: int) -> Pairs:
    def matrix(name: str) -> Numbers:
        return numbers(rows.column(name).flatten()).reshape(-1, size)

    return Pairs(
        scored=rows.column("error").flatten().is_null().to_numpy(zero_copy_only=False).reshape(-1, size),
        fits=matrix("fits"),
        risk=matrix("risk"),
        damage_rate=matrix("damage_rate"),
        void=np.nan_to_num(matrix("void_share")),
        photos=numbers(rows.column("views_used")) > 0,
    )


def _marks(rows: pa.RecordBatch, size: int) -> npt.NDArray[np.int64]:
    marks = rows.column("marks")
    found = np.zeros((len(rows), size), dtype=np.int64)
    marked = marks.is_valid().to_numpy(zero_copy_only=False)
    found[marked] = marks.flatten().to_numpy().reshape(-1, size)
    return found


def _trials(rows: pa.RecordBatch, market: Market) -> Trials:
    """What is on trial; where the package before is not declared any more no move can be sent back to it."""
    before = places_of(rows.column("moved_from"), market)
    gone = rows.column("moved_from").is_valid().to_numpy(zero_copy_only=False) & (before == NONE)
    introduced = _introduced(rows.column("on_trial"), market)
    return Trials(before, introduced & ~gone[:, None])


def _introduced(lists: pa.ListArray, market: Market) -> Flags:
    found = np.zeros((len(lists), len(market.names)), dtype=bool)
    rows = np.repeat(np.arange(len(lists)), pc.fill_null(pc.list_value_length(lists), 0).to_numpy())
    places = places_of(lists.flatten(), market)
    known = places != NONE
    found[rows[known], places[known]] = True
    return found
