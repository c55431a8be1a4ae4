"""Certifies the cells of a policy together: parts of the catalog with levels of their own that share one delta.

A graphical procedure (Bretz, Maurer, Brannath and Posch 2009, Statistics in Medicine 28): a cell whose whole sequence
passes has nothing left to lose, and hands its delta on to those that are still in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leastpack.errors import InputError
from leastpack.outcomes.bounds import lower_bounds, upper_bounds
from leastpack.policy.certify import PolicyTest, last_passed
from leastpack.policy.exact import Floats, binomial_p_values, check_rate

# Parts of delta that are set aside: to contradict package types, and for each rate that was measured.
CONTRADICTION_SHARE, MEASURED_SHARE = 0.1, 0.1
# A type is shown to be sound where it breaks at most this many times alpha.
SHOWN = 2.0


@dataclass(frozen=True)
class Shares:
    """What delta is spent on; all together it is spent once.

    Attributes:
        test: For the tests of all cells: `certify_cells`.
        contradiction: For each package type at each level of each cell: `judge_types`.
        measured: For the bound of each measured rate: `observed.observed_alpha`.
    """

    test: float
    contradiction: float
    measured: float


def divide_delta(delta: float, cells: int, types: int, levels: int, rates: int = 0) -> Shares:
    """Divide the delta of an attempt, before labels.

    Args:
        delta: What the attempt may spend.
        cells: Cells that are tested together.
        types: Package types.
        levels: Most levels planned in a cell.
        rates: Measured rates that the promise is seen through: sensitivity, false alarms, reporting.

    Raises:
        InputError: delta is not between 0 and 1, or there is no cell, type or level.
    """
    check_rate("delta", delta)
    if min(cells, types, levels) < 1 or rates < 0:
        found = f"{cells}, {types}, {levels}, {rates}"
        raise InputError(
            "cells, types, levels, rates cannot be used", expected="1 or more, rates 0 or more", found=found
        )
    contradiction = CONTRADICTION_SHARE * delta / (cells * types * levels)
    rest = 1 - CONTRADICTION_SHARE - MEASURED_SHARE * rates
    return Shares(rest * delta, contradiction, MEASURED_SHARE * delta)


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
        shown: (t,) proven to break at most twice as often as promised, all types together at delta, for the level as if
            it had been fixed before labels.
        contradicted: (t,) proven to break more often than promised; such a type is withdrawn, its products stay.
    """

    upper: Floats
    shown: npt.NDArray[np.bool_]
    contradicted: npt.NDArray[np.bool_]


def judge_types(n: npt.ArrayLike, k: npt.ArrayLike, alpha: float, delta: float, tail: float) -> TypeTest:
    """Judge each package type by the drawn products that move to it.

    `shown` rejects "more than 2 alpha are unsafe" by the method of Holm (1979), and is told, not acted on.

    Args:
        n: (t,) drawn products that move to each type.
        k: (t,) of these, unsafe.
        alpha: The bound of what labels show: `observed.observed_alpha` of the promise.
        delta: Level of `shown`.
        tail: Level of `contradicted` for each type: `divide_delta`.

    Returns:
        The verdicts.

    Raises:
        InputError: alpha or delta is not between 0 and 1, or not 0 <= k <= n.
    """
    moved, unsafe = np.asarray(n, dtype=np.int64), np.asarray(k, dtype=np.int64)
    p_values = binomial_p_values(unsafe, moved, min(SHOWN * alpha, 0.999))
    check_rate("delta", delta)
    check_rate("tail", tail)
    contradicted = lower_bounds(unsafe, moved, 1 - tail) > alpha
    return TypeTest(upper_bounds(unsafe, moved, 1 - delta), _holm(p_values, delta), contradicted)


def _holm(p_values: Floats, delta: float) -> npt.NDArray[np.bool_]:
    order = np.argsort(p_values, kind="stable")
    passes = p_values[order] <= delta / (len(p_values) - np.arange(len(p_values)))
    rejected = np.zeros(len(p_values), dtype=bool)
    rejected[order] = np.cumprod(passes).astype(bool)
    return rejected
