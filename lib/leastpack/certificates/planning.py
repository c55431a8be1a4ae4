"""Plans a round before any of its results: the levels of each cell, and how many products are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from leastpack.certificates.counts import CellCounts
from leastpack.certificates.terms import Terms
from leastpack.policy.budget import products_to_draw
from leastpack.policy.exact import Floats
from leastpack.policy.plan import Plan, plan_levels, tests_needed

# Levels of the grid at which the tests of a certificate are worked out, to tell what one would cost.
PRICED = 24


@dataclass(frozen=True)
class CellPlan:
    """What a round would do in a cell.

    Attributes:
        products: Products of the cell, as estimated.
        draw: Products to draw.
        plan: Levels; none where too few products would move or none is likely to pass.
        moving: (L,) share of the cell's products that moves at each of them.
        tests_needed: Tests after which the cheapest level would pass in 9 of 10 cases; None where no number would do.
        why_none: Why there are no levels; None where there are.
    """

    products: int
    draw: int
    plan: Plan
    moving: Floats
    tests_needed: int | None
    why_none: str | None


def plan_round(
    counts: Mapping[str, CellCounts], sampled: float, factor: Floats, terms: Terms, delta: float
) -> dict[str, CellPlan]:
    """Plan all cells; those that a round can do nothing for leave their delta to the others.

    Args:
        counts: `counts.count_moves` of a sample.
        sampled: Share of the catalog's products in it.
        factor: `counts.correction`.
        terms: The policy.
        delta: What the attempt may spend.

    Returns:
        The plans of all cells.
    """
    plans = _plan_cells(counts, sampled, factor, terms, delta, len(counts))
    hopeful = {cell: one for cell, one in counts.items() if len(plans[cell].plan.places)}
    if len(hopeful) in (0, len(counts)):
        return plans
    return {**plans, **_plan_cells(hopeful, sampled, factor, terms, delta, len(hopeful))}


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
    needed = _fewest_tests(moving, rates, alpha, delta)
    why = None if len(plan.places) else _why_none(moving, draw, needed)
    return CellPlan(products, draw, plan, moving[plan.places], needed, why)


def _fewest_tests(moving: Floats, rates: Floats, alpha: float, delta: float) -> int | None:
    moves = np.flatnonzero(moving > 0)
    priced = moves[np.unique(np.linspace(0, len(moves) - 1, PRICED).astype(int))] if len(moves) else moves
    found = [tests_needed(float(rate), alpha, delta) for rate in np.unique(rates[priced]) if rate < 1]
    return min((count for count in found if count is not None), default=None)


def _why_none(moving: Floats, draw: int, needed: int | None) -> str:
    if not (moving > 0).any():
        return "no product moves at any level"
    if needed is None:
        return "at every level more of the products that move are expected to be unsafe than is promised"
    most = int(moving.max() * draw)
    return f"{draw} products would be drawn, at most {most} of them move; about {needed} tests would do"
