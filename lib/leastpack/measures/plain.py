"""Texts with signs and letters of one kind in place of their look-alikes."""

from __future__ import annotations

import unicodedata

import regex

# Before compatibility forms: of these they would make an accent, or two signs of one.
_LOOKALIKE = str.maketrans(
    {**dict.fromkeys("×✕✖∗", "x"), **dict.fromkeys("‐‑‒–—―−", "-"), **dict.fromkeys("’‘′´ʹ＇", "'"),
     **dict.fromkeys("”“„″ʺ＂", '"'), "⁄": "/", "∕": "/", "、": ", ", "，": ","}
)  # fmt: skip
_VULGAR = regex.compile(r"\s*([¼-¾⅐-⅞↉])")
# Hebrew writes a sign of abbreviation between letters.
_GERSHAYIM = regex.compile(r"(?<=\p{Hebrew})[\"״](?=\p{Hebrew})")
_SPACES = regex.compile(r"[\s\p{Z}\p{Cc}\p{Cf}]+")


def fold(text: str) -> str:
    """A text in which case and width of letters make no difference.

    Turkish dotted and dotless i are one letter, since most texts do not say that they are Turkish.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", folded).replace("i\u0307", "i").replace("ı", "i")


def plain(text: str) -> str:
    """A text to look for numbers and units in: `fold`ed, look-alikes of signs replaced, runs of spaces one space.

    A vulgar fraction stands apart from the digits before it: 7⅞ is 7 7/8.
    """
    apart = _VULGAR.sub(lambda found: " " + unicodedata.normalize("NFKC", found[1]) + " ", text)
    signs = fold(apart.translate(_LOOKALIKE)).translate(_LOOKALIKE).replace("''", '"')
    return str(_SPACES.sub(" ", _GERSHAYIM.sub("", signs))).strip()
