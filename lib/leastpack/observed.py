"""Aggregates of rows, taken while they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F

from leastpack.meter import LOADS_OF_WORKER
from leastpack.runs import Run


def observed(frame: DataFrame, names: Sequence[str], /, **others: Column) -> tuple[DataFrame, Observation]:
    """Rows without their meters' columns, and what these add up to, once the rows have been written.

    Args:
        frame: Rows with the columns of a meter.
        names: Of the meter.
        others: Further aggregates to take on the way.

    Returns:
        The rows, and an observation; its `get` waits for the write. Under Spark Connect it is empty after a write to
        Delta: who needs a count reads it back from the table, and what workers metered stays untold.
    """
    observation = Observation()
    take = {name: F.max if name == LOADS_OF_WORKER else F.sum for name in names}
    metered = [F.coalesce(one(name), F.lit(0.0)).alias(name) for name, one in take.items()]
    watched = frame.observe(observation, *metered, *[column.alias(name) for name, column in others.items()])
    return watched.drop(*names), observation


def tell(run: Run, prefix: str, metered: Mapping[str, float]) -> None:
    """Record what a stage's meter adds up to.

    Raises:
        PromiseError: A worker has loaded a model more than once in a stage.
    """
    run.expect(f"model loads of a worker beyond the first, {prefix}", rows=_again(metered), expected=0)
    for name, amount in metered.items():
        run.figure(f"{prefix}.{name}", amount)


def _again(metered: Mapping[str, float]) -> int:
    return max(0, int(metered.get(LOADS_OF_WORKER, 0)) - 1)
