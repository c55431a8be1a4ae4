"""P3: whatever is killed, and wherever, the tables end as those of a run that nobody disturbed."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pyspark.sql import SparkSession
from tests.spark.scoring.world import build_world

from leastpack.config import Config
from leastpack.config.storage import TablesConfig
from leastpack.encoders.encode import encode_products
from leastpack.scoring.score import score_pairs
from leastpack.tables import Tables

CHECKOUT = Path(__file__).parents[2]
WRITTEN = {"encode": "embeddings", "score": "scores"}
KEYS = {
    "embeddings": ["modality", "content_key", "encoder"],
    "product_vectors": ["content_key"],
    "scores": ["product_id"],
}
# What tells when and by which run a row was written.
UNLIKE = {"encoded_at", "scored_at", "run_id"}


@pytest.fixture(scope="module")
def world(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog of which nothing is encoded yet, with photos of which every fifth is missing."""
    root = tmp_path_factory.mktemp("kills")
    config = build_world(spark, root)
    shutil.rmtree(root / "tables" / "embeddings")
    tables = Tables(spark, config.tables)
    rows = tables.read("product_images").select("image_key").orderBy("image_key").collect()
    (root / "photos").mkdir()
    for i, row in enumerate(rows):
        if i % 5:
            Image.new("RGB", (64, 48), (i, 2 * i, 255 - i)).save(root / "photos" / f"{row['image_key']}.png")
    images, products = tables.location("product_images"), tables.location("products")
    spark.sql(f"UPDATE delta.`{images}` SET uri = concat('{root}/photos/', image_key, '.png')")
    # Each bucket is a commit of its own, and two of them are enough to die between.
    spark.sql(f"UPDATE delta.`{products}` SET bucket = bucket % 2")
    return root


@pytest.fixture(scope="module")
def undisturbed(spark: SparkSession, world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, encoded and scored in peace."""
    root = tmp_path_factory.mktemp("peace")
    config = copied(world, root)
    encode_products(spark, config)
    score_pairs(spark, config)
    photos = [row for row in rows_of(spark, root, "embeddings") if row["modality"] == "image"]
    assert {row["error"] for row in photos} == {None, "FETCH_NOT_FOUND"}
    return root


def copied(world: Path, root: Path, *, task_cpus: int | None = None) -> Config:
    """The world under another root, written bucket by bucket; its photos stay where they are."""
    shutil.copytree(world / "tables", root / "tables")
    shutil.copytree(world / "model", root / "model")
    config = Config.model_validate(
        {
            "tables": {"root": str(root / "tables"), "buckets": 4, "pairs_per_commit": 1},
            "model": {"directory": str(root / "model")},
            "encoders": {"task_cpus": task_cpus, "fetch": {"roots": [str(world / "photos")]}},
        }
    )
    (root / "config.json").write_text(config.model_dump_json(), encoding="utf-8")
    return config


def scene(root: Path, step: str, *victims: str) -> dict[str, Any]:
    """A step, and who is killed in it."""
    markers = {victim: str(root / f"{step}-{victim}") for victim in victims}
    return {"step": step, "table": WRITTEN[step], "config": str(root / "config.json"), "markers": markers}


def assert_killed(one: dict[str, Any]) -> None:
    missing = [victim for victim, marker in one["markers"].items() if not Path(marker).exists()]
    assert missing == [], f"nobody killed in {one['step']}"


def drive(master: str, scenes: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(CHECKOUT / "lib"), str(CHECKOUT)])
    environment = {**os.environ, "PYTHONPATH": path, "PYSPARK_PYTHON": sys.executable}
    command = [sys.executable, "-m", "tests.cluster.killed", master, json.dumps(scenes)]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=420, cwd=CHECKOUT, env=environment
    )


def assert_alike(spark: SparkSession, root: Path, undisturbed: Path, table: str) -> None:
    """Row by row; numbers within float rounding."""
    found, expected = (rows_of(spark, place, table) for place in (root, undisturbed))
    assert len(found) == len(expected) > 0
    for one, other in zip(found, expected, strict=True):
        for name, value in other.items():
            assert one[name] == (pytest.approx(value, abs=1e-5) if isinstance(value, float | list) else value), name


def rows_of(spark: SparkSession, root: Path, table: str) -> list[dict[str, Any]]:
    rows = Tables(spark, TablesConfig(root=str(root / "tables"), buckets=4)).read(table).orderBy(*KEYS[table]).collect()
    return [{name: _plain(value) for name, value in row.asDict().items() if name not in UNLIKE} for row in rows]


def _plain(value: Any) -> Any:
    """Lists of words as tuples: what is left as a list is numbers."""
    return tuple(value) if isinstance(value, list) and all(isinstance(one, str) for one in value) else value


@pytest.mark.slow
def test_a_cluster_goes_on_after_the_loss_of_a_python_worker_and_an_executor(
    spark: SparkSession, world: Path, undisturbed: Path, tmp_path: Path
) -> None:
    copied(world, tmp_path, task_cpus=1)
    scenes = [scene(tmp_path, step, "worker", "executor") for step in WRITTEN]
    done = drive("local-cluster[2,1,1536]", scenes)
    assert done.returncode == 0, done.stderr[done.stderr.find("Traceback") :][:3000]
    for one in scenes:
        assert_killed(one)
        assert_alike(spark, tmp_path, undisturbed, one["table"])
    assert_alike(spark, tmp_path, undisturbed, "product_vectors")


@pytest.mark.slow
def test_a_driver_killed_while_it_encodes_goes_on_where_it_was(
    spark: SparkSession, world: Path, undisturbed: Path, tmp_path: Path
) -> None:
    config = copied(world, tmp_path)
    one = scene(tmp_path, "encode", "driver")
    assert drive("local[2]", [one]).returncode == -signal.SIGKILL
    assert_killed(one)
    encode_products(spark, config)
    assert_alike(spark, tmp_path, undisturbed, "embeddings")


@pytest.mark.proof
@pytest.mark.parametrize(("victim", "finished"), [("between", 1), ("driver", 0)])
def test_a_driver_killed_between_two_buckets_of_scores_or_inside_one_leaves_whole_buckets(
    spark: SparkSession, world: Path, undisturbed: Path, tmp_path: Path, victim: str, finished: int
) -> None:
    config = copied(world, tmp_path)
    shutil.copytree(undisturbed / "tables" / "embeddings", tmp_path / "tables" / "embeddings")
    one = scene(tmp_path, "score", victim)
    assert drive("local[2]", [one]).returncode == -signal.SIGKILL
    assert_killed(one)
    assert Tables(spark, config.tables).read("scores").select("bucket").distinct().count() == finished
    score_pairs(spark, config)
    for name in ("product_vectors", "scores"):
        assert_alike(spark, tmp_path, undisturbed, name)


@pytest.mark.slow
def test_a_place_that_cannot_be_written_stops_the_step_and_loses_nothing(
    spark: SparkSession, world: Path, undisturbed: Path, tmp_path: Path
) -> None:
    config = copied(world, tmp_path)
    shutil.copytree(undisturbed / "tables" / "embeddings", tmp_path / "tables" / "embeddings")
    tables = Tables(spark, config.tables)
    tables.ensure("scores")
    blocked = tmp_path / "tables" / "scores" / "bucket=1"
    blocked.write_text("in the way")
    with pytest.raises(Exception, match="bucket=1"):
        score_pairs(spark, config)
    assert {row["bucket"] for row in tables.read("scores").select("bucket").distinct().collect()} == {0}
    failed = tables.read("runs").where("step = 'score'").collect()
    assert [row["status"] for row in failed] == ["failed"]
    blocked.unlink()
    score_pairs(spark, config)
    assert_alike(spark, tmp_path, undisturbed, "scores")


@contextmanager
def no_file_beyond(spark: SparkSession, size: int) -> Iterator[None]:
    """Let no file that Spark writes become larger: a write stops half way, as on a disk that is full.

    What the JVM starts meanwhile would keep the limit; its Python workers are there since `undisturbed`.
    """
    pid = spark.sparkContext._jvm.java.lang.ProcessHandle.current().pid()  # type: ignore[union-attr]
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@pytest.mark.slow
def test_a_disk_that_is_full_stops_the_step_and_loses_nothing(
    spark: SparkSession, world: Path, undisturbed: Path, tmp_path: Path
) -> None:
    config = copied(world, tmp_path)
    for name in ("embeddings", "product_vectors"):
        shutil.copytree(undisturbed / "tables" / name, tmp_path / "tables" / name)
    tables, folder = Tables(spark, config.tables), tmp_path / "tables" / "scores"
    wider = config.model_copy(update={"scoring": config.scoring.model_copy(update={"padding_cm": 5.0})})
    score_pairs(spark, wider)
    before, version = rows_of(spark, tmp_path, "scores"), tables.version("scores")
    there = {file: file.stat().st_size for file in folder.rglob("*.parquet")}
    most = min(there.values()) // 2
    with no_file_beyond(spark, most), pytest.raises(Exception, match="File too large"):
        score_pairs(spark, config)
    new = [file.stat().st_size for file in folder.rglob("*.parquet") if file not in there]
    assert most in new, "no file was cut short"
    assert tables.version("scores") == version
    assert rows_of(spark, tmp_path, "scores") == before
    score_pairs(spark, config)
    assert_alike(spark, tmp_path, undisturbed, "scores")
