"""What a policy and its promise are made of, and the digest that tells one from another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from pyspark.sql import Row

from leastpack.certificates.cells import pool_of
from leastpack.config.rates import Counts
from leastpack.config.root import Config
from leastpack.policy import POLICY_VERSION
from leastpack.policy.cells import Shares, divide_delta
from leastpack.policy.levels import risk_grid
from leastpack.policy.market import Market, make_markets
from leastpack.policy.observed import Measured, observed_alpha

# Of a package type, what no choice follows from.
NOT_CHOSEN_BY = ("safe_default", "attributes")


@dataclass(frozen=True)
class Terms:
    """The policy of one day, and what is promised of it.

    Attributes:
        config: The configuration.
        model_version: Model of the risks.
        markets: Package types by marketplace.
        policy: What choices and promise follow from, besides the products, as JSON.
    """

    config: Config
    model_version: str
    markets: Mapping[str, Market]
    policy: str

    @cached_property
    def digest(self) -> str:
        """Tells this policy from others."""
        return hashlib.sha256(self.policy.encode()).hexdigest()[:16]

    @cached_property
    def grid(self) -> npt.NDArray[np.float64]:
        """Levels that rounds choose from."""
        return risk_grid(self.config.certify.grid)

    @property
    def reported(self) -> float:
        """Share of damages that are reported: the cautious end."""
        return self.config.outcomes.least_reporting_rate

    @property
    def types(self) -> dict[str, tuple[str, ...]]:
        """Names of the package types by marketplace."""
        return {name: market.names for name, market in self.markets.items()}

    def pool(self, marketplace: str) -> str:
        """The pool of a marketplace."""
        return pool_of(marketplace, self.config.certify.pool_marketplaces)

    def least_saving(self, marketplace: str) -> float:
        """`least_saving` in the currency of a marketplace's packages."""
        return float(self.config.decisions.least_saving / self.markets[marketplace].unit[0])

    def shares(self, delta: float, cells: int, levels: int) -> Shares:
        """How the delta of an attempt is divided."""
        types = len({name for market in self.markets.values() for name in market.names})
        rates = (self.config.outcomes.human_test_sensitivity, self.config.outcomes.human_test_false_alarm)
        return divide_delta(delta, cells, types, levels, sum(isinstance(rate, Counts) for rate in rates))

    def observed_alpha(self, shares: Shares) -> float:
        """What the promised bound looks like through testers who err."""
        rules = self.config.outcomes
        return observed_alpha(
            self.config.certify.alpha,
            shares.measured,
            _measured(rules.human_test_sensitivity),
            _measured(rules.human_test_false_alarm),
        )


def make_terms(config: Config, package_types: list[Row], model_version: str) -> Terms:
    """The terms of a run.

    Args:
        config: The configuration.
        package_types: Rows of the table.
        model_version: Model of the scores.
    """
    markets = make_markets(package_types, config.decisions.day, config.currency_units)
    policy = json.dumps(_content(config, package_types, model_version), sort_keys=True, default=str)
    return Terms(config, model_version, markets, policy)


def _content(config: Config, package_types: list[Row], model_version: str) -> dict[str, Any]:
    certify, decisions, rules = config.certify, config.decisions, config.outcomes
    types = [{k: v for k, v in row.asDict().items() if k not in NOT_CHOSEN_BY} for row in package_types]
    return {
        "code": POLICY_VERSION,
        "model_version": model_version,
        "certify": certify.model_dump(include={"alpha", "pool_marketplaces", "grid", "draw", "seed"}),
        "decisions": decisions.model_dump(include={"weight_cost", "damage_cost", "price_when_unknown", "least_saving"}),
        "outcomes": rules.model_dump(
            include={"tau", "reporting_rate", "human_test_sensitivity", "human_test_false_alarm"}
        ),
        "currency_units": dict(sorted(config.currency_units.items())),
        "package_types": sorted(types, key=lambda row: (row["marketplace"], row["package_type"])),
    }


def _measured(rate: float | Counts) -> Measured | float:
    return Measured(rate.found, rate.of) if isinstance(rate, Counts) else rate
