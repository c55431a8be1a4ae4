"""What a worker tells of its own work: numbers that ride along with its rows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa

# How often one worker has loaded a model in a stage: never more than once. Its most is taken, of all else the sum.
LOADS_OF_WORKER = "most_loads_of_a_worker"
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

    def given_away(self, name: str, rows: pa.RecordBatch, size: int) -> Iterator[pa.RecordBatch]:
        """Rows in pieces, with the meter's columns; and time how long Spark takes to come back for more.

        A worker waits while Spark does with the rows what comes next, and the time of one piece rides with the next
        one. So what a task's last piece took goes untold, and so does what waits in the pipe between the two.

        Args:
            name: What the waiting counts as.
            rows: To give away.
            size: Rows of a piece.
        """
        for start in range(0, len(rows), size):
            piece = rows.slice(start, size)
            columns = dict(zip(rows.schema.names, piece.columns, strict=True))
            metered = pa.RecordBatch.from_pydict({**columns, **self.columns(len(piece))})
            with self.seconds(name):
                yield metered


def schema(names: Sequence[str]) -> str:
    """The columns of a meter, as Spark's DDL."""
    return ", ".join(f"{name} double" for name in names)
