"""Takes results out of sheets that came back; again the same sheet changes nothing."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from leastpack.catalog.quarantine import write_quarantine
from leastpack.config.guards import GuardsConfig
from leastpack.config.root import Config
from leastpack.config.sources import SourceConfig
from leastpack.errors import InputError
from leastpack.files import get_file
from leastpack.log import log
from leastpack.queue.results import UNKNOWN_TEST, WHY, Taken, judge_rows
from leastpack.queue.sheet import read_sheet
from leastpack.runs import Run, step_run
from leastpack.tables import Tables
from leastpack.tables.schemas import TEST_RESULTS

SOURCE = TEST_RESULTS.name
NOON = datetime.time(12, tzinfo=datetime.UTC)
COLUMNS = (
    "test_id",
    "product_id",
    "marketplace",
    "package_type",
    "result",
    "draw_probability",
    "draw_round",
    "tested_at",
)


def import_results(spark: SparkSession, config: Config, places: Sequence[str]) -> dict[str, Taken]:
    """Take the results of sheets into table test_results.

    A result that a later sheet tells otherwise is corrected. Rows that cannot be used are in quarantine.

    Args:
        spark: The session.
        config: The configuration.
        places: The sheets, XLSX or CSV: paths, or URIs of S3 or of another store that pyarrow.fs knows.

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
        asked = _asked(tables, run, [row for rows in sheets.values() for row in rows])
        today = datetime.datetime.now(datetime.UTC).date()
        taken = {}
        for place, rows in sheets.items():
            taken[place] = one = judge_rows(rows, asked, today)
            _account(run, place, rows, one)
            _write(tables, place, one, asked)
        run.figure("results", sum(len(one.results) for one in taken.values()))
    return taken


def results_source(tables: Tables) -> list[SourceConfig]:
    """The results as a source of human tests; none where no sheet came back."""
    if not tables.exists(SOURCE):
        return []
    kind = "delta" if tables.root is not None else "table"
    columns = {name: name for name in COLUMNS}
    # The rows were judged when they came back: what has left the catalog since is counted, and refuses nothing.
    guards = GuardsConfig(most_quarantined=1.0)
    place = tables.location(SOURCE)
    return [SourceConfig(name=SOURCE, kind="human_tests", format=kind, path=place, columns=columns, guards=guards)]


def _asked(tables: Tables, run: Run, rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    requests = tables.read("test_requests", run.reads("test_requests", tables.version("test_requests")))
    wanted = sorted({str(row["test_id"]) for row in rows})
    found = requests.where(F.col("test_id").isin(wanted)).collect()
    return {(row["marketplace"], row["test_id"]): row.asDict() for row in found}


def _account(run: Run, place: str, rows: Sequence[Mapping[str, Any]], taken: Taken) -> None:
    aside = {name: n for name, n in (("no_result", taken.open), ("duplicate", taken.repeated)) if n}
    run.account(
        _name(place), rows_in=len(rows), used=len(taken.results), set_aside=aside, quarantined=len(taken.faulty)
    )
    if unknown := [one.raw for one in taken.faulty if one.code == UNKNOWN_TEST]:
        log.warning(
            "results of tests that no sheet asked for", sheet=_name(place), rows=len(unknown), first=unknown[0],
            todo="look into quarantine; a test of one's own comes through a source of kind human_tests",
        )  # fmt: skip


def _write(tables: Tables, place: str, taken: Taken, asked: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
    rows = []
    for one in taken.results:
        test = asked[one["marketplace"], one["test_id"]]
        told = {**test, **one, "tested_at": datetime.datetime.combine(one["tested_on"], NOON)}
        rows.append(tuple(told[name] for name in TEST_RESULTS.names))
    tables.merge(SOURCE, tables.spark.createDataFrame(rows, TEST_RESULTS.schema))
    faulty = [(_name(place), one.code, WHY[one.code], one.raw) for one in taken.faulty]
    write_quarantine(
        tables, "queue", tables.spark.createDataFrame(faulty, "source string, code string, why string, raw string")
    )


def _name(place: str) -> str:
    return PurePosixPath(place.partition("?")[0]).name
