"""How damage is read from shipments, returns, reviews and human tests."""

from __future__ import annotations

import datetime
from typing import Literal

from pydantic import Field, model_validator

from leastpack.config.base import Count, OpenShare, Section, Share

REVIEW_WORDS = {
    "en": ["broken", "broke", "damag*", "shatter*", "cracked", "smashed", "crushed", "dented", "leaked", "leaking"],
    "de": ["zerbroch*", "beschädig*", "kaputt*", "zerdrückt*", "ausgelaufen", "zersplittert*", "verbeult*"],
    "fr": ["cassé*", "brisé*", "abîmé*", "endommagé*", "écrasé*", "fêlé*", "a fui"],
    "es": ["roto", "rota", "rotos", "rotas", "dañad*", "aplastad*", "abollad*", "derramad*", "agrietad*"],
    "it": ["rotto", "rotta", "rotti", "rotte", "danneggiat*", "schiacciat*", "ammaccat*", "incrinat*", "rovesciat*"],
    "ja": ["壊れ", "割れ", "破損", "破れて", "漏れ", "へこ", "凹ん", "潰れ", "つぶれ", "ひび"],
}


class SplitConfig(Section):
    """Shares of the five splits, by hash of a product group."""

    train: Share = Field(0.5, description="Fits the model and every prior.")
    validation: Share = Field(0.08, description="Chooses the epoch.")
    calibrate: Share = Field(0.1, description="Fits the calibrators.")
    certify: Share = Field(0.2, description="Tests the certificates; never trained on.")
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
    reporting_rate: float = Field(1.0, gt=0, le=1, description="Share of damages that customers report.")
    return_window_days: Count = Field(
        30,
        description="Days a customer has to report damage; shipments count once reports of all of them are delivered.",
    )
    as_of: datetime.date | None = Field(
        None,
        description="Day up to which returns and reviews have been delivered in every marketplace, whatever the "
        "sources say; null takes what they say.",
    )
    n_min: Count = Field(300, description="Shipments from which a pair may evaluate or certify without a human test.")
    damage_reasons: list[str] = Field(
        default_factory=lambda: ["DAMAGED", "BROKEN", "LEAKED"], description="Return reason codes that mean damage."
    )
    review_max_stars: int = Field(2, ge=1, le=5, description="Reviews with more stars never tell of damage.")
    review_words: list[str] = Field(
        default_factory=lambda: [word for words in REVIEW_WORDS.values() for word in words],
        description="Words of damage, any language; a trailing `*` allows any ending. An empty list ignores reviews.",
    )
    multi_item: Literal["all", "drop"] = Field(
        "all", description="Shipments of several items: count every item, or leave them out."
    )
    split: SplitConfig = Field(default_factory=SplitConfig, description="Shares of the splits.")

    @property
    def threshold(self) -> float:
        """Highest reported damage rate that counts as safe: tau times the reporting rate."""
        return self.tau * self.reporting_rate
