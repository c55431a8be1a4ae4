"""Micro-batches drawn from a pool."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leastpack.training.pool import POOL, drawn
from leastpack.training.rows import Rows

KEYS = np.random.default_rng(5).integers(-(2**62), 2**62, 4_000)


def groups(keys: np.ndarray, sizes: list[int]) -> list[Rows]:
    ends = np.cumsum(sizes)
    own = np.array([f"row {key}" for key in keys], dtype=object)
    return [
        {"key": keys[end - size : end], "own": own[end - size : end]} for size, end in zip(sizes, ends, strict=True)
    ]


@given(st.lists(st.integers(1, 40), min_size=0, max_size=30), st.integers(1, 12))
def test_every_row_comes_once_whole_in_as_few_batches_as_there_can_be(sizes: list[int], size: int) -> None:
    keys = KEYS[: sum(sizes)]
    batches = list(drawn(groups(keys, sizes), size, 11))
    assert [len(batch["key"]) for batch in batches[:-1]] == [size] * (len(batches) - 1)
    assert len(batches) == -(-len(keys) // size)
    assert sorted(key for batch in batches for key in batch["key"]) == sorted(keys)
    assert all(f"row {key}" == own for batch in batches for key, own in zip(batch["key"], batch["own"], strict=True))


def test_a_batch_mixes_the_row_groups_of_the_pool() -> None:
    size = 50
    batches = list(drawn(groups(KEYS, [size] * 80), size, 11))
    home = {key: place // size for place, key in enumerate(KEYS)}
    origins = [len({home[key] for key in batch["key"]}) for batch in batches]
    assert np.mean(origins) > POOL
    places = {key: number for number, batch in enumerate(batches) for key in batch["key"]}
    waited = [places[key] - max(0, home[key] - POOL + 1) for key in KEYS]
    assert min(waited) >= 0
    assert np.mean(waited) == pytest.approx(POOL, rel=0.3)
