"""One optimiser step: gradients of some micro-batches in this process, summed over all processes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from leastpack.model.features import hide
from leastpack.model.fused import FusedModel, to_batch
from leastpack.model.losses import rate_loss, risk_loss
from leastpack.training.draws import seed_of, uniform
from leastpack.training.rows import Batch
from leastpack.training.workers import Workers

HEADS = 2


@dataclass(frozen=True)
class Draws:
    """What the random parts of an epoch follow from, so that they do not depend on the number of processes.

    Attributes:
        seed: The training seed.
        epoch: Epoch over all phases.
        hidden_share: Probability that a product's photos are hidden, and, apart from that, its text.
    """

    seed: int
    epoch: int
    hidden_share: float

    def drop_modalities(self, batch: Batch) -> Batch:
        """Hide photos or text of some products, by hash of seed, epoch and key."""
        if not self.hidden_share:
            return batch
        text, images = (
            uniform(batch.keys, self.seed, self.epoch, what) < self.hidden_share for what in ("text", "images")
        )
        return dataclasses.replace(batch, features=hide(batch.features, text, images))

    def seed_dropout(self, number: int) -> None:
        """Seed torch for one micro-batch, so that its dropout masks are the same in whichever process it is."""
        torch.manual_seed(seed_of(self.seed, "dropout", self.epoch, number))


def take_step(
    model: FusedModel,
    optimizer: torch.optim.Optimizer,
    drawn: Sequence[tuple[int, Batch]],
    draws: Draws,
    workers: Workers,
) -> dict[str, float]:
    """Accumulate this process's micro-batches, sum over all processes, and let the optimiser move.

    The loss is a sum over pairs, divided by the weight of the whole step, so how products, pairs and weights are spread
    over micro-batches changes nothing: one process with N of them and N processes with one each take the same step.

    Args:
        model: The model, in training mode.
        optimizer: Its optimiser.
        drawn: This process's micro-batches of the step, with their numbers in the epoch; none is fine.
        draws: Modality dropout and dropout seeds.
        workers: All processes.

    Returns:
        The step's losses a head and their sum.
    """
    batches = [(number, _tensors(draws.drop_modalities(batch))) for number, batch in drawn]
    weights = workers.sum(
        "weights", sum((_weights(batch) for _, batch in batches), torch.zeros(HEADS, dtype=torch.float64))
    )
    scale = torch.where(weights > 0, 1.0 / weights.clamp(min=1e-12), 0.0).float()
    optimizer.zero_grad(set_to_none=True)
    losses = torch.zeros(HEADS)
    for number, batch in batches:
        draws.seed_dropout(number)
        parts = _losses(model, batch)[0] * scale
        parts.sum().backward()  # type: ignore[no-untyped-call]
        losses += parts.detach()
    summed = workers.sum("gradients", _flat_gradients(model, losses))
    _set_gradients(model, summed)
    optimizer.step()
    risk, rate = (float(loss) for loss in summed[-HEADS:])
    return {"loss": risk + rate, "risk_loss": risk, "damage_rate_loss": rate}


def predict(model: FusedModel, batch: Batch) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(2, p) risk and damage-rate logits of a micro-batch, without dropout; the model is in evaluation mode."""
    with torch.no_grad():
        logits = _logits(model, _tensors(batch))
    return np.stack([logit.numpy().astype(np.float64) for logit in logits])


def _tensors(batch: Batch) -> dict[str, Tensor]:
    pairs = {name: torch.from_numpy(batch.pairs[name]) for name in ("target", "weight", "n", "k", "void")}
    placed = {"product": torch.from_numpy(batch.product), "profile": torch.from_numpy(batch.profile)}
    return {**to_batch(batch.features), **pairs, **placed}


def _logits(model: FusedModel, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """(p,) logits of both heads: each product is fused once, and its vector crossed with all its pairs."""
    vectors = model.product_vector(batch).index_select(0, batch["product"])
    return model.pair_logits(vectors, batch["profile"], batch["void"])


def _losses(model: FusedModel, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    return _both(*_logits(model, batch), batch)


def _weights(batch: dict[str, Tensor]) -> Tensor:
    nothing = torch.zeros_like(batch["weight"])
    return _both(nothing, nothing, batch)[1].double()


def _both(risk: Tensor, rate: Tensor, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """(2,) summed losses and (2,) summed weights."""
    pairs = (
        risk_loss(risk, batch["target"], batch["weight"]),
        rate_loss(rate, batch["n"], batch["k"], batch["weight"]),
    )
    return torch.stack([loss for loss, _ in pairs]), torch.stack([weight for _, weight in pairs])


def _flat_gradients(model: FusedModel, losses: Tensor) -> Tensor:
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in model.parameters()]
    return torch.cat([*(gradient.reshape(-1) for gradient in gradients), losses])


def _set_gradients(model: FusedModel, flat: Tensor) -> None:
    start = 0
    for parameter in model.parameters():
        parameter.grad = flat[start : start + parameter.numel()].view_as(parameter)
        start += parameter.numel()
