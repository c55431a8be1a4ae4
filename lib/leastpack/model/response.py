"""The logit as a function of a package: the one place that writes the formula down.

    logit = g0 - sum_m sum_b softplus(g_mb) * phi_b(a_m) + softplus(h) * void
    phi_b(a) = clip((a - k_b) / (k_{b+1} - k_b), 0, 1)

The order of protection holds exactly, float rounding included: every product and sum below is an elementwise operation
in a fixed order, and IEEE rounding is monotone, so no step can turn two packages around. A library's matrix product
gives no such guarantee, since it may add up two columns in different orders.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def ramps(profiles: Tensor, knots: Tensor) -> Tensor:
    """phi of every attribute and knot interval.

    Args:
        profiles: (..., M) protection attributes.
        knots: (B + 1,) strictly increasing.

    Returns:
        (..., M * B) in [0, 1], non-decreasing in every attribute.
    """
    rise = (profiles.unsqueeze(-1) - knots[:-1]) / (knots[1:] - knots[:-1])
    return rise.clamp(0.0, 1.0).flatten(-2)


def logits(terms: Tensor, phi: Tensor, void: Tensor) -> Tensor:
    """The formula for any number of heads, rows and packages.

    Args:
        terms: (K + 2, ...) g0, the K arguments of the ramps' softplus, h.
        phi: (K, ...) ramps.
        void: (...) share of the package left empty; the dots broadcast against each other.

    Returns:
        (...) logits; never rising in any phi, never falling in void.
    """
    weights = functional.softplus(terms[1:])
    total = terms[0]
    for place in range(phi.shape[0]):
        total = total - weights[place] * phi[place]
    return total + weights[-1] * void.clamp(0.0, 1.0)


def inverse_softplus(value: float) -> float:
    """The argument at which softplus takes `value` > 0."""
    return float(torch.log(torch.expm1(torch.tensor(value, dtype=torch.float64))))
