from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leastpack.measures.numbers import read_number
from leastpack.measures.plain import plain

POINTS = {
    "7": 7.0, "7.6": 7.6, "1,234.50": 1234.5, "1,234": 1234.0, "1 246": 1246.0, "1'234.5": 1234.5, "0,350": 0.35,
    "12,5": 12.5, "1.234,50": 1234.5, "1,234,567": 1234567.0, "1,23,456": 123456.0, "12.": 12.0, ".5": 0.5,
    "1,2,3": None, "1.2.3": None, "1,234,56": None, "": None, "abc": None, "1.234.567,8": 1234567.8, "12 34": None,
    "1.25e7": 12500000.0, "5.0e-4": 0.0005, "1e99": None,
}  # fmt: skip
COMMAS = {"1.234": 1234.0, "1,234": 1.234, "0.350": 0.35, "19,5": 19.5, "9.50": 9.5, "1.234,5": 1234.5}


@pytest.mark.parametrize(("cases", "comma"), [(POINTS, False), (COMMAS, True)])
def test_numbers(cases: dict[str, float | None], comma: bool) -> None:
    assert {text: read_number(text, comma) for text in cases} == cases


@settings(max_examples=1000, deadline=None)
@given(st.integers(0, 10**9), st.booleans(), st.sampled_from(["", "group", " "]))
def test_every_way_of_writing_a_number_is_read_back(cents: int, comma: bool, style: str) -> None:
    group, mark = (".", ",") if comma else (",", ".")
    text = f"{cents / 100:,.2f}" if style else f"{cents / 100:.2f}"
    written = text.replace(",", "G").replace(".", mark).replace("G", " " if style == " " else group)
    assert read_number(written, comma) == pytest.approx(cents / 100)


def test_lookalikes_become_plain() -> None:
    cases = {"１０Ｘ５㎝": "10x5cm", " 3\u00a0½ ″ ": '3 1/2 "', "￥5": "¥5", "A\u2009–\u3000B": "a - b", "7⅞": "7 7/8"}
    assert {text: plain(text) for text in cases} == cases
