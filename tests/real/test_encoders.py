from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import timm
import torch

from leastpack.config.encoders import ImageEncoderConfig
from leastpack.encoders.decode import decode
from leastpack.encoders.image import ImageEncoder, image_weights

PHOTOS = Path(__file__).parents[3] / "shared" / "data" / "grocery" / "images"

pytestmark = pytest.mark.skipif(not PHOTOS.is_dir(), reason="the grocery photos are not beside the repository")

# ImageNet's number of what is on the photo.
CLASSES = {"Granny-Smith": 948, "Pineapple": 953, "Banana": 954, "Orange": 950, "Lemon": 951, "Pomegranate": 957}


def photos(name: str) -> np.ndarray:
    return np.stack([decode(path.read_bytes()) for path in sorted(PHOTOS.glob(f"{name}_*.jpg"))])


def test_the_packaged_weights_recognise_fruit() -> None:
    """They can only if every tensor landed in its place, and colours and scale are right."""
    model = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    tensors = torch.load(image_weights(ImageEncoderConfig()), weights_only=True)
    model.load_state_dict(dict(zip(model.state_dict(), tensors.values(), strict=True)))
    right = []
    for name, number in CLASSES.items():
        with torch.inference_mode():
            best = model(torch.from_numpy(photos(name))).topk(5).indices
        right += (best == number).any(dim=1).tolist()
    assert np.mean(right) >= 0.8


def test_photos_of_one_product_are_nearer_than_those_of_another() -> None:
    encoder = ImageEncoder(ImageEncoderConfig(engine="openvino-fp32"))
    vectors = [encoder.encode(photos(name)) for name in CLASSES]
    units = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in vectors]
    same = np.mean([(u @ u.T)[~np.eye(len(u), dtype=bool)].mean() for u in units])
    other = np.mean([(units[i] @ units[j].T).mean() for i in range(len(units)) for j in range(i)])
    assert same > other + 0.2
