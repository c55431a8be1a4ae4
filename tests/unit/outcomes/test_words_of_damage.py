import unicodedata

import pytest

from leastpack.config.outcomes import OutcomesConfig
from leastpack.outcomes.readers.words import WordReader

READER = WordReader(OutcomesConfig().review_words)


@pytest.mark.parametrize(
    "text",
    [
        "Arrived BROKEN.",
        "came\n damaged",
        "Die Vase ist zerbrochen angekommen",
        "beschädigtes Paket",
        unicodedata.normalize("NFD", "Assiette cassée"),
        "Llegó roto",
        "piatto danneggiato",
        "届いたとき壊れていました",
        "瓶から液体が漏れていた",
        "ＢＲＯＫＥＮ",
    ],
)
def test_words_of_damage_are_found_in_any_script(text):
    assert READER.tells_of_damage([text]).tolist() == [True]


@pytest.mark.parametrize(
    "text", [None, "", "unbroken seal, just ugly", "La cassette ne marche pas", "Rottweiler toy, too small", "色が違う"]
)
def test_other_texts_tell_of_nothing(text):
    assert READER.tells_of_damage([text]).tolist() == [False]


def test_a_star_allows_any_ending_and_nothing_else_does():
    assert WordReader(["leak"]).tells_of_damage(["leak", "leaks", "a-leak"]).tolist() == [True, False, True]
    assert WordReader(["leak*"]).tells_of_damage(["leak", "leaks", "bleak"]).tolist() == [True, True, False]


def test_characters_of_a_pattern_are_taken_as_they_are():
    assert WordReader(["a.b", "(c"]).tells_of_damage(["axb", "a.b", "(c d"]).tolist() == [False, True, True]


@pytest.mark.parametrize("words", [[], ["", " * "]])
def test_no_words_find_nothing(words):
    assert WordReader(words).tells_of_damage(["broken", "", None]).tolist() == [False, False, False]


def test_no_texts():
    assert READER.tells_of_damage([]).tolist() == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kam besch\ufffddigt an", True),  # one byte in Latin-1
        ("kam besch\ufffd\ufffddigt an", True),  # a letter of two bytes, both lost
        ("article cass\ufffd, d\ufffd\ufffdu", True),
        ("broken, for 5 \ufffd", True),
        ("sch\ufffdn, nicht teuer", False),
        ("un\ufffdbekannt", False),
    ],
)
def test_a_lost_letter_may_be_that_of_a_word_of_damage(text, told):
    assert WordReader(OutcomesConfig().review_words).tells_of_damage([text]).tolist() == [told]
