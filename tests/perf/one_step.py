"""One step over one catalog in a process of its own: started by `growth`, which reads the last line it prints."""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F
from tests.perf.catalog import make_catalog, make_config
from tests.perf.human_tests import make_tests
from tests.perf.memory import peaks

from leastpack.catalog.buckets import bucket_columns
from leastpack.config import Config
from leastpack.config.storage import SparkConfig
from leastpack.panel import uniform
from leastpack.road import BY_NAME
from leastpack.session import make_session
from leastpack.tables import Tables
from leastpack.tables.keys import PRODUCT

CONF = {
    "spark.driver.memory": "1g",
    "spark.executor.memory": "6g",
    "spark.sql.shuffle.partitions": "64",
    "spark.sql.adaptive.advisoryPartitionSizeInBytes": "16m",
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.ui.enabled": "false",
    # Hashes in hexadecimal are most of the bytes that are shuffled and kept.
    "spark.io.compression.codec": "zstd",
    "spark.rdd.compress": "true",
}
SEED, TESTED, WARM = 3, 20_000, 100_000
MOST_BUCKETS, BUCKET = 64, 150_000
# What is timed. A day's steps come after `change`, or `change_many`.
STEPS = {
    "score": "score", "again": "score", "decide": "decide", "publish": "publish",
    "day_score": "score", "day_decide": "decide", "day_publish": "publish",
}  # fmt: skip
CHANGED, MANY = 1_000, 0.01


def main(root: Path, products: int, types: int, step: str) -> None:
    """Make the catalog, or run a step of it, and print what it took."""
    # Every bucket is a folder with files of its own, so that their number should follow the catalog's size.
    config = make_config(root, min(MOST_BUCKETS, max(2, products // BUCKET)))
    spark = _session(root)
    if step in STEPS:
        _warm(spark, root, types)
    before = _bytes(root / "tables")
    start = time.perf_counter()
    with peaks() as memory:
        if step == "make":
            make_catalog(spark, config, products, types, SEED)
        elif step == "test":
            make_tests(spark, config, TESTED)
        elif step == "change":
            _change(spark, config, CHANGED)
        elif step == "change_many":
            _change(spark, config, round(MANY * products))
        else:
            BY_NAME[STEPS[step]].load()(spark, config)
    seconds = time.perf_counter() - start
    if STEPS.get(step) == "score" and _last_run(spark, config, "score")["figures"]["vectors_fused"]:
        raise SystemExit("the catalog's vectors are not those that score looks for")
    told: dict[str, Any] = {"seconds": seconds, "peaks": memory}
    if step in STEPS:
        told |= {"phases": _phases(spark, config, STEPS[step]), "bytes": _bytes(root / "tables") - before}
    spark.stop()
    print(json.dumps(told))


def _session(root: Path) -> SparkSession:
    path = ":".join(str(Path(one).absolute()) for one in (".", "lib"))
    local = {"spark.executorEnv.PYTHONPATH": path, "spark.local.dir": str(root / "scratch")}
    settings = SparkConfig(master="local-cluster[1,2,6144]", app_name="leastpack-growth", delta_packages=True)
    return make_session(settings.model_copy(update={"conf": {**CONF, **local}}))


def _warm(spark: SparkSession, root: Path, types: int) -> None:
    """One pass of the score step over another catalog, so that starting up is in no step's time.

    What only later steps do is compiled in their own time.
    """
    config = make_config(root / "warm", 4)
    if not (root / "warm" / "tables").exists():
        make_catalog(spark, config, WARM, types, SEED)
    shutil.rmtree(root / "warm" / "tables" / "scores", ignore_errors=True)
    BY_NAME["score"].load()(spark, config)


def _change(spark: SparkSession, config: Config, changed: int) -> None:
    """Make some products a millimetre longer: they leave more or less void, and need no other vector."""
    tables = Tables(spark, config.tables)
    products, length = tables.read("products"), bucket_columns(config.currency_units)["length_bucket"]
    few = products.where(uniform(SEED, "changed", *PRODUCT) < changed / products.count()).withColumn("was", length)
    longer = few.withColumn("length_cm", F.col("length_cm") + 0.1).where(length == F.col("was"))
    tables.merge("products", longer)


def _phases(spark: SparkSession, config: Config, step: str) -> dict[str, float]:
    return {n: seconds for n, seconds in _last_run(spark, config, step)["seconds"].items() if n != "total"}


def _last_run(spark: SparkSession, config: Config, step: str) -> Row:
    return Tables(spark, config.tables).read("runs").where(f"step = '{step}'").orderBy("started_at").collect()[-1]


def _bytes(folder: Path) -> int:
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
