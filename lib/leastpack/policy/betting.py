"""A betting test of a mean: all shipments of a product count, and not one only.

Source: Waudby-Smith and Ramdas (2024), Estimating means of bounded random variables by betting, JRSS B 86, section 4.
If the mean is above alpha, a bet that multiplies capital by 1 + b (alpha - x), with 0 <= b < 1 / (1 - alpha), loses on
average or breaks even. Capital then comes to exceed 1 / delta with probability delta at most (Markov's inequality; at
any time, for draws in random order, Ville's), so 1 over the capital is a p-value.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats
from scipy.special import logsumexp

from leastpack.errors import InputError
from leastpack.policy.exact import Floats, check_rate

Bets = Literal["mixture", "plug_in", "both"]
# Fixed bets of the mixture, as parts of the largest; one near 1 wins where nothing breaks.
PARTS = np.concatenate([np.linspace(0.05, 0.95, 19), [0.99]])
LARGEST = 0.99
# What is known of mean and spread before the first product: as much as one product with half the bound.
PRIOR_PRODUCTS = 1.0
# Rates at which an upper bound is looked for.
SCANNED = 400
# How far products of one mean rate lie apart, in a plan: like a beta distribution worth so many shipments. Priors that
# `outcomes` fits to the light packages of the sample are worth 3 to 7 shipments.
CONCENTRATION = 5.0


def betting_p_value(k: npt.ArrayLike, n: npt.ArrayLike, alpha: float, bets: Bets = "mixture") -> float:
    """p-value of "the mean over products of the damage rate k / n is above alpha".

    Products must be independent, and n must not depend on the outcome. A product without a shipment is no part of the
    promise: it is about products that ship. Which bets are made is fixed before outcomes are known.

    Args:
        k: (m,) damaged shipments of each product.
        n: (m,) shipments of each product, at least 1.
        alpha: The bound.
        bets: `mixture`: equal capital on twenty fixed bets, all shipments counted at the end; the order of products
            does not matter, and their rates may differ (a product of means is largest where they are equal).
            `plug_in`: each bet from the products before it, looked at after each; valid only in the order of a random
            draw. `both`: half the capital on each, looked at after each product; in the order of a random draw too.

    Returns:
        The p-value, 1 at most.

    Raises:
        InputError: alpha is not between 0 and 1, not 0 <= k <= n with n >= 1, or there are no such bets.
    """
    if bets not in get_args(Bets):
        raise InputError("bets cannot be used", expected=" or ".join(get_args(Bets)), found=str(bets))
    check_rate("alpha", alpha)
    damaged, shipped = np.broadcast_arrays(np.asarray(k, dtype=np.float64), np.asarray(n, dtype=np.float64))
    if ((damaged < 0) | (damaged > shipped) | (shipped < 1)).any():
        raise InputError("counts cannot be used", expected="0 <= k <= n and n >= 1", found="others")
    if len(damaged) == 0:
        return 1.0
    rates = damaged / shipped
    if bets == "mixture":
        capital = float(_fixed(rates, alpha)[-1])
    elif bets == "plug_in":
        capital = float(_adapted(rates, alpha).max())
    else:
        capital = float(np.logaddexp(_fixed(rates, alpha), _adapted(rates, alpha)).max() - np.log(2))
    return float(np.exp(-max(0.0, capital)))


def betting_upper_bound(k: npt.ArrayLike, n: npt.ArrayLike, delta: float, bets: Bets = "mixture") -> float:
    """From this mean damage rate on, `betting_p_value` rejects every higher one at `delta`; 1 where it does not.

    Args:
        k: (m,) damaged shipments of each product.
        n: (m,) shipments of each product, at least 1.
        delta: Probability that the bound is wrong.
        bets: As of `betting_p_value`.

    Raises:
        InputError: As of `betting_p_value`.
    """
    check_rate("delta", delta)

    def above(alpha: float) -> float:
        return betting_p_value(k, n, alpha, bets) - delta

    # The p-value of fixed bets falls as the bound rises; of bets that adapt it may also rise a little.
    rates = np.geomspace(1e-9, 1 - 1e-9, SCANNED)
    kept = np.flatnonzero([above(float(rate)) > 0 for rate in rates])
    if not len(kept):
        return float(rates[0])
    if kept[-1] == SCANNED - 1:
        return 1.0
    return float(optimize.brentq(above, rates[kept[-1]], rates[kept[-1] + 1]))


def chance_by_betting(
    rate: npt.ArrayLike, products: npt.ArrayLike, shipments: int, alpha: float, delta: float
) -> Floats:
    """Probability that a mixture of bets rejects "the mean damage rate is above alpha", roughly.

    Products differ: most hardly ever break, and a few often do, so that fewer bets are won than at one rate for all.
    The logarithms of what the bets win are taken to be normal, and to rise and fall together.

    Args:
        rate: (m,) mean damage rates; those of single products lie around them as CONCENTRATION says.
        products: (m,) products.
        shipments: Of each.
        alpha: The bound.
        delta: Level of the test.

    Returns:
        (m,) probabilities.
    """
    damaged = np.arange(shipments + 1)
    mean_rate = np.asarray(rate, dtype=np.float64)[:, None].clip(1e-9, 1 - 1e-9)
    shapes = CONCENTRATION * mean_rate, CONCENTRATION * (1 - mean_rate)
    weight = stats.betabinom.pmf(damaged, shipments, *shapes)  # (m, s + 1)
    steps = np.log1p(np.outer(PARTS / (1 - alpha), alpha - damaged / shipments))  # (bets, s + 1)
    mean = weight @ steps.T
    spread = np.sqrt(np.maximum(weight @ (steps**2).T - mean**2, 0.0))
    count = np.asarray(products, dtype=np.float64)[:, None]
    luck = np.linspace(-5, 5, 401)
    won = (count * mean)[:, :, None] + (np.sqrt(count) * spread)[:, :, None] * luck  # (m, bets, luck)
    enough = logsumexp(won, axis=1) - np.log(len(PARTS)) >= np.log(1 / delta)
    least = np.where(enough.any(axis=1), luck[enough.argmax(axis=1)], np.inf)
    return np.asarray(stats.norm.sf(least), dtype=np.float64)


def _fixed(rates: Floats, alpha: float) -> Floats:
    """(m,) logarithm of the capital of a mixture of fixed bets after each product."""
    steps = np.log1p(np.outer(PARTS / (1 - alpha), alpha - rates))
    won: Floats = logsumexp(np.cumsum(steps, axis=1), axis=0) - np.log(len(PARTS))
    return won


def _adapted(rates: Floats, alpha: float) -> Floats:
    """(m,) logarithm of the capital of `_plug_in` bets after each product."""
    won: Floats = np.cumsum(np.log1p(_plug_in(rates, alpha) * (alpha - rates)))
    return won


def _plug_in(rates: Floats, alpha: float) -> Floats:
    """(m,) bets near the one that grows capital fastest under mean and spread of the products before."""
    before = np.arange(len(rates)) + PRIOR_PRODUCTS
    start = alpha / 2
    sums = np.concatenate([[0.0], np.cumsum(rates)[:-1]])
    squares = np.concatenate([[0.0], np.cumsum(rates**2)[:-1]])
    mean = (PRIOR_PRODUCTS * start + sums) / before
    spread = (PRIOR_PRODUCTS * start + squares) / before - mean**2
    gain = alpha - mean
    best: Floats = gain / (np.maximum(spread, 0.0) + gain**2)
    return best.clip(0.0, LARGEST / (1 - alpha))
