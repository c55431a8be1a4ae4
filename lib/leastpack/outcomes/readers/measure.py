"""Measures the list of words and the learned reader on the same labelled texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leastpack.outcomes.readers.admission import THRESHOLDS, Speaker, takes_for_damage
from leastpack.outcomes.readers.labelled import Labelled
from leastpack.outcomes.readers.learned import Fitted
from leastpack.outcomes.readers.rates import Rates, count_rates
from leastpack.outcomes.readers.reader import ANY_LANGUAGE, Flags

ALL_SOURCES = "*"
COMMENTS, REVIEWS = "comments", "reviews"
LAST_COMMENTS, LAST_REVIEWS = "last_month_comments", "last_month_reviews"


@dataclass(frozen=True)
class MeasuredRow:
    """A row of `damage_reader_rates` without its reader."""

    population: str
    source: str
    language: str
    speaker: Speaker
    threshold: float
    rates: Rates


def measure(labelled: Labelled, fitted: Fitted, by_words: Flags) -> list[MeasuredRow]:
    """Count what each reader takes for damage, by population, source and language.

    Args:
        labelled: The texts.
        fitted: What the learned reader says of texts it has not seen.
        by_words: (m,) what the list of words says.
    """
    sources, languages = np.array(labelled.sources, dtype=object), np.array(labelled.languages, dtype=object)
    rows = []
    for population, members, probabilities in _populations(labelled, fitted):
        for source in (ALL_SOURCES, *sorted(set(sources[members]))):
            of_source = members & ((sources == source) | (source == ALL_SOURCES))
            for language in (ANY_LANGUAGE, *sorted(set(languages[of_source]) - {ANY_LANGUAGE})):
                cell = of_source & ((languages == language) | (language == ANY_LANGUAGE))
                damage, words, learned = labelled.damage[cell], by_words[cell], probabilities[cell]
                for speaker, threshold, taken in _taken(words, learned):
                    counted = count_rates(taken, damage)
                    rows.append(MeasuredRow(population, source, language, speaker, threshold, counted))
    return rows


def _populations(labelled: Labelled, fitted: Fitted) -> Iterator[tuple[str, Flags, npt.NDArray[np.float64]]]:
    yield COMMENTS, ~labelled.is_review, fitted.held_out
    yield REVIEWS, labelled.is_review, fitted.held_out
    last = ~np.isnan(fitted.last_month)
    yield LAST_COMMENTS, last & ~labelled.is_review, fitted.last_month
    yield LAST_REVIEWS, last & labelled.is_review, fitted.last_month


def _taken(by_words: Flags, probabilities: npt.NDArray[np.float64]) -> Iterator[tuple[Speaker, float, Flags]]:
    yield Speaker.WORDS, 0.0, by_words
    for threshold in THRESHOLDS:
        learned = takes_for_damage(probabilities, threshold)
        yield Speaker.LEARNED, threshold, learned
        yield Speaker.EITHER, threshold, by_words | learned
