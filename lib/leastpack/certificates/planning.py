"""Plans a round before any of its results: the levels of each cell, and how many products are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from leastpack.certificates.cells import EITHER, NO_PHOTOS, PHOTOS, cell_name, pool_and_stratum
from leastpack.certificates.counts import CellCounts
from leastpack.certificates.terms import Terms
from leastpack.policy.budget import products_to_draw
from leastpack.policy.exact import Floats, clean_points
from leastpack.policy.plan import Plan, plan_levels, tests_needed

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
    """

    products: int
    draw: int
    plan: Plan
    moving: Floats
    prices: tuple[Price, ...]
    too_few: bool
    why_none: str | None


def plan_round(
    counts: Mapping[str, CellCounts], sampled: float, factor: Floats, terms: Terms, delta: float
) -> dict[str, CellPlan]:
    """Plan all cells; those that a round can do nothing for leave their delta to the others.

    Where too few products of one stratum would move for a round of its own, both strata of its pool are one cell.

    Args:
        counts: `counts.count_moves` of a sample.
        sampled: Share of the catalog's products in it.
        factor: `counts.correction`.
        terms: The policy.
        delta: What the attempt may spend.

    Returns:
        The plans of all cells.
    """
    counts = _pooled(counts, _plan_cells(counts, sampled, factor, terms, delta, len(counts)))
    plans = _plan_cells(counts, sampled, factor, terms, delta, len(counts))
    hopeful = {cell: one for cell, one in counts.items() if len(plans[cell].plan.places)}
    if len(hopeful) in (0, len(counts)):
        return plans
    return {**plans, **_plan_cells(hopeful, sampled, factor, terms, delta, len(hopeful))}


def _pooled(counts: Mapping[str, CellCounts], plans: Mapping[str, CellPlan]) -> dict[str, CellCounts]:
    found = dict(counts)
    for pool in {pool_and_stratum(cell)[0] for cell in counts}:
        strata = [cell_name(pool, stratum) for stratum in (PHOTOS, NO_PHOTOS)]
        if all(cell in counts for cell in strata) and any(plans[cell].too_few for cell in strata):
            one, other = (found.pop(cell) for cell in strata)
            found[cell_name(pool, EITHER)] = CellCounts(
                one.products + other.products, one.moves + other.moves, one.risk + other.risk
            )
    return dict(sorted(found.items()))


def _plan_cells(
    counts: Mapping[str, CellCounts], sampled: float, factor: Floats, terms: Terms, delta: float, cells: int
) -> dict[str, CellPlan]:
    shares = terms.shares(delta, cells, terms.config.certify.levels)
    alpha = terms.observed_alpha(shares)
    return {cell: _plan_cell(one, sampled, factor, terms, alpha, shares.test / cells) for cell, one in counts.items()}


def _plan_cell(
    counts: CellCounts, sampled: float, factor: Floats, terms: Terms, alpha: float, delta: float
) -> CellPlan:
    settings = terms.config.certify
    products = round(counts.products / sampled)
    draw = products_to_draw(alpha, delta, products, settings.draw_share)
    if settings.draw_products is not None:
        draw = min(settings.draw_products, int(settings.draw_share * products))
    moving = counts.moves / max(1, counts.products)
    rates = np.minimum(1.0, factor * counts.risk / np.maximum(1, counts.moves))
    plan = plan_levels(moving, rates, draw, alpha, delta, settings.levels)
    prices = _prices(moving, rates, alpha, delta)
    why = None if len(plan.places) else _why_none(moving, draw, prices)
    too_few = bool(moving.max() * draw < 2 * clean_points(alpha, delta))
    return CellPlan(products, draw, plan, moving[plan.places], prices, too_few, why)


def _prices(moving: Floats, rates: Floats, alpha: float, delta: float) -> tuple[Price, ...]:
    moves = np.flatnonzero(moving > 0)
    if not len(moves):
        return ()
    places = moves[np.unique(np.linspace(0, len(moves) - 1, PRICED).astype(int))]
    found = [
        (float(moving[place]), tests_needed(float(rates[place]), alpha, delta)) for place in places if rates[place] < 1
    ]
    return tuple(Price(share, tests) for share, tests in found if tests is not None)


def _why_none(moving: Floats, draw: int, prices: tuple[Price, ...]) -> str:
    if not (moving > 0).any():
        return "no product moves at any level"
    if not prices:
        return "at every level more of the products that move are expected to be unsafe than is promised"
    most = int(moving.max() * draw)
    fewest = min(price.tests for price in prices)
    return f"{draw} products would be drawn, at most {most} of them move; tests of {fewest} would do"
