"""Writes the scored pairs of a release, a row a pair, for who wants rows."""

from __future__ import annotations

from typing import Literal

from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from leastpack.config.root import Config
from leastpack.errors import ConfigError, InputError
from leastpack.releases.release import current_release, find_release, released_pairs
from leastpack.tables import Tables
from leastpack.tables.schemas import BY_NAME

Format = Literal["delta", "parquet", "csv"]


def export_pairs(
    spark: SparkSession, config: Config, place: str, format_: Format, where: str | None, release_id: str | None
) -> int:
    """Write the pairs of a release.

    Args:
        spark: The session.
        config: Where the tables are.
        place: Folder or object-store prefix to make; Spark's own file systems write it.
        format_: Of the files. CSV has a header, and warnings in one cell, separated by spaces.
        where: Condition in SQL on the columns of pairs; None takes all.
        release_id: The release; None takes the current one.

    Returns:
        How many pairs were written.

    Raises:
        InputError: There is no release, or something is in that place.
        ConfigError: The condition cannot be read.
    """
    tables = Tables(spark, config.tables)
    release = current_release(tables) if release_id is None else find_release(tables, release_id)
    rows = released_pairs(tables, release.versions)
    if where is not None:
        try:
            rows = rows.where(where)
            rows.columns  # noqa: B018  under Connect a condition is looked at when the columns are asked for
        except AnalysisException as error:
            raise ConfigError(
                f"--where {where!r} cannot be read",
                expected=f"a condition in SQL on {', '.join(BY_NAME['pair_scores'].names)}",
                found=str(error).partition("\n")[0],
            ) from error
    if format_ == "csv":
        rows = rows.withColumn("warnings", F.concat_ws(" ", "warnings"))
    # A quote inside a value is written twice, as readers other than Spark expect.
    options = {"header": "true", "escape": '"'} if format_ == "csv" else {}
    writer = rows.write.format(format_).mode("errorifexists")
    try:
        writer.options(**options).save(place)
    except AnalysisException as error:
        if "EXISTS" not in (error.getCondition() or ""):
            raise
        raise InputError(f"there is something in {place} already", todo="name another place, or remove it") from error
    return spark.read.format(format_).options(**options).load(place).count()
