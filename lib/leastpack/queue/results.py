"""Judges the rows of sheets that came back: results to take, rows for quarantine, rows that say nothing yet.

A sheet passes through spreadsheets and many hands. What cannot be read, or is told in two ways, must not make a package
look safer: UNSAFE counts whatever stands beside it, and SAFE only where nothing does.
"""

from __future__ import annotations

import datetime
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leastpack.queue.sheet import MALFORMED, RESULTS, written_as

SAFE, UNSAFE = RESULTS
MALFORMED_ROW, UNKNOWN_TEST, OTHER_PAIR = "MALFORMED_ROW", "UNKNOWN_TEST", "OTHER_PAIR"
MISSING_RESULT, IMPOSSIBLE_RESULT, DOUBTFUL_RESULT = "MISSING_RESULT", "IMPOSSIBLE_RESULT", "DOUBTFUL_RESULT"
MISSING_TESTED_ON, UNREADABLE_TESTED_ON = "MISSING_TESTED_ON", "UNREADABLE_TESTED_ON"
IMPOSSIBLE_TESTED_ON = "IMPOSSIBLE_TESTED_ON"
WHY = {
    MALFORMED_ROW: "The row has more or fewer cells than the header.",
    UNKNOWN_TEST: "No sheet that was exported asks for a test of this marketplace and test_id.",
    OTHER_PAIR: "The test was asked for another product or package type: cells were moved, or a spreadsheet changed an "
    "identifier such as 007 (XLSX keeps them).",
    MISSING_RESULT: "The row tells of a test, but not how it ended.",
    IMPOSSIBLE_RESULT: "The result of a test is SAFE or UNSAFE, as text and not as a formula.",
    DOUBTFUL_RESULT: "Another row of the same test cannot be used: SAFE counts once it is put right.",
    MISSING_TESTED_ON: "A result needs the day of the test.",
    UNREADABLE_TESTED_ON: "The day of the test is no date such as 2024-05-31 or 31.05.2024.",
    IMPOSSIBLE_TESTED_ON: "The day of the test lies before it was asked for, or in the future.",
}
# What became of a row that is neither used nor in quarantine.
NO_RESULT, DUPLICATE, CONTRADICTED = "no_result", "duplicate", "contradicts_unsafe"
PAIR = ("product_id", "package_type")
TOLD = ("tested_on", "tester", "note")
Key = tuple[str, str]


@dataclass(frozen=True)
class Faulty:
    """A row for quarantine.

    Attributes:
        code: What is wrong.
        raw: The row as JSON.
    """

    code: str
    raw: str


@dataclass
class Taken:
    """What a sheet brings; each of its rows is in one of these.

    Attributes:
        results: One row a test: test_id, marketplace, result, tested_on, tester, note.
        faulty: Rows for quarantine.
        aside: Rows that are set aside, by reason.
        contradicted: test_id of SAFE results that do not count since the test is known to be UNSAFE.
    """

    results: list[dict[str, Any]] = field(default_factory=list)
    faulty: list[Faulty] = field(default_factory=list)
    aside: Counter[str] = field(default_factory=Counter)
    contradicted: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Read:
    sheet: str
    row: Mapping[str, Any]
    key: Key
    judged: dict[str, Any] | str


def judge_rows(
    sheets: Mapping[str, Sequence[Mapping[str, Any]]],
    asked: Mapping[Key, Mapping[str, Any]],
    known_unsafe: Collection[Key],
    today: datetime.date,
    *,
    correct: bool = False,
) -> dict[str, Taken]:
    """Judge the rows of all sheets of an import together, in whatever order they come.

    Of rows that name one test UNSAFE counts, from whatever sheet, also without a day that can be read; SAFE does not
    count beside a row of the same test that cannot be used, nor against an earlier UNSAFE unless `correct` says so.

    Args:
        sheets: `sheet.read_sheet` by name.
        asked: Tests that were asked for, by marketplace and test_id, with product_id, package_type and asked_on.
        known_unsafe: Tests whose stored result is UNSAFE.
        today: No test was made later than the day after, since clocks differ.
        correct: SAFE replaces an earlier UNSAFE.

    Returns:
        What each sheet brings.
    """
    taken = {name: Taken() for name in sheets}
    by_test: dict[Key, list[_Read]] = {}
    for name, rows in sheets.items():
        for row in rows:
            judged = _judged(row, asked, today)
            if judged is None:
                taken[name].aside[NO_RESULT] += 1
                continue
            key = (str(row["marketplace"]), str(row["test_id"]))
            by_test.setdefault(key, []).append(_Read(name, row, key, judged))
    for reads in by_test.values():
        _take(reads, taken, known_unsafe, correct)
    return taken


def _take(reads: Sequence[_Read], taken: Mapping[str, Taken], known_unsafe: Collection[Key], correct: bool) -> None:
    """Sort the rows of one test into what their sheets bring."""
    sound = [(one, one.judged) for one in reads if not isinstance(one.judged, str)]
    for one in reads:
        if isinstance(one.judged, str):
            taken[one.sheet].faulty.append(Faulty(one.judged, _raw(one.row)))
    unsafe = [(one, judged) for one, judged in sound if judged["result"] == UNSAFE]
    if not unsafe and len(sound) < len(reads):
        for one, _ in sound:
            taken[one.sheet].faulty.append(Faulty(DOUBTFUL_RESULT, _raw(one.row)))
        return
    # Whatever the order of sheets and rows, the same one counts.
    ordered = sorted(
        unsafe or sound, key=lambda both: (both[1]["tested_on"], str(both[1]["tester"]), str(both[1]["note"]))
    )
    for place, (one, judged) in enumerate(ordered):
        if place > 0:
            taken[one.sheet].aside[DUPLICATE] += 1
        elif not unsafe and one.key in known_unsafe and not correct:
            taken[one.sheet].aside[CONTRADICTED] += 1
            taken[one.sheet].contradicted.append(judged["test_id"])
        else:
            taken[one.sheet].results.append(judged)
    if unsafe:
        for one, judged in sound:
            if judged["result"] != UNSAFE:
                taken[one.sheet].aside[DUPLICATE] += 1


def _judged(
    row: Mapping[str, Any], asked: Mapping[Key, Mapping[str, Any]], today: datetime.date
) -> dict[str, Any] | str | None:
    """The row as a result, or the code of what is wrong with it; None where it says nothing yet."""
    if row.get(MALFORMED):
        return MALFORMED_ROW
    if row["result"] is None and all(row[name] is None for name in TOLD):
        return None
    test = asked.get((str(row["marketplace"]), str(row["test_id"])))
    if test is None:
        return UNKNOWN_TEST
    if any(row[name] not in written_as(test[name]) for name in PAIR):
        return OTHER_PAIR
    if row["result"] is None:
        return MISSING_RESULT
    result = str(row["result"]).upper()
    if result not in RESULTS:
        return IMPOSSIBLE_RESULT
    day = _day(row["tested_on"], test["asked_on"], today)
    if isinstance(day, str):
        if result == SAFE:
            return day
        day = test["asked_on"]
    told = {name: row[name] for name in ("test_id", "marketplace", "tester", "note")}
    return {**told, "result": result, "tested_on": day}


def _day(value: Any, asked_on: datetime.date, today: datetime.date) -> datetime.date | str:
    if value is None:
        return MISSING_TESTED_ON
    day = value if isinstance(value, datetime.date) else _date(str(value))
    if day is None:
        return UNREADABLE_TESTED_ON
    margin = datetime.timedelta(days=1)
    return day if asked_on - margin <= day <= today + margin else IMPOSSIBLE_TESTED_ON


def _date(text: str) -> datetime.date | None:
    for form in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.datetime.strptime(text, form).date()
        except ValueError:
            continue
    return None


def _raw(row: Mapping[str, Any]) -> str:
    told = {name: value for name, value in row.items() if name != MALFORMED}
    return json.dumps(told, ensure_ascii=False, default=str, sort_keys=True)
