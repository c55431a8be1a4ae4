"""Takes results out of sheets that came back; again the same sheet changes nothing."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from leastpack.catalog.quarantine import write_quarantine
from leastpack.config.root import Config
from leastpack.errors import InputError
from leastpack.files import get_file
from leastpack.log import log
from leastpack.queue.results import UNKNOWN_TEST, UNSAFE, WHY, Key, Taken, judge_rows
from leastpack.queue.sheet import read_sheet
from leastpack.runs import Run, step_run
from leastpack.tables import Tables
from leastpack.tables.schemas import TEST_RESULTS

SOURCE = TEST_RESULTS.name
NOON = datetime.time(12, tzinfo=datetime.UTC)


def import_results(
    spark: SparkSession, config: Config, places: Sequence[str], *, correct: bool = False
) -> dict[str, Taken]:
    """Take the results of sheets into table test_results. Rows that cannot be used are in quarantine.

    Args:
        spark: The session.
        config: The configuration.
        places: The sheets, XLSX or CSV: paths, or URIs of S3 or of another store that pyarrow.fs knows.
        correct: A result SAFE replaces an earlier UNSAFE of the same test.

    Returns:
        What each sheet brought.

    Raises:
        InputError: A sheet is not there or is none, or no test was ever asked for.
    """
    sheets = {place: read_sheet(get_file(place, "the sheet"), place.partition("?")[0]) for place in places}
    tables = Tables(spark, config.tables)
    if not tables.exists("test_requests"):
        raise InputError("no test was ever asked for", todo="write a sheet first: leastpack queue export SHEET.xlsx")
    with step_run(spark, tables, config, "queue") as run:
        named = sorted({str(row["test_id"]) for rows in sheets.values() for row in rows})
        asked = _of_tests(tables, run, "test_requests", named)
        stored = _of_tests(tables, run, SOURCE, named) if tables.exists(SOURCE) else {}
        unsafe = {key for key, row in stored.items() if row["result"] == UNSAFE}
        taken = judge_rows(sheets, asked, unsafe, datetime.datetime.now(datetime.UTC).date(), correct=correct)
        for place, one in taken.items():
            _account(run, place, len(sheets[place]), one)
        # Quarantine first: a run that is stopped in between takes the results when it is run again.
        _write_faulty(tables, taken)
        _write_results(tables, [row for one in taken.values() for row in one.results], asked)
        run.figure("results", sum(len(one.results) for one in taken.values()))
    return taken


def _of_tests(tables: Tables, run: Run, name: str, test_ids: Sequence[str]) -> dict[Key, dict[str, Any]]:
    rows = tables.read(name, run.reads(name, tables.version(name))).where(F.col("test_id").isin(list(test_ids)))
    return {(row["marketplace"], row["test_id"]): row.asDict() for row in rows.collect()}


def _account(run: Run, place: str, rows: int, taken: Taken) -> None:
    run.account(
        place, rows_in=rows, used=len(taken.results), set_aside=dict(taken.aside), quarantined=len(taken.faulty)
    )
    if unknown := [one.raw for one in taken.faulty if one.code == UNKNOWN_TEST]:
        log.warning(
            "results of tests that no sheet asked for", sheet=place, rows=len(unknown), first=unknown[0],
            todo="look into quarantine; a test of one's own comes through a source of kind human_tests",
        )  # fmt: skip
    if taken.contradicted:
        log.warning(
            "results SAFE of tests that are known to be UNSAFE do not count", sheet=place,
            tests=taken.contradicted[:10], todo="if the earlier result was a mistake, import the sheet with --correct",
        )  # fmt: skip


def _write_results(
    tables: Tables, results: Sequence[Mapping[str, Any]], asked: Mapping[Key, Mapping[str, Any]]
) -> None:
    rows = []
    for one in results:
        test = asked[one["marketplace"], one["test_id"]]
        told = {**test, **one, "tested_at": datetime.datetime.combine(one["tested_on"], NOON)}
        rows.append(tuple(told[name] for name in TEST_RESULTS.names))
    tables.merge(SOURCE, tables.spark.createDataFrame(rows, TEST_RESULTS.schema))


def _write_faulty(tables: Tables, taken: Mapping[str, Taken]) -> None:
    faulty = [(place, one.code, WHY[one.code], one.raw) for place, sheet in taken.items() for one in sheet.faulty]
    if faulty:
        columns = "source string, code string, why string, raw string"
        write_quarantine(tables, "queue", tables.spark.createDataFrame(faulty, columns))
