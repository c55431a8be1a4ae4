from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leastpack.measures.units import GRAMS
from leastpack.measures.weights import Weight, read_weight

LB, OZ = GRAMS["lb"], GRAMS["oz"]
GIVEN = {
    "350": 350.0, "0.35 kg": 350.0, "1,5 kg": 1500.0, "12 oz.": 12 * OZ, "2 lb 3 oz": 2 * LB + 3 * OZ,
    "2 lbs. 3.5 ounces": 2 * LB + 3.5 * OZ, "約350グラム": 350.0, "０.５ｋｇ": 500.0, "3 pounds": 3 * LB,
    "500 г": 500.0, "0,5 кг": 500.0, "1 kg 200 g": 1200.0, "12 oz (340 g)": 12 * OZ, "0.50 kg / 1.1 lb": 500.0,
    "net weight: 350 g": 350.0, "weight (kg): 0.35": 350.0, "350 g net": 350.0, "5.0E-4 kg": 0.5, "1 246 ": 1246.0,
    "230 hundredths-pounds": 2.3 * LB, "hundredths pounds: 230": 2.3 * LB, '{"value": 0.5, "unit": "kg"}': 500.0,
    '{"value": 2, "weightUnit": "kg"}': 2000.0, '="500"': 500.0, "-3": -3.0, "3 公斤": 3000.0, "500 mcg": 0.0005,
}  # fmt: skip
UNREADABLE = [
    "8 fl oz", "3.2 stone", "10-12", "heavy", "0.5 l", "350 g/m²", "12 oz (900 g)", "2 x 350 g", "350 foo", "5 Pfund",
    "12 oz fl", "fl. oz: 12", "1 oz troy", "500 g/l", "500 mg/tablet", "capacity: 100 kg", "max. load 100 kg",
    '{"value": 2, "unit": "each"}', "9" * 308 + " kg",
    "500 мл", "3 libras", "10 g + 5 g", "< 5 kg", "350 g each, 2 in all", "", '{"unit": "kg"}',
]  # fmt: skip


def test_weights_of_a_known_unit() -> None:
    found = {text: read_weight(text, "g", False).grams for text in GIVEN}
    assert found == {text: pytest.approx(grams) for text, grams in GIVEN.items()}


@pytest.mark.parametrize("text", UNREADABLE)
def test_p14_a_weight_that_may_mean_something_else_is_unreadable(text: str) -> None:
    assert read_weight(text, "g", False) == Weight()


def test_weights_with_decimal_commas() -> None:
    cases = {"0,350 kg": 350.0, "350 g": 350.0, "1.250 g": 1250.0, "12 Unzen": 12 * OZ}
    assert {text: read_weight(text, "g", True).grams for text in cases} == pytest.approx(cases)


def test_a_lost_unit_leaves_the_number_and_a_named_one_grams() -> None:
    assert read_weight("1 246 ", None, False) == Weight(number=1246.0)
    assert read_weight("5 kg", None, False) == Weight(grams=5000.0)


NAMES = {
    "g": ["g", "grams", "グラム", "г", "克", "그램", "gramos"],
    "kg": ["kg", "kilograms", "キロ", "кг", "公斤", "quilos"],
    "oz": ["oz", "ounces", "Unzen", "унции", "盎司"],
    "lb": ["lb", "pounds", "lbs.", "ポンド", "磅"],
}


@settings(max_examples=1000, deadline=None)
@given(st.integers(1, 10**7), st.sampled_from(sorted(NAMES)), st.integers(0, 99), st.booleans(), st.integers(0, 3))
def test_a_weight_written_in_any_way_is_read_back(value: int, unit: str, style: int, comma: bool, place: int) -> None:
    name = NAMES[unit][style % len(NAMES[unit])]
    number = f"{value / 1000:.3f}".replace(".", ",") if comma else f"{value / 1000:.3f}"
    text = [f"{number} {name}", f"{number}{name}", f"{name}: {number}", f"net weight {number} {name}"][place]
    assert read_weight(text, "t", comma).grams == pytest.approx(value / 1000 * GRAMS[unit], abs=1e-8)
