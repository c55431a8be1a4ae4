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


class CertifyConfig(Section):
    """Certificates: what is promised of the products that move, and the tests that settle it."""

    alpha: OpenShare = Field(0.02, description="At most this share of the products that move is unsafe there.")
    delta: OpenShare = Field(0.1, description="Probability that any certificate of a year breaks its promise.")
    issues_a_year: Count = Field(4, description="Attempts at a certificate that delta is divided among, a year.")
    pool_marketplaces: bool = Field(True, description="Marketplaces share certificates; else each has its own.")
    grid: int = Field(200, ge=2, description="Levels of risk that a round can choose from.")
    levels: Count = Field(8, description="Levels that a round tests at most; each may ask for more tests.")
    sample_products: Count = Field(
        200_000, description="Products, drawn by hash, that a round is planned on; none of their labels is read."
    )
    population: Literal["panel", "list"] = Field(
        "panel",
        description="What is drawn from. `panel`: the catalog as it goes on; later models need few tests more, and "
        "results never train. `list`: the moves of one model and day, frozen; fewer tests, for that list alone.",
    )
    draw_products: Count | None = Field(
        None,
        description="Products that a round draws in each cell; null is 13 ln(1 / delta) / alpha. Never more than "
        "`draw_share` of the cell. More are drawn into a round that waits, as long as no result is in.",
    )
    draw_share: Share = Field(
        0.1, description="Share of a cell's products that a round draws at most; a list may be drawn whole."
    )
    draw: Count = Field(
        1,
        description="Number of the draw; raise it to try a policy again that failed, on products not drawn before.",
    )
    test_days: Count = Field(60, description="Days after which a test without a result counts as UNSAFE.")
    panel_days: Count = Field(
        365, description="Days for which tests of drawn products are kept from training; then other products are drawn."
    )
    audit: bool = Field(True, description="Draw products and ask for tests of them; else only pilots certify.")
    least_propensity: OpenShare | None = Field(
        None,
        description="Lets past shipments that were assigned at random certify moves, of packages that were drawn with "
        "at least this probability: docs/certificates.md says what must be true of them. Null: they certify nothing, "
        "and what moved by them goes back.",
    )
    seed: int = Field(3, ge=0, lt=2**31, description="Another seed draws other products.")


class PilotConfig(Section):
    """Trial shipments that certify moves: see `leastpack pilot`."""

    alpha: OpenShare = Field(
        0.01, description="Mean damage rate a shipment that is promised of the products that move, each counted once."
    )
    share: OpenShare = Field(0.2, description="Share of a drawn product's shipments that goes out in its moves.")
    control: Share = Field(0.1, description="Share that goes out in today's package and is counted beside them.")
    days: Count = Field(60, description="Days for which shipments are assigned.")
    most_damage: float = Field(
        50.0, gt=0, description="Damaged shipments that a pilot may be expected to cause in its moves; more is refused."
    )
    draw_products: Count | None = Field(
        None,
        description="Products that a pilot draws in each cell; null is 13 ln(1 / delta) / alpha. Never more than "
        "`draw_share` of the cell.",
    )
    draw_share: Share = Field(0.1, description="Share of a cell's products that a pilot draws at most.")
    levels: Count = Field(4, description="Levels that a pilot tests at most; its shipments are split over their moves.")
    most_overruled: Share = Field(
        0.05, description="Share of its shipments that may go out in another package; more certifies nothing."
    )

    @model_validator(mode="after")
    def _shares_of_one_whole(self) -> PilotConfig:
        if self.share + self.control > 1:
            raise ValueError(f"share and control must not exceed 1 together, they are {self.share + self.control:g}")
        return self


class DecisionsConfig(Section):
    """Recommendations, the test queue, and what a release must keep."""

    weight_cost: float = Field(
        0.0, ge=0, description="Cost of shipping a kilogram of package, in the unit of `currency_units`."
    )
    damage_cost: float = Field(2.0, ge=0, description="Cost of one damaged shipment as a multiple of the price.")
    price_when_unknown: float = Field(
        20.0, ge=0, description="Price taken for the damage cost where none is known, in the unit of `currency_units`."
    )
    least_saving: float = Field(
        0.0, ge=0, description="Saving a shipment from which a product moves, in the unit of `currency_units`."
    )
    most_moves: Count | None = Field(
        None,
        description="Products of a marketplace that may newly move in one run; null is all. The same share of all "
        "marketplaces of a pool moves, chosen by hash: others would not be those that were tested.",
    )
    reject_risk: OpenShare = Field(0.5, description="Uncertified pairs with a risk above it are REJECTED, not tested.")
    queue_size: Count = Field(200, description="Doubtful pairs in the test queue, beside those that a round asks for.")
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
        "valid_to, rounds end, and photos that failed are asked for again; null is today.",
    )

    @property
    def day(self) -> datetime.date:
        """The day the decisions are for."""
        return self.as_of or datetime.datetime.now(datetime.UTC).date()


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
