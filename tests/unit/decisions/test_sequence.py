from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leastpack.decisions.sequence import Sequence, at_least_as_protective, close_upward, run_sequence
from leastpack.decisions.statistics import start_points
from leastpack.policy.exact import binomial_p_values

COUNTS = st.lists(st.tuples(st.integers(0, 120), st.floats(0, 0.3)), min_size=1, max_size=30)
ALPHA, DELTA = 0.1, 0.1


def sequence(start: int | None, last: int | None) -> Sequence:
    return Sequence(np.zeros(10, int), np.zeros(10, int), start, last)


@given(COUNTS)
def test_it_starts_with_enough_points_and_stops_at_the_first_failure(cells: list[tuple[int, float]]) -> None:
    points = np.array([n for n, _ in cells])
    bad = np.array([int(n * share) for n, share in cells])
    n, k = points.cumsum(), bad.cumsum()
    result = run_sequence(points, bad, ALPHA, DELTA)
    enough = np.flatnonzero(n >= start_points(ALPHA, DELTA))
    assert result.start == (enough[0] if len(enough) else None)
    if result.start is None:
        assert result.last is None
        return
    passed = binomial_p_values(k, n, ALPHA) <= DELTA
    if result.last is None:
        assert not passed[result.start]
    else:
        assert passed[result.start : result.last + 1].all()
        assert result.last == len(n) - 1 or not passed[result.last + 1]


def test_a_later_pass_does_not_count() -> None:
    points, bad = np.array([44, 100, 2000]), np.array([0, 60, 0])
    assert binomial_p_values(60, 2144, ALPHA) <= DELTA
    assert run_sequence(points, bad, ALPHA, DELTA).last == 0


def test_started_at_the_strictest_threshold_it_would_certify_nothing() -> None:
    points, bad = np.array([10, 10, 10, 200]), np.array([0, 0, 0, 5])
    assert binomial_p_values(0, 10, ALPHA) > DELTA
    assert run_sequence(points, bad, ALPHA, DELTA).last == 3


def test_order_of_protection() -> None:
    bag, mailer, rigid, box = [0.1, 0.1], [0.2, 0.5], [0.6, 0.2], [0.8, 0.6]
    order = at_least_as_protective([bag, mailer, rigid, box, box])
    assert order[0].tolist() == [False, True, True, True, True]
    assert order[1].tolist() == [False, False, False, True, True]
    assert order[3].tolist() == [False, False, False, False, True]


CHAIN = {"bag": frozenset({"mailer", "box"}), "mailer": frozenset({"box"}), "box": frozenset[str]()}


def test_a_threshold_is_lowered_to_that_of_the_stronger_type() -> None:
    closed = close_upward({"bag": sequence(2, 9), "mailer": sequence(1, 8), "box": sequence(0, 5)}, CHAIN)
    assert closed == {"bag": 5, "mailer": 5, "box": 5}


def test_below_its_start_nothing_is_certified() -> None:
    closed = close_upward({"bag": sequence(2, 9), "mailer": sequence(6, 8), "box": sequence(0, 5)}, CHAIN)
    assert closed == {"bag": 5, "mailer": None, "box": 5}


def test_a_stronger_type_without_a_certificate_lowers_nothing() -> None:
    closed = close_upward({"bag": sequence(2, 7), "mailer": sequence(0, None), "box": sequence(None, None)}, CHAIN)
    assert closed == {"bag": 7, "mailer": None, "box": None}


@given(
    st.lists(st.tuples(st.integers(0, 9), st.one_of(st.none(), st.integers(0, 9))), min_size=4, max_size=4),
    st.lists(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=2, max_size=2), min_size=4, max_size=4),
)
def test_closed_thresholds_rise_with_protection(
    spans: list[tuple[int, int | None]], profiles: list[list[float]]
) -> None:
    order = at_least_as_protective(profiles)
    stronger = {str(i): frozenset(str(j) for j in order[i].nonzero()[0]) for i in range(4)}
    sequences = {
        str(i): sequence(start, None if length is None else min(9, start + length))
        for i, (start, length) in enumerate(spans)
    }
    closed = close_upward(sequences, stronger)
    for name, last in closed.items():
        if last is None:
            continue
        own = sequences[name]
        assert own.start is not None
        assert own.last is not None
        assert own.start <= last <= own.last
        assert all(last <= above for other in stronger[name] if (above := closed[other]) is not None)


def test_closing_needs_the_same_types() -> None:
    with pytest.raises(KeyError):
        close_upward({"bag": sequence(0, 1)}, {})
