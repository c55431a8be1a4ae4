"""The tester's sheet: no text becomes a formula, and what comes back is read as it was meant."""

from __future__ import annotations

import datetime
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from leastpack.errors import InputError
from leastpack.queue.ista import procedure
from leastpack.queue.results import judge_rows
from leastpack.queue.sheet import read_sheet, write_csv, write_xlsx

DAY, TODAY = datetime.date(2024, 5, 20), datetime.date(2024, 5, 31)
WRITERS = {"sheet.xlsx": write_xlsx, "sheet.csv": write_csv}
EVIL = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x")', "'=1", "plain"]


def row(test_id: str = "t-1", **more: Any) -> dict[str, Any]:
    known = {"test_id": test_id, "marketplace": "NA", "product_id": "mug", "package_type": "bag", "result": None}
    return {**known, "tested_on": None, "tester": None, "note": None, **more}


@pytest.mark.parametrize("name", WRITERS)
def test_what_is_written_is_read_back_and_cannot_run(name: str) -> None:
    rows = [row(f"t-{i}", product_id=text, title=text, note=text) for i, text in enumerate(EVIL)]
    content = WRITERS[name](rows)
    found = read_sheet(content, name)
    assert [one["product_id"] for one in found] == [text.strip() for text in EVIL]
    if name.endswith("csv"):
        lines = content.decode("utf-8-sig").splitlines()[1:]
        assert not any(cell.strip('"').startswith(("=", "+", "-", "@")) for line in lines for cell in line.split(","))
    else:
        page = load_workbook(io.BytesIO(content))["tests"]
        assert {cell.data_type for line in page.iter_rows(min_row=2) for cell in line} <= {"s", "n"}
        (choice,) = page.data_validations.dataValidation
        assert choice.formula1 == '"SAFE,UNSAFE"'


@given(st.lists(st.text(max_size=20), max_size=5))
def test_any_text_survives_a_csv(texts: list[str]) -> None:
    found = read_sheet(write_csv([row(note=text) for text in texts]), "x.csv")
    assert [one["note"] or "" for one in found] == [text.strip() for text in texts]


def test_sheets_of_other_countries_and_numbers_for_identifiers_are_read() -> None:
    content = "test_id;marketplace;product_id;package_type;result;tested_on\nt-1;NA;4711;bag;safe;2024-05-31\n;;;;;\n"
    (found,) = read_sheet(content.encode(), "back.csv")
    assert (found["product_id"], found["result"], found["tested_on"]) == ("4711", "safe", "2024-05-31")
    book = load_workbook(io.BytesIO(write_xlsx([row()])))
    page = book["tests"]
    head = [cell.value for cell in page[1]]
    page.cell(2, head.index("product_id") + 1).value = 4711.0
    page.cell(2, head.index("tested_on") + 1).value = datetime.datetime(2024, 5, 31, 9)
    stream = io.BytesIO()
    book.save(stream)
    (found,) = read_sheet(stream.getvalue(), "back.XLSX")
    assert (found["product_id"], found["tested_on"]) == ("4711", datetime.date(2024, 5, 31))


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"a,b\n1,2\n", "x.csv", "no sheet of the test queue"),
        (b"", "x.csv", "no sheet of the test queue"),
        (b"\xff\xfe\x00", "x.csv", "cannot be read"),
        (b"no zip", "x.xlsx", "cannot be read"),
        (b"test_id,test_id,marketplace,product_id,package_type,result,tested_on\n", "x.csv", "twice"),
    ],
)
def test_what_is_no_sheet_is_named(content: bytes, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_sheet(content, name)


ASKED = {
    ("NA", "t-1"): {"product_id": "mug", "package_type": "bag", "asked_on": DAY},
    ("NA", "t-2"): {"product_id": "vase", "package_type": "box", "asked_on": DAY},
}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"test_id": "t-9"}, "UNKNOWN_TEST"),
        ({"marketplace": "EU"}, "UNKNOWN_TEST"),
        ({"product_id": "vase"}, "OTHER_PAIR"),
        ({"package_type": None}, "OTHER_PAIR"),
        ({"result": "OK"}, "IMPOSSIBLE_RESULT"),
        ({"tested_on": None}, "MISSING_TESTED_ON"),
        ({"tested_on": "31.5.2024"}, "UNREADABLE_TESTED_ON"),
        ({"tested_on": "2024-05-01"}, "IMPOSSIBLE_TESTED_ON"),
        ({"tested_on": "2025-05-31"}, "IMPOSSIBLE_TESTED_ON"),
    ],
)
def test_rows_that_cannot_be_used_have_a_code(given: dict[str, Any], code: str) -> None:
    taken = judge_rows([row(result="SAFE", tested_on="2024-05-31") | given], ASKED, TODAY)
    assert [one.code for one in taken.faulty] == [code]
    assert not taken.results


def test_each_row_is_a_result_a_fault_a_repeat_or_open() -> None:
    done = {"result": "safe", "tested_on": "2024-05-31"}
    rows = [
        row("t-1", **done),
        row("t-1", **done),
        row("t-1", **{**done, "result": "UNSAFE"}),  # doubt must not make a package look safer
        row("t-1", **done),
        row("t-2", product_id="vase", package_type="box"),
        row("t-3", **done),
    ]
    taken = judge_rows(rows, ASKED, TODAY)
    assert [(one["test_id"], one["result"]) for one in taken.results] == [("t-1", "UNSAFE")]
    assert (len(taken.faulty), taken.open, taken.repeated) == (1, 1, 3)


@pytest.mark.parametrize(
    ("kind", "sides", "weight", "expected"),
    [
        ("bag", (1, 1, 1), 10, "Over Boxing"),
        ("own_container", (30, 20, 10), 1000, "type A"),
        ("own_container", (30, 20, 10), 23_000, "type B"),
        ("own_container", (30, 20, 10), 46_000, "type C"),
        ("own_container", (200, 100, 50), 20_000, "type D"),
        ("own_container", (30, 20, 10), 80_000, "type E"),
        ("own_container", (30, None, 10), 1000, "type by weight and size"),
        ("own_container", (30, 20, 10), None, "type by weight and size"),
    ],
)
def test_the_procedure_follows_package_size_and_weight(kind: str, sides: Any, weight: Any, expected: str) -> None:
    assert expected in procedure(kind, sides, weight)
