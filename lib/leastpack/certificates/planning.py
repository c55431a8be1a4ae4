"""Plans a round before any of its results: the levels of each cell, and how many products are drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from leastpack.certificates.cells import EITHER, NO_PHOTOS, PHOTOS, cell_name, pool_and_stratum
from leastpack.certificates.correction import Correction
from leastpack.certificates.counts import CellCounts
from leastpack.certificates.terms import AUDIT, PILOT, RANDOM, Labels, Terms
from leastpack.policy.betting import chance_by_betting
from leastpack.policy.budget import products_to_draw
from leastpack.policy.certify import Method
from leastpack.policy.exact import Counts, Floats, clean_draws, clean_points
from leastpack.policy.plan import Plan, chance_of_list, chance_to_pass, plan_levels, tests_needed

# Levels of the grid at which the tests of a certificate are worked out, to tell what one would take.
PRICED = 24


@dataclass(frozen=True)
class Price:
    """What a certificate of one level would take, and bring.

    Attributes:
        moving: Share of the cell's products that would move.
        tests: Tests of moved products after which it would be given in 9 of 10 cases.
    """

    moving: float
    tests: int


@dataclass(frozen=True)
class CellPlan:
    """What a round would do in a cell.

    Attributes:
        products: Products of the cell, as estimated.
        draw: Products to draw.
        plan: Levels; none where too few products would move or none is likely to pass.
        moving: (L,) share of the cell's products that moves at each of them.
        prices: What a certificate would take at some levels that a certificate is possible at, from strict to loose.
        too_few: Even at the loosest level too few of the drawn products would move.
        why_none: Why there are no levels; None where there are.
        method: How it will be tested.
    """

    products: int
    draw: int
    plan: Plan
    moving: Floats
    prices: tuple[Price, ...]
    too_few: bool
    why_none: str | None
    method: Method = "exact"


@dataclass(frozen=True)
class Reach:
    """What the drawn products of a pilot are expected to ship, or those of a list of past shipments to be counted by.

    Attributes:
        products: Share of them with a shipment in each of their moves.
        shipments: Median shipments of these in a move.
    """

    products: float
    shipments: int

    @property
    def method(self) -> Method:
        """Bets on all shipments win from two a product on."""
        return "betting" if self.shipments > 1 else "exact"


# How a round tells of its products, and of what settles their moves.
_TOLD: dict[Labels, tuple[str, str]] = {
    AUDIT: ("drawn", "tests"),
    PILOT: ("drawn and ship", "trials"),
    RANDOM: ("counted", "random shipments"),
}
# An audit tests every drawn product that moves, once.
OF_AUDIT = Reach(1.0, 1)


def plan_round(
    counts: Mapping[str, CellCounts],
    sampled: float,
    correction: Correction,
    terms: Terms,
    delta: float,
    reach: Reach = OF_AUDIT,
) -> dict[str, CellPlan]:
    """Plan all cells; those that a round can do nothing for leave their delta to the others.

    Where too few products of one stratum would move for a round of its own, both strata of its pool are one cell.

    Args:
        counts: `counts.count_moves` of a sample.
        sampled: Share of the catalog's products in it.
        correction: What labels say of the predictions.
        terms: The policy.
        delta: What the attempt may spend.
        reach: What drawn products ship, in a pilot.

    Returns:
        The plans of all cells.
    """

    def planned(of: Mapping[str, CellCounts]) -> dict[str, CellPlan]:
        shares = terms.shares(delta, len(of), terms.drawing.levels)
        alpha = terms.observed_alpha(shares)
        share = shares.test / len(of)
        return {cell: _plan_cell(one, sampled, correction, terms, alpha, share, reach) for cell, one in of.items()}

    counts = _pooled(counts, planned(counts))
    plans = planned(counts)
    hopeful = {cell: one for cell, one in counts.items() if len(plans[cell].plan.places)}
    if len(hopeful) in (0, len(counts)):
        return plans
    return {**plans, **planned(hopeful)}


def _pooled(counts: Mapping[str, CellCounts], plans: Mapping[str, CellPlan]) -> dict[str, CellCounts]:
    found = dict(counts)
    for pool in {pool_and_stratum(cell)[0] for cell in counts}:
        strata = [cell_name(pool, stratum) for stratum in (PHOTOS, NO_PHOTOS)]
        if all(cell in counts for cell in strata) and any(plans[cell].too_few for cell in strata):
            one, other = (found.pop(cell) for cell in strata)
            found[cell_name(pool, EITHER)] = CellCounts(
                one.products + other.products, one.moves + other.moves, one.expected + other.expected
            )
    return dict(sorted(found.items()))


def _plan_cell(
    counts: CellCounts, sampled: float, correction: Correction, terms: Terms, alpha: float, delta: float, reach: Reach
) -> CellPlan:
    settings = terms.drawing
    products = round(counts.products / sampled)
    asked = terms.products_asked(products)
    draw = products_to_draw(alpha, delta, products, terms.draw_share) if asked is None else asked
    moving = counts.moves / max(1, counts.products)
    rates = np.minimum(1.0, correction.factors * counts.expected / np.maximum(1, counts.moves))
    shipping = int(reach.products * draw)
    lists = np.round(moving * products).astype(np.int64) if terms.of_list else None
    least = 2 * np.full(len(moving), clean_points(alpha, delta))
    if lists is not None:
        least = np.minimum(lists, 2 * clean_draws(lists, alpha, delta))
    chance = _chance(reach, lists, settings.levels)
    plan = plan_levels(moving, rates, shipping, alpha, delta, settings.levels, chance, least)
    prices = _prices(moving, np.median(rates, axis=0), alpha, delta, lists, settings.levels)
    why = None if len(plan.places) else _why_none(moving, shipping, prices, terms)
    too_few = bool((moving * shipping < least).all())
    return CellPlan(products, draw, plan, moving[plan.places], prices, too_few, why, reach.method)


def _chance(reach: Reach, lists: Counts | None, levels: int) -> Callable[[Floats, Counts, float, float], Floats]:
    if lists is not None:
        return partial(_of_list, lists, levels == 1)

    def by_betting(rates: Floats, products: Counts, alpha: float, delta: float) -> Floats:
        return chance_by_betting(rates, products, reach.shipments, alpha, delta)

    return by_betting if reach.method == "betting" else chance_to_pass


def _of_list(lists: Counts, taken_out: bool, rates: Floats, products: Counts, alpha: float, delta: float) -> Floats:
    return chance_of_list(rates, np.minimum(products, lists), lists, alpha, delta, taken_out=taken_out)


def _prices(
    moving: Floats, rates: Floats, alpha: float, delta: float, lists: Counts | None, levels: int
) -> tuple[Price, ...]:
    moves = np.flatnonzero(moving > 0)
    if not len(moves):
        return ()
    places = moves[np.unique(np.linspace(0, len(moves) - 1, PRICED).astype(int))]
    found = []
    for place in places:
        length = None if lists is None else int(lists[place])
        if rates[place] < 1 and length != 0:
            needed = tests_needed(
                float(rates[place]), alpha, delta, population=length, taken_out=length is not None and levels == 1
            )
            found.append((float(moving[place]), needed))
    return tuple(Price(share, tests) for share, tests in found if tests is not None)


def _why_none(moving: Floats, draw: int, prices: tuple[Price, ...], terms: Terms) -> str:
    if not (moving > 0).any():
        return "no product moves at any level"
    if not prices:
        if terms.of_shipments:
            return "at every level the products that move are expected to be damaged more often than is promised"
        return "at every level more of the products that move are expected to be unsafe than is promised"
    most = int(moving.max() * draw)
    fewest = min(price.tests for price in prices)
    how, labels = _TOLD[terms.labels]
    return f"{draw} products would be {how}, at most {most} of them move; {labels} of {fewest} would do"
