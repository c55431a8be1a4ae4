"""Texts with signs and letters of one kind in place of their look-alikes."""

from __future__ import annotations

import unicodedata

import regex

from leastpack.words import fold

# Before compatibility forms: of these they would make an accent, or two signs of one.
_LOOKALIKE = str.maketrans(
    {**dict.fromkeys("×✕✖∗", "x"), **dict.fromkeys("‐‑‒–—―−", "-"), **dict.fromkeys("’‘′´ʹ＇", "'"),
     **dict.fromkeys("”“„″ʺ＂", '"'), "⁄": "/", "∕": "/", "、": ", ", "，": ","}
)  # fmt: skip
_VULGAR = regex.compile(r"([¼-¾⅐-⅞↉])")
# 12⁹⁹ is no 1299, and 10² no 102.
_RAISED = regex.compile(r"(?<=\p{Nd})(?=[⁰¹²³⁴-⁹])")
# Hebrew writes a sign of abbreviation between letters.
_GERSHAYIM = regex.compile(r"(?<=\p{Hebrew})[\"״](?=\p{Hebrew})")
_SPACES = regex.compile(r"[\s\p{Z}\p{Cc}\p{Cf}]+")


def plain(text: str) -> str:
    """A text to look for numbers and units in: `fold`ed, look-alikes of signs replaced, runs of spaces one space.

    A vulgar fraction stands apart from the digits before it: 7⅞ is 7 7/8. Raised digits behind others get a `^`.
    """
    text = _RAISED.sub("^", text)
    apart = _VULGAR.sub(lambda found: " " + unicodedata.normalize("NFKC", found[1]) + " ", text)
    signs = fold(apart.translate(_LOOKALIKE)).translate(_LOOKALIKE).replace("''", '"')
    return str(_SPACES.sub(" ", _GERSHAYIM.sub("", signs))).strip()
