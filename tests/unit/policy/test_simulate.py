"""The short form of `make simulate`: what the policy test promises and brings, and what its rivals break."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.simulate.past import ALL_MOVES, FILTERED, FIRST, NOT_THINNED, lotteries, past_rounds
from tests.simulate.rounds import BETS, audit_rounds, pilot_rounds
from tests.simulate.worlds import Traits, make_world

DELTA, REPETITIONS = 0.1, 100
MOST = DELTA + 3 * (DELTA * (1 - DELTA) / REPETITIONS) ** 0.5


@pytest.mark.parametrize("traits", [Traits(), Traits(insight=0.8), Traits(stretch=0.7, shift=-1.5)])
def test_an_audit_keeps_its_promise_and_moves_nearly_what_an_oracle_would(traits: Traits) -> None:
    rng = np.random.default_rng(3)
    world = make_world("short", 10_000, rng, traits)
    outcome = audit_rounds(world, 3000, 0.01, DELTA, REPETITIONS, rng)
    policy = outcome.tallies["fixed sequence"]
    assert policy.violations / REPETITIONS <= MOST
    assert np.mean(policy.moved) >= 0.85 * outcome.oracle[0]
    assert outcome.tallies["by type"].violations > REPETITIONS / 2
    assert np.mean(outcome.tallies["Bonferroni"].moved) <= np.mean(policy.moved)


def test_labels_by_habit_break_a_promise_about_moves() -> None:
    rng = np.random.default_rng(4)
    world = make_world("short", 10_000, rng, Traits(insight=0.8))
    outcome = audit_rounds(world, 3000, 0.01, DELTA, 50, rng)
    assert outcome.tallies["by habit"].violations > 25


def test_a_pilot_keeps_its_promise_by_all_shipments_and_by_first_ones() -> None:
    rng = np.random.default_rng(5)
    outcome = pilot_rounds(make_world("short", 10_000, rng), 3000, 50.0, 0.005, DELTA, 60, rng)
    for name, tally in outcome.tallies.items():
        if name != "naive":
            assert tally.violations / 60 <= DELTA + 3 * (DELTA * (1 - DELTA) / 60) ** 0.5, name
    assert np.mean(outcome.tallies["betting, both"].moved) > 0.5 * outcome.oracle[0]


def test_a_pilot_keeps_its_promise_where_a_station_puts_fragile_ones_aside() -> None:
    rng = np.random.default_rng(6)
    world = replace(make_world("short", 10_000, rng), put_aside=0.95)
    outcome = pilot_rounds(world, 3000, 5.0, 0.005, DELTA, 40, rng)
    broken = {name: tally.violations / 40 for name, tally in outcome.tallies.items()}
    assert max(broken[name] for name in (*BETS, "first shipments")) <= DELTA
    assert broken["put aside as whole"] > 0.9
    assert broken["put aside left out"] > 2 * DELTA


def test_past_shipments_keep_their_promise_however_packages_were_drawn() -> None:
    """A shipper who knows more than the model draws what it trusts more often, and what it doubts rarely or never."""
    rng, repetitions = np.random.default_rng(7), 8
    world = make_world("short", 40_000, rng, Traits(insight=0.8))
    broken = {}
    for lottery in lotteries(world):
        outcome = past_rounds(world, lottery, 0.005, DELTA, repetitions, rng)
        broken[lottery.name] = {name: tally.violations / repetitions for name, tally in outcome.tallies.items()}
        assert broken[lottery.name][FIRST] <= DELTA + 3 * (DELTA * (1 - DELTA) / repetitions) ** 0.5, lottery.name
        assert np.mean(outcome.tallies[FIRST].moved) > 0.1, lottery.name
    trusted, never = broken["mostly the trusted one"], broken["doubted ones never"]
    assert min(trusted[FILTERED], trusted[NOT_THINNED], never[ALL_MOVES]) > 0.6
