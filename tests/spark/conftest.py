"""One Spark session for all Spark tests, with few shuffle partitions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from leastpack.config.storage import SparkConfig, TablesConfig
from leastpack.session import make_session
from leastpack.tables import Tables


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    session = make_session(
        SparkConfig(
            master="local[2]",
            app_name="leastpack-tests",
            delta_packages=True,
            conf={
                "spark.ui.enabled": "false",
                "spark.ui.showConsoleProgress": "false",
                "spark.sql.shuffle.partitions": "4",
                "spark.databricks.delta.snapshotPartitions": "2",
                "spark.driver.memory": "3g",
                "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse")),
            },
        )
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture
def tables(spark: SparkSession, tmp_path: Path) -> Tables:
    return Tables(spark, TablesConfig(root=str(tmp_path / "tables"), buckets=4))
