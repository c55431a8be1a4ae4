"""The pairs of some products of one marketplace with its package types, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leastpack.policy.market import Flags, Market, Numbers


@dataclass(frozen=True)
class Pairs:
    """The pairs of n products of one marketplace with its t package types.

    Attributes:
        scored: (n, t) whether there is a score.
        fits: (n, t) 1, 0, or NaN where the size is unknown.
        risk: (n, t).
        damage_rate: (n, t).
        void: (n, t), 0 where unknown.
        photos: (n,) whether photos stand behind the risks.
    """

    scored: Flags
    fits: Numbers
    risk: Numbers
    damage_rate: Numbers
    void: Numbers
    photos: Flags

    def candidate(self, market: Market) -> Flags:
        """(n, t) pairs that fit, have a risk and whose package is in use, so that they can be chosen."""
        found: Flags = (self.fits == 1) & ~np.isnan(self.risk) & market.in_use
        return found


def no_safer_than(broken: Flags, void: Numbers, market: Market) -> Flags:
    """Pairs that order says are no safer than a broken one.

    Args:
        broken: (n, t) pairs known to be unsafe.
        void: (n, t).
        market: The types.

    Returns:
        (n, t) pairs of which a broken one is at least as protective and leaves no more void.
    """
    found: Flags = np.zeros(broken.shape, dtype=bool)
    for strong in np.flatnonzero(broken.any(axis=0)):
        found |= broken[:, [strong]] & market.stronger[:, strong] & (void[:, [strong]] <= void)
    return found


def no_riskier_than(sound: Flags, void: Numbers, market: Market) -> Flags:
    """Pairs that order says are no riskier than a sound one.

    Args:
        sound: (n, t) pairs that may be used.
        void: (n, t).
        market: The types.

    Returns:
        (n, t) pairs that are at least as protective as a sound one and leave no more void.
    """
    found: Flags = np.zeros(sound.shape, dtype=bool)
    for weak in np.flatnonzero(sound.any(axis=0)):
        found |= sound[:, [weak]] & market.stronger[weak] & (void[:, [weak]] >= void)
    return found
