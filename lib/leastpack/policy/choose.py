"""choose(t): the package that each product ships in when pairs with a risk of at most t may be chosen.

The one rule that certificates, decisions, the test queue and the report share, so that what is tested is what ships.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leastpack.errors import InputError

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
# Where there is no package.
NONE = -1


@dataclass(frozen=True)
class Options:
    """What n products can ship in, of t package types.

    Attributes:
        usable: (n, t) the pair fits, its package is in use and allowed, it has a risk, and nothing proves it unsafe.
        risk: (n, t) calibrated probability that the pair is unsafe; any value where it is not usable.
        cost: (n, t) total cost a shipment: package, weight and expected damage; NaN where it is not known.
        order: (n, t) places of the types in order of preference: `preference`.
        today: (n,) place of the package that the product ships in; NONE where it has none.
        settled: (n,) the product stays where it is whatever its risks: a pin, or sizes that contradict its shipments.
        rejected: (n,) today's package must not go on: it is proven unsafe, or not allowed any more.
    """

    usable: Flags
    risk: Numbers
    cost: Numbers
    order: Places
    today: Places
    settled: Flags
    rejected: Flags

    def __post_init__(self) -> None:
        shape = self.usable.shape
        _require(len(shape) == 2 and shape[1] > 0, "usable", "products x 1 package type or more", f"shape {shape}")
        for name in ("risk", "cost", "order"):
            _require(getattr(self, name).shape == shape, name, f"shape {shape}", f"{getattr(self, name).shape}")
        for name in ("today", "settled", "rejected"):
            _require(getattr(self, name).shape == shape[:1], name, f"shape {shape[:1]}", f"{getattr(self, name).shape}")
        risks = self.risk[self.usable]
        wrong = ~((risks >= 0) & (risks <= 1))
        _require(not wrong.any(), "risk", "a probability for every usable pair", f"{risks[wrong][:1]}")
        _require(bool(((self.today >= NONE) & (self.today < shape[1])).all()), "today", "places of types", "others")


@dataclass(frozen=True)
class Choice:
    """The packages of n products under one level.

    Attributes:
        package: (n,) place of the type that it ships in; NONE where the policy has none for it.
        moves: (n,) whether that is a move: another package than today's, or a first one. Only moves carry new risk.
    """

    package: Places
    moves: Flags


def preference(cost: Numbers, void: Numbers, protection: Numbers) -> Places:
    """Types in order of preference: least cost, then least void, then most protection, then the name that sorts first.

    Args:
        cost: (n, t) total cost a shipment; unknown costs (NaN) come last.
        void: (n, t) share of the package that stays empty.
        protection: (t,) rank of each type in protection, more is more; types are in order of name.

    Returns:
        (n, t) places of types.
    """
    known = np.where(np.isnan(cost), np.inf, cost)
    more = np.broadcast_to(-protection, cost.shape)
    # The last key is the first that counts; equal pairs stay in order of place, which is that of names.
    order: Places = np.lexsort((more, void, known), axis=1)
    return order


def best_allowed(order: Places, allowed: Flags) -> tuple[Places, Flags]:
    """The most preferred allowed pair of each product.

    Args:
        order: (n, t) `preference`.
        allowed: (n, t) pairs.

    Returns:
        (n,) places of types, and (n,) whether any is allowed.
    """
    in_order = np.take_along_axis(allowed, order, axis=1)
    return order[np.arange(len(order)), in_order.argmax(axis=1)], in_order.any(axis=1)


def choose(options: Options, level: npt.ArrayLike, least_saving: float = 0.0) -> Choice:
    """Choose the package of every product at a level of risk.

    A product with a package stays in it, unless the best usable package with a risk of at most `level` costs less by
    `least_saving` or more, or unless today's is rejected. A product without one gets the best such package. The risk of
    today's package does not count: it ships there already.

    Args:
        options: The products' pairs.
        level: Highest risk that a chosen pair may have: one for all products, or (n,); NaN lets nothing move.
        least_saving: Saving a shipment from which a product moves, in the currency of `cost`; equal costs move nothing.

    Returns:
        The packages.

    Raises:
        InputError: The level is no probability or the saving is negative.
    """
    levels = np.broadcast_to(np.asarray(level, dtype=np.float64), options.today.shape)
    wrong = (levels < 0) | (levels > 1)
    _require(not wrong.any(), "level", "a probability", f"{levels[wrong][:1]}")
    _require(least_saving >= 0, "least_saving", "0 or more", f"{least_saving}")
    rows = np.arange(len(options.today))
    allowed = options.usable & (options.risk <= levels[:, None])
    best, some = best_allowed(options.order, allowed)
    has = options.today != NONE
    saved = options.cost[rows, options.today] - options.cost[rows, best]  # NaN, which saves nothing, where unknown
    lighter = (saved >= least_saving) & (saved > 0)
    moves = some & ~options.settled & (best != options.today) & (~has | options.rejected | lighter)
    return Choice(np.where(moves, best, options.today), moves)


def choose_by_level(options: Options, levels: npt.ArrayLike, least_saving: float = 0.0) -> tuple[Places, Flags]:
    """`choose` at every level.

    Args:
        options: The products' pairs.
        levels: (L,) levels.
        least_saving: As in `choose`.

    Returns:
        (L, n) packages and (L, n) moves.
    """
    choices = [choose(options, float(level), least_saving) for level in np.asarray(levels, dtype=np.float64)]
    _require(bool(choices), "levels", "one or more", "none")
    return np.stack([one.package for one in choices]), np.stack([one.moves for one in choices])


def distinct_moves(packages: Places, moves: Flags, types: int) -> Flags:
    """The pairs that some level moves a product to: what an audit of all these levels has to test.

    Args:
        packages: (L, n) of `choose_by_level`.
        moves: (L, n) of `choose_by_level`.
        types: t, the number of package types.

    Returns:
        (n, t) pairs.
    """
    found = np.zeros((packages.shape[1], types), dtype=bool)
    level, product = np.nonzero(moves)
    found[product, packages[level, product]] = True
    return found


def _require(holds: bool, name: str, expected: str, found: str) -> None:
    if not holds:
        raise InputError(f"{name} cannot be used", expected=expected, found=found)
