"""Past shipments that were assigned at random, again and again, and what each way of counting them makes of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tests.simulate.rounds import Flags, Levels, Numbers, Outcome, Places, Tally, all_levels, best, note, planned
from tests.simulate.worlds import World

from leastpack.policy.assigned import TAIL, as_told, counts
from leastpack.policy.certify import certify_shipments
from leastpack.policy.choose import NONE
from leastpack.policy.exact import Counts
from leastpack.policy.plan import Plan

# Chance of each package beside a favourite, and of one that its shipper doubts; draws with at least LEAST count.
OTHERS, DOUBTED, LEAST = 0.08, 0.005, 0.08
# From where on a draw is not rare to whoever leaves rare ones out before the first.
NOT_RARE = 0.1
# Random shipments of a product beside the first: their mean.
MORE = 8.0
NOT_DRAWN = -1

FIRST, ALL_MOVES, FILTERED, NOT_THINNED = (
    "first shipments",
    "all moves listed",
    "rare ones left out first",
    "not thinned",
)
WAYS = (FIRST, ALL_MOVES, FILTERED, NOT_THINNED)


@dataclass(frozen=True)
class Lottery:
    """How packages were drawn.

    Attributes:
        name: How.
        propensity: (n, t) probability of each package; 0 where it is never drawn.
    """

    name: str
    propensity: Numbers


def lotteries(world: World) -> list[Lottery]:
    """All packages alike; mostly the one that its shipper trusts first; those that it doubts rarely, or never."""
    fits = world.options.usable
    trusted = world.trusted | (fits & ~world.trusted.any(axis=1, keepdims=True))
    favourite = np.zeros_like(fits)
    favourite[np.arange(len(fits)), trusted.argmax(axis=1)] = trusted.any(axis=1)
    few, rare = OTHERS * (fits & ~favourite), DOUBTED * (fits & ~trusted)
    return [
        Lottery("all alike", _even(fits)),
        Lottery("mostly the trusted one", few + favourite * (1 - few.sum(axis=1, keepdims=True))),
        Lottery("doubted ones rarely", rare + _even(trusted) * (1 - rare.sum(axis=1, keepdims=True))),
        Lottery("doubted ones never", _even(trusted)),
    ]


def _even(pairs: Flags) -> Numbers:
    shares: Numbers = pairs / np.maximum(1, pairs.sum(axis=1, keepdims=True))
    return shares


def past_rounds(
    world: World, lottery: Lottery, alpha: float, delta: float, repetitions: int, rng: np.random.Generator
) -> Outcome:
    """Draw the packages of some shipments of all products, list their moves, certify; as often as asked.

    The promise is about the mean damage rate of what is listed, every product alike.
    """
    levels = all_levels(world, world.damage_rate)
    example = _draw(lottery, rng)
    plans = {
        way: _plan(world, _listed(world, levels, example, lottery) if way == FIRST else levels, alpha, delta, rng)
        for way in (FIRST, ALL_MOVES)
    }
    tallies, used = {name: Tally() for name in WAYS}, []
    for _ in range(repetitions):
        drawn, place = _draw(lottery, rng), rng.random(len(lottery.propensity))
        first = np.where(counts(_probability(lottery, drawn.first), LEAST, place), drawn.first, NOT_DRAWN)
        filtered = np.where(counts(_probability(lottery, drawn.filtered), NOT_RARE, place), drawn.filtered, NOT_DRAWN)
        counted = {FIRST: first, ALL_MOVES: first, FILTERED: filtered, NOT_THINNED: drawn.first}
        for name, packages in counted.items():
            own = levels.at(plans[FIRST if name == FIRST else ALL_MOVES].places)
            if name == FIRST:
                own = _listed(world, own, drawn, lottery)
                used.append(int((own.moves & (own.packages == packages)).any(axis=0).sum()))
            unlike = name == FIRST and _unlike(own, packages, len(world.grams))
            found = None if unlike else _certified(own, packages, world.damage_rate, alpha, delta, rng)
            note(tallies[name], own, found, alpha)
    return Outcome(tallies, best(levels, alpha), float(np.median(used)), len(plans[FIRST].places))


def _plan(world: World, levels: Levels, alpha: float, delta: float, rng: np.random.Generator) -> Plan:
    products = round(LEAST * len(world.options.today))
    return planned(world, levels, world.damage_rate, products, alpha, delta, rng)


@dataclass(frozen=True)
class _Drawn:
    """(n,) package of each product's first shipment and of the first that is not rare; (n, t) drawn for any other."""

    first: Places
    filtered: Places
    others: Flags


def _draw(lottery: Lottery, rng: np.random.Generator) -> _Drawn:
    reached = np.cumsum(lottery.propensity, axis=1)
    rows, ever = np.arange(len(reached)), reached[:, -1] > 0
    shipments = np.where(ever, 1 + rng.poisson(MORE, len(rows)), 0)
    first, filtered = np.full(len(rows), NOT_DRAWN), np.full(len(rows), NOT_DRAWN)
    others = np.zeros(reached.shape, dtype=bool)
    for number in range(int(shipments.max())):
        there = np.flatnonzero(shipments > number)
        at = (rng.random(len(there))[:, None] * reached[there, -1:] >= reached[there]).sum(axis=1)
        if number:
            others[there, at] = True
        else:
            first[there] = at
        often = (lottery.propensity[there, at] >= NOT_RARE) & (filtered[there] == NOT_DRAWN)
        filtered[there[often]] = at[often]
    return _Drawn(first, filtered, others)


def _probability(lottery: Lottery, packages: Places) -> Numbers:
    """(n,) of the packages that were drawn; 1 where none was."""
    found = lottery.propensity[np.arange(len(packages)), packages]
    return np.where(packages == NOT_DRAWN, 1.0, found)


def _listed(world: World, levels: Levels, drawn: _Drawn, lottery: Lottery) -> Levels:
    """The moves to packages that another shipment of the product was drawn for, often enough."""
    known = drawn.others & (lottery.propensity >= LEAST - 1e-9)
    rows, today = np.arange(len(known)), world.options.today
    moves = levels.moves & known[rows, levels.packages]
    count = np.maximum(1, moves.sum(axis=1))
    rate = np.where(moves, world.damage_rate[rows, levels.packages], 0.0).sum(axis=1) / count
    before = np.where(today == NONE, 0.0, world.grams[today])
    saved = np.where(moves, before - world.grams[levels.packages], 0.0).mean(axis=1)
    return Levels(levels.packages, moves, rate, moves.mean(axis=1), saved)


def _unlike(levels: Levels, packages: Places, types: int) -> bool:
    """Whether so many or few products count that they cannot have been drawn as is told."""
    chosen = [(levels.moves & (levels.packages == name)).any(axis=0) for name in range(types)]
    listed = np.array([own.sum() for own in chosen])
    found = np.array([(own & (packages == name)).sum() for name, own in enumerate(chosen)])
    return bool((listed > 0).any() and as_told(listed, found, LEAST).min() < TAIL / (listed > 0).sum())


def _certified(
    levels: Levels, packages: Places, damage_rate: Numbers, alpha: float, delta: float, rng: np.random.Generator
) -> int | None:
    if not len(levels.rate):
        return None
    there = packages != NOT_DRAWN
    chance = damage_rate[np.arange(len(packages)), np.where(there, packages, 0)]
    damaged = there & (rng.random(len(packages)) < chance)
    counted = levels.moves & (levels.packages == packages)
    one: Counts = np.broadcast_to(damaged, counted.shape).astype(np.int64)
    return certify_shipments(counted, one, np.ones_like(one), one, alpha, delta, "exact").last
