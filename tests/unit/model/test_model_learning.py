from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from sklearn.metrics import roc_auc_score
from tests.unit.model.samples import random_columns, random_model, small_spec

from leastpack.config.training import ModelConfig
from leastpack.errors import ModelError
from leastpack.model.features import NUMERIC, build_features
from leastpack.model.fused import FusedModel, parameter_groups, to_batch
from leastpack.model.losses import MAX_SHIPMENTS, rate_loss, risk_loss
from leastpack.model.spec import ModelSpec

SPEC = small_spec()


def world(n: int, seed: int):
    """Products of four kinds, told by word or by photo, each saved by another attribute of its package."""
    rng = np.random.default_rng(seed)
    bends, breaks = rng.random(n) < 0.5, rng.random(n) < 0.5
    columns = {name: rng.integers(0, 60, n) for name in NUMERIC}
    columns["text"] = [f"large poster {i % 7}" if bend else f"large puzzle {i % 7}" for i, bend in enumerate(bends)]
    columns["text_vector"] = list(rng.normal(size=(n, SPEC.text_dim)))
    photos = rng.normal(size=(n, 2, SPEC.image_dim))
    photos[breaks, :, 0] += 4.0
    columns["image_vectors"] = list(photos)
    columns["marketplace"] = ["NA"] * n
    profile = rng.random((n, 3))
    need = 5.0 * bends * (0.6 - profile[:, 0]) + 5.0 * breaks * (0.6 - profile[:, 1]) - 1.0
    unsafe = rng.random(n) < 1 / (1 + np.exp(-4 * need))
    return build_features(columns, SPEC), torch.tensor(profile).float(), torch.tensor(unsafe).float()


def test_an_interaction_of_product_and_package_is_learnt_from_words_and_photos():
    torch.manual_seed(0)
    model = FusedModel(SPEC).train()
    features, profile, target = world(1500, seed=0)
    batch, void, one = to_batch(features), torch.zeros(1500), torch.ones(1500)
    optimiser = torch.optim.AdamW(parameter_groups(model, 0.01), lr=3e-3)
    for _ in range(120):
        risk, rate = model.pair_logits(model.product_vector(batch), profile, void)
        risk_sum, risk_weight = risk_loss(risk, target, one)
        rate_sum, rate_weight = rate_loss(rate, 50 * one, 5 * target, one)
        optimiser.zero_grad()
        (risk_sum / risk_weight + rate_sum / rate_weight).backward()
        optimiser.step()
    model.eval()
    features, profile, target = world(1500, seed=1)
    with torch.no_grad():
        vector = model.product_vector(to_batch(features))
        risk, rate = model.pair_logits(vector, profile, torch.zeros(1500))
        mean_profile = profile.mean(dim=0, keepdim=True).expand(1500, -1)
        product_alone, _ = model.pair_logits(vector, mean_profile, torch.zeros(1500))
        package_alone, _ = model.pair_logits(
            vector.mean(dim=0, keepdim=True).expand(1500, -1), profile, torch.zeros(1500)
        )
    assert roc_auc_score(target, risk) > 0.93
    assert roc_auc_score(target, rate) > 0.93
    assert roc_auc_score(target, risk) > max(roc_auc_score(target, x) for x in (product_alone, package_alone)) + 0.05
    assert torch.sigmoid(rate).mean().item() == pytest.approx(0.1 * target.mean().item(), rel=0.3)


def test_an_untrained_model_starts_near_the_base_rates_with_room_to_learn():
    torch.manual_seed(1)
    model = FusedModel(small_spec(dropout=0.0))
    model.set_base_rates(risk=0.2, damage_rate=0.01)
    vector = model.product_vector(to_batch(build_features(random_columns(SPEC, 200, seed=1), SPEC)))
    risk, rate = model.pair_logits(vector, torch.full((200, 3), 0.5), torch.zeros(200))
    assert torch.sigmoid(risk).mean().item() == pytest.approx(0.2, rel=0.3)
    assert torch.sigmoid(rate).mean().item() == pytest.approx(0.01, rel=0.3)
    (risk.sum() + rate.sum()).backward()
    moved = [name for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0]
    assert {name.split(".")[0] for name in moved} >= {
        "text",
        "bag",
        "images",
        "numeric",
        "marketplace",
        "enter",
        "heads",
    }


def test_every_parameter_has_a_gradient_in_every_step_photos_or_not():
    columns = random_columns(SPEC, 5, seed=1) | {
        "image_vectors": [None] * 5,
        "text": [None] * 5,
        "text_vector": [None] * 5,
    }
    model = FusedModel(SPEC)
    risk, rate = model.pair_logits(
        model.product_vector(to_batch(build_features(columns, SPEC))), torch.rand(5, 3), torch.rand(5)
    )
    (risk.sum() + rate.sum()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_absence_is_an_input_of_its_own():
    model = random_model(SPEC, seed=2)
    columns = random_columns(SPEC, 1, seed=2) | {"image_vectors": [[np.zeros(SPEC.image_dim)]], "text": ["x"]}
    with torch.no_grad():
        there = model.product_vector(to_batch(build_features(columns, SPEC)))
        gone = model.product_vector(to_batch(build_features(columns | {"image_vectors": [None]}, SPEC)))
        known = model.product_vector(to_batch(build_features(columns | {"weight_bucket": [1]}, SPEC)))
        unknown = model.product_vector(to_batch(build_features(columns | {"weight_bucket": [0]}, SPEC)))
    assert (there - gone).abs().amax() > 1e-3
    assert (known - unknown).abs().amax() > 1e-3


def test_unknown_buckets_have_a_vector_of_their_own_to_learn():
    model = FusedModel(SPEC)
    columns = random_columns(SPEC, 1, seed=2) | {name: [0] for name in NUMERIC}
    model.product_vector(to_batch(build_features(columns, SPEC))).sum().backward()
    gradient = model.numeric.project.weight.grad
    assert gradient is not None
    assert gradient.abs().sum() > 0


def test_a_telling_word_is_neither_drowned_by_a_long_text_nor_as_loud_as_alone():
    model = random_model(SPEC, seed=4)
    single, long = (torch.zeros(count, dtype=torch.long) for count in (1, 100))
    with torch.no_grad():
        norms = [model.bag(ids, torch.zeros(1, dtype=torch.long))[0].norm().item() / len(ids) for ids in (single, long)]
    assert norms[1] / norms[0] == pytest.approx(0.1, rel=1e-3)


def test_close_buckets_give_close_vectors():
    torch.manual_seed(3)
    model = FusedModel(SPEC).eval()
    columns = {name: values * 60 for name, values in random_columns(SPEC, 1, seed=3).items()}
    columns["weight_bucket"] = list(range(20, 80))
    with torch.no_grad():
        vectors = model.product_vector(to_batch(build_features(columns, SPEC)))
    steps = (vectors[1:] - vectors[:-1]).norm(dim=1)
    assert steps.max() < 0.2 * (vectors[0] - vectors[-1]).norm()


def test_losses_add_up_over_parts_and_ignore_padding():
    generator = torch.Generator().manual_seed(0)
    logit, target, weight = (torch.rand(12, generator=generator) for _ in range(3))
    n, k = torch.arange(12) * 20, torch.arange(12)
    weight[8:] = 0.0
    for loss, arguments in ((risk_loss, (logit, target)), (rate_loss, (logit, n, k))):
        whole = loss(*arguments, weight)
        parts = [loss(*(a[rows] for a in arguments), weight[rows]) for rows in (slice(0, 5), slice(5, 8))]
        torch.testing.assert_close(whole[0], parts[0][0] + parts[1][0])
        torch.testing.assert_close(whole[1], parts[0][1] + parts[1][1])


def test_rate_loss_is_least_at_k_of_n_and_caps_the_shipments():
    one = torch.ones(1)
    for n, k in ((20, 1), (5000, 250)):
        rates = torch.linspace(0.01, 0.2, 96)
        sums = torch.stack([rate_loss(torch.logit(rate)[None], n * one, k * one, one)[0] for rate in rates])
        assert rates[sums.argmin()].item() == pytest.approx(0.05, abs=0.003)
    assert rate_loss(one, 20 * one, one, one)[1].item() == pytest.approx(20 / MAX_SHIPMENTS)
    assert rate_loss(one, 5000 * one, one, one)[1].item() == 1.0
    nothing = rate_loss(one, 0 * one, 0 * one, one)
    assert nothing[0].item() == nothing[1].item() == 0.0


@pytest.mark.parametrize("values", [{"knots": [0.5]}, {"knots": [0, 0.5, 0.5]}, {"dropout": 1.0}])
def test_a_configuration_no_model_can_be_built_from_is_refused(values):
    with pytest.raises(ValidationError):
        ModelConfig(**values)


def test_spec_comes_from_the_configuration_and_survives_json():
    spec = ModelSpec.from_config(
        ModelConfig(knots=[0, 0.5, 1]),
        text_dim=384,
        image_dim=1280,
        marketplaces=["NA"],
        attributes=["seal"],
        text_encoder="t",
        image_encoder="i",
        tau=0.01,
    )
    assert spec.ramps == 2
    assert ModelSpec.from_json(spec.to_json()) == spec
    for changes in ({"knots": (0.0,)}, {"attributes": ("a", "a")}, {"tau": 0.0}, {"dropout": 1.0}, {"hidden": 1}):
        with pytest.raises(ModelError):
            small_spec(**changes)
