"""Whether a review tells of damage.

A reader of texts is one small interface, so that a learned one can take the place of the list of words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

# Scripts written without spaces: a word there is found anywhere in the text.
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")


class ReviewReader(Protocol):
    """Reads the texts of low-star reviews."""

    def tells_of_damage(self, texts: Sequence[str | None]) -> npt.NDArray[np.bool_]:
        """(m,) whether each text says that the product arrived damaged; false where there is no text."""


class WordReader:
    """Says damage where a text contains one of a list of words.

    Case, full-width forms and ways of writing an accent make no difference. A word must stand alone, as `broken` does
    not in `unbroken`; a trailing `*` allows any ending (`damag*`). Words of scripts without spaces are found anywhere.
    It does not understand negation.

    Args:
        words: Words or phrases of damage, any language.
    """

    def __init__(self, words: Iterable[str]) -> None:
        patterns = sorted({_pattern(_plain(word)) for word in words if word.strip(" *")})
        self._found = re.compile("|".join(patterns)) if patterns else None

    def tells_of_damage(self, texts: Sequence[str | None]) -> npt.NDArray[np.bool_]:
        """(m,) whether each text contains a word of damage."""
        found = self._found
        if found is None:
            return np.zeros(len(texts), dtype=bool)
        return np.array([text is not None and found.search(_plain(text)) is not None for text in texts], dtype=bool)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _pattern(word: str) -> str:
    stem = word.rstrip("*")
    if unicodedata.name(stem[0], "").startswith(UNSPACED):
        return re.escape(stem)
    return rf"(?<!\w){re.escape(stem)}" + ("" if stem != word else r"(?!\w)")
