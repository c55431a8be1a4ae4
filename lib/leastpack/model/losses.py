"""What the two heads are fitted to, as sums, so that any number of processes can divide by one global weight."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

MAX_SHIPMENTS = 100  # shipments at which a pair has its full say on the damage rate; more add nothing


def risk_loss(logit: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted cross-entropy of the risk head against soft targets.

    Args:
        logit: (n,) risk logits.
        target: (n,) P(damage rate > tau) in [0, 1].
        weight: (n,) weights; 0 counts for nothing.

    Returns:
        The weighted sum of the losses in nats, and the sum of the weights.
    """
    losses = functional.binary_cross_entropy_with_logits(logit, target, reduction="none")
    return (weight * losses).sum(), weight.sum()


def rate_loss(logit: Tensor, n: Tensor, k: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Binomial negative log likelihood of k damaged of n shipments, a shipment.

    A pair weighs min(n, MAX_SHIPMENTS) / MAX_SHIPMENTS: in proportion to its shipments, but capped, so that a
    best-seller does not outweigh the rest of the catalog. The cap scales k and n alike: a pair's best rate stays k / n.

    Args:
        logit: (n,) damage-rate logits.
        n: (n,) shipments; 0 weighs nothing.
        k: (n,) of these, damaged.
        weight: (n,) weights; 0 counts for nothing.

    Returns:
        The weighted sum of the losses in nats a shipment, and the sum of the weights.
    """
    shipments = n.to(logit.dtype)
    share = k.to(logit.dtype) / shipments.clamp(min=1.0)
    combined = weight * shipments.clamp(max=MAX_SHIPMENTS) / MAX_SHIPMENTS
    losses = functional.binary_cross_entropy_with_logits(logit, share, reduction="none")
    return (combined * losses).sum(), combined.sum()
