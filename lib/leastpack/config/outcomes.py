"""How damage is read from shipments, returns, reviews and human tests."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from leastpack.config.base import Count, Day, OpenShare, Section, Share
from leastpack.config.rates import PositiveRate, Rate, interval

REVIEW_WORDS = {
    "en": ["broken", "broke", "damag*", "shatter*", "cracked", "smashed", "crushed", "dented", "leaked", "leaking"],
    "de": ["zerbroch*", "beschädig*", "kaputt*", "zerdrückt*", "ausgelaufen", "zersplittert*", "verbeult*"],
    "fr": ["cassé*", "brisé*", "abîmé*", "endommagé*", "écrasé*", "fêlé*", "a fui"],
    "es": ["roto", "rota", "rotos", "rotas", "dañad*", "aplastad*", "abollad*", "derramad*", "agrietad*"],
    "it": ["rotto", "rotta", "rotti", "rotte", "danneggiat*", "schiacciat*", "ammaccat*", "incrinat*", "rovesciat*"],
    "ja": ["壊れ", "割れ", "破損", "破れて", "漏れ", "へこ", "凹ん", "潰れ", "つぶれ", "ひび"],
}

# What shops call returns that say nothing of the package. Codes that may hide a damage, such as OTHER, are not among
# them: whoever knows what they mean in a shop adds them.
OTHER_REASONS = [
    "CHANGED_MIND*", "DEFECTIVE", "EXTRA_ITEM*", "MISSED_ESTIMATED_DELIVERY", "MISSING_PARTS", "NEVER_ARRIVED",
    "NO_LONGER_*", "NOT_AS_DESCRIBED", "NOT_COMPATIBLE", "NOT_WANTED", "ORDERED_WRONG_ITEM", "QUALITY_UNACCEPTABLE",
    "SWITCHEROO", "TOO_BIG", "TOO_LARGE", "TOO_LATE", "TOO_SMALL", "UNAUTHORIZED_PURCHASE", "UNWANTED*", "WRONG_COLOR",
    "WRONG_COLOUR", "WRONG_ITEM*", "WRONG_SIZE*",
]  # fmt: skip


class SplitConfig(Section):
    """Shares of the five splits, by hash of a product group."""

    train: Share = Field(0.62, description="Fits the model and every prior.")
    validation: Share = Field(0.08, description="Chooses the epoch.")
    calibrate: Share = Field(0.16, description="Fits the calibrators.")
    certify: Share = Field(0.02, description="Held out like `test`; in no figure of the report but the words' effects.")
    test: Share = Field(0.12, description="Figures in the report.")
    salt: str = Field("leastpack", description="Another salt deals the groups anew.")

    @model_validator(mode="after")
    def _whole(self) -> SplitConfig:
        total = self.train + self.validation + self.calibrate + self.certify + self.test
        if abs(total - 1.0) > 1e-9:
            raise ValueError(f"the five split shares must add up to 1, they add up to {total:g}")
        return self


class OutcomesConfig(Section):
    """Label rules of section 4 of the design."""

    tau: OpenShare = Field(0.01, description="Damage rate a shipment above which a pair is unsafe.")
    confidence: OpenShare = Field(0.95, description="One-sided confidence of the Clopper-Pearson bounds.")
    reporting_rate: PositiveRate = Field(
        1.0,
        description="Share of damages that customers report within the window; a number, or counts such as "
        "`{found: 88, of: 92}`, of which the lower end of the 95 % interval counts.",
    )
    human_test_sensitivity: PositiveRate = Field(
        1.0, description="Share of unsafe pairs that a human test finds unsafe; a number, or counts."
    )
    human_test_false_alarm: Rate = Field(
        0.0, description="Share of safe pairs that a human test calls unsafe; a number, or counts."
    )
    return_window_days: Count = Field(
        30,
        description="Days a customer has to report damage; shipments count once reports of all of them are delivered.",
    )
    as_of: Day | None = Field(
        None,
        description="Day up to which returns and reviews have been delivered in every marketplace, whatever the "
        "sources say; null takes what they say.",
    )
    n_min: Count = Field(300, description="Shipments from which a pair may evaluate or certify without a human test.")
    damage_reasons: list[str] = Field(
        default_factory=lambda: ["DAMAGED", "BROKEN", "LEAKED"],
        description="Return reason codes that mean damage, in any case; a trailing `*` allows any ending.",
    )
    other_reasons: list[str] = Field(
        default_factory=lambda: list(OTHER_REASONS),
        description="Return reason codes known to mean no damage, in any case; a trailing `*` allows any ending. "
        "damage_reasons win; a code in neither list is unmapped and counts against `most_unmapped_reasons`.",
    )
    review_max_stars: int = Field(2, ge=1, le=5, description="Reviews with more stars never tell of damage.")
    review_words: list[str] = Field(
        default_factory=lambda: [word for words in REVIEW_WORDS.values() for word in words],
        description="Words of damage, any language; a trailing `*` allows any ending.",
    )
    review_precision: OpenShare = Field(
        0.8,
        description="Share of the reviews taken for damage that must be damage, for a reader to speak in a language; "
        "holds once `leastpack reader fit` has measured the readers. Before that, and where none is proven, the list "
        "of words speaks.",
    )
    damage_reader: str = Field(
        "newest",
        description="Reader of reviews beside the list of words: `newest` of those measured beside this list, a "
        "reader_id of table `damage_readers`, or `words` for the list alone.",
    )
    multi_item: Literal["all", "drop"] = Field(
        "all", description="Shipments of several items: count every item, or leave them out."
    )
    most_sharing: Count = Field(
        200,
        description="Products that may share a family or universal identifier; one that more share links none of them. "
        "A text that more share is warned of.",
    )
    split: SplitConfig = Field(default_factory=SplitConfig, description="Shares of the splits.")

    @model_validator(mode="after")
    def _something_reported(self) -> OutcomesConfig:
        for name in ("reporting_rate", "human_test_sensitivity"):
            if interval(getattr(self, name))[0] == 0:
                raise ValueError(f"{name}: found 0 tells nothing of the rate; at least 1 must have been found")
        return self

    @property
    def least_reporting_rate(self) -> float:
        """The cautious end of the reporting rate: the lower one."""
        return interval(self.reporting_rate)[0]

    @property
    def threshold(self) -> float:
        """Highest reported damage rate that counts as safe: tau times the least reporting rate."""
        return self.tau * self.least_reporting_rate
