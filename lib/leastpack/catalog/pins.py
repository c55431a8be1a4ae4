"""Holds sources that have versions at one version for a whole step."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from leastpack.catalog.loading import input_path
from leastpack.config.sources import SourceConfig
from leastpack.log import log
from leastpack.runs import Run

VERSIONED = frozenset({"delta", "table"})
TRAVEL = frozenset({"versionasof", "timestampasof"})
# Delta's own way to name a version in a path.
IN_PATH = re.compile(r"@(v\d+|\d{17})$")


def pinned_sources(spark: SparkSession, run: Run, sources: Sequence[SourceConfig]) -> list[SourceConfig]:
    """The sources, those in Delta at their newest version, which `runs.inputs` names as `source:<name>`.

    One whose options or path say which version to read stays as it is. A named table or view that has no history cannot
    be held: it is warned of, and a change during the step ends it with an account that does not balance.
    """
    return [_pinned(spark, run, source) if source.format in VERSIONED else source for source in sources]


def _pinned(spark: SparkSession, run: Run, source: SourceConfig) -> SourceConfig:
    given = {name.lower(): value for name, value in source.options.items()}
    if TRAVEL & given.keys() or (source.format == "delta" and IN_PATH.search(source.path)):
        if given.get("versionasof", "").isdigit():
            run.reads(f"source:{source.name}", int(given["versionasof"]))
        return source
    version = _newest(spark, source)
    if version is None:
        return source
    run.reads(f"source:{source.name}", version)
    return source.model_copy(update={"options": {**source.options, "versionAsOf": str(version)}})


def _newest(spark: SparkSession, source: SourceConfig) -> int | None:
    identifier = source.path if source.format == "table" else f"delta.`{input_path(source.path)}`"
    try:
        return int(spark.sql(f"DESCRIBE HISTORY {identifier} LIMIT 1").collect()[0]["version"])
    except PySparkException as error:
        if source.format == "table" and spark.catalog.tableExists(source.path):
            log.warning(
                "a source has no versions and is read as it is at each moment: let nobody write to it during the step",
                source=source.name,
                table=source.path,
                why=error.getCondition() or type(error).__name__,
            )
        return None  # what cannot be read at all is told when it is read
