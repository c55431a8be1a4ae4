"""Rounds of tests on an invented catalog, again and again, and what each way of certifying makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from tests.simulate.methods import METHODS, fixed_sequence
from tests.simulate.worlds import World

from leastpack.config.decisions import PilotConfig
from leastpack.policy.betting import betting_p_value, chance_by_betting
from leastpack.policy.cells import divide_delta
from leastpack.policy.certify import last_passed
from leastpack.policy.choose import NONE, choose, choose_by_level, distinct_moves
from leastpack.policy.exact import Counts, binomial_p_values, clean_points
from leastpack.policy.levels import risk_grid
from leastpack.policy.observed import Measured, observed_alpha
from leastpack.policy.plan import Plan, chance_to_pass, plan_levels

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]
GRID = risk_grid(120)
# Labels of the calibrate split that a round is planned with, and how many labels the risks themselves are worth.
CALIBRATE, PRIOR = 500, 200.0
# Cases shown to testers to measure their errors, and damages whose reporting was followed up.
SHOWN = 400


@dataclass
class Tally:
    """What came of all repetitions of one method.

    Attributes:
        violations: Repetitions whose moves break the promise.
        moved: Share of all products that moved, by repetition.
        saved: Grams saved a product of the catalog, by repetition.
        worst: Bad rate of what moved over alpha, by repetition; 0 where nothing moved.
    """

    violations: int = 0
    moved: list[float] = field(default_factory=list)
    saved: list[float] = field(default_factory=list)
    worst: list[float] = field(default_factory=list)

    def add(self, rate: float, moved: float, saved: float, alpha: float) -> None:
        """Note one repetition."""
        self.violations += rate > alpha
        self.moved.append(moved)
        self.saved.append(saved)
        self.worst.append(rate / alpha)


@dataclass(frozen=True)
class Levels:
    """The policy at each of some levels, and the truth about it.

    Attributes:
        packages: (L, n) of `choose_by_level`.
        moves: (L, n) of `choose_by_level`.
        rate: (L,) true bad rate of what moves, once it ships.
        moved: (L,) share of products that move.
        saved: (L,) grams saved a product of the catalog.
    """

    packages: Places
    moves: Flags
    rate: Numbers
    moved: Numbers
    saved: Numbers

    def at(self, places: Places) -> Levels:
        """Some of the levels."""
        return Levels(*(getattr(self, name)[places] for name in ("packages", "moves", "rate", "moved", "saved")))

    def oracle(self, alpha: float) -> int | None:
        """Place of the loosest level that keeps the promise."""
        kept = np.flatnonzero((self.rate <= alpha) & (self.moved > 0))
        return int(kept[-1]) if len(kept) else None


def all_levels(world: World, bad: Numbers) -> Levels:
    """The policy at every level of the grid.

    Args:
        world: The catalog.
        bad: (n, t) how bad each pair is once it ships: unsafe or not, or its damage rate.
    """
    packages, moves = choose_by_level(world.options, GRID)
    found = [_truth(world, bad, *one) for one in zip(packages, moves, strict=True)]
    rate, moved, saved = (np.array(values) for values in zip(*found, strict=True))
    return Levels(packages, moves, rate, moved, saved)


def _truth(world: World, bad: Numbers, packages: Places, moves: Flags) -> tuple[float, float, float]:
    moved = np.flatnonzero(moves)
    today = world.options.today[moved]
    before = np.where(today == NONE, 0.0, world.grams[today])
    rate = float(bad[moved, packages[moved]].mean()) if len(moved) else 0.0
    return rate, float(moves.mean()), float((before - world.grams[packages[moved]]).sum() / len(moves))


def planned(
    world: World,
    levels: Levels,
    bad: Numbers,
    products: int,
    alpha: float,
    delta: float,
    rng: np.random.Generator,
    shipments: int = 1,
) -> Plan:
    """The plan of a round, from the risks of the whole catalog and labels of the calibrate split.

    Args:
        world: The catalog.
        levels: `all_levels`.
        bad: (n, t) what the calibrate split's labels show.
        products: Products drawn.
        alpha: Bound of the observed rate.
        delta: Level of the test.
        rng: Draws the calibrate split.
        shipments: Median shipments of a product in each of its moves; 1 for tests.
    """
    sample = rng.choice(len(world.options.today), CALIBRATE, replace=False)
    # What is bad is unsafe pairs, or damage; risks are of the first.
    least, most = float(bad.min()), float(bad.max())
    risk = least + world.options.risk * (most - least)
    rates = []
    for packages, moves in zip(levels.packages, levels.moves, strict=True):
        moved = np.flatnonzero(moves)
        expected = risk[moved, packages[moved]].mean() if len(moved) else 1.0
        looked = sample[moves[sample]]
        found = bad[looked, packages[looked]].sum()
        rates.append((found + PRIOR * expected) / (len(looked) + PRIOR))

    def chance(rates: Numbers, points: Counts, alpha: float, delta: float) -> Numbers:
        if shipments == 1:
            return chance_to_pass(rates, points, alpha, delta)
        return chance_by_betting(rates, points, shipments, alpha, delta)

    return plan_levels(levels.moved, rates, products, alpha, delta, chance_of=chance)


@dataclass(frozen=True)
class Outcome:
    """What all repetitions of a round came to.

    Attributes:
        tallies: By method.
        oracle: What the oracle would do: share of products moved, grams saved.
        tests: Median count of tests, or of pilot shipments.
        levels: Levels planned.
    """

    tallies: Mapping[str, Tally]
    oracle: tuple[float, float]
    tests: float
    levels: int


def audit_rounds(
    world: World, products: int, alpha: float, delta: float, repetitions: int, rng: np.random.Generator
) -> Outcome:
    """Draw products, test every distinct move over the planned levels, certify; as often as asked.

    The promise is about the unsafe share of what moves. Certificates by type, which take many more labels, get a test
    of one random fitting pair of every product of the catalog; labels by habit come from as many products as are drawn.
    """
    truth = world.shipped.astype(np.float64)
    levels = all_levels(world, truth)
    observed = _observed(alpha, delta, _testers(world, rng))
    plan = planned(world, levels, world.unsafe.astype(np.float64), products, observed.alpha, observed.delta, rng)
    tested = levels.at(plan.places)
    distinct = distinct_moves(tested.packages, tested.moves, len(world.grams)).sum(axis=1)
    tallies = {name: Tally() for name in (*METHODS, "by type", "by habit")}
    tests, n = [], len(world.options.today)
    for _ in range(repetitions):
        observed = _observed(alpha, delta, _testers(world, rng))
        # From a catalog of any size.
        drawn = rng.integers(0, n, products)
        results = _results(world, drawn, rng)
        count, bad = _count(tested, drawn, results)
        tests.append(int(distinct[drawn].sum()))
        for name, method in METHODS.items():
            note(tallies[name], tested, method(count, bad, observed.alpha, observed.delta), alpha)
        habit = _by_habit(world, plan, drawn, results, observed.alpha, observed.delta)
        note(tallies["by habit"], tested, habit, alpha)
        packages, moves = _by_type(world, _results(world, np.arange(n), rng), observed.alpha, observed.delta, rng)
        tallies["by type"].add(*_truth(world, truth, packages, moves), alpha)
    return Outcome(tallies, best(levels, alpha), float(np.median(tests)), len(plan.places))


def note(tally: Tally, levels: Levels, place: int | None, alpha: float) -> None:
    """Note what is certified: a level, or nothing."""
    found = (0.0, 0.0, 0.0) if place is None else (levels.rate[place], levels.moved[place], levels.saved[place])
    tally.add(*map(float, found), alpha)


def best(levels: Levels, alpha: float) -> tuple[float, float]:
    """What the oracle would do: share of products moved, grams saved."""
    place = levels.oracle(alpha)
    return (0.0, 0.0) if place is None else (float(levels.moved[place]), float(levels.saved[place]))


@dataclass(frozen=True)
class Observed:
    """What a promise is tested by.

    Attributes:
        alpha: Bound of what labels show.
        delta: Level of the test.
    """

    alpha: float
    delta: float


def _observed(alpha: float, delta: float, measured: tuple[Measured | float, Measured | float]) -> Observed:
    shares = divide_delta(delta, cells=1, types=1, levels=1, rates=sum(isinstance(one, Measured) for one in measured))
    return Observed(observed_alpha(alpha, shares.measured, *measured), shares.test)


def _testers(world: World, rng: np.random.Generator) -> tuple[Measured | float, Measured | float]:
    """What is known of testers' errors, where they make any: measured anew in each round."""
    if world.sensitivity == 1:
        return 1.0, 0.0
    found, accused = rng.binomial(SHOWN, world.sensitivity), rng.binomial(SHOWN, world.false_alarms)
    return Measured(int(found), SHOWN), Measured(int(accused), SHOWN)


def _reporting(world: World, rng: np.random.Generator) -> tuple[Measured | float, float]:
    """The reported ones of some damages that were followed up, where not all are reported."""
    if world.reporting == 1:
        return 1.0, 0.0
    return Measured(int(rng.binomial(SHOWN, world.reporting)), SHOWN), 0.0


def _results(world: World, drawn: Places, rng: np.random.Generator) -> Flags:
    """(m, t) what tests of the drawn products would find; a missing result counts as unsafe."""
    unsafe = world.unsafe[drawn]
    found = rng.random(unsafe.shape) < np.where(unsafe, world.sensitivity, world.false_alarms)
    lost = rng.random(unsafe.shape) < world.missing * (1 + unsafe)
    return found | lost


def _count(levels: Levels, drawn: Places, results: Flags) -> tuple[Counts, Counts]:
    moves = levels.moves[:, drawn]
    bad = moves & results[np.arange(len(drawn)), levels.packages[:, drawn]]
    return moves.sum(axis=1), bad.sum(axis=1)


def _by_habit(world: World, plan: Plan, drawn: Places, results: Flags, alpha: float, delta: float) -> int | None:
    """The policy's levels, tested on what ships today: pairs that someone chose."""
    today = world.options.today[drawn]
    risk = world.options.risk[drawn, today]
    bad = results[np.arange(len(drawn)), today]
    under = risk <= GRID[plan.places][:, None]
    return fixed_sequence(under.sum(axis=1), (under & bad).sum(axis=1), alpha, delta)


def _by_type(
    world: World, results: Flags, alpha: float, delta: float, rng: np.random.Generator
) -> tuple[Places, Flags]:
    """A threshold for each package type, from one random fitting pair a product; the cheapest pair under one ships."""
    options = world.options
    rows = np.arange(len(results))
    pair = np.where(options.usable, rng.random(results.shape), -1.0).argmax(axis=1)
    fits, risk, bad = options.usable[rows, pair], options.risk[rows, pair], results[rows, pair]
    thresholds = np.full(len(world.grams), -1.0)
    for place in range(len(thresholds)):
        own = fits & (pair == place)
        at = np.searchsorted(GRID, risk[own])
        n = np.cumsum(np.bincount(at, minlength=len(GRID) + 1))[:-1]
        k = np.cumsum(np.bincount(at, weights=bad[own], minlength=len(GRID) + 1)).astype(np.int64)[:-1]
        start = int(np.searchsorted(n, 2 * clean_points(alpha, delta)))
        last = last_passed(binomial_p_values(k[start:], n[start:], alpha), delta)
        if last is not None:
            thresholds[place] = GRID[start + last]
    choice = choose(replace(options, usable=options.usable & (options.risk <= thresholds)), 1.0)
    return choice.package, choice.moves


BETS: dict[str, Callable[[Counts, Counts, float], float]] = {
    "betting, mixture": lambda k, n, alpha: betting_p_value(k, n, alpha, "mixture"),
    "betting, plug-in": lambda k, n, alpha: betting_p_value(k, n, alpha, "plug_in"),
    "betting, both": lambda k, n, alpha: betting_p_value(k, n, alpha, "both"),
}
FIRST, ALL_NAIVE = "first shipments", "naive"
# What one might count instead of a shipment that went out in another package: nothing, or one that arrived whole.
LEFT_OUT, AS_WHOLE = "put aside left out", "put aside as whole"
MOST_OVERRULED = PilotConfig().most_overruled


def pilot_rounds(
    world: World,
    products: int,
    shipments: float,
    alpha: float,
    delta: float,
    repetitions: int,
    rng: np.random.Generator,
) -> Outcome:
    """Ship some of the drawn products' shipments in every distinct move of the planned levels; certify; repeat.

    The promise is about the mean damage rate a shipment, every product alike. A shipment that went out in another
    package counts as a damaged one.

    Args:
        world: The catalog.
        products: Products drawn.
        shipments: Median shipments of a product in the pilot.
        alpha: The promised bound.
        delta: Probability with which it may be broken.
        repetitions: Rounds.
        rng: Draws.
    """
    levels = all_levels(world, np.where(world.shipped, world.damage_rate.max(), world.damage_rate.min()))
    observed = _observed(alpha, delta, _reporting(world, rng))
    reported = world.reporting * world.damage_rate
    # Labels of before come from the same stations.
    seen = reported * (1 - world.put_aside * world.unsafe)
    each = max(1, round(shipments / 2))
    plan = planned(world, levels, seen, products, observed.alpha, observed.delta, rng, each)
    tested = levels.at(plan.places)
    distinct = np.maximum(1, distinct_moves(tested.packages, tested.moves, len(world.grams)).sum(axis=1))
    rivals = (LEFT_OUT, AS_WHOLE) if world.put_aside else ()
    tallies = {name: Tally() for name in (*BETS, FIRST, *rivals, ALL_NAIVE)}
    used, n = [], len(world.options.today)
    for _ in range(repetitions):
        observed = _observed(alpha, delta, _reporting(world, rng))
        drawn = rng.integers(0, n, products)
        sent = np.ceil(shipments * np.exp(rng.normal(0, 1, products)) / distinct[drawn]).astype(np.int64)
        aside = rng.binomial(sent[:, None], world.put_aside * world.unsafe[drawn])
        damaged = rng.binomial(sent[:, None] - aside, reported[drawn])
        bad = damaged + aside
        first = rng.random(bad.shape) < bad / sent[:, None]
        used.append(float((sent * distinct[drawn]).sum()))
        p_values: dict[str, list[float]] = {name: [] for name in (*BETS, FIRST, *rivals)}
        naive: list[bool] = []
        for packages, moves in zip(tested.packages[:, drawn], tested.moves[:, drawn], strict=True):
            rows = np.flatnonzero(moves)
            k, of, put_aside = bad[rows, packages[rows]], sent[rows], aside[rows, packages[rows]]
            overruled = len(rows) > 0 and float((put_aside / of).mean()) > MOST_OVERRULED
            for name, p_value in BETS.items():
                p_values[name].append(1.0 if overruled else p_value(k, of, observed.alpha))
            broken = first[rows, packages[rows]].sum()
            p_values[FIRST].append(1.0 if overruled else float(binomial_p_values(broken, len(rows), observed.alpha)))
            if rivals:
                shipped = of > put_aside
                p_values[LEFT_OUT].append(
                    betting_p_value((k - put_aside)[shipped], (of - put_aside)[shipped], observed.alpha, "mixture")
                )
                p_values[AS_WHOLE].append(betting_p_value(k - put_aside, of, observed.alpha, "mixture"))
            naive.append(bool(len(rows)) and float((k / of).mean()) <= observed.alpha)
        for name, found in p_values.items():
            note(tallies[name], tested, last_passed(np.array(found), observed.delta), alpha)
        passed = np.flatnonzero(naive)
        note(tallies[ALL_NAIVE], tested, int(passed[-1]) if len(passed) else None, alpha)
    return Outcome(tallies, best(levels, alpha), float(np.median(used)), len(plan.places))
