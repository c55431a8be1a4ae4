"""How far the reports of damage have been delivered, by marketplace.

A shipment counts once its whole return window lies before that day. Counted by the latest shipment instead, shipments
whose returns have not come yet would look undamaged.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping, Sequence

from leastpack.config.sources import Kind, SourceConfig
from leastpack.log import log

BEHIND_DAYS = 7
Ends = Mapping[tuple[str, str], datetime.date]


def watermarks(
    sources: Sequence[SourceConfig],
    last_events: Ends,
    marketplaces: Collection[str],
    as_of: datetime.date | None,
    before: Mapping[str, datetime.date] | None = None,
    unread: Collection[str] = (),
) -> dict[str, datetime.date]:
    """By marketplace, the least day up to which its open sources of returns have been delivered.

    Reviews count only where a marketplace has no source of returns; sources marked `closed` only where nothing else is
    left.

    Args:
        sources: All configured sources.
        last_events: (source, marketplace) to the day of its latest report.
        marketplaces: Marketplaces with shipments.
        as_of: The day configured for all of them; None where the sources tell.
        before: Marketplace to the day up to which it was counted before.
        unread: Sources that are not read now: whatever is configured, what they have delivered since is not known, and
            a marketplace where one of them decides stays where it was.

    Returns:
        Marketplace to day; a marketplace is missing where a source of it has delivered nothing and does not say until
        when, or where it has no source.
    """
    found: dict[str, datetime.date] = {}
    for marketplace in sorted(marketplaces):
        ends = _deciding(sources, last_events, marketplace)
        known = [end for end in ends.values() if end is not None]
        day = as_of
        if as_of is None:
            _warn(marketplace, ends, known)
            day = min(known) if ends and len(known) == len(ends) else None
        if not ends.keys().isdisjoint(unread):
            counted = (before or {}).get(marketplace)
            day = min(day, counted) if day is not None and counted is not None else None
        if day is not None:
            found[marketplace] = day
    return found


def _deciding(sources: Sequence[SourceConfig], last_events: Ends, marketplace: str) -> dict[str, datetime.date | None]:
    """Ends of the sources that decide, by name."""
    kinds: tuple[Kind, ...] = ("returns", "reviews")
    for closed in (False, True):
        for kind in kinds:
            ends = {
                source.name: source.delivered_until or last_events.get((source.name, marketplace))
                for source in sources
                if source.kind == kind and source.closed == closed and _tells_of(source, last_events, marketplace)
            }
            if ends:
                return ends
    return {}


def _tells_of(source: SourceConfig, last_events: Ends, marketplace: str) -> bool:
    if source.marketplace is not None and "marketplace" not in source.columns:
        return source.marketplace == marketplace
    # An open source of several marketplaces may have this one's reports still to deliver.
    return not source.closed or source.delivered_until is not None or (source.name, marketplace) in last_events


def _warn(marketplace: str, ends: Mapping[str, datetime.date | None], known: Sequence[datetime.date]) -> None:
    todo = "deliver them, or set `delivered_until` of the source, or `closed`"
    if not ends:
        log.warning("no source tells of damage: shipments do not count", marketplace=marketplace, todo=todo)
    for name, end in sorted(ends.items()):
        if end is None:
            log.warning(
                "a source has delivered nothing: shipments wait", source=name, marketplace=marketplace, todo=todo
            )
        elif (behind := (max(known) - end).days) > BEHIND_DAYS:
            log.warning(
                "a source ends before the others: shipments wait for it",
                source=name, marketplace=marketplace, until=str(end), days=behind, todo=todo,
            )  # fmt: skip
