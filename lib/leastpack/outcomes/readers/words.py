"""Whether a review holds a word of damage."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import numpy as np

from leastpack.outcomes.readers.reader import Flags, Texts
from leastpack.words import fold

# Scripts written without spaces: a word there is found anywhere in the text.
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")

# Stands for bytes that are not UTF-8; one letter may have been several of them.
LOST_LETTER = "\N{REPLACEMENT CHARACTER}"
_NOT_ASCII = re.compile(r"\\?([^\x00-\x7f])")


class WordReader:
    """Says damage where a text contains one of a list of words.

    Case, full-width forms and ways of writing an accent make no difference. A word must stand alone, as `broken` does
    not in `unbroken`; a trailing `*` allows any ending (`damag*`). Words of scripts without spaces are found anywhere.
    It does not understand negation. A letter whose bytes were not UTF-8 may have been any letter but one of ASCII.

    Args:
        words: Words or phrases of damage, any language.
    """

    def __init__(self, words: Iterable[str]) -> None:
        patterns = sorted({_pattern(_plain(word)) for word in words if word.strip(" *")})
        self._found = re.compile("|".join(patterns)) if patterns else None
        self._found_in_broken = re.compile(_NOT_ASCII.sub(_or_lost, "|".join(patterns))) if patterns else None

    def tells_of_damage(self, texts: Texts, languages: Texts = (), months: Texts = ()) -> Flags:
        """(m,) whether each text contains a word of damage, of any language and month."""
        return np.array([text is not None and self._tells(_plain(text)) for text in texts], dtype=bool)

    def _tells(self, text: str) -> bool:
        found = self._found_in_broken if LOST_LETTER in text else self._found
        return found is not None and found.search(text) is not None


def _or_lost(letter: re.Match[str]) -> str:
    return f"(?:{letter[1]}|{LOST_LETTER}{{1,3}})"


def _plain(text: str) -> str:
    return " ".join(fold(text).split())


def _pattern(word: str) -> str:
    stem = word.rstrip("*")
    if unicodedata.name(stem[0], "").startswith(UNSPACED):
        return re.escape(stem)
    return rf"(?<!\w){re.escape(stem)}" + ("" if stem != word else r"(?!\w)")
