"""Reports of damage that name no shipment: which shipments of their product they can mean.

A report first meets, one to one, a shipment that is damaged already: a return and its review are one damage. Otherwise,
where all shipments of its window went in one package type, it damages one of them. Otherwise nobody can tell which type
broke, and one shipment of each type may be damaged by it. So no report makes a package look safer by naming nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

SAME_DAMAGE, PLACED, BOUNDED = "same_damage", "placed", "bounded"
NO_SHIPMENT_IN_WINDOW, NO_SHIPMENT_LEFT = "no_shipment_in_window", "no_shipment_left"


class Report(NamedTuple):
    """A report of damage that names no shipment.

    Attributes:
        day: When it was told, in days since 1970.
        source: Source that delivered it.
        report_id: Its identifier in that source.
    """

    day: int
    source: str
    report_id: str


class Candidate(NamedTuple):
    """A shipment of the product.

    Attributes:
        day: When it was shipped, in days since 1970.
        rank: Place in a random order, such as a hash.
        shipment_id: Its identifier.
        package_type: What it went in.
        damaged_by: Sources of the reports that damaged it; empty where none did.
        maybe: An earlier report may mean it.
    """

    day: int
    rank: int
    shipment_id: str
    package_type: str
    damaged_by: frozenset[str] = frozenset()
    maybe: bool = False


class Placement(NamedTuple):
    """What a report means.

    Attributes:
        verdict: SAME_DAMAGE, PLACED, BOUNDED, or why it is lost.
        shipments: The shipment; where BOUNDED one of each package type that has one left.
    """

    verdict: str
    shipments: tuple[str, ...]


def place(reports: Iterable[Report], shipments: Iterable[Candidate], window: int) -> list[Placement]:
    """Place the reports of one product, in order of time, source and identifier.

    Args:
        reports: Reports that name no shipment, in any order.
        shipments: Shipments of the product that they may mean, in any order.
        window: Days a customer has to report.

    Returns:
        The placements, in the sorted order of the reports.
    """
    shelves = _Shelves(shipments)
    return [shelves.place(report, window) for report in sorted(reports)]


@dataclass
class _Damaged:
    shipment_id: str
    sources: set[str]


@dataclass
class _Day:
    """Shipments of one day: by type those free and those that may be damaged, in random order; and the damaged ones."""

    types: set[str] = field(default_factory=set)
    free: dict[str, deque[tuple[int, str]]] = field(default_factory=lambda: defaultdict(deque))
    maybe: dict[str, deque[tuple[int, str]]] = field(default_factory=lambda: defaultdict(deque))
    damaged: list[_Damaged] = field(default_factory=list)
    # How many of the damaged a source has met or made, from the first on.
    met: dict[str, int] = field(default_factory=lambda: defaultdict(int))


class _Shelves:
    def __init__(self, shipments: Iterable[Candidate]) -> None:
        self._days: dict[int, _Day] = defaultdict(_Day)
        for one in sorted(shipments):
            day = self._days[one.day]
            day.types.add(one.package_type)
            if one.damaged_by:
                day.damaged.append(_Damaged(one.shipment_id, set(one.damaged_by)))
            else:
                shelf = day.maybe if one.maybe else day.free
                shelf[one.package_type].append((one.rank, one.shipment_id))
        self._order = sorted(self._days)

    def place(self, report: Report, window: int) -> Placement:
        order = self._order
        reach = order[bisect_left(order, report.day - window) : bisect_right(order, report.day)]
        days = [self._days[number] for number in reach]
        met = _meet(days, report.source)
        if met is not None:
            return Placement(SAME_DAMAGE, (met,))
        types = sorted(set().union(*(day.types for day in days)))
        if not types:
            return Placement(NO_SHIPMENT_IN_WINDOW, ())
        drawn = _damage_one(days, types[0], report.source) if len(types) == 1 else _mark_each(days, types)
        if not drawn:
            return Placement(NO_SHIPMENT_LEFT, ())
        return Placement(PLACED if len(types) == 1 else BOUNDED, tuple(drawn))


def _meet(days: Sequence[_Day], source: str) -> str | None:
    """A damaged shipment, the earliest shipped first, of which the source has not told yet."""
    for day in days:
        start = day.met[source]
        for place in range(start, len(day.damaged)):
            day.met[source] = place + 1
            one = day.damaged[place]
            if source not in one.sources:
                one.sources.add(source)
                return one.shipment_id
    return None


def _damage_one(days: Sequence[_Day], package_type: str, source: str) -> list[str]:
    # One that an earlier report may mean counts for that report too: it is taken only where no other is left.
    for shelves in ([day.free[package_type] for day in days], [day.maybe[package_type] for day in days]):
        drawn = _draw(shelves)
        if drawn is not None:
            place, (_, shipment_id) = drawn
            days[place].damaged.append(_Damaged(shipment_id, {source}))
            return [shipment_id]
    return []


def _mark_each(days: Sequence[_Day], types: Sequence[str]) -> list[str]:
    marked = []
    for package_type in types:
        drawn = _draw([day.free[package_type] for day in days])
        if drawn is not None:
            place, shipment = drawn
            days[place].maybe[package_type].append(shipment)
            marked.append(shipment[1])
    return marked


def _draw(shelves: Sequence[deque[tuple[int, str]]]) -> tuple[int, tuple[int, str]] | None:
    """Take the shipment of least rank, and tell of which day it is."""
    filled = [(shelf[0], place) for place, shelf in enumerate(shelves) if shelf]
    if not filled:
        return None
    _, place = min(filled)
    return place, shelves[place].popleft()
