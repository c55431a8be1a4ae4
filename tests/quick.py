"""Settings for Spark on a handful of rows, where planning and compiling take far longer than running."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from py4j.java_gateway import JavaClass, JavaPackage, JVMView
from pyspark.sql import SparkSession

# Code of the first compiler alone fills the 48 MB that it gets by default, and is then thrown away and made again.
QUICK_JVM = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m"
QUICK = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    # Every query is written out for a page that nobody opens; this form is the shortest.
    "spark.sql.ui.explainMode": "simple",
    "spark.sql.debug.maxToStringFields": "0",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.driver.extraJavaOptions": QUICK_JVM,
    "spark.executor.extraJavaOptions": QUICK_JVM,
    # Tests of what partitions may change choose their own.
    "spark.sql.shuffle.partitions": "1",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.databricks.delta.writeChecksumFile.enabled": "false",
}
# How Spark plans and runs queries where nobody sets anything: what the quick settings turn off.
PRODUCTION = {
    "spark.sql.codegen.wholeStage": "true",
    "spark.sql.codegen.factoryMode": "FALLBACK",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.shuffle.partitions": "4",
}


@contextmanager
def as_in_production(spark: SparkSession) -> Iterator[None]:
    """Plan and run queries as a session of a user does, with generated code and plans that adapt."""
    before = {name: spark.conf.get(name) for name in PRODUCTION}
    for name, value in PRODUCTION.items():
        spark.conf.set(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            spark.conf.set(name, str(value))


def remember_java_names() -> None:
    """Look each Java class and package up once: pyspark asks for them anew in every function of a column.

    An answer takes the JVM a walk through all its jars.
    """
    for asked in (JVMView, JavaPackage):
        asked.__getattr__ = _remembering(asked.__getattr__)


def _remembering(ask: Any) -> Any:
    def remembered(self: Any, name: str) -> Any:
        found = ask(self, name)
        if isinstance(found, JavaClass | JavaPackage):
            self.__dict__[name] = found  # where Python looks before it asks again
        return found

    return remembered
