"""The whole configuration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field, PrivateAttr, field_validator, model_validator

from leastpack.config.base import Currency, Section
from leastpack.config.decisions import CertifyConfig, DecisionsConfig, PilotConfig, ReportConfig, ScoringConfig
from leastpack.config.encoders import EncodersConfig
from leastpack.config.outcomes import OutcomesConfig
from leastpack.config.sample import SampleConfig
from leastpack.config.sources import OWN_SOURCES, SourceConfig
from leastpack.config.storage import LogConfig, SparkConfig, TablesConfig
from leastpack.config.training import ModelConfig, TrainingConfig
from leastpack.errors import ConfigError


class Config(Section):
    """Everything a run needs; conf/base.yaml holds the defaults of record."""

    tables: TablesConfig = Field(description="Where the tables are.")
    spark: SparkConfig = Field(default_factory=SparkConfig, description="The Spark session.")
    log: LogConfig = Field(default_factory=LogConfig, description="Logging.")
    run_id: str | None = Field(None, description="Logical run; a scheduler sets it so that restarts keep it.")
    currency_units: dict[Currency, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(
        default_factory=lambda: {"USD": 1.0, "EUR": 1.1, "GBP": 1.25, "JPY": 0.0065},
        description="Rough value of one unit of each currency, so that prices compare; others count as unknown.",
    )
    sample: SampleConfig | None = Field(None, description="The invented marketplace (demo only).")
    sources: list[SourceConfig] = Field(default_factory=list, description="The raw exports.")
    packages: list[str] = Field(default_factory=list, description="Package type files, one a marketplace; globs.")
    outcomes: OutcomesConfig = Field(default_factory=OutcomesConfig, description="Labels.")
    encoders: EncodersConfig = Field(default_factory=EncodersConfig, description="Encoders.")
    model: ModelConfig = Field(default_factory=ModelConfig, description="The fused model.")
    training: TrainingConfig = Field(default_factory=TrainingConfig, description="Training.")
    scoring: ScoringConfig = Field(default_factory=ScoringConfig, description="Scoring.")
    certify: CertifyConfig = Field(default_factory=CertifyConfig, description="Certificates.")
    pilot: PilotConfig = Field(default_factory=PilotConfig, description="Trial shipments.")
    decisions: DecisionsConfig = Field(default_factory=DecisionsConfig, description="Deciding.")
    report: ReportConfig = Field(default_factory=ReportConfig, description="The report.")
    # No key: a guard that a file passes every time is no guard.
    _accepted: frozenset[str] = PrivateAttr(frozenset())
    _again: frozenset[str] = PrivateAttr(frozenset())
    _chosen: frozenset[str] = PrivateAttr(frozenset())

    @property
    def accepted(self) -> frozenset[str]:
        """Guards that this run passes, SOURCE:GUARD each: see `leastpack.guards`."""
        return self._accepted

    @property
    def again(self) -> frozenset[str]:
        """Sources whose delivery replaces everything kept of them, in this run."""
        return self._again

    def with_again(self, sources: Iterable[str]) -> Config:
        """The same configuration for a run that reads these sources anew."""
        copy = self.model_copy()
        copy._again = frozenset(sources)
        return copy

    @property
    def chosen(self) -> frozenset[str]:
        """The only sources of history that this run takes in; all where there is none."""
        return self._chosen

    def with_chosen(self, sources: Iterable[str]) -> Config:
        """The same configuration for a run that takes in these sources of history alone."""
        copy = self.model_copy()
        copy._chosen = frozenset(sources)
        return copy

    def with_accepted(self, accepted: Iterable[str]) -> Config:
        """The same configuration for a run that passes these guards."""
        copy = self.model_copy()
        copy._accepted = frozenset(accepted)
        return copy

    def of_candidate(self) -> Config:
        """The same configuration for the candidate model, with its scores.

        Raises:
            ConfigError: It names none.
        """
        if self.model.candidate is None:
            raise ConfigError(
                "there is no candidate model",
                expected="model.candidate: the directory that train writes it to",
                todo="set model.candidate, and train",
            )
        model = self.model.model_copy(update={"directory": self.model.candidate, "candidate": None})
        return self.model_copy(update={"model": model, "tables": self.tables.of_candidate()})

    @field_validator("currency_units", mode="before")
    @classmethod
    def _each_currency_once(cls, units: Any) -> Any:
        codes = [str(key).strip().upper() for key in units] if isinstance(units, dict) else []
        if twice := sorted({code for code in codes if codes.count(code) > 1}):
            raise ValueError(f"a currency is there twice: {', '.join(twice)}")
        return units

    @model_validator(mode="after")
    def _lists_are_tested_by_testers_who_do_not_err(self) -> Config:
        testers = (self.outcomes.human_test_sensitivity, self.outcomes.human_test_false_alarm)
        if self.certify.population == "list" and testers != (1.0, 0.0):
            raise ValueError(
                "certify.population: list needs outcomes.human_test_sensitivity 1 and human_test_false_alarm 0: "
                "of a finite list, what testers who err find does not bound what is there; use a panel"
            )
        return self

    @model_validator(mode="after")
    def _unique_sources(self) -> Config:
        names = [source.name for source in self.sources]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"source names must be unique; repeated: {', '.join(twice)}")
        if own := sorted(OWN_SOURCES & set(names)):
            raise ValueError(f"a source may not be named {', '.join(own)}: leastpack has one of that name")
        return self
