"""A few hundred made-up training examples in which photos and words tell what breaks."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from tests.spark.rows import put_frame, put_rows, table_rows

from leastpack.catalog.text import text_of
from leastpack.config import Config, load_config
from leastpack.encoders.engines import encoder_identities, resolve_engines
from leastpack.tables import Tables

ATTRIBUTES = ["rigidity", "cushioning"]
PRODUCTS = 80
TEXT_DIM, IMAGE_DIM = 6, 5
SPLITS = ("train",) * 5 + ("validation", "calibrate", "certify", "test", "test")
PACKAGES = {
    "own": ("own_container", [0.0, 0.0], None),
    "mailer": ("mailer", [0.2, 0.4], (30.0, 20.0, 5.0)),
    "box": ("box", [0.9, 0.7], (30.0, 20.0, 10.0)),
}


def make_config(root: Path, *settings: str) -> Config:
    """A configuration with everything under the root, and a training of seconds."""
    # The vectors are made up, so no engine can be measured.
    quick = (
        "gate_products=0",
        "launcher=local",
        "processes=1",
        "micro_batch=16",
        "phase_one_epochs=1",
        "epochs=2",
        f"snapshot={root}/work",
    )
    sizes = ("hash_buckets=128", "hash_dim=4", "hidden=16", "vector=8")
    listed = [f"tables.root={root}/tables", "tables.buckets=4", f"model.directory={root}/model"]
    listed += [f"training.{setting}" for setting in quick] + [f"model.{size}" for size in sizes]
    return load_config([], [*listed, *settings])


def fragile(i: int) -> bool:
    """Whether a product breaks in anything but a box."""
    return i % 4 == 0


def views(i: int) -> int:
    """Tunnel photos of a product; some have none."""
    return i % 3


def make_tables(spark: SparkSession, config: Config) -> Tables:
    """Write all tables that train reads."""
    tables = Tables(spark, config.tables)
    put_frame(tables, "products", products(spark))
    make_packages(tables)
    taken = [(i, v) for i in range(PRODUCTS) for v in range(views(i))]
    images = [
        {**_key(i), "view": f"tunnel_{v}", "kind": "tunnel", "image_key": f"k{i}-{v}", "uri": "u"} for i, v in taken
    ]
    put_rows(tables, "product_images", images)
    put_rows(tables, "embeddings", _embeddings(config, taken))
    put_frame(tables, "training_examples", examples(spark))
    return tables


def make_packages(tables: Tables) -> None:
    """Write `package_types`: the same packages in both marketplaces."""
    rows = [_package(marketplace, name) for marketplace in ("EU", "NA") for name in PACKAGES]
    put_rows(tables, "package_types", rows)


def examples(spark: SparkSession, rows: list[dict[str, Any]] | None = None) -> DataFrame:
    """Rows of `training_examples`; by default every product in every package."""
    listed = [example(i, name) for i in range(PRODUCTS) for name in PACKAGES] if rows is None else rows
    frame = table_rows(spark, "training_examples", listed)
    return frame.withColumn("sample_hash", F.xxhash64("marketplace", "product_id", "package_type"))


def example(i: int, package: str, **changes: Any) -> dict[str, Any]:
    """One example; the product's number decides its split."""
    unsafe = fragile(i) and package != "box"
    n = 40 + i if i % 5 else 0
    return {
        **_key(i),
        "package_type": package,
        "group_id": f"g{i}",
        "split": SPLITS[i % len(SPLITS)],
        "label": "UNSAFE" if unsafe else "SAFE",
        "target": 1.0 if unsafe else 0.1,
        "weight": 1.0,
        "n": n,
        "k": n // 5 if unsafe else 0,
        "eligible": True,
        "by_human_test": i % 2 == 0,
        "draw_probability": 0.25 if i % 2 == 0 else None,
        "less_protective": package == "own",
        **changes,
    }


def _key(i: int) -> dict[str, Any]:
    return {"marketplace": "EU" if i % 3 else "NA", "product_id": f"p{i}"}


def _title(i: int) -> str:
    return f"glass vase {i}" if fragile(i) else f"cotton towel {i}"


def _text_key(i: int) -> str:
    return hashlib.sha256(text_of(_title(i), None, None, None).encode()).hexdigest()


def products(spark: SparkSession) -> DataFrame:
    """Rows of `products`."""
    sides = {"length_cm": 12.0, "width_cm": 8.0, "height_cm": 4.0, "weight_g": 300.0}
    rows = [
        {**_key(i), "bucket": i % 4, "title": _title(i), "text_key": _text_key(i), **sides} for i in range(PRODUCTS)
    ]
    return table_rows(spark, "products", rows)


def _package(marketplace: str, name: str) -> dict[str, Any]:
    kind, profile, inner = PACKAGES[name]
    sides = dict(zip(("inner_length_cm", "inner_width_cm", "inner_height_cm"), inner or (None,) * 3, strict=True))
    row = {"marketplace": marketplace, "package_type": name, "kind": kind, "profile": profile}
    return {**row, "attributes": ATTRIBUTES, **sides}


def _embeddings(config: Config, photos: list[tuple[int, int]]) -> list[dict[str, Any]]:
    text_encoder, image_encoder = encoder_identities(resolve_engines(config))
    rows = [("text", _text_key(i), text_encoder, vector(i, TEXT_DIM)) for i in range(PRODUCTS)]
    rows += [("image", f"k{i}-{v}", image_encoder, vector(i, IMAGE_DIM)) for i, v in photos]
    names = ("modality", "content_key", "encoder", "vector")
    return [dict(zip(names, row, strict=True)) for row in rows]


def vector(i: int, size: int) -> list[float]:
    """An encoder's vector whose first number tells whether the product is fragile."""
    noise = np.random.default_rng(i).normal(size=size) * 0.3
    noise[0] += 2.0 if fragile(i) else -2.0
    values: list[float] = noise.astype(np.float32).tolist()
    return values
