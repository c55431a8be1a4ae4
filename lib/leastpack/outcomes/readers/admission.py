"""Which reader speaks in which language: the one that finds most, of those that are right as often as config asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from leastpack.outcomes.readers.rates import Rates
from leastpack.outcomes.readers.reader import Flags, LearnedReader, ReviewReader, Texts, language_name

Floats = npt.NDArray[np.float64]

# P(came back for damage) from which the learned reader takes a text for damage; one of them is chosen by language.
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
CONFIDENCE = 0.95


class Speaker(StrEnum):
    """Who says what a review tells of; where either may speak, one that says damage is enough."""

    WORDS = "words"
    LEARNED = "learned"
    EITHER = "either"


@dataclass(frozen=True)
class Measured:
    """How often a reader was right about reviews of a language, none of which it was fitted on.

    Attributes:
        language: Name of the language; ANY_LANGUAGE of all together.
        speaker: The reader.
        threshold: Its threshold; 0 of the list of words.
        reviews: What it took for damage.
    """

    language: str
    speaker: Speaker
    threshold: float
    reviews: Rates


@dataclass(frozen=True)
class Choice:
    """Who speaks in a language.

    Attributes:
        speaker: The reader.
        threshold: Its threshold; 0 of the list of words.
        is_proven: Whether it is proven to be right often enough.
        missed: Reviews of what came back for damage that the list of words finds beyond those that it finds.
    """

    speaker: Speaker
    threshold: float = 0.0
    is_proven: bool = False
    missed: int = 0


def choose_speakers(
    measured: Iterable[Measured], precision: float, reporting: tuple[float, float]
) -> dict[str, Choice]:
    """Choose by language.

    A reader is proven where its precision is at least `precision`, all readers and thresholds of a language together
    with confidence CONFIDENCE (Bonferroni). Of these the one speaks that finds most of what came back for damage. Where
    none is proven the list of words speaks, as it did before anything was measured. That few of what it takes for
    damage came back never silences it: the share of damages that come back may be far below `reporting`, which covers
    what reviews alone tell of too.

    Args:
        measured: What was measured.
        precision: Share of what counts that must be damage.
        reporting: Lowest and highest share of the damages that are reported; the highest is the cautious one.

    Returns:
        Language to choice.
    """
    by_language: dict[str, list[Measured]] = {}
    for one in measured:
        by_language.setdefault(one.language, []).append(one)
    return {language: _choose(ones, precision, reporting) for language, ones in sorted(by_language.items())}


def _choose(ones: Sequence[Measured], precision: float, reporting: tuple[float, float]) -> Choice:
    confidence = 1 - (1 - CONFIDENCE) / len(ones)
    proven = [one for one in ones if one.reviews.least_precision(reporting[1], confidence) >= precision]
    if not proven:
        return Choice(Speaker.WORDS)
    # Of equal ones the one that takes less for damage by mistake, then the simpler one.
    order = list(Speaker)
    best = min(proven, key=lambda one: (-one.reviews.found, one.reviews.false, order.index(one.speaker), one.threshold))
    by_words = max((one.reviews.found for one in ones if one.speaker == Speaker.WORDS), default=0)
    return Choice(best.speaker, best.threshold, True, max(0, by_words - best.reviews.found))


class AdmittedReaders:
    """The list of words and the learned reader, each where it may speak.

    In a language that nothing was measured in, the list of words speaks, as it does where nothing was ever learned.

    Args:
        words: The list of words.
        learned: The learned reader.
        choices: Language to choice.
    """

    def __init__(self, words: ReviewReader, learned: LearnedReader, choices: Mapping[str, Choice]) -> None:
        self._words, self._learned, self._choices = words, learned, dict(choices)

    def tells_of_damage(self, texts: Texts, languages: Texts, months: Texts) -> Flags:
        """(m,) whether a reader that may speak in the text's language takes it for damage."""
        names = [language_name(code) for code in languages]
        choices = [self._choices.get(name, Choice(Speaker.WORDS)) for name in names]
        found = self._words.tells_of_damage(texts, languages, months)
        by_words = found & _speaks(choices, Speaker.WORDS, Speaker.EITHER)
        asked = _speaks(choices, Speaker.LEARNED, Speaker.EITHER)
        if not asked.any():
            return by_words
        thresholds = np.array([choice.threshold for choice in choices])
        return by_words | (asked & takes_for_damage(self._learned.probabilities(texts, names, months), thresholds))


def takes_for_damage(probabilities: Floats, thresholds: Floats | float) -> Flags:
    """(m,) whether each probability reaches the threshold."""
    found: Flags = np.asarray(probabilities >= thresholds, dtype=bool)
    return found


def _speaks(choices: Sequence[Choice], *speakers: Speaker) -> Flags:
    return np.array([choice.speaker in speakers for choice in choices], dtype=bool)
