"""The network's inputs, one module a modality; each has a learned vector for "absent"."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

BUCKETS = 96
HAT_WIDTH = 8  # buckets between the centres of two hats: two octaves


class TextBranch(nn.Module):
    """Projects an encoder's text vector."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(inputs)
        self.project = nn.Linear(inputs, width)
        self.absent = nn.Parameter(torch.zeros(width))
        self.width = width

    def forward(self, text: Tensor, present: Tensor) -> Tensor:
        """(n, T) vectors and (n,) presence to (n, width)."""
        projected = functional.gelu(self.project(self.norm(text)))
        return torch.where(present[:, None], projected, self.absent)


class BagBranch(nn.Module):
    """Sums the vectors of hashed words and n-grams, divided by the root of their number.

    The root lies between a sum (long texts shout) and a mean (one telling word drowns in a long description).
    """

    def __init__(self, buckets: int, width: int) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(buckets, width, mode="sum")
        self.absent = nn.Parameter(torch.zeros(width))
        self.width = width
        # Small, so that n-grams never met in training say next to nothing.
        nn.init.normal_(self.bag.weight, std=0.01)

    def forward(self, ids: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
        """(total,) ids and (n,) offsets to (n, width) and (n,) presence."""
        ends = torch.cat([offsets[1:], offsets.new_full((min(1, len(offsets)),), len(ids))])
        counts = ends - offsets
        total = self.bag(ids, offsets) / counts.clamp(min=1).sqrt()[:, None]
        present = counts > 0
        return torch.where(present[:, None], total, self.absent), present


class ImageBranch(nn.Module):
    """Projects every view, then pools over however many there are: mean and maximum."""

    def __init__(self, inputs: int, view_width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(inputs)
        self.project = nn.Linear(inputs, view_width)
        self.absent = nn.Parameter(torch.zeros(2 * view_width))
        self.width = 2 * view_width

    def forward(self, images: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(n, V, I) vectors and (n, V) mask to (n, width) and (n,) presence."""
        # Only real views are computed; what padding holds is never read.
        views = functional.gelu(self.project(self.norm(images[mask])))
        spread = views.new_zeros(*mask.shape, views.shape[-1]).index_put((mask,), views)
        mean = spread.sum(dim=1) / mask.sum(dim=1).clamp(min=1)[:, None]
        highest = spread.masked_fill(~mask[..., None], float("-inf")).amax(dim=1)
        present = mask.any(dim=1)
        pooled = torch.cat([mean, highest.masked_fill(~present[:, None], 0.0)], dim=1)
        return torch.where(present[:, None], pooled, self.absent), present


class NumericBranch(nn.Module):
    """Size, weight and price buckets as straight lines and overlapping hats.

    A bucket is a quarter octave. The line carries what grows with the logarithm (and so volume and density, which are
    sums of logarithms); the hats bend it, smoothly enough for a few thousand products. An unknown bucket is a flag,
    whose weights are its learned vector.
    """

    centres: Tensor

    def __init__(self, numbers: int, width: int) -> None:
        super().__init__()
        self.register_buffer("centres", torch.arange(0, BUCKETS + 1, HAT_WIDTH, dtype=torch.float32), persistent=False)
        self.project = nn.Linear(numbers * (len(self.centres) + 2), width)
        self.width = width

    def forward(self, buckets: Tensor) -> Tensor:
        """(n, numbers) integer buckets, 0 unknown, to (n, width)."""
        known = (buckets > 0).float()[..., None]
        value = buckets.clamp(0, BUCKETS).float()[..., None]
        hats = (1.0 - (value - self.centres).abs() / HAT_WIDTH).clamp(min=0.0)
        line = (value - BUCKETS / 3) / (BUCKETS / 6)
        return functional.gelu(self.project(torch.cat([hats * known, line * known, 1.0 - known], dim=-1).flatten(1)))
