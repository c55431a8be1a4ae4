"""The patterns are Java's; the library `regex` reads them alike, and Python's csv says what they must find."""

from __future__ import annotations

import csv
import io

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from leastpack.catalog.csv_syntax import NEWLINES, Syntax, syntax_of

COMMA = Syntax(",", '"', '"')


def written(cells: list[str]) -> str:
    record = io.StringIO()
    csv.writer(record, lineterminator="\n").writerow(cells)
    return record.getvalue().removesuffix("\n")


CELLS = st.lists(st.text(alphabet='ab1 ,"\n', max_size=6), min_size=1, max_size=4)


@settings(max_examples=1000)
@given(CELLS)
def test_of_well_written_records_exactly_those_with_newlines_have_cut_lines(cells: list[str]) -> None:
    lines = written(cells).split("\n")
    assert bool(regex.search(COMMA.cut, lines[0])) == (len(lines) > 1)


@pytest.mark.parametrize(
    ("line", "is_cut"),
    [
        ('1,"Blue mug', True),
        ('for tea",3', True),
        ('2,"a ""b"" c","d', True),
        ('9,"', True),
        ('5,7" pan,7', False),
        ('5,12"', False),
        ('5,27½",x', False),
        ('1,"abc"def,3', False),
        ('3,so called "best",x', False),
        ('x,(15.6"),2', False),
    ],
)
def test_a_line_that_ends_or_begins_inside_of_quotes_is_cut(line: str, is_cut: bool) -> None:
    assert bool(regex.search(COMMA.cut, line)) == is_cut


@given(st.integers(1, 4), st.integers(0, 3), CELLS)
def test_rows_may_differ_from_the_header_by_empty_cells_without_a_name(
    named: int, unnamed: int, cells: list[str]
) -> None:
    text = written(cells) if len(cells) > 1 or cells[0] else ""
    columns, count = named + unnamed, len(cells)
    expected = named <= count < columns or (count > columns and not any(cell.strip() for cell in cells[columns:]))
    written_bare = all('"' not in cell for cell in text.split(",")[columns:])  # `""` is no trace of a spreadsheet
    if written_bare:
        assert bool(regex.search(COMMA.other_width(columns, named), text)) == expected


@pytest.mark.parametrize("separator", [";", "|", "\t", "||", "."])
def test_other_separators(separator: str) -> None:
    syntax = Syntax(separator, '"', "\\")
    assert regex.search(syntax.cut, separator.join(["1", r'"a \" b', "c"]))
    assert not regex.search(syntax.cut, separator.join(["1", rf'"a \" {separator} b"', "c"]))
    assert regex.search(syntax.other_width(2, 2), separator.join(["1", rf'"x{separator}"', "", ""]))


def test_long_lines_take_no_longer_than_they_are() -> None:
    assert not regex.search(COMMA.cut, '1,"' + '""x' * 100_000 + '"', timeout=5)


def test_signs_come_from_the_options() -> None:
    assert syntax_of({}) == Syntax(",", '"', "\\")
    assert syntax_of({"Delimiter": r"\t", "QUOTE": "", "escape": '"'}) == Syntax("\t", "", '"')
    assert regex.split(NEWLINES, "a\r\nb\rc\nd") == ["a", "b", "c", "d"]
