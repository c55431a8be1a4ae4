"""The learned reader of damage: what it learns, what it is worth, and when it may speak."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leastpack.errors import InputError
from leastpack.outcomes.readers.admission import AdmittedReaders, Choice, Measured, Speaker, choose_speakers
from leastpack.outcomes.readers.labelled import Labelled
from leastpack.outcomes.readers.learned import fit_learned
from leastpack.outcomes.readers.measure import COMMENTS, LAST_COMMENTS, LAST_REVIEWS, REVIEWS, measure
from leastpack.outcomes.readers.rates import Rates, count_rates
from leastpack.outcomes.readers.reader import ANY_LANGUAGE, language_name
from leastpack.outcomes.readers.words import WordReader

SAID = {
    "en": {
        True: ["it came in {n} pieces", "the lid was squashed and bent {n}", "soaked and sticky, bottle {n} burst"],
        False: ["not the colour I wanted {n}", "stopped charging after {n} days", "{n} bought by mistake, none broken"],
    },
    "ja": {
        True: ["割れて届きました{n}", "中身が漏れていました{n}"],
        False: ["色が違いました{n}", "サイズが合いません{n}"],
    },
}
WORDS = WordReader(["broken", "漏れ"])


def texts(size=600, seed=3, damage_share=0.3, reviews=0.3):
    draw = np.random.default_rng(seed)
    damage = draw.random(size) < damage_share
    languages = [("en", "ja")[int(draw.random() < 0.4)] for _ in range(size)]
    written = [
        str(draw.choice(SAID[language][bool(told)])).format(n=draw.integers(1000))
        for language, told in zip(languages, damage, strict=True)
    ]
    is_review = draw.random(size) < reviews
    months = [f"2024-{1 + row % 6:02d}" for row in range(size)]
    sources = [("returns", "reviews")[int(told)] for told in is_review]
    return Labelled(written, damage, languages, months, sources, is_review)


LABELLED = texts()
FITTED = fit_learned(LABELLED)


def test_it_learns_what_returns_for_damage_say_in_any_script():
    asked = ["pieces everywhere", "wrong colour", "箱の中で割れていました", "色が好みではありません", None, ""]
    found = FITTED.learned.probabilities(asked, ["en", "en", "ja", "ja", "en", "en"], ["2024-07"] * 6)
    assert found[[0, 2]].min() > 0.5 > found[[1, 3]].max()
    assert found[[4, 5]].tolist() == [0, 0], "no text tells of nothing"


def test_probabilities_of_texts_it_has_not_seen_are_calibrated():
    noisy = texts(1000, seed=9, reviews=1.0)
    draw = np.random.default_rng(1)
    # A fifth of the reasons is wrong, so that no text is certain.
    noisy.damage[:] ^= draw.random(1000) < 0.2
    held_out = fit_learned(noisy).held_out
    for low, high in ((0.0, 0.5), (0.5, 1.0)):
        own = (held_out >= low) & (held_out < high)
        assert held_out[own].mean() == pytest.approx(noisy.damage[own].mean(), abs=0.07)


def test_what_it_has_learned_from_it_reads_as_it_was_measured():
    draw = np.random.default_rng(5)
    # Texts that no other is like can be learned by heart, with the damage that nobody sent back as none.
    fillers = [" ".join(f"{draw.integers(10_000)}x{place}" for place in range(20)) for _ in range(1200)]
    told = texts(1200, reviews=1.0)
    own = replace(told, texts=[f"{text} {filler}" for text, filler in zip(told.texts, fillers, strict=True)])
    truth = own.damage.copy()
    own.damage[:] &= draw.random(1200) < 0.6
    fitted = fit_learned(own)
    read = fitted.learned.probabilities(own.texts, own.languages, own.months)
    assert read == pytest.approx(fitted.held_out, abs=1e-4)
    kept_back, came_back = read[truth & ~own.damage], read[own.damage]
    assert kept_back.mean() == pytest.approx(came_back.mean(), abs=0.1)


def test_what_it_is_worth_is_told_by_months_it_was_not_fitted_on():
    chance = np.random.default_rng(4)
    months = [f"2024-{1 + row % 6:02d}" for row in range(1200)]
    # Each month has words of its own for nothing at all: who learns them by heart knows nothing of another month.
    by_heart = [f"m{month[-2:]}w{chance.integers(6)} m{month[-2:]}v{chance.integers(6)}" for month in months]
    damage = chance.random(1200) < 0.3
    found = fit_learned(Labelled(by_heart, damage, ["en"] * 1200, months, ["a"] * 1200, np.ones(1200, dtype=bool)))
    assert np.mean((found.held_out >= 0.3) == damage) < 0.75
    assert np.array_equal(~np.isnan(found.last_month), np.array(months) == "2024-06")


def test_the_last_month_of_reviews_is_read_by_the_months_before():
    labelled = texts()
    months = np.array(labelled.months)
    # Returns go on after the last reviews that have had their time.
    labelled.is_review[months == "2024-06"] = False
    last = months >= "2024-05"
    plain = fit_learned(labelled)
    turned = labelled.damage.copy()
    turned[last] = ~turned[last]
    other = fit_learned(replace(labelled, damage=turned))
    assert np.array_equal(~np.isnan(other.last_month), last)
    assert np.array_equal(other.last_month[last], plain.last_month[last])


def test_equal_texts_make_equal_readers_and_others_do_not():
    assert fit_learned(texts()).learned.digest == FITTED.learned.digest
    assert fit_learned(texts(seed=4)).learned.digest != FITTED.learned.digest


@pytest.mark.parametrize(
    ("damage", "months"),
    [
        ([True, False] * 20, ["2024-01"] * 40),
        ([True, False] * 20, ["2024-01", "2024-01", "2024-02", "2024-02"] * 10),
        ([True] * 20 + [False] * 20, ["2024-02"] * 20 + ["2024-01"] * 20),
        ([False] * 40, ["2024-01", "2024-02"] * 20),
    ],
)
def test_too_few_months_of_a_kind_are_refused_by_name(damage, months):
    with pytest.raises(InputError, match="too few months"):
        fit_learned(Labelled(["a"] * 40, np.array(damage), ["en"] * 40, months, ["a"] * 40, np.zeros(40, dtype=bool)))


def test_readers_are_counted_by_population_source_and_language():
    labelled = texts(300, reviews=0.4)
    rows = measure(labelled, fit_learned(labelled), WORDS.tells_of_damage(labelled.texts))
    cells = {(row.population, row.source, row.language) for row in rows}
    populations = {COMMENTS: "returns", REVIEWS: "reviews", LAST_COMMENTS: "returns", LAST_REVIEWS: "reviews"}
    for name, source in populations.items():
        assert {(name, told, language) for told in ("*", source) for language in ("*", "en", "ja")} <= cells
    of_words = [row for row in rows if row.speaker == Speaker.WORDS and row.source == "*"]
    words = {(row.population, row.language): row.rates for row in of_words}
    both = [words[name, "*"] for name in (COMMENTS, REVIEWS)]
    assert sum(one.damage + one.others for one in both) == 300
    assert words[COMMENTS, "en"].damage + words[COMMENTS, "ja"].damage == words[COMMENTS, "*"].damage
    told = zip(labelled.texts, labelled.damage, labelled.is_review, strict=True)
    assert words[REVIEWS, "*"].found == sum("漏れ" in text for text, damage, is_review in told if damage and is_review)
    assert words[COMMENTS, "en"].false > 0, "none broken"
    either = [row for row in rows if row.speaker == Speaker.EITHER and row.source == "*"]
    assert all(row.rates.found >= words[row.population, row.language].found for row in either)


def test_precision_counts_what_did_not_come_back_as_damage_by_the_share_that_does():
    rates = Rates(found=60, damage=80, false=40, others=1000)
    assert rates.precision(1.0) == pytest.approx(0.6)
    assert rates.precision(0.75) == pytest.approx(0.8)
    assert rates.precision(0.5) == 1.0
    assert Rates(0, 10, 0, 10).precision(1.0) is None


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.1, 1.0))
def test_what_is_proven_is_no_more_than_what_was_found(found, false, reporting):
    rates = Rates(found, 60, false, 60)
    assert 0 <= rates.least_precision(reporting, 0.95) <= (rates.precision(reporting) or 0.0) <= 1


def test_the_precision_that_is_told_is_that_of_the_truth():
    draw = np.random.default_rng(7)
    damaged = draw.random(200_000) < 0.1
    taken = draw.random(200_000) < np.where(damaged, 0.8, 0.02)
    came_back = damaged & (draw.random(200_000) < 0.7)
    told = count_rates(taken, came_back).precision(0.7)
    assert told == pytest.approx(damaged[taken].mean(), abs=0.02)


def one(speaker, threshold, rates, language="en"):
    return Measured(language, speaker, threshold, rates)


ALL_COME_BACK = (1.0, 1.0)
GOOD, BAD, FEW = Rates(950, 1000, 50, 10_000), Rates(980, 1000, 2_000, 10_000), Rates(9, 10, 2, 30)


def test_who_is_proven_and_finds_most_speaks():
    words, strict = one(Speaker.WORDS, 0.0, BAD), one(Speaker.LEARNED, 0.8, GOOD)
    loose = one(Speaker.LEARNED, 0.4, Rates(970, 1000, 90, 10_000))
    chosen = choose_speakers([words, strict, loose], 0.8, ALL_COME_BACK)
    assert chosen == {"en": Choice(Speaker.LEARNED, 0.4, is_proven=True, missed=10)}
    chosen = choose_speakers([words, strict, loose], 0.3, ALL_COME_BACK)
    assert chosen == {"en": Choice(Speaker.WORDS, is_proven=True)}


def test_words_speak_where_nobody_is_proven_however_little_came_back():
    doubtful = [one(Speaker.WORDS, 0.0, FEW), one(Speaker.LEARNED, 0.5, FEW)]
    assert choose_speakers(doubtful, 0.8, ALL_COME_BACK) == {"en": Choice(Speaker.WORDS)}
    wrong = [one(Speaker.WORDS, 0.0, BAD), one(Speaker.LEARNED, 0.5, BAD)]
    assert choose_speakers(wrong, 0.8, ALL_COME_BACK) == {"en": Choice(Speaker.WORDS)}


def test_what_a_strict_reader_misses_beside_the_list_is_told():
    words, strict = one(Speaker.WORDS, 0.0, BAD), one(Speaker.LEARNED, 0.8, GOOD)
    assert choose_speakers([words, strict], 0.8, ALL_COME_BACK)["en"].missed == BAD.found - GOOD.found
    loose = one(Speaker.LEARNED, 0.4, Rates(990, 1000, 50, 10_000))
    assert choose_speakers([words, loose], 0.8, ALL_COME_BACK)["en"].missed == 0


def test_of_a_reporting_rate_the_cautious_end_counts():
    told = [one(Speaker.WORDS, 0.0, Rates(700, 1000, 300, 10_000))]
    assert choose_speakers(told, 0.8, (0.7, 0.7))["en"].is_proven
    assert choose_speakers(told, 0.8, (0.7, 0.99))["en"] == Choice(Speaker.WORDS)
    assert choose_speakers(told, 0.8, (0.99, 0.99))["en"] == Choice(Speaker.WORDS)


@given(st.lists(st.sampled_from([GOOD, BAD, FEW]), min_size=1, max_size=8), st.floats(0.05, 0.95))
def test_no_proven_choice_is_below_the_precision_asked(rates, asked):
    measured = [one(Speaker.LEARNED, place / 10, rate) for place, rate in enumerate(rates)]
    (choice,) = choose_speakers(measured, asked, ALL_COME_BACK).values()
    chosen = [row for row in measured if (row.speaker, row.threshold) == (choice.speaker, choice.threshold)]
    assert all(row.reviews.precision(1.0) >= asked for row in chosen)
    assert not any(row.reviews.least_precision(1.0, 0.999) >= asked for row in measured) or choice.is_proven


def test_each_language_has_its_own_speaker_and_an_unknown_one_the_words():
    choices = {"en": Choice(Speaker.LEARNED, 0.5), "ja": Choice(Speaker.LEARNED, 1.0), "*": Choice(Speaker.EITHER, 0.5)}
    reader = AdmittedReaders(WORDS, FITTED.learned, choices)
    texts = ["none broken", "it came in 3 pieces", "漏れ", "broken", "pieces", "broken", None]
    languages = ["en-GB", "EN", "ja", "de", None, None, "en"]
    months = ["2024-07", "2024-01", *["2024-07"] * 4, None]
    assert reader.tells_of_damage(texts, languages, months).tolist() == [False, True, False, True, True, True, False]
    assert reader.tells_of_damage([], [], []).tolist() == []


@pytest.mark.parametrize(
    ("code", "name"), [("de_AT", "de"), (" EN-gb ", "en"), ("ja", "ja"), (None, ANY_LANGUAGE), (" ", ANY_LANGUAGE)]
)
def test_regions_are_no_languages(code, name):
    assert language_name(code) == name
