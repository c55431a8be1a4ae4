"""Certifies the cells of a policy together: parts of the catalog with levels of their own that share one delta.

A graphical procedure (Bretz, Maurer, Brannath and Posch 2009, Statistics in Medicine 28): a cell whose whole sequence
passes has nothing left to lose, and hands its delta on to those that are still in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from leastpack.errors import InputError
from leastpack.policy.certify import PolicyTest, last_passed
from leastpack.policy.exact import Counts, Floats, binomial_p_values, check_rate

# Part of delta that is set aside to contradict package types.
CONTRADICTION_SHARE = 0.1
# A type is shown to be sound where it breaks at most this many times alpha.
SHOWN = 2.0


@dataclass(frozen=True)
class CellTest:
    """A cell, tested.

    Attributes:
        test: Its counts and p-values, and the level that is certified.
        delta: What it was tested at in the end, what others handed on included.
    """

    test: PolicyTest
    delta: float


def certify_cells(tests: Mapping[str, PolicyTest], delta: float) -> dict[str, CellTest]:
    """Divide delta among cells, and hand on that of cells that passed whole.

    With probability 1 - delta no cell is certified at a level that breaks its promise, however the cells depend on
    each other.

    Args:
        tests: `certify_policy` of each cell; its own `last` does not count.
        delta: For all cells together.

    Returns:
        Every cell with the level that is certified and the delta that it took.

    Raises:
        InputError: delta is not between 0 and 1, or there is no cell.
    """
    check_rate("delta", delta)
    if not tests:
        raise InputError("tests cannot be used", expected="one cell or more", found="none")
    found: dict[str, CellTest] = {}
    share, left = delta / len(tests), dict(tests)
    while left:
        whole = [name for name, one in left.items() if last_passed(one.p_values, share) == len(one.p_values) - 1]
        for name in whole or list(left):
            one = left.pop(name)
            place = last_passed(one.p_values, share)
            found[name] = CellTest(PolicyTest(one.n, one.k, one.p_values, place), share)
        if whole and left:
            share += share * len(whole) / len(left)
    return {name: found[name] for name in tests}


@dataclass(frozen=True)
class TypeTest:
    """What labels say of the package types among the products that move, at the certified level.

    Attributes:
        upper: (t,) bounds of the unsafe share, each at the whole delta.
        shown: (t,) proven to break at most twice as often as promised, all types together at delta.
        contradicted: (t,) proven to break more often than promised; such a type is withdrawn, its products stay.
    """

    upper: Floats
    shown: npt.NDArray[np.bool_]
    contradicted: npt.NDArray[np.bool_]


def judge_types(n: npt.ArrayLike, k: npt.ArrayLike, alpha: float, delta: float, levels: int) -> TypeTest:
    """Judge each package type by the drawn products that move to it.

    `shown` rejects "more than 2 alpha are unsafe" by the method of Holm (1979), and is told, not acted on. For
    `contradicted`, a tenth of delta is divided among types and levels, because the certified level was not known
    before.

    Args:
        n: (t,) drawn products that move to each type.
        k: (t,) of these, unsafe.
        alpha: The promise about all products that move.
        delta: Of the promise.
        levels: Levels planned.

    Returns:
        The verdicts.

    Raises:
        InputError: alpha or delta is not between 0 and 1, or not 0 <= k <= n.
    """
    moved, unsafe = np.asarray(n, dtype=np.int64), np.asarray(k, dtype=np.int64)
    p_values = binomial_p_values(unsafe, moved, min(SHOWN * alpha, 0.999))
    check_rate("delta", delta)
    tail = CONTRADICTION_SHARE * delta / (max(1, len(moved)) * max(1, levels))
    lower = np.where(unsafe > 0, stats.beta.ppf(tail, unsafe, moved - unsafe + 1), 0.0)
    upper = np.where(unsafe < moved, stats.beta.ppf(1 - delta, unsafe + 1, moved - unsafe), 1.0)
    return TypeTest(upper, _holm(p_values, delta), lower > alpha)


def _holm(p_values: Floats, delta: float) -> npt.NDArray[np.bool_]:
    order = np.argsort(p_values, kind="stable")
    passes = p_values[order] <= delta / (len(p_values) - np.arange(len(p_values)))
    rejected = np.zeros(len(p_values), dtype=bool)
    rejected[order] = np.cumprod(passes).astype(bool)
    return rejected


def types_of(packages: npt.ArrayLike, unsafe: npt.ArrayLike, types: int) -> tuple[Counts, Counts]:
    """Count moves by package type.

    Args:
        packages: (m,) places of the types that drawn products move to.
        unsafe: (m,) 0 or 1.
        types: t, the number of package types.

    Returns:
        (t,) moves and (t,) unsafe ones.
    """
    places, bad = np.asarray(packages, dtype=np.intp), np.asarray(unsafe, dtype=np.int64)
    return np.bincount(places, minlength=types), np.bincount(places, bad, minlength=types).astype(np.int64)
