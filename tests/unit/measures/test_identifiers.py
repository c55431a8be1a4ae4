from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leastpack.measures.identifiers import UniversalId, is_trade_item_number, real_identifier, universal_id

NONE, DAMAGED = UniversalId(None), UniversalId(None, True)


def with_check_digit(number: int, length: int) -> str:
    body = str(number).zfill(length - 1)[-(length - 1) :]
    return next(body + str(digit) for digit in range(10) if is_trade_item_number((body + str(digit)).zfill(14)))


@pytest.mark.parametrize(
    "text",
    ["4006381333931", "04006381333931", "4006-3813 33931", "4006381333931.0", '="4006381333931"', "'4006381333931"],
)
def test_a_trade_item_number_compares_however_it_is_written(text: str) -> None:
    assert universal_id(text) == UniversalId("04006381333931")


def test_others_stay_as_they_are() -> None:
    for text in ("12345", "B00XYZ", "978-0-306-40615-X", "1111111111116"):
        assert universal_id(text).value == {"1111111111116": "01111111111116"}.get(text, text)


@pytest.mark.parametrize("text", ["4.00638E+12", "4,00638e12", "4006381333932", "036000291453", "12345678"])
def test_p14_a_number_that_lost_digits_links_nothing_and_is_noted(text: str) -> None:
    assert universal_id(text) == DAMAGED


FILLERS = [
    "N/A", "none", " NULL ", "-", "--", "?", "Does not apply", "#N/A", "unknown", "", "keine", "aucun", "なし", "无",
    "нет", "0", "0000000000000", "Não aplicável", "ＮＯＮＥ", "xxxx",
]  # fmt: skip


@pytest.mark.parametrize("text", FILLERS)
def test_a_word_for_having_none_links_nothing_in_any_language(text: str) -> None:
    assert real_identifier(text) is None
    assert universal_id(text) == NONE


@pytest.mark.parametrize("text", ["9999999999999", "1234567890128", "00000000", "2000000000008", "20000004", "-1"])
def test_numbers_of_forms_and_textbooks_link_nothing(text: str) -> None:
    assert universal_id(text) == NONE


def test_words_that_only_look_like_fillers_stay() -> None:
    assert [real_identifier(text) for text in ("nana", "NA-7", "7")] == ["nana", "NA-7", "7"]


@settings(max_examples=1000, deadline=None)
@given(st.integers(10, 10**12), st.sampled_from([8, 12, 13, 14]), st.integers(0, 4), st.integers(0, 13))
def test_any_true_number_is_read_back_and_one_with_a_wrong_digit_is_not(
    number: int, length: int, style: int, wrong: int
) -> None:
    digits = with_check_digit(number, length)
    text = [digits, f"{digits}.0", f'="{digits}"', f"'{digits}", f"{digits[:3]} {digits[3:-1]}-{digits[-1]}"][style]
    found = universal_id(text)
    assert found.value in (digits.zfill(14), None)  # None: a filler such as all one digit
    place = wrong % length
    changed = digits[:place] + str((int(digits[place]) + 1) % 10) + digits[place + 1 :]
    assert universal_id(changed).value is None
