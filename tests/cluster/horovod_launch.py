"""Run by test_horovod.py in a process of its own: trains on each of some snapshots and prints what came of it."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from tests.quick import QUICK_JVM
from tests.unit.training import small

from leastpack.config.storage import LogConfig
from leastpack.errors import LeastpackError
from leastpack.training.launchers import launch


def attempt(spark: SparkSession, folder: str) -> dict[str, Any]:
    started = time.monotonic()
    try:
        trained = launch(spark, small.job(Path(folder), launcher="horovod", processes=2, timeout_s=120), LogConfig())
    except LeastpackError as error:
        return {"error": type(error).__name__, "message": str(error), "seconds": time.monotonic() - started}
    seconds = time.monotonic() - started
    return {"best_epoch": trained.best_epoch, "products_read": trained.products_read, "seconds": seconds}


def main(master: str, path: str, folders: list[str]) -> None:
    spark = (
        SparkSession.builder.master(master)
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "1g")
        .config("spark.executorEnv.PYTHONPATH", path)
        .config("spark.driver.extraJavaOptions", QUICK_JVM)
        .config("spark.executor.extraJavaOptions", QUICK_JVM)
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("OFF")
    print(json.dumps([attempt(spark, folder) for folder in folders]))
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
