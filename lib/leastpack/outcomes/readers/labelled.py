"""What customers wrote, with what became of the shipment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leastpack.outcomes.readers.reader import Flags


@dataclass(frozen=True)
class Labelled:
    """Comments of returns for a known reason, and reviews that name a shipment which has had its time to come back.

    Attributes:
        texts: (m,) texts, none empty.
        damage: (m,) whether the shipment came back for damage.
        languages: (m,) names of languages.
        months: (m,) month told, yyyy-MM.
        sources: (m,) source that delivered the text.
        is_review: (m,) whether it is a review; else the comment of a return.
    """

    texts: Sequence[str]
    damage: Flags
    languages: Sequence[str]
    months: Sequence[str]
    sources: Sequence[str]
    is_review: Flags
