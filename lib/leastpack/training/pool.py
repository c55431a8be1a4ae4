"""Micro-batches drawn anew each epoch, from row groups that come in an order drawn anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from leastpack.training.draws import hashes
from leastpack.training.rows import Rows

POOL = 8
"""Micro-batches that a pool holds when one is drawn from it."""


def drawn(groups: Iterable[Rows], size: int, *salts: int | str) -> Iterator[Rows]:
    """Micro-batches of `size` rows, each drawn by hash of its rows' keys from a pool that is filled up before.

    Args:
        groups: Row groups, which go into the pool one after the other.
        size: Rows of a micro-batch; the last one may have fewer.
        *salts: What the draw is for; see `hashes`.

    Yields:
        Every row once.
    """
    pool: Rows = {}
    number = 0
    for group in groups:
        pool = {name: np.concatenate([pool[name], column]) for name, column in group.items()} if pool else group
        while len(pool["key"]) >= POOL * size:
            taken, pool = _draw(pool, size, *salts, number)
            number += 1
            yield taken
    while pool and len(pool["key"]):
        taken, pool = _draw(pool, size, *salts, number)
        number += 1
        yield taken


def _draw(pool: Rows, size: int, *salts: int | str) -> tuple[Rows, Rows]:
    order = np.argsort(hashes(pool["key"], *salts), kind="stable")
    taken, left = order[:size], order[size:]
    return {name: column[taken] for name, column in pool.items()}, {name: column[left] for name, column in pool.items()}
