from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from leastpack.words import fold


@settings(max_examples=1000, deadline=None)
@given(st.text(max_size=20))
def test_case_and_width_make_no_difference_once_a_text_is_folded(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert fold(text.upper()) == fold(fold(text).upper())


def test_turkish_letters_are_one() -> None:
    assert fold("İNÇ") == fold("inç") == fold("ınç") == "inç"


@settings(max_examples=1000, deadline=None)
@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), max_size=20))
def test_full_width_letters_are_the_same_letters(text: str) -> None:
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in text)
    assert fold(wide) == fold(text) == text.lower()
