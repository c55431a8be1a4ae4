"""Reports of damage that name no shipment: what they mean."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leastpack.outcomes.placement import (
    BOUNDED,
    NO_SHIPMENT_IN_WINDOW,
    NO_SHIPMENT_LEFT,
    PLACED,
    SAME_DAMAGE,
    Candidate,
    Report,
    place,
)

WINDOW = 30
COUNTED = (SAME_DAMAGE, PLACED, BOUNDED)


def shipments(count, package_type="bag", day=10, **more):
    return [Candidate(day, rank, f"{package_type}{rank}", package_type, **more) for rank in range(count)]


def reports(count, source="reviews", day=20):
    return [Report(day, source, f"{number:03d}") for number in range(count)]


def verdicts(told, shipped):
    return [placement.verdict for placement in place(told, shipped, WINDOW)]


def test_four_hundred_reviews_of_four_hundred_shipments_are_four_hundred_damages():
    placed = place(reports(400), shipments(400), WINDOW)
    assert {one.verdict for one in placed} == {PLACED}
    assert len({one.shipments for one in placed}) == 400


def test_a_return_and_its_review_are_one_damage_and_a_source_tells_of_each_damage_once():
    named = shipments(1, damaged_by=frozenset({"returns"}))
    free = [Candidate(10, rank, f"free{rank}", "bag") for rank in range(1, 4)]
    # The first review meets the shipment that came back; the second cannot mean it too.
    assert verdicts(reports(2), named + free) == [SAME_DAMAGE, PLACED]
    # The source that named it does not speak of it again without a name.
    assert verdicts(reports(1, "returns"), named + free) == [PLACED]
    # Neither names a shipment: the one told later meets what the earlier one damaged.
    both = [*reports(1, "returns", day=15), *reports(1, "reviews", day=20)]
    assert verdicts(both, free) == [PLACED, SAME_DAMAGE]


def test_where_several_types_were_shipped_one_of_each_may_be_damaged():
    placed = place(reports(2), [*shipments(5), *shipments(1, "box")], WINDOW)
    assert [one.verdict for one in placed] == [BOUNDED, BOUNDED]
    assert [sorted(name.rstrip("0123456789") for name in one.shipments) for one in placed] == [["bag", "box"], ["bag"]]


def test_reports_without_a_shipment_are_lost_and_say_so():
    assert verdicts(reports(1, day=41), shipments(1)) == [NO_SHIPMENT_IN_WINDOW]
    assert verdicts(reports(1, day=9), shipments(1)) == [NO_SHIPMENT_IN_WINDOW]
    assert verdicts(reports(1, day=40), shipments(1)) == [PLACED]
    assert verdicts(reports(3), shipments(2)) == [PLACED, PLACED, NO_SHIPMENT_LEFT]


def test_a_shipment_that_may_be_damaged_is_drawn_last():
    early = [Candidate(10, 0, "maybe", "bag", maybe=True), Candidate(10, 5, "free", "bag")]
    assert [one.shipments for one in place(reports(2), early, WINDOW)] == [("free",), ("maybe",)]


DAYS = st.integers(0, 60)
TYPES = st.sampled_from(["bag", "box"])
SOURCES = st.sampled_from(["returns", "reviews"])
SHIPPED = st.lists(st.tuples(DAYS, st.integers(0, 10**6), TYPES, st.frozensets(SOURCES, max_size=1)), max_size=12)
TOLD = st.lists(st.tuples(DAYS, SOURCES), max_size=12)


@given(SHIPPED, TOLD, st.randoms())
def test_every_report_counts_once_in_each_type_it_may_mean_until_all_of_them_are_damaged(shipped, told, random):
    candidates = [Candidate(d, rank, f"s{i}", t, by) for i, (d, rank, t, by) in enumerate(shipped)]
    damaged = {one.shipment_id for one in candidates if one.damaged_by}
    given_ = sorted(Report(day, source, str(number)) for number, (day, source) in enumerate(told))
    placed = place(given_, candidates, WINDOW)
    random.shuffle(candidates)
    assert placed == place(random.sample(given_, len(given_)), candidates, WINDOW), "no order of rows matters"
    by_id = {one.shipment_id: one for one in candidates}
    certain, maybe = set(damaged), []
    for report, one in zip(given_, placed, strict=True):
        for name in one.shipments:
            assert 0 <= report.day - by_id[name].day <= WINDOW
        if one.verdict == PLACED:
            assert not set(one.shipments) & certain
            certain |= set(one.shipments)
        elif one.verdict == SAME_DAMAGE:
            assert set(one.shipments) <= certain
        elif one.verdict == BOUNDED:
            maybe += one.shipments
        reach = {c.shipment_id for c in candidates if 0 <= report.day - c.day <= WINDOW}
        if one.verdict == NO_SHIPMENT_LEFT:
            assert reach <= certain | set(maybe)
        assert (one.verdict == NO_SHIPMENT_IN_WINDOW) == (not reach)
    assert len(maybe) == len(set(maybe)), "two reports never mean the same shipment"
