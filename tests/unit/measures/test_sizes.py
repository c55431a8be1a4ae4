from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leastpack.measures.sizes import read_side, read_size
from leastpack.measures.units import CM

IN, FT = 2.54, 30.48
# text, unit where none is named, decimal comma, sides in cm, code
CASES = [
    ("8.5 x 3.25 x 1.4 inches", "cm", False, [8.5 * IN, 3.25 * IN, 1.4 * IN], None),
    ("8.5 x 3.25 inches", "cm", False, [8.5 * IN, 3.25 * IN], None),
    ("5 x 3 x 1 x 6 x 4 x 2 inches", "cm", False, [6 * IN, 4 * IN, 2 * IN], "SIZE_OF_PACKAGE"),
    ("6 x 4 x 2 inches; 5 x 3 x 1 inches", "cm", False, [6 * IN, 4 * IN, 2 * IN], "SIZE_OF_PACKAGE"),
    ("5 x 3 x 1 inches ; 1.2 pounds", "cm", False, [5 * IN, 3 * IN, 1 * IN], None),
    ('10"L x 5"W x 3"H', "cm", False, [10 * IN, 5 * IN, 3 * IN], None),
    ("10L x 5W x 3H inches", "cm", False, [10 * IN, 5 * IN, 3 * IN], None),
    ("L10 x W5 x H3", "mm", False, [1.0, 0.5, 0.3], None),
    ("L10 W5 H3 cm", "mm", False, [10.0, 5.0, 3.0], None),
    ("10 cm x 5 x 3", "in", False, [10.0, 5.0, 3.0], None),
    ("10 mm x 2 cm x 0.3 m", "in", False, [1.0, 2.0, 30.0], None),
    ("size in cm: 10 x 5 x 3", "mm", False, [10.0, 5.0, 3.0], None),
    ("10, 5, 3, in", "cm", False, [10 * IN, 5 * IN, 3 * IN], None),
    ("10cm 5cm 3cm", "mm", False, [10.0, 5.0, 3.0], None),
    ("10cmx5cmx3cm", "mm", False, [10.0, 5.0, 3.0], None),
    ("30/20/10 mm", "cm", False, [3.0, 2.0, 1.0], None),
    ("(10 x 5 x 3) mm", "cm", False, [1.0, 0.5, 0.3], None),
    ("(mm) 100 × 50 × 30", "in", False, [10.0, 5.0, 3.0], None),
    ('"10 x 5 x 3"', "cm", False, [10.0, 5.0, 3.0], None),
    ("5' 3\" x 2' x 8\"", "cm", False, [63 * IN, 2 * FT, 8 * IN], None),
    ("7 1/2 x 3-3/4 x ½ in", "cm", False, [7.5 * IN, 3.75 * IN, 0.5 * IN], None),
    ("9⅞ x 4⅓ x 1 1⁄16 in", "cm", False, [9.875 * IN, 13 / 3 * IN, 17 / 16 * IN], None),
    ("10 by 5 by 3 mm", "cm", False, [1.0, 0.5, 0.3], None),
    ("1,200 x 300 x 20 mm", "cm", False, [120.0, 30.0, 2.0], None),
    ("1.2E2 x 30 x 2 mm", "cm", False, [12.0, 3.0, 0.2], None),
    ("850 x 300 x 125 hundredths-inches", "cm", False, [8.5 * IN, 3 * IN, 1.25 * IN], None),
    ("幅10×奥行5×高さ3センチ", "mm", False, [10.0, 5.0, 3.0], None),
    ("１０ｘ５ｘ３㎝", "mm", False, [10.0, 5.0, 3.0], None),
    ("19,5 x 12 x 3,2 cm", "mm", True, [19.5, 12.0, 3.2], None),
    ("19,5 × 12,0 × 3,2 Zoll", "mm", True, [19.5 * IN, 12 * IN, 3.2 * IN], None),
    ("Höhe: 10 cm, Breite: 5,5 cm, Tiefe: 3 cm", "mm", True, [10.0, 5.5, 3.0], None),
    ("10 par 5 par 3 pouces", "cm", True, [10 * IN, 5 * IN, 3 * IN], None),
    ("1.200 x 300 x 20", "mm", True, [120.0, 30.0, 2.0], None),
    # both systems
    ("12 x 6 x 4 cm (4.7 x 2.4 x 1.6 in)", "cm", False, [12.0, 6.0, 4.0], None),
    ("5 x 2 x 1 in / 12.7 x 5.1 x 2.5 cm", "cm", False, [5 * IN, 2 * IN, 1 * IN], None),
    ("12 cm (4.7 in) x 6 cm (2.4 in) x 4 cm (1.6 in)", "cm", False, [12.0, 6.0, 4.0], None),
    # `in` is no inch before another unit
    ("15 x 10 x 5 in mm", "cm", False, [1.5, 1.0, 0.5], None),
    ("15 x 10 x 5 (in: cm)", "mm", False, [15.0, 10.0, 5.0], None),
    # languages
    ("80 x 40 x 20 мм", "cm", False, [8.0, 4.0, 2.0], None),
    ("80x40x20公分", "mm", False, [80.0, 40.0, 20.0], None),
    ("8 x 4 x 2 дюйма", "cm", False, [8 * IN, 4 * IN, 2 * IN], None),
    ("8 x 4 x 2 tommer", "cm", False, [8 * IN, 4 * IN, 2 * IN], None),
    ("8 x 4 x 2 İNÇ", "cm", False, [8 * IN, 4 * IN, 2 * IN], None),
    # JSON
    ('{"Length": 20, "Width": 10.125, "Height": 5, "Unit": "mm"}', "cm", True, [2.0, 1.0125, 0.5], None),
    ('{"dimensions": {"w": "8 cm", "h": "4 cm", "d": "2 cm"}}', "mm", False, [8.0, 4.0, 2.0], None),
    ("[20, 10, 5]", "mm", False, [2.0, 1.0, 0.5], None),
    ('{"depth": 100, "width": 50, "height": 30, "dimension_unit": "mm"}', "cm", False, [5.0, 3.0, 10.0], None),
    ('{"size": "10x5x3", "unit": "in"}', "cm", False, [10 * IN, 5 * IN, 3 * IN], None),
    ("{'length': 10, 'width': 5, 'height': 3}", "cm", False, [10.0, 5.0, 3.0], None),
    ('"{\\"length\\": 10, \\"width\\": 5, \\"height\\": 3}"', "cm", False, [10.0, 5.0, 3.0], None),
    # quotes of spreadsheets, HTML
    ('="10 x 5 x 3"', "cm", False, [10.0, 5.0, 3.0], None),
    ("'10 x 5 x 3", "cm", False, [10.0, 5.0, 3.0], None),
    ("<b>10&quot; x 5&quot; x 3&quot;</b>", "cm", False, [10 * IN, 5 * IN, 3 * IN], None),
    ("Width (cm) 10 Height (mm) 50", "in", False, [10.0, 5.0], None),
]
UNREADABLE = [
    "12 inches", "2.4 GHz 10 x 5 x 3", "see description", "k. A.", "200.0 x 1.0 x 0.5 x 0.5 inches", "10 x 5 x 3 spans",
    "10 x 5 x 3 ells", "(spans) 10 x 5 x 3", "10 x 5 x 3 in spans", "in spans: 10 x 5 x 3", "10 x 5 x 3, folded",
    "12 x 6 x 4 cm (9 x 2.4 x 1.6 in)", "12 x 6 x 4 (4.7 x 2.4 x 1.6 in)", "10-15 x 5 x 3 cm", "10 cm - 15 cm",
    "1000 cm³", "10 + 2 x 5 x 3 cm", "< 10 x 5 x 3 cm", "7 3/7 x 5 x 3 in", "5 3 2 cm", "1,2,3 x 5 x 3", "10 cm in x 5",
    "10 x 5 cm, cable 1.5 m", "10 x 5 cm (error 1 cm)", "pack of 2, 30 x 40 cm", "S 10 x 5, M 12 x 6, L 14 x 7 cm",
    "100 mm x 5 cm x 3", "2 m x 90 cm x 40", "10 x 5 x 3 m.m.", "800 x 600 px", "10² x 5 cm", "10cm ~ 12cm",
    '{"length": 10, "width": 5, "height": 3, "unit": "each"}', '{"length": 10, "width": NaN, "height": 3}',
    '{"length": 10, "width": 5, "height": 3, "unit": "in", "units": "cm"}', "max 10 x 5 x 3 cm", "[" * 150 + "]" * 150,
    "9" * 350 + " 1/2 x 5", "10 x 5 x 3 cm " + "x" * 400,
    "10% x 5 x 3", '{"length": 10}', '{"colour": "red"}', "[true, 1, 2]", "hundredths x 10 x 5 x 3", "",
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_size_texts(case: tuple[str, str, bool, list[float], str | None]) -> None:
    text, unit, comma, sides, code = case
    found = read_size(text, unit, comma)
    assert found.sides == pytest.approx(sides)
    assert found.code == code


@pytest.mark.parametrize("text", UNREADABLE)
def test_p14_what_may_mean_something_else_is_unreadable_and_never_the_source_s_unit(text: str) -> None:
    found = read_size(text, "cm", False)
    assert (found.sides, found.code) == ((), "SIZE_UNREADABLE")


def test_single_sides() -> None:
    cases = {
        "120": 12.0, "12 cm": 12.0, "1,250.5": 125.05, "5 ft 3 in": 63 * IN, "tall": None, "4.7 in (12 cm)": 4.7 * IN,
        "1 m 20 cm": 120.0, "-3 cm": -3.0, "10 x 5": None, '{"value": 12, "unit": "cm"}': 12.0, "3 spans": None,
    }  # fmt: skip
    found = {text: read_side(text, "mm", False) for text in cases}
    assert found == {text: None if side is None else pytest.approx(side) for text, side in cases.items()}


NAMES = {
    "mm": ["mm", "millimetres", "мм", "毫米", "밀리미터", "milímetros"],
    "cm": ["cm", "センチ", "厘米", "сантиметров", "centymetry"],
    "m": ["m", "mètres", "メートル"],
    "in": ["in", "inches", '"', "Zoll", "pulgadas", "tum", "дюйма", "英寸", "in."],
    "ft": ["ft", "'", "feet"],
}
BETWEEN = [" x ", "x", " × ", " * ", " X ", " by ", "×", ", "]


@settings(max_examples=2000, deadline=None)
@given(
    st.tuples(*[st.integers(1, 99_999)] * 3),
    st.sampled_from(sorted(NAMES)),
    st.integers(0, 99),
    st.sampled_from(BETWEEN),
    st.sampled_from(["after all", "after each", "before", "brackets", "json"]),
    st.booleans(),
)
def test_a_size_written_in_any_way_is_read_back(
    sides: tuple[int, int, int], unit: str, style: int, between: str, place: str, comma: bool
) -> None:
    names = [name for name in NAMES[unit] if place != "before" or name not in "\"'"]
    name = names[style % len(names)]
    numbers = [f"{side / 100:.2f}" for side in sides]
    texts = [number.replace(".", ",") for number in numbers] if comma else numbers
    written = {
        "after all": f"{between.join(texts)} {name}",
        "after each": between.join(f"{text} {name}" for text in texts),
        "before": f"{name}: {between.join(texts)}",
        "brackets": f"{between.join(texts)} ({name})",
        "json": json.dumps({"l": sides[0] / 100, "w": sides[1] / 100, "h": sides[2] / 100, "unit": name}),
    }[place]
    found = read_size(written, "yd", comma)
    assert found.sides == pytest.approx([side / 100 * CM[unit] for side in sides]), written


@settings(max_examples=1000, deadline=None)
@given(st.text(alphabet="0123456789.,x×'\"()/- cmincfthou½⅞㎝寸ell=;{}[]", max_size=30))
def test_no_text_is_too_odd_to_be_read_or_noted(text: str) -> None:
    found = read_size(text, "cm", False)
    assert found.code == "SIZE_UNREADABLE" or len(found.sides) in (2, 3)
