"""What a reader of texts is, and how languages are named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

# Stands for all languages together, and reads texts whose language nobody tells.
ANY_LANGUAGE = "*"

Flags = npt.NDArray[np.bool_]
Texts = Sequence[str | None]


class ReviewReader(Protocol):
    """Reads the texts of low-star reviews."""

    def tells_of_damage(self, texts: Texts, languages: Texts, months: Texts) -> Flags:
        """(m,) whether each text says that the product arrived damaged; false where there is no text.

        Args:
            texts: (m,) texts.
            languages: (m,) codes of their languages; None where nobody tells.
            months: (m,) month told, yyyy-MM.
        """


class LearnedReader(Protocol):
    """Says how likely it is that a review speaks of damage."""

    def probabilities(self, texts: Texts, languages: Sequence[str], months: Texts) -> npt.NDArray[np.float64]:
        """(m,) P(came back for damage) of what each review speaks of.

        Args:
            texts: (m,) texts; of none the probability is 0.
            languages: (m,) names of languages.
            months: (m,) month told, yyyy-MM.
        """


def language_name(code: str | None) -> str:
    """The language of a code without its region, as `de` of `de-AT`; ANY_LANGUAGE of none."""
    return (code or "").strip().replace("_", "-").split("-")[0].lower() or ANY_LANGUAGE
