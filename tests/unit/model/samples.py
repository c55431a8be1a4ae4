"""Small specs, models and products for the model's tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from leastpack.model.calibration import Calibrator
from leastpack.model.directory import save_model
from leastpack.model.features import NUMERIC
from leastpack.model.fused import FusedModel
from leastpack.model.spec import ModelSpec

CALIBRATORS = {"risk": Calibrator(1.3, -0.4), "damage_rate": Calibrator(0.8, 0.2)}
WORDS = [
    *("glass", "mug", "ceramic", "bag", "bottle", "lamp", "Porzellan", "tasse", "verre"),
    *("陶器", "マグカップ", "割れ物", "рюкзак", "كوب"),
]


def small_spec(**changes: Any) -> ModelSpec:
    values: dict[str, Any] = {
        "text_dim": 12,
        "image_dim": 10,
        "marketplaces": ("NA", "EU", "JP"),
        "attributes": ("rigidity", "cushioning", "seal"),
        "knots": (0.0, 0.3, 0.6, 1.0),
        "hash_buckets": 512,
        "hash_dim": 8,
        "hidden": 24,
        "vector": 8,
        "dropout": 0.1,
        "text_encoder": "text-encoder@1",
        "image_encoder": "image-encoder@1",
        "tau": 0.01,
    }
    return ModelSpec(**{**values, **changes})


def random_model(spec: ModelSpec, seed: int, scale: float = 0.5) -> FusedModel:
    """A model whose every weight is random, not only as initialised."""
    torch.manual_seed(seed)
    model = FusedModel(spec)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * scale)
    return model.eval()


def random_columns(spec: ModelSpec, n: int, seed: int) -> dict[str, list[Any]]:
    """n products, some without text, photos, buckets or a known marketplace."""
    rng = np.random.default_rng(seed)
    names = ("text", "text_vector", "image_vectors", *NUMERIC, "marketplace")
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for _ in range(n):
        has_text, views = rng.random() < 0.8, int(rng.integers(0, 6))
        columns["text"].append(" ".join(rng.choice(WORDS, size=rng.integers(1, 30))) if has_text else None)
        columns["text_vector"].append(rng.normal(size=spec.text_dim).astype(np.float32) if has_text else None)
        photos = [rng.normal(size=spec.image_dim).astype(np.float32) for _ in range(views)]
        columns["image_vectors"].append(photos or None)
        columns["marketplace"].append(str(rng.choice(["NA", "EU", "JP", "elsewhere"])))
        for name in NUMERIC:
            columns[name].append(int(rng.integers(0, 64)))
    return columns


def random_packages(spec: ModelSpec, n: int, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`count` random profiles, and void shares of n products in them."""
    rng = np.random.default_rng(seed)
    return rng.random((count, len(spec.attributes))), rng.random((n, count)) * (rng.random((n, count)) < 0.7)


def saved_model(directory: Path, spec: ModelSpec | None = None, seed: int = 0) -> Path:
    save_model(directory, random_model(spec or small_spec(), seed), CALIBRATORS, {"pr_auc": 0.5})
    return directory
