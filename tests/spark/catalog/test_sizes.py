from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from tests.spark.catalog.columns import over

from leastpack.catalog.sizes import CM, clean_sides, side_from_text, size_from_text

IN, FT = 2.54, 30.48
# text, unit where none is named, decimal comma, sides in cm, code
CASES = [
    ("8.5 x 3.25 x 1.4 inches", "cm", False, [8.5 * IN, 3.25 * IN, 1.4 * IN], None),
    ("8.5 x 3.25 inches", "cm", False, [8.5 * IN, 3.25 * IN], None),
    ("5 x 3 x 1 x 6 x 4 x 2 inches", "cm", False, [6 * IN, 4 * IN, 2 * IN], "SIZE_OF_PACKAGE"),
    ("6 x 4 x 2 inches; 5 x 3 x 1 inches", "cm", False, [6 * IN, 4 * IN, 2 * IN], "SIZE_OF_PACKAGE"),
    ("200.0 x 1.0 x 0.5 x 0.5 inches", "cm", False, [], "SIZE_UNREADABLE"),
    ("5 x 3 x 1 inches ; 1.2 pounds", "cm", False, [5 * IN, 3 * IN, 1 * IN], None),
    ('10"L x 5"W x 3"H', "cm", False, [10 * IN, 5 * IN, 3 * IN], None),
    ("10L x 5W x 3H inches", "cm", False, [10 * IN, 5 * IN, 3 * IN], None),
    ("L10 x W5 x H3", "mm", False, [1.0, 0.5, 0.3], None),
    ("10 cm x 5 x 3", "in", False, [10.0, 5.0, 3.0], None),
    ("10 mm x 2 cm x 0.3 m", "in", False, [1.0, 2.0, 30.0], None),
    ("size in cm: 10 x 5 x 3", "mm", False, [10.0, 5.0, 3.0], None),
    ("(mm) 100 × 50 × 30", "in", False, [10.0, 5.0, 3.0], None),
    ("5' 3\" x 2' x 8\"", "cm", False, [63 * IN, 2 * FT, 8 * IN], None),
    ("7 1/2 x 3-3/4 x ½ in", "cm", False, [7.5 * IN, 3.75 * IN, 0.5 * IN], None),
    ("10 by 5 by 3 mm", "cm", False, [1.0, 0.5, 0.3], None),
    ("1,200 x 300 x 20 mm", "cm", False, [120.0, 30.0, 2.0], None),
    ("幅10×奥行5×高さ3センチ", "mm", False, [10.0, 5.0, 3.0], None),
    ("１０ｘ５ｘ３㎝", "mm", False, [10.0, 5.0, 3.0], None),
    ("19,5 x 12 x 3,2 cm", "mm", True, [19.5, 12.0, 3.2], None),
    ("19,5 × 12,0 × 3,2 Zoll", "mm", True, [19.5 * IN, 12 * IN, 3.2 * IN], None),
    ("Höhe: 10 cm, Breite: 5,5 cm, Tiefe: 3 cm", "mm", True, [10.0, 5.5, 3.0], None),
    ("10 par 5 par 3 pouces", "cm", True, [10 * IN, 5 * IN, 3 * IN], None),
    ("1.200 x 300 x 20", "mm", True, [120.0, 30.0, 2.0], None),
    ("12 inches", "cm", False, [], "SIZE_UNREADABLE"),
    ("2.4 GHz 10 x 5 x 3", "cm", False, [], "SIZE_UNREADABLE"),
    ("see description", "cm", False, [], "SIZE_UNREADABLE"),
    ("k. A.", "cm", True, [], "SIZE_UNREADABLE"),
]


@pytest.mark.parametrize(("unit", "comma"), sorted({(case[1], case[2]) for case in CASES}))
def test_size_texts(spark: SparkSession, unit: str, comma: bool) -> None:
    cases = [case for case in CASES if case[1:3] == (unit, comma)]
    found = over(spark, lambda text: size_from_text(text, unit, comma), [case[0] for case in cases])
    for case, row in zip(cases, found, strict=True):
        assert row["sides"] == pytest.approx(case[3]), case[0]
        assert row["code"] == case[4], case[0]


def test_no_size_text_is_no_size(spark: SparkSession) -> None:
    assert over(spark, lambda text: size_from_text(text, "cm", False), [None]) == [None]


def test_single_sides(spark: SparkSession) -> None:
    cases = {"120": 12.0, "12 cm": 12.0, "1,250.5": 125.05, "5 ft 3 in": 63 * IN, "tall": None, None: None}
    found = over(spark, lambda text: side_from_text(text, "mm", False), list(cases))
    assert found == [pytest.approx(side) if side is not None else None for side in cases.values()]


def test_p8_absurd_sides_are_dropped_with_a_code_and_the_rest_is_sorted(spark: SparkSession) -> None:
    cases = [
        ([3.0, 10.0, 5.0], [10.0, 5.0, 3.0], None),
        ([3.0, 10.0], [10.0, 3.0], "SIZE_TWO_SIDES"),
        ([3.0, None, 10.0], [10.0, 3.0], "SIZE_TWO_SIDES"),
        ([3.0, 0.0, 10.0], [10.0, 3.0], "ABSURD_SIDE"),
        ([3.0, -1.0, 10.0], [10.0, 3.0], "ABSURD_SIDE"),
        ([2537.46, 20.0, 10.0], [20.0, 10.0], "ABSURD_SIDE"),
        ([2537.46, 2537.46, 2537.46], [], "ABSURD_SIDE"),
        ([500.1, 0.0, 10.0], [], "ABSURD_SIDE"),
        ([5.0], [], "SIZE_TWO_SIDES"),
        ([], [], None),
        (None, [], None),
    ]
    found = over(spark, clean_sides, [case[0] for case in cases], "array<double>")
    assert [(row["sides"], row["code"]) for row in found] == [case[1:] for case in cases]


UNITS = {
    "mm": ["mm", "millimetres"],
    "cm": ["cm", "センチ"],
    "m": ["m", "mètres"],
    "in": ["in", "inches", '"', "Zoll"],
    "ft": ["ft", "'"],
}


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(*[st.integers(1, 99999)] * 3, st.sampled_from(sorted(UNITS)), st.integers(0, 3)),
        min_size=40,
        max_size=40,
    )
)
def test_a_size_written_in_any_unit_is_read_back(
    spark: SparkSession, sizes: list[tuple[int, int, int, str, int]]
) -> None:
    for comma in (False, True):
        texts = []
        for *sides, unit, style in sizes:
            name = UNITS[unit][style % len(UNITS[unit])]
            between = [" x ", "x", " × ", " * "][style]
            text = between.join(f"{side / 100:.2f}" + (name if style == 3 else "") for side in sides)
            text = text if style == 3 else f"{text} {name}"
            texts.append(text.replace(".", ",") if comma else text)
        found = over(spark, lambda text, comma=comma: size_from_text(text, "cm", comma), texts)
        for text, row, (*sides, unit, _) in zip(texts, found, sizes, strict=True):
            assert row["sides"] == pytest.approx([side / 100 * CM[unit] for side in sides]), text
