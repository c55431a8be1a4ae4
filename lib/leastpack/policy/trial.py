"""Packages that leastpack introduced and nothing has proven yet: a product goes on to be decided from the one before.

What a product ships in is its choice of last resort whatever its risk. If that were the package of its last move, a
certificate that is revoked could not send the move back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leastpack.policy.choose import NONE, Flags, Places


@dataclass(frozen=True)
class Trials:
    """What of n products is on trial.

    Attributes:
        before: (n,) place of the package that each shipped in before leastpack moved it; NONE where it had none.
        introduced: (n, t) packages that leastpack has recommended since, unproven when it did.
    """

    before: Places
    introduced: Flags


def todays_package(shipped: Places, trials: Trials, proven: Flags) -> tuple[Places, Trials]:
    """The package that counts as today's, and the trials that go on.

    A trial goes on as long as the product ships in the package before or in an introduced one that is not proven: the
    package before then counts as today's. It ends where the package is proven, and where the retailer ships in another.

    Args:
        shipped: (n,) place of the package that each ships in; NONE where it never shipped.
        trials: As after the last decision.
        proven: (n, t) pairs proven safe.

    Returns:
        (n,) places, and the trials.
    """
    rows = np.arange(len(shipped))
    ships = shipped != NONE
    in_trial = ships & trials.introduced[rows, shipped]
    settled = in_trial & proven[rows, shipped]
    on = trials.introduced.any(axis=1) & (in_trial | (shipped == trials.before)) & ~settled
    today = np.where(on, trials.before, shipped)
    return today, Trials(np.where(on, trials.before, NONE), trials.introduced & on[:, None])


def trials_after(trials: Trials, today: Places, package: Places, moves: Flags) -> Trials:
    """The trials once the recommendations go out: each package that a product moves to is on trial.

    Args:
        trials: That go on: `todays_package`.
        today: (n,) of `todays_package`.
        package: (n,) recommended packages.
        moves: (n,) the product moves.

    Returns:
        The trials.
    """
    introduced = trials.introduced.copy()
    moved = np.flatnonzero(moves)
    introduced[moved, package[moved]] = True
    return Trials(np.where(introduced.any(axis=1), today, NONE), introduced)
