"""Several processes of a training, simulated by threads that take turns between the things they do together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor


class Together:
    """One of several simulated processes.

    Only one thread computes at a time: torch's random numbers belong to the whole process, and real processes do not
    share them.
    """

    def __init__(self, rank: int, size: int, shared: dict[str, Any]) -> None:
        self.rank, self.size, self._shared = rank, size, shared

    def sum(self, name: str, values: Tensor) -> Tensor:
        return sum(self._exchange(values.clone())[1:], start=self._exchanged[0].clone())

    def gather(self, name: str, values: np.ndarray) -> np.ndarray:
        return np.concatenate(self._exchange(values))

    def _exchange(self, values: Any) -> list[Any]:
        self._shared["values"][self.rank] = values
        self._shared["turn"].release()
        self._shared["barrier"].wait(timeout=60)
        self._exchanged = list(self._shared["values"])
        self._shared["barrier"].wait(timeout=60)
        self._shared["turn"].acquire()
        return self._exchanged


def run_together(size: int, function: Callable[[Together], Any]) -> list[Any]:
    """Run the function in `size` simulated processes and return what each returned."""
    shared = {"values": [None] * size, "turn": threading.Lock(), "barrier": threading.Barrier(size)}
    results: list[Any] = [None] * size

    def run(rank: int) -> None:
        with shared["turn"]:
            results[rank] = function(Together(rank, size, shared))

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
