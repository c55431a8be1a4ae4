"""The train step on hand-made tables, launcher local."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tests.spark.rows import put_frame
from tests.spark.training import world

from leastpack.config import Config
from leastpack.errors import ConfigError, InputError
from leastpack.model.directory import load_model
from leastpack.tables import Tables
from leastpack.training.train import train_model


@pytest.fixture(scope="module")
def made(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tables that train reads."""
    root = tmp_path_factory.mktemp("made")
    world.make_tables(spark, world.make_config(root))
    return root


@pytest.fixture(scope="module")
def trained(spark: SparkSession, made: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Tables]:
    config = copied(made, tmp_path_factory.mktemp("trained"))
    train_model(spark, config)
    return config, Tables(spark, config.tables)


def copied(made: Path, root: Path, *settings: str) -> Config:
    """The configuration of a copy of the tables under another root."""
    shutil.copytree(made / "tables", root / "tables")
    return world.make_config(root, *settings)


def last_run(tables: Tables) -> dict[str, Any]:
    row = tables.read("runs").where("step = 'train'").orderBy(F.col("started_at").desc()).first()
    assert row is not None
    return row.asDict()


def test_p1_the_account_of_the_examples_balances(trained: tuple[Config, Tables]) -> None:
    _, tables = trained
    run = last_run(tables)
    account = json.loads(run["account"])
    examples = account["inputs"]["training_examples"]
    assert examples == {"rows_in": 240, "used": 216, "set_aside": {"certify": 24}, "quarantined": 0}
    outputs = {name: rows["rows"] for name, rows in account["outputs"].items()}
    pairs = {"snapshot/full": 120, "snapshot/validation": 24, "snapshot/calibrate": 24, "snapshot/test": 48}
    assert outputs == {**pairs, **{f"{part}, products": count // 3 for part, count in pairs.items()}}
    assert set(run["inputs"]) == {"training_examples", "products", "product_images", "embeddings", "package_types"}
    assert run["figures"]["rows.balanced"] < 120


def test_the_model_directory_has_weights_spec_metrics_and_card(trained: tuple[Config, Tables]) -> None:
    config, _ = trained
    saved = load_model(config.model.directory)
    assert (saved.model.spec.text_dim, saved.model.spec.image_dim) == (world.TEXT_DIM, world.IMAGE_DIM)
    assert saved.model.spec.marketplaces == ("EU", "NA")
    assert saved.model.spec.attributes == tuple(world.ATTRIBUTES)
    metrics = saved.metrics
    assert metrics["test.n"] == 48
    assert metrics["test.prevalence"] == pytest.approx(1 / 6)
    assert metrics["test.pr_auc"] > metrics["test.prevalence"]  # type: ignore[operator]
    assert metrics["test.box.pr_auc"] is None  # nothing breaks in a box: one class
    assert {"test.mailer.pr_auc", "test.less_protective.pr_auc", "test.photos.photo_gain_low"} <= set(metrics)
    assert metrics["validation_loss"] > 0  # type: ignore[operator]
    card = (Path(config.model.directory) / "model_card.md").read_text()
    for told in (saved.model_version, "Intended use", "Limits", "table products, version", "test.pr_auc"):
        assert told in card
    files = sorted(path.name for path in Path(config.model.directory).iterdir())
    assert files == ["encoders.json", "model.json", "model.safetensors", "model_card.md"]


def test_every_step_is_in_the_metrics_table_and_in_the_work_folder(trained: tuple[Config, Tables]) -> None:
    config, tables = trained
    version = load_model(config.model.directory).model_version
    metrics = tables.read("training_metrics")
    assert {row[0] for row in metrics.select("model_version").distinct().collect()} == {version}
    steps = metrics.where("name = 'loss'").agg(F.count("*"), F.max("step")).first()
    assert steps is not None
    assert steps[0] == steps[1] + 1
    assert metrics.where("name = 'validation_loss' AND step IS NULL").count() == 3
    work = next(Path(config.training.snapshot).glob("*/work"))
    assert len(list((work / "metrics").glob("*.jsonl"))) == 3
    assert list(work.glob("*.safetensors")) == []


def test_p2_a_second_run_changes_nothing_but_runs(spark: SparkSession, trained: tuple[Config, Tables]) -> None:
    config, tables = trained
    directory = Path(config.model.directory)
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in directory.iterdir()}
    version = tables.version("training_metrics")
    train_model(spark, config)
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in directory.iterdir()} == before
    assert tables.version("training_metrics") == version
    account = json.loads(last_run(tables)["account"])["inputs"]["training_examples"]
    assert account == {"rows_in": 240, "used": 0, "set_aside": {"certify": 24, "unchanged": 216}, "quarantined": 0}


def test_p3_a_lost_model_is_made_again_the_same(spark: SparkSession, trained: tuple[Config, Tables]) -> None:
    config, tables = trained
    version, metrics = load_model(config.model.directory).model_version, tables.version("training_metrics")
    (Path(config.model.directory) / "model.safetensors").unlink()
    train_model(spark, config)
    assert load_model(config.model.directory).model_version == version
    assert tables.version("training_metrics") == metrics


@pytest.mark.slow
def test_the_plain_arm_and_another_seed_give_other_models_and_old_snapshots_go(
    spark: SparkSession, trained: tuple[Config, Tables], tmp_path: Path
) -> None:
    config, _ = trained
    elsewhere = {"model": config.model.model_copy(update={"directory": str(tmp_path / "model")})}
    versions = set()
    for change in ({"arm": "plain"}, {"seed": 12}):
        training = config.training.model_copy(update={**change, "snapshot": str(tmp_path / "work")})
        train_model(spark, config.model_copy(update={**elsewhere, "training": training}))
        versions.add(load_model(tmp_path / "model").model_version)
        assert len(list((tmp_path / "work").iterdir())) == 1
    assert len(versions) == 2


def test_examples_of_one_class_are_refused_and_nothing_is_written(
    spark: SparkSession, made: Path, tmp_path: Path
) -> None:
    config = copied(made, tmp_path)
    tables = Tables(spark, config.tables)
    safe = tables.read("training_examples").withColumn("target", F.lit(0.0)).withColumn("label", F.lit("SAFE"))
    put_frame(tables, "training_examples", safe)
    with pytest.raises(InputError, match="every train example is safe"):
        train_model(spark, config)
    assert not (tmp_path / "model").exists()
    assert not (tmp_path / "work").exists()
    assert not tables.exists("training_metrics")
    assert last_run(tables)["status"] == "failed"


@pytest.mark.slow
def test_without_any_photo_the_model_learns_from_the_rest(spark: SparkSession, made: Path, tmp_path: Path) -> None:
    config = copied(made, tmp_path)
    tables = Tables(spark, config.tables)
    for name, kept in {"product_images": "view IS NULL", "embeddings": "modality = 'text'"}.items():
        put_frame(tables, name, tables.read(name).where(kept))
    train_model(spark, config)
    saved = load_model(config.model.directory)
    assert saved.model.spec.image_dim == 1280  # the encoder's own, so that photos may come later
    assert saved.metrics["test.photos.n"] == 0
    assert saved.metrics["test.photos.photo_gain"] is None
    assert saved.metrics["test.photo_gain"] == 0
    assert last_run(tables)["status"] == "done"


@pytest.mark.slow
def test_unknown_products_and_packages_are_set_aside_and_empty_validation_and_test_splits_are_allowed(
    spark: SparkSession, made: Path, tmp_path: Path
) -> None:
    config = copied(made, tmp_path)
    tables = Tables(spark, config.tables)
    every = [world.example(i, name) for i in range(world.PRODUCTS) for name in world.PACKAGES]
    kept = [row for row in every if row["split"] in ("train", "calibrate")]
    strange = [
        world.example(0, "box", product_id="gone"),
        world.example(0, "crate"),
        world.example(1, "box", split=None),
    ]
    rows = [row for row in kept if (row["product_id"], row["package_type"]) != ("p1", "box")]
    put_frame(tables, "training_examples", world.examples(spark, [*rows, *strange]))
    train_model(spark, config)
    aside = json.loads(last_run(tables)["account"])["inputs"]["training_examples"]["set_aside"]
    assert aside == {"no_product": 1, "unknown_package_type": 1, "no_split": 1}
    metrics = load_model(config.model.directory).metrics
    assert metrics["best_epoch"] == 2
    assert "test.pr_auc" not in metrics


def test_without_embeddings_of_the_configured_encoders_encode_is_asked_for(
    spark: SparkSession, made: Path, tmp_path: Path
) -> None:
    config = copied(made, tmp_path)
    tables = Tables(spark, config.tables)
    put_frame(tables, "embeddings", tables.read("embeddings").withColumn("encoder", F.lit("another")))
    with pytest.raises(InputError, match="no vector of the configured encoders"):
        train_model(spark, config)


def test_a_missing_table_is_named(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="table training_examples does not exist"):
        train_model(spark, world.make_config(tmp_path))


def test_more_processes_than_cores_are_refused_before_anything_is_done(spark: SparkSession, tmp_path: Path) -> None:
    config = world.make_config(
        tmp_path, "training.launcher=horovod", "training.processes=8", "training.groups_per_step=8"
    )
    with pytest.raises(ConfigError, match=r"training\.processes = 8"):
        train_model(spark, config)
    assert not (tmp_path / "tables").exists()
