"""The tester's sheet: no text becomes a formula, and what comes back is read as it was meant."""

from __future__ import annotations

import csv
import datetime
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from PIL import Image

from leastpack.errors import InputError
from leastpack.queue.ista import procedure
from leastpack.queue.results import Taken, judge_rows
from leastpack.queue.sheet import read_sheet, write_csv, write_xlsx, written_as

DAY, TODAY = datetime.date(2024, 5, 20), datetime.date(2024, 5, 31)
WRITERS = {"sheet.xlsx": write_xlsx, "sheet.csv": write_csv}
EVIL = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    '=HYPERLINK("http://x")',
    "'=1",
    "plain",
    "Mug;=1+1",
    "Mug\n=1+1",
    "a,-b",
]


def row(test_id: str = "t-1", **more: Any) -> dict[str, Any]:
    known = {"test_id": test_id, "marketplace": "NA", "product_id": "mug", "package_type": "bag", "result": None}
    return {**known, "tested_on": None, "tester": None, "note": None, **more}


@pytest.mark.parametrize("name", WRITERS)
def test_what_is_written_is_read_back_and_cannot_run(name: str) -> None:
    rows = [row(f"t-{i}", product_id=text, title=text, note=text) for i, text in enumerate(EVIL)]
    content = WRITERS[name](rows)
    found = read_sheet(content, name)
    assert all(one["product_id"] in written_as(text) for one, text in zip(found, EVIL, strict=True))
    assert not any(one["malformed"] for one in found)
    if name.endswith("csv"):
        text = content.decode("utf-8-sig")
        for separator in ",;\t":  # whatever a spreadsheet takes for the end of a cell
            cells = [cell for line in csv.reader(io.StringIO(text, newline=""), delimiter=separator) for cell in line]
            assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@"))], separator
    else:
        page = load_workbook(io.BytesIO(content))["tests"]
        assert {cell.data_type for line in page.iter_rows(min_row=2) for cell in line} <= {"s", "n"}
        (choice,) = page.data_validations.dataValidation
        assert choice.formula1 == '"SAFE,UNSAFE"'


@given(st.lists(st.text(max_size=20), max_size=5))
def test_any_identifier_survives_a_csv(texts: list[str]) -> None:
    found = read_sheet(write_csv([row(product_id=text) for text in texts]), "x.csv")
    assert all((one["product_id"] or "") in written_as(text) for one, text in zip(found, texts, strict=True))


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


HEADER = "test_id,marketplace,product_id,package_type,result,tested_on"


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"a,b\n1,2\n", "x.csv", "no sheet of the test queue"),
        (b"", "x.csv", "no sheet of the test queue"),
        (b"\xff\xfe\x00", "x.csv", "cannot be read"),
        (f'{HEADER}\nt-1,NA,mug,bag,SAFE,"2024'.encode(), "x.csv", "quotes all end"),
        (b"no zip", "x.xlsx", "cannot be read"),
        (f"test_id,{HEADER}\n".encode(), "x.csv", "twice"),
    ],
)
def test_what_is_no_sheet_is_named(content: bytes, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_sheet(content, name)


def book_of(*pages: list[list[Any]]) -> Workbook:
    book = Workbook()
    for place, lines in enumerate(pages):
        page = book.worksheets[0] if place == 0 else book.create_sheet()
        for line in lines:
            page.append(line)
    return book


def saved(book: Workbook) -> bytes:
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def test_every_worksheet_counts_and_a_formula_is_no_result() -> None:
    line = ["t-1", "NA", "mug", "bag"]
    book = book_of(
        [HEADER.split(","), [*line, "SAFE", "2024-05-31"]],
        [["notes"], ["nothing"]],
        [HEADER.split(","), [*line, "UNSAFE", "2024-05-31"], [*line, '=IF(1,"SAFE","UNSAFE")', "2024-05-31"]],
    )
    found = read_sheet(saved(book), "x.xlsx")
    assert [one["result"] for one in found] == ["SAFE", "UNSAFE", '=IF(1,"SAFE","UNSAFE")']


def test_merged_cells_are_refused_and_a_cell_far_away_costs_nothing() -> None:
    book = book_of([HEADER.split(","), ["t-1", "NA", "mug", "bag", "SAFE", "2024-05-31"], ["t-2", "NA", "mug", "box"]])
    book.worksheets[0].cell(5_000, 900).value = "lost"
    assert len(read_sheet(saved(book), "x.xlsx")) == 2
    book.worksheets[0].merge_cells("E2:E3")
    with pytest.raises(InputError, match="merged"):
        read_sheet(saved(book), "x.xlsx")


ASKED = {
    ("NA", "t-1"): {"product_id": "mug", "package_type": "bag", "asked_on": DAY},
    ("NA", "t-2"): {"product_id": "vase", "package_type": "box", "asked_on": DAY},
}


DONE = {"result": "safe", "tested_on": "2024-05-31"}


def judged(*rows: dict[str, Any], unsafe: tuple[str, ...] = (), correct: bool = False) -> Taken:
    known = {("NA", name) for name in unsafe}
    return judge_rows({"sheet": rows}, ASKED, known, TODAY, correct=correct)["sheet"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"test_id": "t-9"}, "UNKNOWN_TEST"),
        ({"marketplace": "EU"}, "UNKNOWN_TEST"),
        ({"product_id": "vase"}, "OTHER_PAIR"),
        ({"package_type": None}, "OTHER_PAIR"),
        ({"result": "OK"}, "IMPOSSIBLE_RESULT"),
        ({"result": None}, "MISSING_RESULT"),
        ({"result": None, "tested_on": None, "note": "UNSAFE, lid broke"}, "MISSING_RESULT"),
        ({"tested_on": None}, "MISSING_TESTED_ON"),
        ({"tested_on": "5/31/2024"}, "UNREADABLE_TESTED_ON"),
        ({"tested_on": "2024-05-01"}, "IMPOSSIBLE_TESTED_ON"),
        ({"tested_on": "2025-05-31"}, "IMPOSSIBLE_TESTED_ON"),
        ({"malformed": True}, "MALFORMED_ROW"),
    ],
)
def test_rows_that_cannot_be_used_have_a_code(given: dict[str, Any], code: str) -> None:
    taken = judged(row(**DONE) | given)
    assert [one.code for one in taken.faulty] == [code]
    assert not taken.results


def test_each_row_is_a_result_a_fault_a_repeat_or_open() -> None:
    rows = [
        row("t-1", **DONE),
        row("t-1", **{**DONE, "result": "UNSAFE"}),
        row("t-1", **DONE),
        row("t-2", product_id="vase", package_type="box"),
        row("t-3", **DONE),
    ]
    taken = judged(*rows)
    assert [(one["test_id"], one["result"]) for one in taken.results] == [("t-1", "UNSAFE")]
    assert (len(taken.faulty), dict(taken.aside)) == (1, {"no_result": 1, "duplicate": 2})


def test_unsafe_counts_from_any_sheet_in_any_order_and_without_a_day() -> None:
    safe, unsafe = row(**DONE), row(result="UNSAFE", tested_on="last week")
    for sheets in ({"a": [safe], "b": [unsafe]}, {"a": [unsafe], "b": [safe]}):
        taken = judge_rows(sheets, ASKED, (), TODAY)
        results = [one for sheet in taken.values() for one in sheet.results]
        assert [(one["result"], one["tested_on"]) for one in results] == [("UNSAFE", DAY)]


def test_safe_does_not_count_beside_a_row_that_cannot_be_read() -> None:
    taken = judged(row(**DONE), row(**{**DONE, "result": "FAILED"}))
    assert sorted(one.code for one in taken.faulty) == ["DOUBTFUL_RESULT", "IMPOSSIBLE_RESULT"]
    assert not taken.results


def test_safe_replaces_an_earlier_unsafe_only_where_someone_says_so() -> None:
    taken = judged(row(**DONE), unsafe=("t-1",))
    assert (taken.results, taken.contradicted, dict(taken.aside)) == ([], ["t-1"], {"contradicts_unsafe": 1})
    assert len(judged(row(**DONE), unsafe=("t-1",), correct=True).results) == 1
    assert len(judged(row(**{**DONE, "result": "UNSAFE"}), unsafe=("t-1",)).results) == 1


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


@pytest.mark.parametrize(
    ("category", "weight", "expected"),
    [
        ("Electronics > Televisions", 15_000, "type G"),
        ("TVs & Home Theater", 15_000, "type G"),
        ("Monitor", 80_000, "type H"),
        ("Fernseher", 15_000, "type G"),
        ("家電 > テレビ", 15_000, "type G"),
        ("TV Stands", 15_000, "type A"),
        ("Monitor cables", 300, "type A"),
        ("Baby monitors accessories", 300, "type A"),
        ("Kitchen", 300, "type A"),
        (None, 300, "type A"),
    ],
)
def test_screens_have_a_procedure_of_their_own(category: str | None, weight: float, expected: str) -> None:
    assert procedure("own_container", (100, 60, 15), weight, category).endswith(expected)


def test_a_sheet_with_pictures_is_read_back_alike() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (128, 64), "blue").save(stream, "JPEG")
    rows = [{**row("t-1"), "photo": stream.getvalue()}, {**row("t-2"), "photo": None}]
    content = write_xlsx(rows)
    assert read_sheet(content, "a.xlsx") == read_sheet(write_xlsx([row("t-1"), row("t-2")]), "a.xlsx")
    (picture,) = load_workbook(io.BytesIO(content))["tests"]._images
    assert (picture.anchor._from.row, picture.width, picture.height) == (1, 128, 64)
