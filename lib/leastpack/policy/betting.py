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

Bets = Literal["mixture", "plug_in"]
# Fixed bets of the mixture, as parts of the largest; one near 1 wins where nothing breaks.
PARTS = np.concatenate([np.linspace(0.05, 0.95, 19), [0.99]])
LARGEST = 0.99
# What is known of mean and spread before the first product: as much as one product with half the bound.
PRIOR_PRODUCTS = 1.0


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
            draw.

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
        steps = np.log1p(np.outer(PARTS / (1 - alpha), alpha - rates))
        capital = float(logsumexp(steps.sum(axis=1)) - np.log(len(PARTS)))
    else:
        capital = float(np.cumsum(np.log1p(_plug_in(rates, alpha) * (alpha - rates))).max())
    return float(np.exp(-max(0.0, capital)))


def betting_upper_bound(k: npt.ArrayLike, n: npt.ArrayLike, delta: float) -> float:
    """The mean damage rate that `betting_p_value` of a mixture still rejects at `delta`; 1 where it rejects none.

    Args:
        k: (m,) damaged shipments of each product.
        n: (m,) shipments of each product, at least 1.
        delta: Probability that the bound is wrong.

    Raises:
        InputError: As of `betting_p_value`.
    """
    check_rate("delta", delta)

    def above(alpha: float) -> float:
        return betting_p_value(k, n, alpha) - delta

    least, most = 1e-9, 1 - 1e-9
    if above(most) > 0:
        return 1.0
    # The p-value falls as the bound rises.
    return float(optimize.brentq(above, least, most)) if above(least) > 0 else least


def chance_by_betting(
    rate: npt.ArrayLike, products: npt.ArrayLike, shipments: int, alpha: float, delta: float
) -> Floats:
    """Probability that a mixture of bets rejects "the mean damage rate is above alpha", roughly.

    The logarithms of what the bets win are taken to be normal, and to rise and fall together.

    Args:
        rate: (m,) mean damage rates, the same for all products of one.
        products: (m,) products.
        shipments: Of each.
        alpha: The bound.
        delta: Level of the test.

    Returns:
        (m,) probabilities.
    """
    damaged = np.arange(shipments + 1)
    weight = stats.binom.pmf(damaged, shipments, np.asarray(rate, dtype=np.float64)[:, None])  # (m, s + 1)
    steps = np.log1p(np.outer(PARTS / (1 - alpha), alpha - damaged / shipments))  # (bets, s + 1)
    mean = weight @ steps.T
    spread = np.sqrt(np.maximum(weight @ (steps**2).T - mean**2, 0.0))
    count = np.asarray(products, dtype=np.float64)[:, None]
    luck = np.linspace(-5, 5, 401)
    won = (count * mean)[:, :, None] + (np.sqrt(count) * spread)[:, :, None] * luck  # (m, bets, luck)
    enough = logsumexp(won, axis=1) - np.log(len(PARTS)) >= np.log(1 / delta)
    least = np.where(enough.any(axis=1), luck[enough.argmax(axis=1)], np.inf)
    return np.asarray(stats.norm.sf(least), dtype=np.float64)


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
