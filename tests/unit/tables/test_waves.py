"""Buckets of a large table, a few at a time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leastpack.tables.waves import waves


@given(st.dictionaries(st.integers(0, 500), st.integers(0, 50)), st.integers(1, 100))
def test_waves_hold_every_bucket_once_in_order_and_no_more_pairs_than_one_bucket_too_many(
    pairs: dict[int, int], most: int
) -> None:
    found = list(waves(pairs, most))
    assert [bucket for wave in found for bucket in wave] == sorted(pairs)
    for wave in found:
        assert sum(pairs[bucket] for bucket in wave[:-1]) < most
    for wave in found[:-1]:
        assert sum(pairs[bucket] for bucket in wave) >= most
