"""Warnings of Python workers: a worker has no log of its own, what it says ends in the executor's."""

from __future__ import annotations

import logging
from collections import Counter

# What breaks one product or photo may break all of them.
MOST = 5
_told: Counter[str] = Counter()


def warn(kind: str, detail: str, error: BaseException | None = None) -> None:
    """Say it, a few times a kind and worker.

    Args:
        kind: What happens.
        detail: To whom, and why.
        error: Its traceback is told too.
    """
    if _told[kind] < MOST:
        _told[kind] += 1
        logging.getLogger(__name__).warning("%s: %s", kind, detail, exc_info=error)
