"""Scoring, certificates, recommendations, releases and the report."""

from __future__ import annotations

import datetime
from typing import Literal

from pydantic import Field, model_validator

from leastpack.config.base import Count, Day, OpenShare, Section, Share


class ScoringConfig(Section):
    """Scoring every product in every package type."""

    partitions: Count | None = Field(None, description="Tasks of the scoring stage; null leaves it to Spark.")
    padding_cm: float = Field(0.5, ge=0, description="Room a rigid package needs beside the product, a side.")


class PromiseConfig(Section):
    """One promise a certificate can make."""

    promise: Literal["shipment", "pair"] = Field(description="Mean damage rate a shipment, or share of unsafe pairs.")
    alpha: OpenShare = Field(description="The promised bound.")
    delta: OpenShare = Field(0.1, description="Probability that the promise is broken by the calibration draw.")


class DecisionsConfig(Section):
    """Certificates, recommendations and the test queue."""

    promises: list[PromiseConfig] = Field(
        default_factory=lambda: [
            PromiseConfig(promise="shipment", alpha=0.01, delta=0.1),
            PromiseConfig(promise="pair", alpha=0.02, delta=0.1),
        ],
        description="Every promise is tested and its certificate published; `certify_by` says which ones certify.",
    )
    certify_by: Literal["shipment", "pair", "both"] = Field("pair", description="Which promise certifies a pair.")
    pool_marketplaces: bool = Field(True, description="Package types of the same profile share a certificate.")
    grid: int = Field(200, ge=2, description="Thresholds of the shared grid of risk values.")
    group_cap: Count = Field(
        4, description="Pairs a product group counts for at most in a promise; a large value counts every pair alike."
    )
    reject_risk: OpenShare = Field(0.5, description="Uncertified pairs with a risk above it are REJECTED, not tested.")
    damage_cost: float = Field(2.0, ge=0, description="Cost of one damaged shipment as a multiple of the price.")
    price_when_unknown: float = Field(
        20.0, ge=0, description="Price taken for the damage cost where none is known, in the unit of `currency_units`."
    )
    trade_off: float = Field(
        1.0, ge=0, description="lambda: weight of the expected damage cost beside the package cost."
    )
    queue_size: Count = Field(200, description="Pairs in the test queue.")
    queue_random_share: Share = Field(0.2, description="Share of the queue drawn at random, with logged probability.")
    most_drift: float | None = Field(
        0.25,
        gt=0,
        description="Population stability index up to which a package type's risks may move from one release to the "
        "next, beside what chance does; more fails the audit. Null lets them move.",
    )
    most_failed: Share = Field(
        0.01, description="Share of pairs that the model may fail on (error INTERNAL); more fails the audit."
    )
    as_of: Day | None = Field(
        None,
        description="Day the decisions are for: package types are used from their valid_from on, and until their "
        "valid_to; null is today.",
    )
    seed: int = Field(3, ge=0, lt=2**31, description="Draws of calibration pairs and of the queue follow from it.")

    @property
    def day(self) -> datetime.date:
        """The day the decisions are for."""
        return self.as_of or datetime.datetime.now(datetime.UTC).date()

    @model_validator(mode="after")
    def _promises_named_once(self) -> DecisionsConfig:
        names = [promise.promise for promise in self.promises]
        if len(set(names)) != len(names):
            raise ValueError("promises: each of `shipment` and `pair` may stand once")
        needed = {"shipment", "pair"} if self.certify_by == "both" else {self.certify_by}
        if missing := sorted(needed - set(names)):
            raise ValueError(f"certify_by is {self.certify_by!r}, but promises lacks {', '.join(missing)}")
        return self


class ReportConfig(Section):
    """The HTML report."""

    path: str = Field("out/demo/report.html", description="The one file written; S3 and other object stores too.")
    truth: str | None = Field(None, description="truth.parquet of a sample, to check the certificates against.")
    effect_package: str | None = Field(
        None,
        description="Package type whose risk words and views move; null takes the one with most doubtful pairs.",
    )
    words: Count = Field(
        120, description="Words whose effect is measured, the most frequent first; the strongest are shown."
    )
    watch_words: list[str] = Field(default_factory=list, description="Words measured and shown in any case.")
    products: Count = Field(12, description="Products shown with their photos.")
