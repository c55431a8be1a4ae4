"""A saved model as a function: arrays in, calibrated probabilities out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from leastpack.errors import ModelError
from leastpack.model.calibration import Calibrator
from leastpack.model.directory import SavedModel, load_model
from leastpack.model.features import ProductFeatures
from leastpack.model.fused import to_batch
from leastpack.model.spec import HEADS, ModelSpec

BLOCK = 512  # products computed at once, which bounds memory for batches of any size


class Scorer:
    """Small vectors of products, and the risk and damage rate of every product in every package.

    Results do not depend on batches beyond float rounding: probabilities agree within 1e-5 whatever the batch size and
    order. Within one call of `risks` the order of protection holds exactly; between calls within that bound.

    Args:
        saved: A model directory's content.
    """

    def __init__(self, saved: SavedModel) -> None:
        self._model = saved.model
        self.calibrators: Mapping[str, Calibrator] = saved.calibrators
        self.model_version = saved.model_version
        self.spec: ModelSpec = saved.model.spec

    @classmethod
    def load(cls, directory: str | Path) -> Scorer:
        """The scorer of a model directory.

        Raises:
            ModelError: The directory is missing, damaged or of another version.
        """
        return cls(load_model(directory))

    def product_vectors(self, features: ProductFeatures) -> npt.NDArray[np.float32]:
        """(n, d) float32 small vectors of n products."""
        vectors = np.zeros((len(features), self.spec.vector), dtype=np.float32)
        with torch.inference_mode():
            for start in range(0, len(features), BLOCK):
                batch = to_batch(features.rows(start, start + BLOCK))
                vectors[start : start + BLOCK] = self._model.product_vector(batch).numpy()
        return vectors

    def risks(
        self, vectors: npt.NDArray[Any], profiles: npt.NDArray[Any], void: npt.NDArray[Any]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Calibrated risk and damage rate of n products in P packages.

        Args:
            vectors: (n, d) small vectors of this model.
            profiles: (P, M) protection profiles, attributes in the order of `spec.attributes`.
            void: (n, P) void shares, in [0, 1].

        Returns:
            (n, P) risk = P(damage rate > tau), and (n, P) expected damage rate a shipment; float64.

        Raises:
            ModelError: A shape does not fit the model, or a number is not finite.
        """
        shapes = {
            "vectors": (vectors, (len(vectors), self.spec.vector)),
            "profiles": (profiles, (len(profiles), len(self.spec.attributes))),
            "void": (void, (len(vectors), len(profiles))),
        }
        for name, (array, shape) in shapes.items():
            if array.shape != shape:
                raise ModelError(f"{name} does not fit the model", expected=f"shape {shape}", found=str(array.shape))
            if not np.isfinite(array).all():
                raise ModelError(f"{name} holds numbers that are not finite", expected="finite numbers")
        with torch.inference_mode():
            tensors = [torch.from_numpy(np.array(x, dtype=np.float32)) for x in (vectors, profiles, void)]
            logits = dict(zip(HEADS, self._model.matrix_logits(*tensors), strict=True))
        risk, rate = (self.calibrators[head].apply(logits[head].numpy()) for head in HEADS)
        return risk, rate
