"""A tester's sheet as XLSX or CSV: written so that no text becomes a formula, and read back."""

from __future__ import annotations

import csv
import datetime
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.datavalidation import DataValidation

from leastpack.errors import InputError

# Column to its width in characters.
COLUMNS = {
    "rank": 6, "test_id": 20, "marketplace": 12, "product_id": 18, "title": 50, "length_cm": 10, "width_cm": 10,
    "height_cm": 10, "weight_g": 10, "package_type": 18, "package_inner_cm": 20, "procedure": 32, "photos": 40,
    "why": 10, "result": 10, "tested_on": 12, "tester": 16, "note": 40,
}  # fmt: skip
FILLED_IN = ("result", "tested_on", "tester", "note")
NEEDED = ("test_id", "marketplace", "product_id", "package_type", "result", "tested_on")
RESULTS = ("SAFE", "UNSAFE")
# What a spreadsheet takes for the beginning of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
QUOTE = "'"


def write_xlsx(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """The sheet as an XLSX file, with a list to choose results from.

    Args:
        rows: Values by column of COLUMNS; those to be filled in stay empty.
    """
    book = Workbook()
    page = book.worksheets[0]
    page.title = "tests"
    page.append(list(COLUMNS))
    for cell in page[1]:
        cell.font = Font(bold=True)
    for place, width in enumerate(COLUMNS.values()):
        page.column_dimensions[page.cell(1, place + 1).column_letter].width = width
    count = 1
    for count, row in enumerate(rows, start=2):
        for place, name in enumerate(COLUMNS, start=1):
            _fill(page.cell(count, place), row.get(name))
    page.freeze_panes = "C2"
    choice = DataValidation(type="list", formula1=f'"{",".join(RESULTS)}"', allow_blank=True)
    letter = page.cell(1, list(COLUMNS).index("result") + 1).column_letter
    choice.add(f"{letter}2:{letter}{max(2, count)}")
    page.add_data_validation(choice)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def write_csv(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """The sheet as a CSV file in UTF-8 with a byte order mark, which spreadsheets need to know it by."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_quoted(row.get(name)) for name in COLUMNS])
    return stream.getvalue().encode("utf-8-sig")


def read_sheet(content: bytes, name: str) -> list[dict[str, Any]]:
    """Rows of a sheet that came back, by column; other columns are passed over.

    Args:
        content: The file.
        name: Its name, which tells XLSX from CSV.

    Returns:
        Values as text without blanks around them, dates as dates, empty cells as None; rows without any are left out.

    Raises:
        InputError: It is neither, or lacks a column.
    """
    table = _xlsx(content, name) if name.lower().endswith(".xlsx") else _csv(content, name)
    header = [str(value).strip() if value is not None else "" for value in next(iter(table), [])]
    if missing := [column for column in NEEDED if column not in header]:
        raise InputError(
            f"{name} is no sheet of the test queue",
            expected=f"the columns {', '.join(NEEDED)}, as leastpack queue export writes them",
            found=f"no {', '.join(missing)}",
        )
    if repeated := sorted({column for column in header if column in COLUMNS and header.count(column) > 1}):
        raise InputError(f"{name} names columns twice", expected="each once", found=", ".join(repeated))
    rows = []
    for values in table[1:]:
        row = {column: _plain(value) for column, value in zip(header, values, strict=False) if column in COLUMNS}
        if any(value is not None for value in row.values()):
            rows.append({column: row.get(column) for column in (*NEEDED, "tester", "note")})
    return rows


def _fill(cell: Any, value: Any) -> None:
    if isinstance(value, str):
        cell.value = ILLEGAL_CHARACTERS_RE.sub("", value)
        # A string, whatever it begins with; and it stays one where someone edits it.
        cell.data_type = "s"
        cell.quotePrefix = value.startswith(FORMULA)
    else:
        cell.value = value


def _quoted(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return QUOTE + value if value.startswith((*FORMULA, QUOTE)) else value


def _unquoted(text: str) -> str:
    return text[1:] if text.startswith(QUOTE) and text[1:].startswith((*FORMULA, QUOTE)) else text


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.date()
    if value is None or isinstance(value, datetime.date):
        return value
    if isinstance(value, float) and value.is_integer():  # an identifier that a spreadsheet took for a number
        value = int(value)
    return str(value).strip() or None


def _xlsx(content: bytes, name: str) -> list[Sequence[Any]]:
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise InputError(f"{name} cannot be read", expected="an XLSX file", found=f"{error}") from None
    page = book["tests"] if "tests" in book.sheetnames else book.worksheets[0]
    return [list(row) for row in page.iter_rows(values_only=True)]


def _csv(content: bytes, name: str) -> list[Sequence[Any]]:
    try:
        text = content.decode("utf-8-sig")
        first = text.partition("\n")[0]
        # Spreadsheets of many countries write semicolons.
        separator = ";" if first.count(";") > first.count(",") else ","
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        return [[_unquoted(cell) for cell in line] for line in lines]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{name} cannot be read", expected="a CSV file in UTF-8", found=f"{error}") from None
