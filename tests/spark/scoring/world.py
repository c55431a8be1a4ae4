"""A small catalog with every oddity, and a model with random weights, for tests of the score step."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pyspark.sql import SparkSession
from tests.spark.rows import put_rows

from leastpack.catalog.text import text_of
from leastpack.config import Config, load_config
from leastpack.encoders.engines import encoder_identities, resolve_engines
from leastpack.model.calibration import Calibrator
from leastpack.model.directory import save_model
from leastpack.model.fused import FusedModel
from leastpack.model.spec import ModelSpec
from leastpack.tables import Tables

ATTRIBUTES = ["rigidity", "cushioning"]
N = 23
LONG = "glass vase " * 9_091


def vector(seed: int, size: int) -> list[float]:
    return np.random.default_rng(seed).normal(size=size).astype(np.float32).tolist()


def product(i: int) -> dict[str, Any]:
    marketplace = "NA" if i % 3 else "EU"
    title = {0: None, 1: LONG}.get(i, f"mug number {i}")
    text = text_of(title, None, None, None)
    return {
        "marketplace": marketplace,
        "product_id": f"p{i}",
        "bucket": i % 4,
        "title": title,
        "text_key": hashlib.sha256(text.encode()).hexdigest() if text else None,
        "price": float(i) if i % 5 else None,
        "currency": "USD",
        "length_cm": 10.0 + i if i % 7 else None,
        "width_cm": 8.0 if i % 7 else None,
        "height_cm": 4.0 if i % 7 else None,
        "weight_g": 100.0 * i + 50 if i % 2 or i == 0 else None,
    }


def views(i: int) -> int:
    return {2: 50, 3: 0}.get(i, i % 4)


def package(marketplace: str, name: str, profile: list[float], inner: tuple[float, ...] | None) -> dict[str, Any]:
    sides = dict(zip(("inner_length_cm", "inner_width_cm", "inner_height_cm"), inner or (None,) * 3, strict=True))
    kind = "box" if inner else "own_container"
    row = {"marketplace": marketplace, "package_type": name, "kind": kind, "profile": profile, "attributes": ATTRIBUTES}
    return {**row, **sides, "void_filled": False, "max_weight_g": None, "tare_g": 10.0, "cost": 1.0}


PACKAGES = [
    package("NA", "own", [0.0, 0.0], None),
    package("NA", "box", [0.5, 0.2], (30.0, 20.0, 10.0)),
    package("NA", "broken", [2.0, 0.0], (30.0, 20.0, 10.0)),
    package("EU", "box", [0.5, 0.2], (25.0, 20.0, 10.0)),
]


def build_world(spark: SparkSession, root: Path) -> Config:
    """Write the catalog's tables and a model under `root`; the config that names them."""
    config = make_config(root, root / "tables")
    tables = Tables(spark, config.tables)
    text_encoder, image_encoder = encoder_identities(resolve_engines(config))
    products = [product(i) for i in range(N)] + [
        {"marketplace": "EU", "product_id": "nothing", "bucket": 1},
        {**product(50), "deleted_at": datetime.now(UTC)},
    ]
    put_rows(tables, "products", products)
    put_rows(tables, "package_types", PACKAGES)
    images = [(product(i), f"tunnel_{v}", f"k{i}-{v}") for i in range(N) for v in range(views(i))]
    rows = [
        {
            "marketplace": p["marketplace"],
            "product_id": p["product_id"],
            "view": v,
            "kind": "tunnel",
            "image_key": k,
            "uri": k,
        }
        for p, v, k in images
    ]
    put_rows(tables, "product_images", rows)
    texts = {p["text_key"] for p in products if p.get("text_key")}
    done = [("text", key, text_encoder, None, vector(i, 384)) for i, key in enumerate(sorted(texts))]
    done += [
        (
            "image",
            key,
            image_encoder,
            "IMAGE_TRUNCATED" if i % 9 == 0 else None,
            None if i % 9 == 0 else vector(i, 1280),
        )
        for i, (_, _, key) in enumerate(images)
    ]
    names = ("modality", "content_key", "encoder", "error", "vector")
    put_rows(tables, "embeddings", [dict(zip(names, row, strict=True)) for row in done])
    save_random_model(config, seed=1)
    return config


def make_config(root: Path, tables: Path, **scoring: object) -> Config:
    settings = [f"tables.root={tables}", "tables.buckets=4", f"model.directory={root / 'model'}"]
    return load_config([], [*settings, *[f"scoring.{key}={value}" for key, value in scoring.items()]])


def save_random_model(config: Config, seed: int, files: Mapping[str, bytes] | None = None) -> str:
    torch.manual_seed(seed)
    text_encoder, image_encoder = encoder_identities(resolve_engines(config))
    spec = ModelSpec.from_config(
        config.model, text_dim=384, image_dim=1280, marketplaces=["EU", "NA"], attributes=ATTRIBUTES,
        text_encoder=text_encoder, image_encoder=image_encoder, tau=0.01,
    )  # fmt: skip
    calibrator = Calibrator.from_json({"slope": 0.7, "intercept": -0.2})
    calibrators = {"risk": calibrator, "damage_rate": calibrator}
    return save_model(config.model.directory, FusedModel(spec), calibrators, {}, files)
