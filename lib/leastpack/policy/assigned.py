"""Past shipments whose package somebody drew by chance: which of them count, and whether they were drawn as is told."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

from leastpack.errors import InputError
from leastpack.policy.exact import Floats, check_rate

# Draws that are this improbable, all of them together, were not made as is told.
TAIL = 0.001
# A config says 0.3333333333 for a third.
ROUNDING = 1e-9


def counts(propensity: npt.ArrayLike, least: float, place: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Which draws of the chosen package count, so that every product counts with the same probability.

    A product's chosen package is drawn with its propensity p >= least, and then counts with probability least / p: with
    `least` in all. Nothing is divided by p afterwards, so that what counts is a plain sample for an exact test.

    Args:
        propensity: (m,) probability of the package that was drawn.
        least: The chosen packages have at least this one. What was drawn with a smaller one does not count: such
            products would count more rarely than others.
        place: (m,) numbers in [0, 1) by a hash that the draws do not depend on.

    Returns:
        (m,) truth values.

    Raises:
        InputError: A propensity is no probability above 0, or `least` is not between 0 and 1.
    """
    check_rate("least", least)
    drawn = np.asarray(propensity, dtype=np.float64)
    if not ((drawn > 0) & (drawn <= 1)).all():
        wrong = drawn[~((drawn > 0) & (drawn <= 1))]
        raise InputError("propensity cannot be used", expected="above 0, and 1 at most", found=f"{wrong[:1]}")
    found: npt.NDArray[np.bool_] = (drawn >= least - ROUNDING) & (np.asarray(place, dtype=np.float64) * drawn < least)
    return found


def as_told(listed: npt.ArrayLike, counted: npt.ArrayLike, least: float) -> Floats:
    """p-values of "each listed product counts with probability `least`": two-sided, exact, without any outcome.

    Too few count where some products could not be drawn for a package, or where what was drawn did not go out and is
    not told; too many where propensities are larger than is told, as those of packages that somebody chose.

    Args:
        listed: (m,) products whose chosen package is of each kind.
        counted: (m,) of these, counted.
        least: As of `counts`.

    Returns:
        (m,) p-values.

    Raises:
        InputError: `least` is not between 0 and 1, or not 0 <= counted <= listed.
    """
    check_rate("least", least)
    n, k = np.broadcast_arrays(np.asarray(listed, dtype=np.int64), np.asarray(counted, dtype=np.int64))
    if ((k < 0) | (k > n)).any():
        raise InputError("counts cannot be used", expected="0 <= counted <= listed", found=f"{k} of {n}")
    lower, upper = stats.binom.cdf(k, n, least), stats.binom.sf(k - 1, n, least)
    return np.asarray(np.minimum(1.0, 2 * np.minimum(lower, upper)), dtype=np.float64)
