from __future__ import annotations

import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from leastpack.ngrams import MAX_CHARACTERS, hashed_bags, hashed_ids

BUCKETS = 32768


def shared(one: str, other: str) -> int:
    return len(np.intersect1d(hashed_ids(one, 1 << 22), hashed_ids(other, 1 << 22)))


def test_ids_are_the_same_on_every_machine_and_version():
    assert hashed_ids("Mug", BUCKETS).tolist() == [229, 10606, 11775, 18492, 24276, 28826, 31275]
    assert hashed_ids("陶器", BUCKETS).tolist() == [15863, 16708, 28699, 32348]


def test_nothing_in_a_text_gives_nothing():
    for text in (None, "", " \n\t", "--- !!! ...", "\u3000"):
        assert hashed_ids(text, BUCKETS).tolist() == []


def test_case_width_and_punctuation_do_not_matter():
    expected = hashed_ids("glass mug 500 ml", BUCKETS).tolist()
    assert hashed_ids("GLASS, mug;  500 ml!", BUCKETS).tolist() == expected
    assert hashed_ids("ｇｌａｓｓ ｍｕｇ ５００ ㎖", BUCKETS).tolist() == expected
    assert hashed_ids("カップ", BUCKETS).tolist() == hashed_ids("ｶｯﾌﾟ", BUCKETS).tolist()


def test_a_word_gives_itself_and_its_grams_of_3_to_5_characters():
    # "mug" alone: the word; " mu", "mug", "ug "; " mug", "mug "; " mug ".
    assert len(hashed_ids("mug", 1 << 22)) == 1 + 3 + 2 + 1


def test_words_share_grams_across_inflection_and_compound():
    assert shared("porzellantasse", "porzellan") >= 10
    assert shared("porzellantasse", "rucksack") == 0


def test_japanese_words_are_found_without_spaces():
    # Han and Katakana part into words: pottery | mug, and each is found again beside other characters.
    assert shared("陶器マグカップ", "陶器") >= 1
    assert shared("おしゃれな陶器マグカップ大", "マグカップ") >= 1 + 3 + 2 + 1
    assert shared("陶器マグカップ", "木製") == 0


def test_marks_stay_in_their_word():
    # A Devanagari vowel sign is a mark, not a letter, and no boundary.
    assert len(hashed_ids("कि", 1 << 22)) == 1 + 2 + 1


def test_order_of_words_and_repetition_do_not_matter():
    assert hashed_ids("mug glass mug", BUCKETS).tolist() == hashed_ids("glass mug", BUCKETS).tolist()


def test_a_very_long_text_is_cut_and_quick():
    word = "x" * 999 + " "
    start = time.perf_counter()
    ids = hashed_ids(word * 100, BUCKETS)
    expanding = hashed_ids("ﷺ" * 100_000, BUCKETS)  # NFKC writes this one as 18 characters
    assert time.perf_counter() - start < 2.0
    assert ids.tolist() == hashed_ids((word * 100)[:MAX_CHARACTERS], BUCKETS).tolist()
    assert 0 < len(expanding) < 200


@settings(max_examples=60, deadline=None)
@given(st.lists(st.none() | st.text(max_size=60), max_size=12), st.sampled_from([1, 7, 512, 1 << 21]))
def test_many_texts_at_once_give_what_each_gives_alone(texts, buckets):
    ids, offsets = hashed_bags(texts, buckets)
    assert len(offsets) == len(texts)
    parts = np.split(ids, offsets[1:]) if texts else []
    for text, part in zip(texts, parts, strict=True):
        assert part.tolist() == hashed_ids(text, buckets).tolist()
    assert ((ids >= 0) & (ids < buckets)).all()


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=40))
def test_any_text_is_accepted_lone_surrogates_too(text):
    ids = hashed_ids(text, BUCKETS)
    assert np.array_equal(ids, np.unique(ids))
