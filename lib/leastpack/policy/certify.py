"""Tests levels of a policy from strict to loose, and certifies the loosest that passes.

Learn then Test (Angelopoulos, Bates, Candes, Jordan and Lei 2021, arXiv:2110.01052) by a fixed sequence (Maurer,
Hothorn and Lehmacher 1995; Bauer 1991): every level is tested at the whole delta, in an order fixed before labels, and
the first failure ends it. To certify a level that breaks its promise, the first such level of the sequence has to pass,
which happens with probability delta at most. Each p-value holds at its own level, so the products that move at one
level need not be among those that move at the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from leastpack.errors import InputError
from leastpack.policy.betting import Bets, betting_p_value
from leastpack.policy.exact import Counts, Floats, binomial_p_values, check_rate, list_p_values

Method = Literal["betting", "exact"]
# Of the kinds of bets none wins everywhere; half the capital on each is never far from the best.
BETS: Bets = "both"


@dataclass(frozen=True)
class PolicyTest:
    """What labels say of the levels of a policy.

    Attributes:
        n: (L,) drawn products that move at each level.
        k: (L,) of these, unsafe where they move to.
        p_values: (L,) of "more than alpha of the products that move are unsafe".
        last: Place of the level that is certified; None where the first one failed or there is none.
    """

    n: Counts
    k: Counts
    p_values: Floats
    last: int | None


def certify_policy(
    moves: npt.ArrayLike,
    unsafe: npt.ArrayLike,
    alpha: float,
    delta: float,
    population: npt.ArrayLike | None = None,
    taken_out: npt.ArrayLike | None = None,
) -> PolicyTest:
    """Test the planned levels of a policy in their order.

    Args:
        moves: (L, m) whether each drawn product moves at each level, levels in the planned order.
        unsafe: (L, m) 1 where the package that it moves to is unsafe for it or its result is missing, else 0.
        alpha: At most this share of the products that move is unsafe.
        delta: Probability with which that may be wrong.
        population: (L,) products of the catalog that move at each level, for products drawn without replacement from
            a frozen list, with labels that do not err; None for draws from a catalog that goes on changing.
        taken_out: (1, m) with `population` and one level: the pairs with label 1 that leave the release. With more
            levels which of them break their promise would depend on what was found, and the sequence would not hold.

    Returns:
        Counts and p-values of all levels, and the one that is certified.

    Raises:
        InputError: alpha or delta is not between 0 and 1, a label is not 0 or 1, or shapes differ.
    """
    check_rate("delta", delta)
    moved, labels = np.asarray(moves, dtype=bool), np.asarray(unsafe)
    if moved.shape != labels.shape or moved.ndim != 2:
        raise InputError("labels cannot be used", expected=f"shape {moved.shape}", found=f"shape {labels.shape}")
    if not np.isin(labels[moved], (0, 1)).all():
        raise InputError("labels cannot be used", expected="0 or 1 for every move", found="other values")
    out = np.zeros(moved.shape, dtype=bool) if taken_out is None else np.asarray(taken_out, dtype=bool)
    if taken_out is not None and (population is None or len(moved) > 1):
        raise InputError("taken_out cannot be used", expected="a list and one planned level", found="others")
    if out.shape != moved.shape or (out & ~(moved & (labels == 1))).any():
        raise InputError("taken_out cannot be used", expected="moves with label 1", found="others")
    if population is not None and np.shape(population) != moved.shape[:1]:
        raise InputError(
            "population cannot be used", expected=f"shape {moved.shape[:1]}", found=f"{np.shape(population)}"
        )
    n = moved.sum(axis=1)
    k = np.where(moved, labels, 0).sum(axis=1).astype(np.int64)
    if population is None:
        p_values = binomial_p_values(k, n, alpha)
    else:
        p_values = list_p_values(k, n, population, alpha, out.sum(axis=1))
    return PolicyTest(n, k, p_values, last_passed(p_values, delta))


def certify_shipments(
    moves: npt.ArrayLike,
    k: npt.ArrayLike,
    n: npt.ArrayLike,
    first_damaged: npt.ArrayLike,
    alpha: float,
    delta: float,
    method: Method,
) -> PolicyTest:
    """Test the planned levels of a policy by trial shipments: their mean damage rate, each product counted once.

    Args:
        moves: (L, m) whether each drawn product moves at each level, levels in the planned order; products in the
            order of a random draw.
        k: (L, m) damaged shipments of the pair that it moves to.
        n: (L, m) shipments of that pair, assigned by chance; products without any are no part of the test.
        first_damaged: (L, m) whether the first of them was damaged.
        alpha: The mean damage rate is at most this.
        delta: Probability with which that may be wrong.
        method: `betting` on the rates of all shipments, or the `exact` binomial test of the first of each product;
            chosen before outcomes are known.

    Returns:
        As `certify_policy`: n counts products with shipments, k their damaged shipments.

    Raises:
        InputError: alpha or delta is not between 0 and 1, not 0 <= k <= n, shapes differ, or there is no such method.
    """
    check_rate("delta", delta)
    if method not in get_args(Method):
        raise InputError("method cannot be used", expected=" or ".join(get_args(Method)), found=str(method))
    damaged, shipped, first = (np.asarray(one, dtype=np.int64) for one in (k, n, first_damaged))
    counted = np.asarray(moves, dtype=bool) & (shipped > 0)
    if not counted.shape == damaged.shape == first.shape or counted.ndim != 2:
        raise InputError("outcomes cannot be used", expected=f"shape {counted.shape}", found=f"shape {damaged.shape}")
    products = counted.sum(axis=1)
    if method == "betting":
        rows = zip(damaged, shipped, counted, strict=True)
        found = [betting_p_value(one[of], all_[of], alpha, BETS) for one, all_, of in rows]
        p_values = np.array(found, dtype=np.float64)
    else:
        p_values = binomial_p_values(np.where(counted, first, 0).sum(axis=1), products, alpha)
    return PolicyTest(products, np.where(counted, damaged, 0).sum(axis=1), p_values, last_passed(p_values, delta))


def last_passed(p_values: Floats, delta: float) -> int | None:
    """Place of the last p-value before the first above delta; None where that is the first."""
    failed = np.flatnonzero(~(p_values <= delta))
    passed = int(failed[0]) if len(failed) else len(p_values)
    return passed - 1 if passed else None
