"""The fused model: a product becomes one small vector, and the vector a logit for every package."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from leastpack.model.branches import BagBranch, ImageBranch, NumericBranch, TextBranch
from leastpack.model.features import NUMERIC, ProductFeatures
from leastpack.model.response import inverse_softplus, logits, ramps
from leastpack.model.spec import HEADS, ModelSpec

MARKETPLACE_WIDTH = 8
FULL_PROTECTION_LOGIT = 2.0  # what all ramps together take off the logit before anything is learnt
EMPTY_PACKAGE_LOGIT = 0.1  # what an empty package adds before anything is learnt
BASE_RATES = {"risk": 0.1, "damage_rate": 0.02}


class FusedModel(nn.Module):
    """Text, words, photos, buckets and marketplace -> small vector -> risk and damage-rate logits.

    The small vector is all the heads see of a product, so it can be cached; each head is one linear map from it to g0,
    one softplus argument a ramp, and h (see `leastpack.model.response`).

    Args:
        spec: Sizes and names.
    """

    knots: Tensor

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.spec = spec
        side = max(2, spec.hidden // 2)
        self.text = TextBranch(spec.text_dim, side)
        self.bag = BagBranch(spec.hash_buckets, spec.hash_dim)
        self.images = ImageBranch(spec.image_dim, side)
        self.numeric = NumericBranch(len(NUMERIC), side)
        # Row 0 is the unknown marketplace: no data teaches it, so it stays 0, the neutral one.
        self.marketplace = nn.Embedding(1 + len(spec.marketplaces), MARKETPLACE_WIDTH, padding_idx=0)
        flags = 3
        fused = side + spec.hash_dim + self.images.width + side + MARKETPLACE_WIDTH + flags
        self.enter = nn.Linear(fused, spec.hidden)
        self.enter_norm = nn.LayerNorm(spec.hidden)
        self.deepen = nn.Linear(spec.hidden, spec.hidden)
        self.norm = nn.LayerNorm(spec.hidden)
        self.to_vector = nn.Linear(spec.hidden, spec.vector)
        self.heads = nn.Linear(spec.vector, len(HEADS) * (spec.ramps + 2))
        self.dropout = nn.Dropout(spec.dropout)
        self.register_buffer("knots", torch.tensor(spec.knots, dtype=torch.float32), persistent=False)
        self._init_heads()

    def _init_heads(self) -> None:
        nn.init.normal_(self.marketplace.weight, std=0.1)
        nn.init.normal_(self.heads.weight, std=0.05)
        with torch.no_grad():
            self.marketplace.weight[0] = 0.0
            bias = self.heads.bias.view(len(HEADS), self.spec.ramps + 2)
            bias[:, 1:-1] = inverse_softplus(FULL_PROTECTION_LOGIT / self.spec.ramps)
            bias[:, -1] = inverse_softplus(EMPTY_PACKAGE_LOGIT)
        self.set_base_rates(**BASE_RATES)

    @torch.no_grad()
    def set_base_rates(self, risk: float, damage_rate: float) -> None:
        """Start g0 where a package of half protection has these rates; call before training, with the train split's.

        Args:
            risk: Mean target of the risk head.
            damage_rate: Damaged share of all shipments.
        """
        bias = self.heads.bias.view(len(HEADS), self.spec.ramps + 2)
        for head, rate in enumerate((risk, damage_rate)):
            clipped = min(max(rate, 1e-4), 1 - 1e-4)
            bias[head, 0] = math.log(clipped / (1 - clipped)) + FULL_PROTECTION_LOGIT / 2

    def product_vector(self, batch: dict[str, Tensor]) -> Tensor:
        """(n, vector) small vectors of a batch made by `to_batch`."""
        words, has_words = self.bag(batch["ngram_ids"], batch["ngram_offsets"])
        photos, has_photos = self.images(batch["images"], batch["image_mask"])
        has_text = batch["text_present"]
        parts = [
            self.text(batch["text"], has_text),
            words,
            photos,
            self.numeric(batch["numeric"]),
            self.marketplace(batch["marketplace"]),
            torch.stack([has_text, has_words, has_photos], dim=1).float(),
        ]
        trunk = functional.gelu(self.enter_norm(self.enter(self.dropout(torch.cat(parts, dim=1)))))
        trunk = trunk + self.dropout(functional.gelu(self.deepen(trunk)))
        vector: Tensor = self.to_vector(self.norm(trunk))
        return vector

    def head_terms(self, vector: Tensor) -> Tensor:
        """(K + 2, 2, n) for risk and damage rate: g0, the K softplus arguments of the ramps, h."""
        terms: Tensor = self.heads(vector)
        return terms.view(len(vector), len(HEADS), self.spec.ramps + 2).permute(2, 1, 0).contiguous()

    def pair_logits(self, vector: Tensor, profile: Tensor, void: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of n pairs, one package a row, as training needs them.

        Args:
            vector: (n, d) small vectors.
            profile: (n, M) protection profiles.
            void: (n,) void shares.

        Returns:
            (n,) risk logits and (n,) damage-rate logits.
        """
        risk, rate = logits(self.head_terms(vector), ramps(profile, self.knots).T[:, None, :], void)
        return risk, rate

    def matrix_logits(self, vector: Tensor, profiles: Tensor, void: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of n products in P packages, as scoring needs them.

        Args:
            vector: (n, d) small vectors.
            profiles: (P, M) protection profiles.
            void: (n, P) void shares.

        Returns:
            (n, P) risk logits and (n, P) damage-rate logits.
        """
        terms = self.head_terms(vector)[:, :, None, :]
        risk, rate = logits(terms, ramps(profiles, self.knots).T[:, None, :, None], void.T.contiguous())
        return risk.T, rate.T


def to_batch(features: ProductFeatures) -> dict[str, Tensor]:
    """The features as tensors on the same memory, for `FusedModel.product_vector`."""
    return {
        "text": torch.from_numpy(features.text),
        "text_present": torch.from_numpy(features.text_present),
        "images": torch.from_numpy(features.images),
        "image_mask": torch.from_numpy(features.image_mask),
        "ngram_ids": torch.from_numpy(features.ngram_ids),
        "ngram_offsets": torch.from_numpy(features.ngram_offsets),
        "numeric": torch.from_numpy(features.numeric),
        "marketplace": torch.from_numpy(features.marketplace),
    }


def parameter_groups(model: FusedModel, weight_decay: float) -> list[dict[str, Any]]:
    """Parameters for an optimiser, with weight decay on matrices only.

    Decay on the biases would pull the softplus arguments to 0, which is no small protection but a large one.
    """
    decayed = [p for p in model.parameters() if p.ndim >= 2]
    plain = [p for p in model.parameters() if p.ndim < 2]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]
