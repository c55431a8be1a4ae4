"""How damage rates spread over the pairs of a package type, and what that says of a pair with few shipments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

Floats = npt.NDArray[np.float64]

# The spread of package types around all types together, in logits of the mean and logs of the concentration. One unit
# is a factor of e, about the step from one kind of package to the next; a few hundred shipments outweigh it.
TYPE_SPREAD = 1.0
# All types together start from their raw rate and a vague guess of how alike pairs are.
POOL_SPREAD = 2.0
POOL_CONCENTRATION = 20.0
# Beyond these the likelihood is flat and the numbers only overflow.
LOGIT_RANGE = (-14.0, 14.0)
LOG_CONCENTRATION_RANGE = (-3.0, 10.0)


@dataclass(frozen=True)
class BetaPrior:
    """Beta distribution of the reported damage rate over pairs.

    Attributes:
        a: First shape, the prior's damaged shipments.
        b: Second shape, the prior's sound shipments.
    """

    a: float
    b: float

    @property
    def mean(self) -> float:
        """Mean reported damage rate a pair."""
        return self.a / (self.a + self.b)

    @property
    def concentration(self) -> float:
        """a + b: how many shipments of its own a pair needs to weigh as much as the prior."""
        return self.a + self.b


def fit_pool(k: Floats, n: Floats, pairs: Floats, threshold: float) -> BetaPrior:
    """Prior over the pairs of all package types together.

    It starts from the raw rate with one damage in 1 / threshold shipments added, so that without data it leans to
    neither side of the threshold.

    Args:
        k: (m,) damaged shipments of a cell of the histogram.
        n: (m,) shipments of the cell.
        pairs: (m,) pairs with that k and n.
        threshold: tau times the reporting rate.

    Returns:
        The prior; with no pairs at all a vague one around the threshold.
    """
    rate = ((k * pairs).sum() + 1.0) / ((n * pairs).sum() + 1.0 / threshold)
    centre = np.array([special.logit(rate), np.log(POOL_CONCENTRATION)])
    return _fit(k, n, pairs, centre, POOL_SPREAD)


def fit_type(k: Floats, n: Floats, pairs: Floats, pool: BetaPrior) -> BetaPrior:
    """Prior over the pairs of one package type, drawn towards all types together where it has little data.

    The mode of the beta-binomial likelihood (Griffiths 1973, Biometrics 29) times a normal distribution of the types'
    logit mean and log concentration around the pool's: empirical Bayes with one more level (Gelman et al., Bayesian
    Data Analysis, chapter 5).

    Args:
        k: (m,) damaged shipments of a cell of the histogram.
        n: (m,) shipments of the cell.
        pairs: (m,) pairs with that k and n.
        pool: The prior over all types.

    Returns:
        The prior; with no pairs it is the pool's.
    """
    return _fit(k, n, pairs, np.array([special.logit(pool.mean), np.log(pool.concentration)]), TYPE_SPREAD)


def posterior_unsafe(
    k: npt.ArrayLike, n: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike, threshold: float
) -> Floats:
    """P(reported damage rate > threshold | k of n): the beta posterior's upper tail.

    Args:
        k: (m,) damaged shipments.
        n: (m,) shipments.
        a: (m,) or a number: first shape of the prior.
        b: (m,) or a number: second shape of the prior.
        threshold: tau times the reporting rate.

    Returns:
        (m,) probabilities.
    """
    damaged, shipped, first, second = _floats(k), _floats(n), _floats(a), _floats(b)
    return _floats(special.betaincc(first + damaged, second + shipped - damaged, threshold))


def credibility(n: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """n / (n + a + b): the share of a pair's posterior mean that comes from its own shipments (Buehlmann 1967).

    Args:
        n: (m,) shipments.
        a: (m,) or a number: first shape of the prior.
        b: (m,) or a number: second shape of the prior.

    Returns:
        (m,) in [0, 1).
    """
    shipped = _floats(n)
    share: Floats = shipped / (shipped + _floats(a) + _floats(b))
    return share


def _floats(values: npt.ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64)


def _fit(k: Floats, n: Floats, pairs: Floats, centre: Floats, spread: float) -> BetaPrior:
    def loss(theta: Floats) -> tuple[float, Floats]:
        mean, concentration = special.expit(theta[0]), np.exp(theta[1])
        a, b = mean * concentration, (1 - mean) * concentration
        pull = (theta - centre) / spread
        fit = (pairs * (special.betaln(a + k, b + n - k) - special.betaln(a, b))).sum()
        both = special.digamma(a + b) - special.digamma(a + b + n)
        by_a = (pairs * (special.digamma(a + k) - special.digamma(a) + both)).sum()
        by_b = (pairs * (special.digamma(b + n - k) - special.digamma(b) + both)).sum()
        slope = np.array([(by_a - by_b) * mean * (1 - mean) * concentration, by_a * a + by_b * b])
        return float(0.5 * (pull**2).sum() - fit), pull / spread - slope

    best = optimize.minimize(loss, centre, jac=True, method="L-BFGS-B", bounds=[LOGIT_RANGE, LOG_CONCENTRATION_RANGE]).x
    mean, concentration = float(special.expit(best[0])), float(np.exp(best[1]))
    return BetaPrior(mean * concentration, (1 - mean) * concentration)
