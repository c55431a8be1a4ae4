"""What a Python worker loads once and keeps: encoders and models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from pyspark import TaskContext

from leastpack.meter import LOADS_OF_WORKER, Meter

Thing = TypeVar("Thing")

_kept: dict[str, tuple[str, Any]] = {}
_loads: Counter[tuple[str, str, int | None]] = Counter()


def loaded_once(kind: str, key: str, load: Callable[[], Thing], told: Meter) -> Thing:
    """The thing of this process; another one of its kind makes room for it.

    Args:
        kind: What it is; one of a kind is kept.
        key: Which one it is.
        load: Makes it.
        told: Takes the names in LOADS.
    """
    there = _kept.get(kind)
    if there is not None and there[0] == key:
        return there[1]  # type: ignore[no-any-return]
    _kept.pop(kind, None)
    with told.seconds("load_s"):
        thing = load()
    _kept[kind] = (key, thing)
    task = TaskContext.get()
    this = (kind, key, task.stageId() if task else None)
    _loads[this] += 1
    told.add("loads", 1)
    told.add(LOADS_OF_WORKER, _loads[this])
    return thing
