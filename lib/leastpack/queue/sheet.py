"""A tester's sheet as XLSX, with photos, or CSV: written so that no text becomes a formula, and read back."""

from __future__ import annotations

import csv
import datetime
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import ParseError

from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.drawing.image import Image
from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, TwoCellAnchor
from openpyxl.styles import Font
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.utils.units import pixels_to_EMU
from openpyxl.worksheet.datavalidation import DataValidation

from leastpack.errors import InputError

# Column to its width in characters.
COLUMNS = {
    "rank": 6, "test_id": 20, "marketplace": 12, "product_id": 18, "title": 50, "length_cm": 10, "width_cm": 10,
    "height_cm": 10, "weight_g": 10, "package_type": 18, "package_inner_cm": 20, "procedure": 32, "photos": 40,
    "why": 10, "result": 10, "tested_on": 12, "tester": 16, "note": 40,
}  # fmt: skip
# A small picture of the product, in XLSX alone: its column and that column's width.
PICTURE, PICTURE_WIDTH = "photo", 20
ROW_POINTS_A_PIXEL = 0.75
NEEDED = ("test_id", "marketplace", "product_id", "package_type", "result", "tested_on")
RESULTS = ("SAFE", "UNSAFE")
# What a spreadsheet takes for the beginning of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
QUOTE = "'"
# The same after what may be the end of a cell elsewhere.
INSIDE = re.compile(r"([;\t\r\n|,]\s*)(?=[=+\-@])")
# Set on a row with more or fewer cells than the header.
MALFORMED = "malformed"
NOT_READABLE = (
    InvalidFileException, zipfile.BadZipFile, ParseError, KeyError, IndexError, ValueError, TypeError, AttributeError,
    OSError,
)  # fmt: skip


def write_xlsx(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """The sheet as an XLSX file, with a list to choose results from.

    Args:
        rows: Values by column of COLUMNS; those to be filled in stay empty. PICTURE, where there is one, is a JPEG.
    """
    book = Workbook()
    page = book.worksheets[0]
    page.title = "tests"
    columns = {PICTURE: PICTURE_WIDTH, **COLUMNS}
    page.append(list(columns))
    for cell in page[1]:
        cell.font = Font(bold=True)
    for place, width in enumerate(columns.values()):
        page.column_dimensions[page.cell(1, place + 1).column_letter].width = width
    count = 1
    for count, row in enumerate(rows, start=2):
        for place, name in enumerate(COLUMNS, start=2):
            _fill(page.cell(count, place), row.get(name))
        if row.get(PICTURE) is not None:
            _picture(page, count, row[PICTURE])
    page.freeze_panes = "D2"
    choice = DataValidation(type="list", formula1=f'"{",".join(RESULTS)}"', allow_blank=True)
    letter = page.cell(1, list(columns).index("result") + 1).column_letter
    choice.add(f"{letter}2:{letter}{max(2, count)}")
    page.add_data_validation(choice)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def write_csv(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """The sheet as a CSV file in UTF-8 with a byte order mark, which spreadsheets need to know it by."""
    stream = io.StringIO()
    writer = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_guarded(row.get(name)) for name in COLUMNS])
    return stream.getvalue().encode("utf-8-sig")


def read_sheet(content: bytes, name: str) -> list[dict[str, Any]]:
    """Rows of a sheet that came back, by column; other columns are passed over.

    Args:
        content: The file.
        name: Its name, which tells XLSX from CSV.

    Returns:
        Values as text without blanks around them, dates as dates, empty cells as None; MALFORMED where a row has not as
        many cells as the header. Empty rows are left out.

    Raises:
        InputError: It is neither, lacks a column, or has merged cells.
    """
    pages = _xlsx(content, name) if name.lower().endswith(".xlsx") else [_csv(content, name)]
    found = [page for page in pages if page and set(NEEDED) <= set(_header(page))]
    if not found:
        header = _header(pages[0]) if pages and pages[0] else []
        raise InputError(
            f"{name} is no sheet of the test queue",
            expected=f"the columns {', '.join(NEEDED)} in the first row, as leastpack queue export writes them",
            found=f"no {', '.join(column for column in NEEDED if column not in header)}",
        )
    return [row for page in found for row in _rows(page, name)]


def written_as(identifier: str) -> set[str]:
    """How an identifier may stand in a sheet."""
    return {identifier.strip(), str(_guarded(identifier)).strip()}


def _header(page: Sequence[Sequence[Any]]) -> list[str]:
    return [str(value).strip() if value is not None else "" for value in page[0]]


def _rows(page: Sequence[Sequence[Any]], name: str) -> Iterator[dict[str, Any]]:
    header = _header(page)
    if repeated := sorted({column for column in header if column in COLUMNS and header.count(column) > 1}):
        raise InputError(f"{name} names columns twice", expected="each once", found=", ".join(repeated))
    for values in page[1:]:
        row = {column: _plain(value) for column, value in zip(header, values, strict=False)}
        if any(value is not None for value in row.values()):
            wanted = {column: row.get(column) for column in (*NEEDED, "tester", "note")}
            yield {**wanted, MALFORMED: len(values) != len(header)}


def _fill(cell: Any, value: Any) -> None:
    if isinstance(value, str):
        cell.value = ILLEGAL_CHARACTERS_RE.sub("", value)
        # A string, whatever it begins with; and it stays one where someone edits it.
        cell.data_type = "s"
        cell.quotePrefix = value.startswith(FORMULA)
    else:
        cell.value = value


def _picture(page: Any, row: int, jpeg: bytes) -> None:
    picture = Image(io.BytesIO(jpeg))
    page.row_dimensions[row].height = picture.height * ROW_POINTS_A_PIXEL
    width, height = pixels_to_EMU(picture.width), pixels_to_EMU(picture.height)
    # It moves and hides with its row, where someone sorts or filters.
    picture.anchor = TwoCellAnchor(
        editAs="twoCell",
        _from=AnchorMarker(col=0, row=row - 1),
        to=AnchorMarker(col=0, colOff=width, row=row - 1, rowOff=height),
    )
    page.add_image(picture)


def _guarded(value: Any) -> Any:
    """Text of which a spreadsheet makes no formula, wherever it takes cells to end."""
    if not isinstance(value, str):
        return value
    text = INSIDE.sub(rf"\g<1>{QUOTE}", value)
    return QUOTE + text if text.startswith((*FORMULA, QUOTE)) else text


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.date()
    if value is None or isinstance(value, datetime.date):
        return value
    if isinstance(value, float) and value.is_integer():  # an identifier that a spreadsheet took for a number
        value = int(value)
    return str(value).strip() or None


def _xlsx(content: bytes, name: str) -> list[Sequence[Sequence[Any]]]:
    """The cells of every worksheet, formulas as they are written: what they amounted to somewhere else is no result."""
    try:
        pages = load_workbook(io.BytesIO(content)).worksheets
        found: list[Sequence[Sequence[Any]]] = []
        for page in pages:
            header = [cell.value for cell in next(page.iter_rows(max_row=1), ())]
            while header and header[-1] is None:
                header.pop()
            if not header:
                continue
            if page.merged_cells.ranges:
                raise InputError(
                    f"{name} has merged cells",
                    expected="one cell a value",
                    found=", ".join(str(one) for one in page.merged_cells.ranges),
                    todo="take the merging back",
                )
            found.append([list(row) for row in page.iter_rows(max_col=len(header), values_only=True)])
    except NOT_READABLE as error:
        raise InputError(f"{name} cannot be read", expected="an XLSX file", found=f"{error}") from None
    return found


def _csv(content: bytes, name: str) -> list[list[str]]:
    try:
        text = content.decode("utf-8-sig")
        first = text.partition("\n")[0]
        # Spreadsheets of many countries write semicolons, others tabs.
        separator = max(",;\t", key=first.count)
        return [line for line in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True) if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{name} cannot be read", expected="a CSV file in UTF-8 whose quotes all end", found=f"{error}"
        ) from None
