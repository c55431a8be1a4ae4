"""From the scores and facts of products to the options of the policy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leastpack.config.decisions import DecisionsConfig
from leastpack.policy.choose import NONE, Flags, Numbers, Options, Places, preference
from leastpack.policy.market import Market
from leastpack.policy.pairs import Pairs

GRAMS_A_KILOGRAM = 1000.0


@dataclass(frozen=True)
class Facts:
    """What is known of n products besides their scores.

    Attributes:
        today: (n,) place of the package that each ships in; NONE where it never shipped.
        pinned: (n,) place of the package that a rule pins it to; NONE where none does.
        banned: (n, t) pairs that a rule bans.
        disproved: (n, t) pairs proven unsafe by shipments or by tests that were no part of an audit or pilot, as known
            when the round was drawn. What is proven later stops single moves (`recommend.Known.unsafe`): to choose the
            next package instead would ship what nobody tested.
        value: (n,) price in the unit of `currency_units`; NaN where none is known.
    """

    today: Places
    pinned: Places
    banned: Flags
    disproved: Flags
    value: Numbers


def make_options(pairs: Pairs, market: Market, facts: Facts, settings: DecisionsConfig, reported: float) -> Options:
    """The options of the products of one marketplace.

    A product pinned to a package, or shipped today in one that its size does not fit, stays where it is: the first
    because someone decided, the second because size and shipments contradict each other. Today's package is rejected
    where it is disproved, banned or not in use any more.

    Args:
        pairs: The pairs of n products with t types.
        market: The types.
        facts: What else is known.
        settings: Section `decisions`: what damage and weight cost.
        reported: Share of damages that are reported.

    Returns:
        The options, `today` being the pinned package where there is one.
    """
    today = np.where(facts.pinned != NONE, facts.pinned, facts.today)
    has, rows = today != NONE, np.arange(len(today))
    pinned, misfit = facts.pinned != NONE, has & (pairs.fits[rows, today] == 0)
    cost = total_costs(pairs.damage_rate, facts.value, market, settings, reported)
    gone = facts.disproved | facts.banned | ~market.in_use
    return Options(
        usable=pairs.candidate(market) & ~facts.disproved & ~facts.banned,
        risk=pairs.risk,
        cost=cost,
        order=preference(cost, pairs.void, market.stronger.sum(axis=0).astype(np.float64)),
        today=today,
        settled=pinned | misfit,
        rejected=has & gone[rows, today],
    )


def total_costs(
    damage_rate: Numbers, value: Numbers, market: Market, settings: DecisionsConfig, reported: float
) -> Numbers:
    """(n, t) cost of a shipment: package, its weight, and expected damage, in the currency of the package.

    NaN where cost, weight or damage rate is not known.
    """
    weight = settings.weight_cost / market.unit * market.tare_g / GRAMS_A_KILOGRAM
    found: Numbers = market.cost + weight + damage_costs(damage_rate, value, market, settings, reported)
    return found


def damage_costs(
    damage_rate: Numbers, value: Numbers, market: Market, settings: DecisionsConfig, reported: float
) -> Numbers:
    """(n, t) expected damage cost a shipment, in the currency of the package.

    It is damage_cost * price * damage rate / reported: the damage rate is one of reported damages, and the others cost
    the customer as much. NaN without a damage rate.
    """
    price = np.where(np.isnan(value), settings.price_when_unknown, value)[:, None] / market.unit
    costs: Numbers = settings.damage_cost * price * np.minimum(damage_rate / reported, 1.0)
    return costs
