"""Where tables, intermediate files, the model and the report live, and how Spark starts."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import Field, PrivateAttr, field_validator, model_validator

from leastpack.config.base import Count, Section, Share


class TablesConfig(Section):
    """Where the Delta tables are: by path or by name, one of the two."""

    root: str | None = Field(None, description="Folder or object-store prefix; each table is `<root>/<table>`.")
    schema_name: str | None = Field(None, description="`catalog.schema`; each table is `<catalog.schema>.<table>`.")
    buckets: Count = Field(
        64,
        description="Hash buckets of products, scores and decisions: what is written at once, and what a "
        "restart can leave alone; fixed when a table is made.",
    )
    pairs_per_commit: Count = Field(
        200_000_000,
        description="Pairs that score and decide work on at a time: a transaction takes no further hash bucket beyond "
        "them. What Spark shuffles is bounded by it, and a killed run loses as much.",
    )
    merged_share: Share = Field(
        0.01,
        description="score and decide write single rows where at most this share of the rows of changed buckets "
        "differs, and whole buckets otherwise. Rows replaced so are marked by deletion vectors, which readers of the "
        "table must know from then on: 0 always writes whole buckets.",
    )
    keep_days: Count = Field(
        100, description="Days every version stays readable, VACUUM or not; set when a table is made."
    )
    lease_seconds: Count = Field(
        60,
        description="Seconds for which the lease of the one run that may write holds without being renewed; it is "
        "renewed every third of them. After a driver is lost, the tables stay locked as long (docs/writers.md).",
    )

    # Of a copy that reads and writes the scores of a candidate model.
    _of_candidate: bool = PrivateAttr(False)

    @property
    def is_of_candidate(self) -> bool:
        """Whether the scores are those of the candidate model."""
        return self._of_candidate

    def of_candidate(self) -> TablesConfig:
        """The same tables, but with the scores of the candidate model for those of the model in use."""
        copy = self.model_copy()
        copy._of_candidate = True
        return copy

    def name_of(self, table: str) -> str:
        """The name under which a table is kept."""
        return "scores_of_candidate" if self._of_candidate and table == "scores" else table

    @model_validator(mode="after")
    def _one_place(self) -> TablesConfig:
        if (self.root is None) == (self.schema_name is None):
            raise ValueError("set exactly one of tables.root and tables.schema_name")
        return self


class SparkConfig(Section):
    """The Spark session a step makes when none is running yet."""

    master: str | None = Field(None, description="Spark master; null leaves it to spark-submit.")
    app_name: str = Field("leastpack", description="Name shown in the Spark UI.")
    delta_packages: bool = Field(
        False, description="Fetch Delta's jars through spark.jars.packages (clusters bring their own)."
    )
    conf: dict[str, str] = Field(default_factory=dict, description="Any Spark settings; numbers and booleans too.")

    @field_validator("conf", mode="before")
    @classmethod
    def _as_spark_writes(cls, conf: Any) -> Any:
        # Spark's settings are texts, and true is written in lower case.
        if not isinstance(conf, dict):
            return conf
        return {key: json.dumps(value) if isinstance(value, int | float) else value for key, value in conf.items()}


class LogConfig(Section):
    """One line an event, on standard error."""

    format: Literal["text", "json"] = Field("text", description="How an event is written.")
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least level shown.")
