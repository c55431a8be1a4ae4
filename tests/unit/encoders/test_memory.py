"""Threads share the memory that decoding takes."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from leastpack.encoders.memory import Room


def test_never_more_is_taken_than_there_is_and_all_get_their_turn() -> None:
    room, lock, taken, most = Room(), threading.Lock(), 0, list[int]()

    def work(amount: int) -> int:
        nonlocal taken
        with room.taken(amount, 10):
            with lock:
                taken += amount
                most.append(taken)
            time.sleep(0.001)
            with lock:
                taken -= amount
        return amount

    amounts = [1 + i % 10 for i in range(200)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, amounts)) == amounts
    assert 5 < max(most) <= 10


def test_what_fails_gives_its_part_back() -> None:
    room = Room()
    for _ in range(3):
        with pytest.raises(ValueError, match="damaged"), room.taken(10, 10):
            raise ValueError("damaged")
