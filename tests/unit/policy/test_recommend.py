"""What a product ships in once a certificate stands, and why."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import Row
from tests.spark.market import package_rows

from leastpack.config.decisions import DecisionsConfig
from leastpack.policy.choose import NONE, Options, choose, preference
from leastpack.policy.market import Market, make_markets
from leastpack.policy.options import Facts, make_options
from leastpack.policy.pairs import Pairs
from leastpack.policy.recommend import Known, Recommendation, recommend

BAG, MAILER, BOX = range(3)
SETTINGS = DecisionsConfig(weight_cost=2.0, damage_cost=2.0, price_when_unknown=20.0)
NAN = float("nan")
NO, YES = np.zeros((1, 3), bool), np.ones((1, 3), bool)


def only(*places: int) -> np.ndarray:
    pairs = NO.copy()
    pairs[0, list(places)] = True
    return pairs


def one(level: float = 0.2, today: int = BOX, least_saving: float = 0.0, **given: Any) -> tuple[int, str, str]:
    """Package, reason and why not moved of a product: bag, mailer, box at costs 1, 2, 3 and risks .3, .2, .1."""
    cost = np.array([[1.0, 2.0, 3.0]])
    options = {
        "usable": YES,
        "risk": np.array([[0.3, 0.2, 0.1]]),
        "cost": cost,
        "order": preference(cost, np.zeros((1, 3)), np.arange(3.0)),
        "today": np.array([today]),
        "settled": np.array([False]),
        "rejected": np.array([False]),
    }
    known = {
        "level": np.array([level]),
        "supported": np.array([True]),
        "fits": YES,
        "scored": YES,
        "safe": NO,
        "unsafe": NO,
        "pinned": np.array([False]),
        "banned": NO,
        "misfit": np.array([False]),
        "suspended": np.array([False]),
        "withdrawn": NO,
        "unlisted": NO,
        "released": np.array([True]),
        "in_use": np.array([True, True, True]),
        "shipped": np.array([NONE]),
        "safe_default": np.array([False, False, True]),
    }
    chosen: dict[str, dict[str, Any]] = {"options": options, "known": known}
    for name, value in given.items():
        for part in chosen.values():
            if name in part:
                part[name] = np.array([value]) if isinstance(value, bool) else value
    found = recommend(Options(**options), Known(**known), least_saving)
    return int(found.package[0]), str(found.reason[0]), str(found.why_not_moved[0])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (MAILER, "moved", "")),
        ({"level": 0.3}, (BAG, "moved", "")),
        ({"level": 0.1}, (BOX, "kept", "above_level")),
        ({"level": NAN}, (BOX, "kept", "no_certificate")),
        ({"level": NAN, "supported": False}, (BOX, "kept", "unsupported")),
        ({"least_saving": 2.5}, (BOX, "kept", "saving_too_small")),
        ({"today": BAG}, (BAG, "kept", "nothing_lighter_fits")),
        ({"fits": only(BOX), "usable": only(BOX)}, (BOX, "kept", "nothing_lighter_fits")),
        ({"scored": NO, "usable": NO}, (BOX, "kept", "unscored")),
        ({"usable": only(BOX)}, (BOX, "kept", "proven_unsafe")),
        ({"unsafe": only(MAILER)}, (BOX, "kept", "proven_unsafe")),  # nothing takes its place
        ({"withdrawn": only(MAILER)}, (BOX, "kept", "type_withdrawn")),
        ({"unlisted": only(MAILER)}, (BOX, "kept", "unsupported")),
        ({"released": False}, (BOX, "kept", "held_back")),
        ({"safe": only(BAG)}, (BAG, "proven_safe", "")),
        ({"safe": only(BAG), "unsafe": only(BAG)}, (MAILER, "moved", "")),
        ({"safe": only(BOX)}, (MAILER, "moved", "")),
        ({"level": NAN, "safe": only(BAG)}, (BAG, "proven_safe", "")),
        ({"level": NAN, "safe": only(BAG), "least_saving": 2.5}, (BOX, "kept", "saving_too_small")),
        ({"suspended": True, "safe": only(BAG)}, (BOX, "suspended", "")),
        ({"settled": True, "pinned": True, "safe": only(BAG)}, (BOX, "pinned", "")),
        ({"settled": True, "misfit": True, "safe": only(BAG)}, (BOX, "size_conflict", "")),
        # Today's package must not go on.
        ({"today": BAG, "rejected": True, "usable": only(MAILER, BOX)}, (MAILER, "away_from_rejected", "")),
        (
            {"today": BAG, "rejected": True, "usable": only(MAILER, BOX), "level": NAN},
            (BAG, "kept", "no_certificate"),
        ),
        (
            {"today": BAG, "rejected": True, "usable": only(BOX), "level": NAN, "safe": only(BOX)},
            (BOX, "proven_safe", ""),
        ),
        ({"today": BAG, "rejected": True, "banned": only(BAG), "usable": only(MAILER, BOX)}, (MAILER, "banned", "")),
        ({"today": BAG, "rejected": True, "banned": only(BAG), "usable": only(BOX), "level": NAN}, (BOX, "banned", "")),
        # A ban holds for safe defaults without a score too, and a pin stands above it.
        ({"today": NONE, "level": NAN, "scored": NO, "usable": NO, "banned": only(BOX)}, (NONE, "nothing_fits", "")),
        ({"today": BAG, "settled": True, "pinned": True, "banned": only(BAG)}, (BAG, "pinned", "")),
        ({"today": BAG, "suspended": True, "rejected": True, "banned": only(BAG)}, (BOX, "banned", "")),
        # No package yet.
        ({"today": NONE}, (MAILER, "first", "")),
        ({"today": NONE, "released": False}, (BOX, "safe_default", "")),
        ({"today": NONE, "level": NAN}, (BOX, "safe_default", "")),
        ({"today": NONE, "level": NAN, "safe": only(MAILER)}, (MAILER, "proven_safe", "")),
        ({"today": NONE, "level": NAN, "unsafe": only(BOX)}, (NONE, "nothing_fits", "")),
        ({"today": NONE, "scored": NO, "usable": NO}, (BOX, "safe_default", "")),
        ({"today": NONE, "fits": NO, "usable": NO}, (NONE, "nothing_fits", "")),
    ],
)
def test_every_reason(given: dict[str, Any], expected: tuple[int, str, str]) -> None:
    assert one(**given) == expected


def test_a_safe_default_that_is_proven_unsafe_is_none() -> None:
    assert one(today=NONE, level=NAN, unsafe=only(BOX)) == (NONE, "nothing_fits", "")


@given(st.integers(0, 2**32))
def test_without_proofs_rules_and_caps_what_ships_is_what_was_tested(seed: int) -> None:
    rng, n, t = np.random.default_rng(seed), 20, 4
    cost = rng.integers(1, 5, (n, t)).astype(float)
    usable = rng.random((n, t)) < 0.7
    options = Options(
        usable=usable,
        risk=rng.random((n, t)),
        cost=cost,
        order=preference(cost, rng.random((n, t)), np.arange(t) * 1.0),
        today=rng.integers(NONE, t, n),
        settled=np.zeros(n, bool),
        rejected=rng.random(n) < 0.1,
    )
    none, no, yes = np.zeros((n, t), bool), np.zeros(n, bool), np.ones(n, bool)
    level = np.where(rng.random(n) < 0.3, np.nan, rng.random(n))
    in_use, nowhere = np.ones(t, bool), np.full(n, NONE)
    known = Known(
        level, yes, usable, usable, none, none, no, none, no, no, none, none, yes, in_use, nowhere, np.zeros(t, bool)
    )
    found: Recommendation = recommend(options, known)
    choice = choose(options, level)
    assert found.package.tolist() == choice.package.tolist()
    assert found.certified.tolist() == choice.moves.tolist()
    assert set(found.reason[choice.moves]) <= {"moved", "first", "away_from_rejected"}
    assert set(found.reason[~choice.moves]) <= {"kept", "nothing_fits"}


@pytest.fixture(scope="module")
def market() -> Market:
    return make_markets([Row(**row) for row in package_rows()], date(2024, 6, 1), {"USD": 1.0, "EUR": 1.1})["NA"]


def test_options_of_products_from_their_scores(market: Market) -> None:
    """Of NA in order of name: bag costs 0.1, box 0.6 and mailer 0.3."""
    rate = np.array([[0.0, 0.0, 0.0], [0.05, 0.0, np.nan], [0.0, 0.0, 0.0]])
    fits = np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [0.0, 1.0, np.nan]])
    pairs = Pairs(
        scored=~np.isnan(rate), fits=fits, risk=rate, damage_rate=rate, void=np.zeros((3, 3)),
        photos=np.ones(3, bool),
    )  # fmt: skip
    facts = Facts(
        today=np.array([1, NONE, 0]),
        pinned=np.array([NONE, 2, NONE]),
        banned=np.array([[True, False, False], [False] * 3, [False] * 3]),
        disproved=np.array([[False] * 3, [False] * 3, [True, False, False]]),
        value=np.array([10.0, np.nan, 10.0]),
    )
    options = make_options(pairs, market, facts, SETTINGS, reported=0.5)
    assert options.usable.tolist() == [[False, True, True], [True, True, False], [False, True, False]]
    assert options.today.tolist() == [1, 2, 0]
    assert options.settled.tolist() == [False, True, True]  # pinned; ships in what its size does not fit
    assert options.rejected.tolist() == [False, False, True]
    # Half of the damages are reported: 2 x price 20 x 0.05 / 0.5 more, and 2 a kilogram.
    assert options.cost[1, 0] == pytest.approx(0.1 + 2.0 * market.tare_g[0] / 1000 + 2 * 20 * 0.1)
    assert np.isnan(options.cost[1, 2])
