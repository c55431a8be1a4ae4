"""What a worker tells of its own work: numbers that ride along with its rows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa

# How often one worker has loaded a model in a stage: never more than once. Its most is taken, of all else the sum.
LOADS_OF_WORKER = "loads_of_worker"
LOADS = ("load_s", "loads", LOADS_OF_WORKER)


class Meter:
    """Numbers of one task, given away with its next rows.

    Args:
        names: What is metered; each becomes a column of its own.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._totals = dict.fromkeys(names, 0.0)

    def add(self, name: str, amount: float) -> None:
        """Count something."""
        self._totals[name] += amount

    @contextmanager
    def seconds(self, name: str) -> Iterator[None]:
        """Time something."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - start)

    def columns(self, rows: int) -> dict[str, pa.Array]:
        """Everything metered since the last call, on the first of that many rows; null on the others."""
        if not rows:
            return {name: pa.nulls(0, pa.float64()) for name in self._totals}
        columns = {name: pa.array([total, *[None] * (rows - 1)], pa.float64()) for name, total in self._totals.items()}
        self._totals = dict.fromkeys(self._totals, 0.0)
        return columns


def schema(names: Sequence[str]) -> str:
    """The columns of a meter, as Spark's DDL."""
    return ", ".join(f"{name} double" for name in names)
