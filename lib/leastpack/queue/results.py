"""Judges the rows of a sheet that came back: results to take, rows for quarantine, rows that say nothing yet."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leastpack.queue.sheet import RESULTS

UNSAFE = RESULTS[1]
UNKNOWN_TEST, OTHER_PAIR = "UNKNOWN_TEST", "OTHER_PAIR"
IMPOSSIBLE_RESULT, MISSING_TESTED_ON = "IMPOSSIBLE_RESULT", "MISSING_TESTED_ON"
UNREADABLE_TESTED_ON, IMPOSSIBLE_TESTED_ON = "UNREADABLE_TESTED_ON", "IMPOSSIBLE_TESTED_ON"
WHY = {
    UNKNOWN_TEST: "No sheet that was exported asks for a test of this marketplace and test_id.",
    OTHER_PAIR: "The test was asked for another product or package type: cells of the sheet were moved.",
    IMPOSSIBLE_RESULT: "The result of a test is SAFE or UNSAFE.",
    MISSING_TESTED_ON: "A result needs the day of the test.",
    UNREADABLE_TESTED_ON: "The day of the test is no date such as 2024-05-31.",
    IMPOSSIBLE_TESTED_ON: "The day of the test lies before it was asked for, or in the future.",
}
PAIR = ("product_id", "package_type")


@dataclass(frozen=True)
class Faulty:
    """A row for quarantine.

    Attributes:
        code: What is wrong.
        raw: The row as JSON.
    """

    code: str
    raw: str


@dataclass(frozen=True)
class Taken:
    """What a sheet brings.

    Attributes:
        results: One row a test: test_id, marketplace, result, tested_on, tester, note.
        faulty: Rows for quarantine.
        open: Rows without a result.
        repeated: Rows that name a test again.
    """

    results: Sequence[Mapping[str, Any]]
    faulty: Sequence[Faulty]
    open: int
    repeated: int


def judge_rows(
    rows: Sequence[Mapping[str, Any]], asked: Mapping[tuple[str, str], Mapping[str, Any]], today: datetime.date
) -> Taken:
    """Judge the rows of a sheet.

    Of rows that name one test the first UNSAFE counts, else the first: doubt must not make a package look safer.

    Args:
        rows: `sheet.read_sheet`.
        asked: Tests that were asked for, by marketplace and test_id, with product_id, package_type and asked_on.
        today: No test was made later than the day after, since clocks differ.

    Returns:
        Results, faults and counts; each row is in one of them.
    """
    results: dict[tuple[str, str], dict[str, Any]] = {}
    faulty: list[Faulty] = []
    still_open = repeated = 0
    for row in rows:
        if row["result"] is None:
            still_open += 1
            continue
        judged = _judged(row, asked, today)
        if isinstance(judged, str):
            faulty.append(Faulty(judged, json.dumps(row, ensure_ascii=False, default=str, sort_keys=True)))
            continue
        key = (judged["marketplace"], judged["test_id"])
        repeated += key in results
        if key not in results or (judged["result"] == UNSAFE and results[key]["result"] != UNSAFE):
            results[key] = judged
    return Taken(list(results.values()), faulty, still_open, repeated)


def _judged(
    row: Mapping[str, Any], asked: Mapping[tuple[str, str], Mapping[str, Any]], today: datetime.date
) -> dict[str, Any] | str:
    """The row as a result, or the code of what is wrong with it."""
    test = asked.get((str(row["marketplace"]), str(row["test_id"])))
    if test is None:
        return UNKNOWN_TEST
    if any(row[name] != str(test[name]).strip() for name in PAIR):
        return OTHER_PAIR
    result = str(row["result"]).upper()
    if result not in RESULTS:
        return IMPOSSIBLE_RESULT
    if row["tested_on"] is None:
        return MISSING_TESTED_ON
    day = _day(row["tested_on"])
    if day is None:
        return UNREADABLE_TESTED_ON
    if not test["asked_on"] - datetime.timedelta(days=1) <= day <= today + datetime.timedelta(days=1):
        return IMPOSSIBLE_TESTED_ON
    return {
        **{name: row[name] for name in ("test_id", "marketplace", "tester", "note")},
        "result": result,
        "tested_on": day,
    }


def _day(value: Any) -> datetime.date | None:
    if isinstance(value, datetime.date):
        return value
    try:
        return datetime.date.fromisoformat(str(value))
    except ValueError:
        return None
