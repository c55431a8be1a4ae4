"""How much of each language's texts the text encoder knows, as figures of the encode step."""

from __future__ import annotations

from collections.abc import Mapping

FIGURE = "unknown_tokens."
# From here on the encoder passes over words that say what a product is.
MOST_UNKNOWN = 0.05
WHAT_TO_DO = "set encoders.text.name to a model of these languages and run encode and train again"


def unknown_tokens(figures: Mapping[str, float]) -> dict[str, float]:
    """Share of unknown tokens by language, from the figures of a run of encode."""
    return {name.removeprefix(FIGURE): share for name, share in sorted(figures.items()) if name.startswith(FIGURE)}


def poorly_read(figures: Mapping[str, float]) -> dict[str, float]:
    """The languages of which more than MOST_UNKNOWN of the tokens are unknown."""
    return {language: share for language, share in unknown_tokens(figures).items() if share > MOST_UNKNOWN}
