"""A catalog of any size whose texts are encoded and whose products are fused already: tables to score from."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import torch
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from leastpack.catalog.buckets import bucket_columns
from leastpack.config import Config, load_config
from leastpack.encoders.engines import (
    MODALITIES,
    Chosen,
    choice_files,
    convert_encoder,
    encoder_identities,
    resolve_engines,
)
from leastpack.model.calibration import Calibrator
from leastpack.model.directory import load_model, save_model
from leastpack.model.fused import FusedModel
from leastpack.model.spec import ModelSpec
from leastpack.scoring.content import with_content
from leastpack.tables import Tables
from leastpack.tables.schemas import BY_NAME

MARKETPLACE = "NA"
ATTRIBUTES = ("rigidity", "cushioning", "puncture", "seal")
KINDS = ("own_container", "bag", "mailer", "box")


def make_config(root: Path, buckets: int) -> Config:
    """A configuration whose tables and model are under `root`."""
    places = [f"tables.root={root / 'tables'}", f"model.directory={root / 'model'}"]
    return load_config([], [*places, f"tables.buckets={buckets}"])


def make_catalog(spark: SparkSession, config: Config, products: int, types: int, seed: int) -> None:
    """Write the tables that `score` reads, and vectors of a model with random weights, so that only pairs are missing.

    Args:
        spark: The session.
        config: Of `make_config`.
        products: How many.
        types: Package types of the one marketplace.
        seed: Of sizes, vectors, packages and weights.
    """
    tables = Tables(spark, config.tables)
    text_encoder, _ = encoder_identities(resolve_engines(config))
    make_model(spark, config, types, seed)
    listed = spark.range(products, numPartitions=8).select(
        F.lit(MARKETPLACE).alias("marketplace"),
        F.format_string("N%09d", "id").alias("product_id"),
        F.sha2(F.col("id").cast("string"), 256).alias("text_key"),
        F.pmod(F.xxhash64("id"), F.lit(config.tables.buckets)).cast("int").alias("bucket"),
        *sizes(seed),
        F.round(5 + 45 * F.rand(seed + 9), 2).alias("price"),
        F.lit("USD").alias("currency"),
    )
    append(tables, "products", listed)
    tables.ensure("product_images")
    # Scoring asks only whether a text is encoded; its vector has gone into the product's.
    encoded = {"modality": F.lit("text"), "content_key": F.col("text_key"), "encoder": F.lit(text_encoder)}
    append(tables, "embeddings", tables.read("products").select(*[c.alias(name) for name, c in encoded.items()]))
    model = load_model(config.model.directory)
    spec = model.model.spec
    vectors = with_content(_keys(tables, config), spec.marketplaces).select(
        F.lit(model.model_version).alias("model_version"),
        "content_key",
        F.array(*[F.randn(seed + place).cast("float") for place in range(spec.vector)]).alias("vector"),
    )
    append(tables, "product_vectors", vectors)


def _keys(tables: Tables, config: Config) -> DataFrame:
    """`product_keys` of a catalog whose texts are all encoded and that has no photos: without its joins."""
    none = F.array().cast("array<string>")
    buckets = [column.alias(name) for name, column in bucket_columns(config.currency_units).items()]
    encoded = [F.lit(True).alias("text_encoded"), none.alias("image_keys"), none.alias("image_errors")]
    return tables.read("products").select("*", *buckets, *encoded)


def make_model(spark: SparkSession, config: Config, types: int, seed: int) -> None:
    """Write `package_types`, and a model with random weights."""
    text_encoder, image_encoder = encoder_identities(resolve_engines(config))
    append(Tables(spark, config.tables), "package_types", spark.createDataFrame(_types(types, seed)))
    torch.manual_seed(seed)
    spec = ModelSpec.from_config(
        config.model, text_dim=384, image_dim=1280, marketplaces=[MARKETPLACE], attributes=list(ATTRIBUTES),
        text_encoder=text_encoder, image_encoder=image_encoder, tau=config.outcomes.tau,
    )  # fmt: skip
    same = Calibrator()
    save_model(config.model.directory, FusedModel(spec), {"risk": same, "damage_rate": same}, {}, _networks(config))


def _networks(config: Config) -> dict[str, bytes]:
    """What training leaves in the model directory for the default engines."""
    encoders = resolve_engines(config)
    identities = dict(zip(MODALITIES, encoder_identities(encoders), strict=True))
    chosen = {name: Chosen(getattr(encoders, name).engine, identities[name], {}, {}) for name in MODALITIES}
    return choice_files(chosen, {name: convert_encoder(encoders, name) for name in MODALITIES})


def sizes(seed: int) -> list[Column]:
    """Random sides to the millimetre, and weights to the gram."""
    sides = [F.round(low + F.rand(seed + low) * wide, 1).alias(f"{side}_cm") for side, low, wide in _SIDES]
    return [*sides, F.round(50 + F.rand(seed) * 2000).alias("weight_g")]


_SIDES = (("length", 25, 30), ("width", 12, 12), ("height", 2, 10))


def append(tables: Tables, name: str, rows: DataFrame) -> None:
    """Append rows to a table, null in the columns they lack."""
    table = BY_NAME[name]
    empty = [F.lit(None).cast(c.type).alias(c.name) for c in table.columns if c.name not in rows.columns]
    tables.append(name, rows.select("*", *empty))


def _types(count: int, seed: int) -> list[dict[str, object]]:
    dice = np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    for place in range(count):
        kind = KINDS[place % len(KINDS)]
        sides = np.sort(dice.uniform(10, 60, size=3))[::-1].tolist() if kind != "own_container" else [0.0] * 3
        rows.append(
            {
                "marketplace": MARKETPLACE, "package_type": f"type_{place:02d}", "kind": kind,
                "profile": dice.random(len(ATTRIBUTES)).round(2).tolist(), "attributes": list(ATTRIBUTES),
                "inner_length_cm": sides[0], "inner_width_cm": sides[1], "inner_height_cm": sides[2],
                "void_filled": False, "max_weight_g": 20_000.0, "tare_g": 5.0 + 10 * place, "cost": 0.1 + 0.05 * place,
                "profile_hash": f"profile_{place:02d}", "currency": "USD", "valid_from": datetime.date(2020, 1, 1),
                "safe_default": place == count - 1,
            }
        )  # fmt: skip
    return rows
