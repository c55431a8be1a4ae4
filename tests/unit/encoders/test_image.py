from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from pydantic import ValidationError
from safetensors.torch import save_file

from leastpack.config.encoders import ImageEncoderConfig
from leastpack.encoders.image import ImageEncoder, image_identity, image_weights
from leastpack.errors import ModelError

SIDE = 224


TORCH = ImageEncoderConfig(engine="torch-fp32")


@pytest.fixture(scope="module", params=["torch-fp32", "openvino-fp32"])
def encoder(request: pytest.FixtureRequest) -> ImageEncoder:
    return ImageEncoder(ImageEncoderConfig(engine=request.param))


def pictures(n: int, side: int = SIDE) -> np.ndarray:
    return np.random.default_rng(n).uniform(-1, 1, (n, 3, side, side)).astype(np.float32)


def test_features_agree_with_the_plain_timm_model(encoder: ImageEncoder) -> None:
    plain = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    tensors = torch.load(image_weights(TORCH), weights_only=True)
    plain.load_state_dict(dict(zip(plain.state_dict(), tensors.values(), strict=True)))
    plain.reset_classifier(0)
    batch = pictures(3)
    with torch.inference_mode():
        expected = plain.eval()(torch.from_numpy(batch)).numpy()
    found = encoder.encode(batch)
    assert found.shape == (3, 1280)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_every_packaged_tensor_has_its_place() -> None:
    ours = timm.create_model("tf_efficientnet_lite0", pretrained=False).state_dict()
    theirs = torch.load(image_weights(TORCH), weights_only=True)
    assert [t.shape for t in theirs.values()] == [t.shape for t in ours.values()]
    assert sum(not name.endswith("num_batches_tracked") for name in ours) == 247


def test_p4_a_picture_has_the_same_vector_in_any_batch(encoder: ImageEncoder) -> None:
    batch = pictures(19)
    together = encoder.encode(batch)
    np.testing.assert_allclose(encoder.encode(batch[::-1])[::-1], together, atol=1e-4)
    np.testing.assert_allclose(encoder.encode(batch[18:]), together[18:], atol=1e-4)
    assert encoder.encode(batch[:0]).shape == (0, 1280)


def save_resnet(path: Path) -> torch.nn.Module:
    torch.manual_seed(0)
    model = timm.create_model("resnet18", pretrained=False).eval()
    save_file(model.state_dict(), path)
    return model


def test_another_timm_model_comes_with_its_own_weights_and_norm(tmp_path: Path) -> None:
    model = save_resnet(tmp_path / "resnet.safetensors")
    config = ImageEncoderConfig(
        name="resnet18", weights=str(tmp_path / "resnet.safetensors"), side=96, batch=2, engine="torch-fp32"
    )
    other = ImageEncoder(config)
    batch = pictures(3, 96)
    with torch.inference_mode():
        expected = model.forward_head(model.forward_features(torch.from_numpy(batch)), pre_logits=True).numpy()
    np.testing.assert_allclose(other.encode(batch), expected, atol=1e-4)
    assert other.mean == timm.get_pretrained_cfg("resnet18").mean
    assert other.dim == 512
    assert other.identity == image_identity(config)
    assert other.identity != image_identity(config.model_copy(update={"side": 128}))


def test_weights_of_another_model_do_not_fit(tmp_path: Path) -> None:
    save_resnet(tmp_path / "resnet.safetensors")
    with pytest.raises(ModelError, match="do not fit"):
        ImageEncoder(
            ImageEncoderConfig(name="resnet34", weights=str(tmp_path / "resnet.safetensors"), engine="torch-fp32")
        )


def test_p10_pickled_weights_are_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "weights.pth")
    with pytest.raises(ModelError, match="no safetensors"):
        ImageEncoder(ImageEncoderConfig(name="resnet18", weights=str(tmp_path / "weights.pth"), engine="torch-fp32"))


def test_an_unknown_model_is_named(tmp_path: Path) -> None:
    save_resnet(tmp_path / "resnet.safetensors")
    with pytest.raises(ModelError, match="no image encoder 'resnet18000'"):
        ImageEncoder(
            ImageEncoderConfig(name="resnet18000", weights=str(tmp_path / "resnet.safetensors"), engine="torch-fp32")
        )


@pytest.mark.parametrize("settings", [{"name": "resnet18"}, {"weights": "x.safetensors"}])
def test_weights_belong_to_timm_models_and_only_to_them(settings: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="weights"):
        ImageEncoderConfig.model_validate(settings)
