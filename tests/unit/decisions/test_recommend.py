"""Which package a product should ship in, and what it costs."""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import Any

import numpy as np
import pytest
from pyspark.sql import Row
from tests.spark.decisions.market import package_rows

from leastpack.config.decisions import DecisionsConfig
from leastpack.decisions.market import Market, make_markets
from leastpack.decisions.recommend import NONE, Choice, recommend
from leastpack.decisions.rules import CODES, UNSAFE, Pairs, decide

SETTINGS = DecisionsConfig(damage_cost=2.0, trade_off=1.0, price_when_unknown=20.0)
# Of NA in order of name: bag costs 0.1, box 0.6 and is the safe default, mailer 0.3.
BAG, BOX, MAILER = range(3)


@pytest.fixture(scope="module")
def market() -> Market:
    markets, _ = make_markets([Row(**row) for row in package_rows()], [], date(2024, 6, 1), {"USD": 1.0, "EUR": 1.1})
    return markets["NA"]


def chosen(
    market: Market, reasons: list[str], price: float = 10.0, settings: DecisionsConfig = SETTINGS, **other: Any
) -> Choice:
    """The choice for one product whose damage rates are 0, unless others are given."""
    one = {"fits": [1.0] * 3, "damage_rate": [0.0] * 3, "proven": [0] * 3, **other}
    fits, rate, proven = (np.array([one[name]], dtype=np.float64) for name in ("fits", "damage_rate", "proven"))
    pairs = Pairs(
        scored=~np.isnan(rate), fits=fits, risk=rate, damage_rate=rate, void=np.zeros((1, 3)),
        photos=np.array([True]), proven=proven.astype(np.int8),
    )  # fmt: skip
    codes = np.array([[CODES[reason] for reason in reasons]], dtype=np.int8)
    return recommend(pairs, codes, market, np.array([price]), settings, reporting_rate=0.5)


def test_the_certified_type_of_least_total_cost(market: Market) -> None:
    certified = ["under_threshold"] * 3
    assert chosen(market, certified).package == BAG
    # Half the damages are reported: 2 x price 10 x 0.05 / 0.5 = 2 more for the bag.
    one = chosen(market, certified, damage_rate=[0.05, 0.0, 0.0])
    assert one.package == MAILER
    assert one.ordered[0].tolist() == [MAILER, BOX, BAG]
    assert one.certified == 3
    assert chosen(market, ["under_threshold", "proven_safe", "by_order"]).reason == "certified"
    assert chosen(market, ["above_threshold", "proven_safe", "high_risk"]).reason == "proven_safe"


def test_the_damage_costs_the_price_whatever_share_is_reported(market: Market) -> None:
    certified = ["under_threshold"] * 3
    assert chosen(market, certified, damage_rate=[0.01] * 3).damage_cost == pytest.approx(2 * 10 * 0.02)
    assert chosen(market, certified, damage_rate=[0.9] * 3).damage_cost == pytest.approx(2 * 10)  # no more than all
    unknown = chosen(market, certified, price=float("nan"), damage_rate=[0.01] * 3)
    assert unknown.damage_cost == pytest.approx(2 * 20 * 0.02)


@pytest.mark.parametrize(
    ("trade_off", "damage_rate", "package"),
    # The bag costs 0.1 and its damage 2 x price 10 x rate / 0.5; the mailer costs 0.3 and breaks nothing.
    [(0.0, 0.05, BAG), (0.05, 0.05, BAG), (1.0, 0.05, MAILER), (1.0, 0.002, BAG), (10.0, 0.002, MAILER)],
)
def test_the_trade_off_weighs_damage_against_the_package(
    market: Market, trade_off: float, damage_rate: float, package: int
) -> None:
    settings = SETTINGS.model_copy(update={"trade_off": trade_off})
    one = chosen(market, ["under_threshold"] * 3, settings=settings, damage_rate=[damage_rate, 0.0, 0.0])
    assert one.package == package
    expected = 2 * 10 * damage_rate / 0.5 if package == BAG else 0.0
    assert one.damage_cost == pytest.approx(expected)  # told as it is, whatever it weighs


@pytest.mark.parametrize(
    ("damage_cost", "damage_rate", "package"),
    [(0.0, 0.05, BAG), (0.5, 0.05, MAILER), (2.0, 0.002, BAG), (20.0, 0.002, MAILER)],
)
def test_a_damage_costs_as_many_prices_as_configured(
    market: Market, damage_cost: float, damage_rate: float, package: int
) -> None:
    settings = SETTINGS.model_copy(update={"damage_cost": damage_cost})
    one = chosen(market, ["under_threshold"] * 3, settings=settings, damage_rate=[damage_rate, 0.0, 0.0])
    assert one.package == package
    alike = chosen(market, ["under_threshold"] * 3, settings=settings, damage_rate=[damage_rate] * 3)
    assert alike.damage_cost == pytest.approx(damage_cost * 10 * damage_rate / 0.5)


def test_equal_costs_go_to_the_name_that_sorts_first(market: Market) -> None:
    alike = dataclasses.replace(market, cost=np.full(3, 0.3))
    assert chosen(alike, ["under_threshold"] * 3).ordered[0].tolist() == [BAG, BOX, MAILER]
    assert chosen(alike, ["above_threshold", "under_threshold", "under_threshold"]).package == BOX


@pytest.mark.parametrize(
    ("other", "package", "reason"),
    [
        ({}, BOX, "safe_default"),
        ({"damage_rate": [np.nan] * 3}, BOX, "safe_default"),  # no score, and yet it must ship in something
        ({"fits": [1, 0, 1]}, NONE, "nothing_fits"),
        ({"fits": [np.nan] * 3}, NONE, "nothing_fits"),
        ({"proven": [0, UNSAFE, 0]}, NONE, "nothing_fits"),
    ],
)
def test_without_a_certified_type_the_safe_default_that_fits(
    market: Market, other: dict[str, Any], package: int, reason: str
) -> None:
    one = chosen(market, ["above_threshold"] * 3, **other)
    assert (one.package[0], one.safe_default[0], one.reason[0]) == (package, package, reason)
    assert one.certified[0] == 0
    assert np.isnan(one.damage_cost[0]) == (package == NONE or "damage_rate" in other)


@pytest.mark.parametrize("of_its_use", [{"valid_from": date(2025, 1, 1)}, {"valid_to": date(2024, 6, 1)}])
def test_a_package_not_in_use_is_no_safe_default(of_its_use: dict[str, date]) -> None:
    later = [Row(**{**row, **of_its_use}) for row in package_rows()]
    markets, _ = make_markets(later, [], date(2024, 6, 1), {"USD": 1.0})
    assert chosen(markets["NA"], ["not_in_use"] * 3).package == NONE


@pytest.mark.parametrize(
    ("void_in_the_box", "package", "reason"), [(0.0, NONE, "nothing_fits"), (0.4, MAILER, "safe_default")]
)
def test_a_safe_default_that_breaks_in_a_stronger_type_is_none(
    market: Market, void_in_the_box: float, package: int, reason: str
) -> None:
    only_the_mailer = dataclasses.replace(market, safe_default=np.array([False, False, True]))
    assert market.stronger[MAILER, BOX]
    pairs = Pairs(
        scored=np.ones((1, 3), dtype=bool), fits=np.ones((1, 3)), risk=np.full((1, 3), 0.3),
        damage_rate=np.full((1, 3), 0.01), void=np.array([[0.0, void_in_the_box, 0.0]]), photos=np.array([True]),
        proven=np.array([[0, UNSAFE, 0]], dtype=np.int8),
    )  # fmt: skip
    codes = decide(pairs, only_the_mailer, reject_risk=0.5)
    one = recommend(pairs, codes, only_the_mailer, np.array([10.0]), SETTINGS, reporting_rate=1.0)
    # A box that left more room to rattle in says nothing of the mailer.
    assert (one.package[0], one.safe_default[0], one.reason[0]) == (package, package, reason)
