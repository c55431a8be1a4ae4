"""One way to compare words, for everything that looks texts up: n-grams, units, identifiers, reasons, reviews."""

from __future__ import annotations

import unicodedata


def fold(text: str) -> str:
    """A text in which case and width of letters make no difference.

    Turkish dotted and dotless i are one letter, since most texts do not say that they are Turkish.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", folded).replace("i\u0307", "i").replace("ı", "i")
