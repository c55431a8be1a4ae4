"""The fused model and its training."""

from __future__ import annotations

import itertools
import math
from typing import Literal

from pydantic import Field, field_validator, model_validator

from leastpack.config.base import Count, Section, Share
from leastpack.locations import STORES, absolute, local_path, scheme_of


class ModelConfig(Section):
    """Sizes of the fused model."""

    directory: str = Field(
        "out/demo/model",
        description="The model directory that train writes and score reads: a folder that every step's "
        "driver sees, or a URI that pyarrow.fs knows (s3://, gs://, hdfs://).",
    )
    candidate: str | None = Field(
        None,
        description="Directory that train writes in place of `directory`, for a model that is to be certified before "
        "it is used: `score --candidate`, `certify --candidate`, then `promote`. Null: none.",
    )
    hash_buckets: Count = Field(32768, description="Buckets of the bag of hashed words and character n-grams.")
    hash_dim: Count = Field(32, description="Width of the bag's vector.")
    hidden: int = Field(128, ge=2, description="Width of the trunk.")
    vector: Count = Field(32, description="Width of the product's small vector.")
    knots: list[float] = Field(
        default_factory=lambda: [0.0, 0.25, 0.5, 0.75, 1.0], description="Ramp knots of every protection attribute."
    )
    dropout: float = Field(0.1, ge=0, lt=1, description="Dropout at the trunk's input and inside it.")

    @field_validator("directory", "candidate")
    @classmethod
    def _can_be_opened(cls, directory: str | None) -> str | None:
        if directory is None:
            return None
        here = local_path(directory)
        if here is not None:
            return str(here)
        if scheme_of(directory) not in STORES:
            raise ValueError(
                f"no file system here knows {directory.partition(':')[0]}: name a folder that every step's driver "
                f"sees (on Databricks /Volumes/... or /dbfs/...), or a URI of {', '.join(sorted(STORES))}"
            )
        return directory

    @property
    def trained(self) -> str:
        """The directory that train writes."""
        return self.candidate or self.directory

    @model_validator(mode="after")
    def _sound(self) -> ModelConfig:
        if self.candidate is not None:
            one, other = (f"{absolute(place).rstrip('/')}/" for place in (self.candidate, self.directory))
            if one.startswith(other) or other.startswith(one):
                raise ValueError(
                    "candidate and directory must lie apart: a candidate must not replace the model in use"
                )
        finite = all(math.isfinite(knot) for knot in self.knots)
        increasing = all(low < high for low, high in itertools.pairwise(self.knots))
        if len(self.knots) < 2 or not finite or not increasing:
            raise ValueError("knots must be two or more strictly increasing numbers")
        return self


class TrainingConfig(Section):
    """The loop, the imbalance arm and the launcher."""

    launcher: Literal["local", "horovod"] = Field("horovod", description="Where the train function runs.")
    processes: Count = Field(2, description="Horovod processes; must divide groups_per_step.")
    groups_per_step: Count = Field(2, description="Micro-batches that make one step, over all processes.")
    micro_batch: Count = Field(64, description="Products of a micro-batch.")
    arm: Literal["plain", "two_phase_under"] = Field("two_phase_under", description="How the imbalance is met.")
    phase_one_epochs: Count = Field(6, description="Epochs on the under-sampled pairs (two-phase arms).")
    epochs: Count = Field(8, description="Epochs on all pairs.")
    learning_rate: float = Field(2e-3, gt=0, description="AdamW learning rate at the first step.")
    weight_decay: float = Field(0.01, ge=0, description="AdamW weight decay.")
    modality_dropout: Share = Field(0.15, description="Probability that a product's photos (or text) are hidden.")
    seed: int = Field(11, description="Weights, order and dropout follow from it.")
    snapshot: str = Field(
        "out/demo/work/snapshot", description="Where the Parquet snapshot is written; all executors see it."
    )
    gate_products: int = Field(
        512,
        ge=0,
        description="Products (and photos) on which engines are measured when the model is saved; 0 measures none and "
        "keeps the engine.",
    )
    timeout_s: Count = Field(1800, description="Seconds a training may take before it is stopped.")

    @model_validator(mode="after")
    def _divisible(self) -> TrainingConfig:
        if self.groups_per_step % self.processes:
            raise ValueError(
                f"processes ({self.processes}) must divide groups_per_step ({self.groups_per_step}), "
                "so that every process takes the same share of a step"
            )
        return self
