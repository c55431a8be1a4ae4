"""Scoring, certificates, recommendations, releases and the report."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from leastpack.config.base import Count, OpenShare, Section, Share


class ScoringConfig(Section):
    """The pandas UDF stage."""

    partitions: Count | None = Field(None, description="Tasks of the scoring stage; null leaves it to Spark.")
    buckets_per_commit: Count = Field(
        16, description="Hash buckets one transaction overwrites; a killed run loses these."
    )
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
        description="Every promise is tested; a pair is CERTIFIED when all that are `required` hold.",
    )
    certify_by: Literal["shipment", "pair", "both"] = Field("pair", description="Which promise certifies a pair.")
    pool_marketplaces: bool = Field(True, description="Package types of the same profile share a certificate.")
    grid: Count = Field(200, description="Thresholds of the shared grid of risk values.")
    reject_risk: OpenShare = Field(0.5, description="Uncertified pairs with a risk above it are REJECTED, not tested.")
    damage_cost: float = Field(2.0, ge=0, description="Cost of one damaged shipment as a multiple of the price.")
    price_when_unknown: float = Field(20.0, ge=0, description="Price taken for the damage cost where none is known.")
    trade_off: float = Field(1.0, ge=0, description="lambda: weight of damage cost beside package cost.")
    queue_size: Count = Field(200, description="Pairs in the test queue.")
    queue_random_share: Share = Field(0.2, description="Share of the queue drawn at random, with logged probability.")
    seed: int = Field(3, description="Draws of shipments, pairs and the queue follow from it.")


class ReportConfig(Section):
    """The HTML report."""

    path: str = Field("out/demo/report.html", description="The one file written.")
    truth: str | None = Field(None, description="truth.parquet of a sample, to check the certificates against.")
    words: Count = Field(40, description="Words whose effect on the risk is measured.")
    products: Count = Field(12, description="Products shown with their photos.")
