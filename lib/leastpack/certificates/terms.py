"""What a policy and its promise are made of, and the digest that tells one from another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pyspark.sql import Row

from leastpack.certificates.cells import pool_of
from leastpack.config.decisions import CertifyConfig, PilotConfig
from leastpack.config.rates import Counts
from leastpack.config.root import Config
from leastpack.policy import POLICY_VERSION
from leastpack.policy.cells import Shares, divide_delta
from leastpack.policy.levels import risk_grid
from leastpack.policy.market import Market, make_markets
from leastpack.policy.observed import Measured, actual_bound, observed_alpha

# Of a package type, what no choice follows from.
NOT_CHOSEN_BY = ("safe_default", "attributes")
Labels = Literal["audit", "pilot", "random"]
# Tests of people; trial shipments; past shipments that were assigned at random.
AUDIT: Labels = "audit"
PILOT: Labels = "pilot"
RANDOM: Labels = "random"
# These promise a damage rate of shipments, the other a share of unsafe products.
OF_SHIPMENTS: tuple[Labels, ...] = (PILOT, RANDOM)


@dataclass(frozen=True)
class Terms:
    """The policy of one day, and what is promised of it.

    Attributes:
        config: The configuration.
        model_version: Model of the risks.
        markets: Package types by marketplace.
        choice: What choices follow from, besides the products.
        promise: What the promise and its round follow from.
        made_by: What the model was trained by.
        labels: Which labels settle the promise.
    """

    config: Config
    model_version: str
    markets: Mapping[str, Market]
    choice: Mapping[str, Any]
    promise: Mapping[str, Any]
    made_by: Mapping[str, Any]
    labels: Labels = AUDIT

    @cached_property
    def policy(self) -> str:
        """Choice and promise as JSON."""
        return _json({"choice": self.choice, "promise": self.promise})

    @cached_property
    def digest(self) -> str:
        """Tells this policy and promise from others: each has a round of its own."""
        return hash_of(self.policy)

    @cached_property
    def choice_digest(self) -> str:
        """Tells choices from others: a certificate holds for those that were tested, whatever else is tried since."""
        return hash_of(_json(self.choice))

    @cached_property
    def settings_digest(self) -> str:
        """Tells what a person set from what a new training brings."""
        choice = {name: value for name, value in self.choice.items() if name != "model_version"}
        return hash_of(_json({"choice": choice, "promise": self.promise, "made_by": self.made_by}))

    @cached_property
    def grid(self) -> npt.NDArray[np.float64]:
        """Levels that rounds choose from."""
        return risk_grid(self.config.certify.grid)

    @property
    def of_list(self) -> bool:
        """Whether rounds test a frozen list of moves."""
        return self.labels == AUDIT and self.config.certify.population == "list"

    @property
    def alpha(self) -> float:
        """The promised bound."""
        return self.config.pilot.alpha if self.of_shipments else self.config.certify.alpha

    @property
    def of_shipments(self) -> bool:
        """Whether a damage rate of shipments is promised."""
        return self.labels in OF_SHIPMENTS

    @property
    def draw_share(self) -> float:
        """Share of a cell's products that a round draws at most; a list is drawn from once, and uses none up."""
        return 1.0 if self.of_list or self.labels == RANDOM else self.drawing.draw_share

    def products_asked(self, products: int) -> int | None:
        """How many products of a cell the config asks a round to draw; None leaves it to leastpack.

        Past shipments are those of all products that there are.
        """
        if self.labels == RANDOM:
            return products
        asked = self.drawing.draw_products
        return None if asked is None else min(asked, int(self.draw_share * products))

    @property
    def drawing(self) -> CertifyConfig | PilotConfig:
        """How many products a round draws, and how many levels it tests."""
        return self.config.pilot if self.labels == PILOT else self.config.certify

    @property
    def reported(self) -> float:
        """Share of damages that are reported: the cautious end."""
        return self.config.outcomes.least_reporting_rate

    @property
    def types(self) -> dict[str, tuple[str, ...]]:
        """Names of the package types by marketplace."""
        return {name: market.names for name, market in self.markets.items()}

    @property
    def in_use(self) -> dict[str, tuple[str, ...]]:
        """Names of those that are in use."""
        return {name: tuple(np.array(one.names)[one.in_use].tolist()) for name, one in self.markets.items()}

    def pool(self, marketplace: str) -> str:
        """The pool of a marketplace."""
        return pool_of(marketplace, self.config.certify.pool_marketplaces)

    def least_saving(self, marketplace: str) -> float:
        """`least_saving` in the currency of a marketplace's packages."""
        return float(self.config.decisions.least_saving / self.markets[marketplace].unit[0])

    def shares(self, delta: float, cells: int, levels: int) -> Shares:
        """How the delta of an attempt is divided."""
        types = len({name for market in self.markets.values() for name in market.names})
        return divide_delta(delta, cells, types, levels, self._rates_measured)

    def measured_delta(self, shares: Shares) -> float:
        """What is set aside for rates that were measured."""
        return shares.measured * self._rates_measured

    def true_bound(self, observed: float, shares: Shares) -> float:
        """The bound of the promised rate that belongs to a bound of what is observed."""
        return actual_bound(observed, shares.measured, *map(_measured, self._seen_through))

    def observed_alpha(self, shares: Shares) -> float:
        """What the promised bound looks like through testers who err, or customers who do not report all damage."""
        return observed_alpha(self.alpha, shares.measured, *map(_measured, self._seen_through))

    @property
    def _seen_through(self) -> tuple[float | Counts, float | Counts]:
        """How much of what is bad the labels find, and how much of what is good they accuse."""
        rules = self.config.outcomes
        if self.of_shipments:
            return rules.reporting_rate, 0.0
        return rules.human_test_sensitivity, rules.human_test_false_alarm

    @property
    def _rates_measured(self) -> int:
        return sum(isinstance(rate, Counts) for rate in self._seen_through)


def make_terms(config: Config, package_types: list[Row], model_version: str, labels: Labels = AUDIT) -> Terms:
    """The terms of a run.

    Args:
        config: The configuration.
        package_types: Rows of the table.
        model_version: Model of the scores.
        labels: Which labels settle the promise.
    """
    markets = make_markets(package_types, config.decisions.day, config.currency_units)
    made_by = {"training": config.training.model_dump(mode="json")}
    choice = _choice(config, package_types, model_version, markets)
    return Terms(config, model_version, markets, choice, _promise(config, labels), made_by, labels)


def _promise(config: Config, labels: Labels) -> dict[str, Any]:
    drawn = {"pool_marketplaces", "grid", "draw", "seed"}
    if labels in OF_SHIPMENTS:
        # No seed: whichever draws products, past shipments are those of the same ones.
        drawn = drawn - {"seed"} | {"least_propensity"} if labels == RANDOM else drawn
        assigned = {"share", "control", "days", "most_overruled"} if labels == PILOT else set()
        promised = {
            "certify": config.certify.model_dump(include=drawn),
            "pilot": config.pilot.model_dump(include={"alpha", *assigned}),
        }
        # What counts as damage must stand before anything ships.
        damage = {"damage_reasons", "other_reasons", "review_max_stars", "review_words", "multi_item"}
        rules = config.outcomes.model_dump(include={"reporting_rate", "return_window_days", *damage})
        return {**promised, "outcomes": rules}
    if config.certify.population == "list":
        drawn.add("population")
    testers = config.outcomes.model_dump(include={"human_test_sensitivity", "human_test_false_alarm"})
    return {"certify": config.certify.model_dump(include={"alpha", *drawn}), "outcomes": testers}


def _choice(
    config: Config, package_types: list[Row], model_version: str, markets: Mapping[str, Market]
) -> dict[str, Any]:
    decisions, rules = config.decisions, config.outcomes
    types = [{k: v for k, v in row.asDict().items() if k not in NOT_CHOSEN_BY} for row in package_types]
    return {
        "code": POLICY_VERSION,
        "model_version": model_version,
        "decisions": decisions.model_dump(include={"weight_cost", "damage_cost", "price_when_unknown", "least_saving"}),
        "scoring": config.scoring.model_dump(include={"padding_cm"}),
        # What counts as proven follows from these too, and from that what a product ships in.
        "outcomes": rules.model_dump(include={"tau", "reporting_rate", "n_min", "confidence"}),
        "currency_units": dict(sorted(config.currency_units.items())),
        "package_types": sorted(types, key=lambda row: (row["marketplace"], row["package_type"])),
        # A day may bring a type into use, or end it.
        "in_use": {name: np.array(one.names)[one.in_use].tolist() for name, one in sorted(markets.items())},
    }


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, default=str)


def hash_of(*parts: str) -> str:
    """An identifier that follows from some texts."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _measured(rate: float | Counts) -> Measured | float:
    return Measured(rate.found, rate.of) if isinstance(rate, Counts) else rate
