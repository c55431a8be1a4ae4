"""The score step on hand-made tables and a model with random weights."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from leastpack.catalog.geometry import fits, void_share
from leastpack.catalog.text import text_of
from leastpack.config import Config, load_config
from leastpack.encoders.encode import encoder_identities
from leastpack.encoders.inputs import product_inputs
from leastpack.errors import ModelError
from leastpack.model.calibration import Calibrator
from leastpack.model.directory import save_model
from leastpack.model.features import build_features
from leastpack.model.fused import FusedModel
from leastpack.model.scorer import Scorer
from leastpack.model.spec import ModelSpec
from leastpack.scoring.packages import package_sets
from leastpack.scoring.score import score_pairs
from leastpack.tables import Tables
from tests.spark.rows import table_rows

ATTRIBUTES = ["rigidity", "cushioning"]
N = 23
LONG = "x" * 100_000


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


@pytest.fixture(scope="module")
def world(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Config:
    root = tmp_path_factory.mktemp("score")
    config = make_config(root, root / "tables")
    tables = Tables(spark, config.tables)
    text_encoder, image_encoder = encoder_identities(config.encoders)
    products = [product(i) for i in range(N)] + [
        {"marketplace": "EU", "product_id": "nothing", "bucket": 1},
        {**product(50), "deleted_at": "gone"},
    ]
    frame = table_rows(spark, "products", [{**p, "deleted_at": None} for p in products])
    gone = F.when(F.col("product_id") == "p50", F.current_timestamp())
    tables.merge("products", frame.withColumn("deleted_at", gone))
    tables.merge("package_types", table_rows(spark, "package_types", PACKAGES))
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
    tables.merge("product_images", table_rows(spark, "product_images", rows))
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
    tables.merge("embeddings", table_rows(spark, "embeddings", [dict(zip(names, row, strict=True)) for row in done]))
    save_random_model(config, seed=1)
    return config


def make_config(root: Path, tables: Path, **scoring: object) -> Config:
    settings = [f"tables.root={tables}", "tables.buckets=4", f"model.directory={root / 'model'}"]
    return load_config([], [*settings, *[f"scoring.{key}={value}" for key, value in scoring.items()]])


def save_random_model(config: Config, seed: int) -> str:
    torch.manual_seed(seed)
    text_encoder, image_encoder = encoder_identities(config.encoders)
    spec = ModelSpec.from_config(
        config.model, text_dim=384, image_dim=1280, marketplaces=["EU", "NA"], attributes=ATTRIBUTES,
        text_encoder=text_encoder, image_encoder=image_encoder, tau=0.01,
    )  # fmt: skip
    calibrator = Calibrator.from_json({"slope": 0.7, "intercept": -0.2})
    return save_model(config.model.directory, FusedModel(spec), {"risk": calibrator, "damage_rate": calibrator}, {})


def scores(spark: SparkSession, config: Config) -> dict[tuple[str, str], dict[str, Any]]:
    rows = Tables(spark, config.tables).read("pair_scores").collect()
    return {(row["product_id"], row["package_type"]): row.asDict() for row in rows}


def reference(spark: SparkSession, config: Config) -> dict[tuple[str, str], tuple[float, float]]:
    """Risk and damage rate of every pair by the plain path: one product, one package at a time, no Spark stage."""
    tables = Tables(spark, config.tables)
    scorer = Scorer.load(config.model.directory)
    packages = package_sets(PACKAGES, tuple(ATTRIBUTES))
    answer = {}
    for row in product_inputs(spark, tables, config).toPandas().to_dict("records"):
        one = scorer.product_vectors(build_features({name: [value] for name, value in row.items()}, scorer.spec))
        size = np.array([[row["length_cm"], row["width_cm"], row["height_cm"]]], dtype=float)
        for p in packages[row["marketplace"]].packages:
            void = void_share(size, p).reshape(1, 1)
            risk, rate = scorer.risks(one, np.array([p.profile]), void)
            answer[row["product_id"], p.name] = (risk[0, 0], rate[0, 0])
    return answer


def test_p6_every_pair_has_one_row_and_a_risk_exactly_where_there_is_no_error(
    spark: SparkSession, world: Config
) -> None:
    score_pairs(spark, world)
    found = scores(spark, world)
    live = [product(i) for i in range(N)] + [{"marketplace": "EU", "product_id": "nothing"}]
    wanted = {
        (p["product_id"], t["package_type"]) for p in live for t in PACKAGES if t["marketplace"] == p["marketplace"]
    }
    assert set(found) == wanted
    for (product_id, package_type), row in found.items():
        expected = "NO_INPUT" if product_id == "nothing" else "PACKAGE_INVALID" if package_type == "broken" else None
        assert row["error"] == expected
        assert (row["risk"] is None) == (row["damage_rate"] is None) == (expected is not None)


def test_fit_void_views_and_warnings_come_with_the_risk(spark: SparkSession, world: Config) -> None:
    score_pairs(spark, world)
    found = scores(spark, world)
    packages = package_sets(PACKAGES, tuple(ATTRIBUTES))
    for i in range(N):
        p = product(i)
        size, weight = (
            np.array([[p["length_cm"], p["width_cm"], p["height_cm"]]], dtype=float),
            np.array([p["weight_g"]], float),
        )
        for t in packages[p["marketplace"]].packages:
            row = found[p["product_id"], t.name]
            fit = fits(size, weight, t, 0.5)[0]
            assert row["fits"] == (None if np.isnan(fit) else bool(fit))
            assert row["void_share"] == pytest.approx(void_share(size, t)[0])
    assert found["p2", "box"]["views_used"] > 40
    assert "IMAGE_FAILED" in found["p2", "box"]["warnings"]
    assert "NO_TEXT" in found["p0", "box"]["warnings"]
    assert {"NO_SIZE", "NO_WEIGHT"} <= set(found["p14", "box"]["warnings"])
    assert "NO_PHOTO" in found["p3", "box"]["warnings"]


@pytest.mark.parametrize("partitions", [1, 2, 7])
def test_p4_risks_are_those_of_the_plain_path_for_any_partitions(
    spark: SparkSession, world: Config, tmp_path: Path, partitions: int
) -> None:
    Tables(spark, world.tables).ensure("pair_scores")
    config = world.model_copy(update={"scoring": world.scoring.model_copy(update={"partitions": partitions})})
    spark.sql(f"DELETE FROM delta.`{Tables(spark, world.tables).location('pair_scores')}`")
    score_pairs(spark, config)
    found, expected = scores(spark, config), reference(spark, config)
    for key, row in found.items():
        if row["error"] is None:
            assert row["risk"] == pytest.approx(expected[key][0], abs=1e-5)
            assert row["damage_rate"] == pytest.approx(expected[key][1], abs=1e-5)


def test_p2_a_second_run_writes_nothing(spark: SparkSession, world: Config) -> None:
    score_pairs(spark, world)
    tables = Tables(spark, world.tables)
    before = {name: tables.version(name) for name in ("pair_scores", "product_vectors")}
    score_pairs(spark, world)
    assert {name: tables.version(name) for name in before} == before
    last = tables.read("runs").orderBy(F.desc("started_at")).first()
    assert '"unchanged": 24' in last["account"]


def test_only_buckets_with_a_changed_product_are_written_again(spark: SparkSession, world: Config) -> None:
    score_pairs(spark, world)
    tables = Tables(spark, world.tables)
    before, vectors = scores(spark, world), tables.read("product_vectors").count()
    changed = table_rows(spark, "products", [{**product(4), "weight_g": 1e6}])
    tables.merge("products", changed)
    score_pairs(spark, world)
    after = scores(spark, world)
    rewritten = {key[0] for key in after if after[key]["run_id"] != before[key]["run_id"]}
    assert rewritten == {f"p{i}" for i in range(N) if i % 4 == 0}
    assert tables.read("product_vectors").count() == vectors + 1
    tables.merge("products", table_rows(spark, "products", [product(4)]))


def test_a_new_package_type_needs_no_fusion(spark: SparkSession, world: Config) -> None:
    score_pairs(spark, world)
    tables = Tables(spark, world.tables)
    version = tables.version("product_vectors")
    tables.merge(
        "package_types", table_rows(spark, "package_types", [package("NA", "new", [1.0, 1.0], (9.0, 9.0, 9.0))])
    )
    score_pairs(spark, world)
    assert ("p1", "new") in scores(spark, world)
    assert tables.version("product_vectors") == version
    tables.merge("package_types", table_rows(spark, "package_types", PACKAGES), delete_missing=True)
    score_pairs(spark, world)
    assert ("p1", "new") not in scores(spark, world)


def test_model_a_then_b_then_a_again_ends_with_the_scores_of_a(spark: SparkSession, world: Config) -> None:
    first = save_random_model(world, seed=1)
    score_pairs(spark, world)
    risks = {key: row["risk"] for key, row in scores(spark, world).items()}
    save_random_model(world, seed=2)
    score_pairs(spark, world)
    other = {key: row["risk"] for key, row in scores(spark, world).items()}
    assert other != risks
    assert save_random_model(world, seed=1) == first
    score_pairs(spark, world)
    assert {key: row["risk"] for key, row in scores(spark, world).items()} == risks


def test_a_missing_model_is_named_and_nothing_is_written(spark: SparkSession, world: Config, tmp_path: Path) -> None:
    version = Tables(spark, world.tables).version("pair_scores")
    config = world.model_copy(update={"model": world.model.model_copy(update={"directory": str(tmp_path / "none")})})
    with pytest.raises(ModelError, match="none"):
        score_pairs(spark, config)
    assert Tables(spark, world.tables).version("pair_scores") == version
