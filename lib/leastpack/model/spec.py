"""What a fused model is made of: sizes, package attributes, encoders. All that is needed to build an empty one."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leastpack.config.training import ModelConfig
from leastpack.errors import ModelError

HEADS = ("risk", "damage_rate")


@dataclass(frozen=True)
class ModelSpec:
    """Sizes and names a model is built from; stored with the weights.

    Attributes:
        text_dim: Length of a text vector.
        image_dim: Length of a photo vector.
        marketplaces: Marketplaces seen in training; any other is `unknown`.
        attributes: Protection attributes, in the order of every profile.
        knots: Ramp knots shared by all attributes, strictly increasing.
        hash_buckets: Buckets of the bag of hashed words and character n-grams.
        hash_dim: Width of the bag's vector.
        hidden: Width of the trunk.
        vector: Width of the product's small vector.
        dropout: Dropout in training.
        text_encoder: Identity of the encoder of the text vectors.
        image_encoder: Identity of the encoder of the photo vectors.
        tau: Damage rate that `risk` is the probability of exceeding.
    """

    text_dim: int
    image_dim: int
    marketplaces: tuple[str, ...]
    attributes: tuple[str, ...]
    knots: tuple[float, ...]
    hash_buckets: int
    hash_dim: int
    hidden: int
    vector: int
    dropout: float
    text_encoder: str
    image_encoder: str
    tau: float

    def __post_init__(self) -> None:
        for name in ("text_dim", "image_dim", "hash_buckets", "hash_dim", "vector"):
            _require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        _require(self.hidden >= 2, "hidden", "at least 2", self.hidden)
        _require(0.0 <= self.dropout < 1.0, "dropout", "in [0, 1)", self.dropout)
        _require(0.0 < self.tau < 1.0, "tau", "in (0, 1)", self.tau)
        _require(len(self.attributes) >= 1, "attributes", "at least one", self.attributes)
        _require(_distinct(self.attributes), "attributes", "distinct names", self.attributes)
        _require(_distinct(self.marketplaces), "marketplaces", "distinct names", self.marketplaces)
        increasing = len(self.knots) >= 2 and all(low < high for low, high in itertools.pairwise(self.knots))
        finite = all(math.isfinite(knot) for knot in self.knots)
        _require(increasing and finite, "knots", "two or more strictly increasing numbers", self.knots)

    @property
    def ramps(self) -> int:
        """Ramps of one head: attributes x knot intervals."""
        return len(self.attributes) * (len(self.knots) - 1)

    def require_encoders(self, text_encoder: str, image_encoder: str) -> None:
        """Check that vectors come from the encoders the model was trained on.

        Raises:
            ModelError: An encoder's identity is another.
        """
        for name, given, trained in (
            ("text", text_encoder, self.text_encoder),
            ("image", image_encoder, self.image_encoder),
        ):
            if given != trained:
                raise ModelError(
                    f"the model was trained on another {name} encoder",
                    expected=trained,
                    found=given,
                    todo=f"set encoders.{name} as it was in training, or train a model for this encoder",
                )

    @classmethod
    def from_config(
        cls,
        config: ModelConfig,
        *,
        text_dim: int,
        image_dim: int,
        marketplaces: Sequence[str],
        attributes: Sequence[str],
        text_encoder: str,
        image_encoder: str,
        tau: float,
    ) -> ModelSpec:
        """The spec of a new model: sizes from the configuration, the rest from the data it is trained on."""
        return cls(
            text_dim=text_dim,
            image_dim=image_dim,
            marketplaces=tuple(marketplaces),
            attributes=tuple(attributes),
            knots=tuple(float(knot) for knot in config.knots),
            hash_buckets=config.hash_buckets,
            hash_dim=config.hash_dim,
            hidden=config.hidden,
            vector=config.vector,
            dropout=config.dropout,
            text_encoder=text_encoder,
            image_encoder=image_encoder,
            tau=tau,
        )

    def to_json(self) -> dict[str, Any]:
        """The spec as plain JSON values."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in dataclasses.asdict(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ModelSpec:
        """The spec from `to_json`'s values.

        Raises:
            ModelError: A key is missing or unknown, or a value is of the wrong type or out of range.
        """
        fields = {field.name: str(field.type) for field in dataclasses.fields(cls)}
        if set(values) != set(fields):
            raise ModelError(
                "the model's spec has other keys than this version of leastpack reads",
                expected=", ".join(sorted(fields)),
                found=", ".join(sorted(map(str, values))),
            )
        return cls(**{name: _parse(name, kind, values[name]) for name, kind in fields.items()})


def _parse(name: str, kind: str, value: Any) -> Any:
    kinds: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,)}
    if kind.startswith("tuple"):
        inner = kind.removeprefix("tuple[").split(",")[0]
        _require(isinstance(value, list), name, "a list", value)
        return tuple(_parse(name, inner, item) for item in value)
    _require(isinstance(value, kinds[kind]) and not isinstance(value, bool), name, kind, value)
    return float(value) if kind == "float" else value


def _distinct(names: Sequence[str]) -> bool:
    return len(set(names)) == len(names)


def _require(holds: bool, name: str, expected: str, found: object) -> None:
    if not holds:
        raise ModelError(f"the model's {name} is wrong", expected=expected, found=repr(found))
