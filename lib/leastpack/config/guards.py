"""How much of a source's delivery may go wrong before the step refuses it."""

from __future__ import annotations

from pydantic import Field

from leastpack.config.base import Section, Share


class GuardsConfig(Section):
    """Largest shares that pass, each from 100 rows on; more refuses the step unless accepted. See docs/your-data.md."""

    most_quarantined: Share = Field(0.05, description="Share of the source's rows in quarantine.")
    most_deleted: Share = Field(
        0.05,
        description="Share of what is stored that a delivery deletes or delists; by month where it replaces months.",
    )
    most_damage_set_aside: Share = Field(
        0.05, description="Of returns or reviews that tell of damage, the share that no shipment can be charged with."
    )
    most_unmapped_reasons: Share = Field(
        0.05, description="Of returns, the share whose reason is in neither damage_reasons nor other_reasons."
    )


# What each kind of source can be refused for; kinds that stand here not can only fill the quarantine.
GUARDS_OF: dict[str, tuple[str, ...]] = {
    "products": ("most_quarantined", "most_deleted"),
    "product_images": ("most_quarantined", "most_deleted"),
    "tunnel": ("most_quarantined",),
    "shipments": ("most_quarantined", "most_deleted"),
    "returns": ("most_quarantined", "most_deleted", "most_damage_set_aside", "most_unmapped_reasons"),
    "reviews": ("most_quarantined", "most_deleted", "most_damage_set_aside"),
    "human_tests": ("most_quarantined", "most_deleted"),
    "rules": ("most_quarantined", "most_deleted"),
}


def guards_of(kind: str) -> tuple[str, ...]:
    """Names of the guards of a kind of source."""
    return GUARDS_OF.get(kind, ("most_quarantined",))
