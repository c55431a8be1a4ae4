"""The Spark session of a step: the cluster's own, or one made from the config."""

from __future__ import annotations

import logging
import os
import sys

from pyspark.logger import PySparkLogger
from pyspark.sql import SparkSession

from leastpack.config.storage import SparkConfig

DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}

# Where neither the cluster nor the config says otherwise.
DEFAULTS = {
    # Kept rows are cut into parts by their size. Otherwise they stay in `spark.sql.shuffle.partitions` of them, most of
    # them empty in a small catalog, and too few in a large one. Rows that are kept and then joined may move once more.
    "spark.sql.optimizer.canChangeCachedPlanOutputPartitioning": "true",
    # A task writes the files of its buckets side by side. Otherwise it sorts its rows by bucket first, all in memory.
    "spark.sql.maxConcurrentOutputFileWriters": "16",
    # A filter is a megabyte in each task, whatever it holds: a dozen of them in one plan, since Spark takes rows that a
    # step has checkpointed for large. What is small enough to make a filter of is broadcast anyway.
    "spark.sql.optimizer.runtime.bloomFilter.enabled": "false",
    # An export in folders such as `store=007` names a store 007, and not 7.
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
}


def make_session(config: SparkConfig) -> SparkSession:
    """Return the running session, or start one with Delta and the configured settings.

    Timestamps are read and written in UTC whatever the machine's zone, so that results do not depend on it.
    """
    # They log every error of Spark's as one long line, also those that a step expects or says better itself.
    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        PySparkLogger.getLogger(name).setLevel(logging.CRITICAL)
    builder = SparkSession.builder.appName(config.app_name).config("spark.sql.session.timeZone", "UTC")
    # A progress bar is for people; in a log file it would break the lines.
    builder = builder.config("spark.ui.showConsoleProgress", str(sys.stderr.isatty()).lower())
    if config.master:
        builder = builder.master(config.master)
        if config.master.startswith("local"):
            # Workers on this machine run the interpreter leastpack is installed in.
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if config.delta_packages:
        # Imported here: a cluster that brings its own Delta need not have the package.
        from delta import configure_spark_with_delta_pip

        for key, value in DELTA.items():
            builder = builder.config(key, value)
        builder = configure_spark_with_delta_pip(builder)
    for key, value in config.conf.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    for key, value in DEFAULTS.items():
        if session.conf.get(key, None) is None:
            session.conf.set(key, value)
    return session
