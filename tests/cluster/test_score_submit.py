"""score by spark-submit of the job on a cluster of two executor processes, from the built wheel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pyspark.sql import SparkSession
from tests.quick import QUICK_JVM
from tests.spark.scoring.world import build_world

from leastpack.config import Config
from leastpack.scoring.score import score_pairs
from leastpack.tables import Tables
from leastpack.tables.by_pair import pairs

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(CHECKOUT)]
    subprocess.run(build, check=True, capture_output=True, timeout=300)
    (wheel,) = folder.glob("*.whl")
    site = folder / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run(install, check=True, capture_output=True, timeout=300)
    return site


def submit(config: Config, site: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    settings = {
        "spark.executorEnv.PYTHONPATH": str(site),
        "spark.driver.extraJavaOptions": QUICK_JVM,
        "spark.executor.extraJavaOptions": QUICK_JVM,
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "4",
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.jars.packages": "io.delta:delta-spark_2.13:4.0.1",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    }
    path = folder / "run.yaml"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json")), encoding="utf-8")
    command = [str(Path(sys.executable).parent / "spark-submit"), "--master", "local-cluster[2,1,2048]"]
    command += [part for key, value in settings.items() for part in ("--conf", f"{key}={value}")]
    command += [str(CHECKOUT / "jobs" / "score_pairs.py"), "--config", str(path)]
    environment = {**os.environ, "PYTHONPATH": str(site), "PYSPARK_PYTHON": sys.executable}
    return subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=600, cwd=folder, env=environment
    )


@pytest.mark.slow
def test_p4_a_cluster_of_two_executors_gives_the_scores_of_one_process(
    spark: SparkSession,
    installed_wheel: Path,
    tmp_path: Path,
) -> None:
    config = build_world(spark, tmp_path)
    done = submit(config, installed_wheel, tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    tables = Tables(spark, config.tables)
    columns = ["product_id", "package_type", "risk", "damage_rate", "fits", "error", "fingerprint"]
    clustered = pairs(tables.read("scores")).select(columns).orderBy(columns[:2]).collect()
    spark.sql(f"DELETE FROM delta.`{tables.location('scores')}`")
    score_pairs(spark, config)
    local = pairs(tables.read("scores")).select(columns).orderBy(columns[:2]).collect()
    assert len(clustered) == len(local) > 0
    for one, other in zip(clustered, local, strict=True):
        assert one[:2] + one[4:] == other[:2] + other[4:]
        assert one[2:4] == (pytest.approx(other[2], abs=1e-5), pytest.approx(other[3], abs=1e-5))


def test_the_job_exits_with_2_for_an_unknown_key(installed_wheel: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(installed_wheel)}
    command = [sys.executable, str(CHECKOUT / "jobs" / "score_pairs.py"), "--set", "scoring.partition=3"]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=120, cwd=tmp_path, env=environment
    )
    assert done.returncode == 2
    assert "did you mean 'partitions'" in done.stderr
