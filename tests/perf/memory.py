"""Peak memory of a Spark application's processes, by what they are, sampled while it works."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

EVERY_S = 0.2
DRIVER, DRIVER_JVM, EXECUTOR, WORKER = "driver", "driver_jvm", "executor_jvm", "python_worker"


@contextmanager
def peaks() -> Iterator[dict[str, int]]:
    """Resident bytes of this process and of those it started: the largest process of each kind, at its largest.

    Yields:
        Kind to bytes; whole when the block ends.
    """
    found: dict[str, int] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(EVERY_S):
            _sample(found)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield found
    finally:
        over.set()
        watcher.join()


def _sample(found: dict[str, int]) -> None:
    me = psutil.Process()
    for process in [me, *me.children(recursive=True)]:
        try:
            kind = DRIVER if process == me else _kind(process.cmdline())
            found[kind] = max(found.get(kind, 0), process.memory_info().rss)
        except psutil.NoSuchProcess:  # it ended meanwhile
            continue


def _kind(command: list[str]) -> str:
    words = " ".join(command)
    if "CoarseGrainedExecutorBackend" in words:
        return EXECUTOR
    return WORKER if "pyspark.daemon" in words or "pyspark/daemon" in words else DRIVER_JVM
