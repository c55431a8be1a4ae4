"""P5: risk never rises with protection at equal or less void. Exactly, float rounding included."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.model.samples import random_columns, random_model, small_spec

from leastpack.model.calibration import MAX_SLOPE, MIN_SLOPE, Calibrator
from leastpack.model.directory import SavedModel
from leastpack.model.features import build_features
from leastpack.model.fused import FusedModel
from leastpack.model.response import ramps
from leastpack.model.scorer import Scorer

SPEC = small_spec()
MODEL = FusedModel(SPEC)


@st.composite
def ordered_packages(draw):
    """Random products' vectors, P packages, and P packages with more protection (or as much) and no more void."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, count = draw(st.integers(1, 70)), draw(st.integers(1, 20))
    size = 10.0 ** draw(st.floats(-6, 0))  # down to differences at the edge of float32
    weak = rng.random((count, len(SPEC.attributes)))
    strong = np.clip(weak + size * rng.random(weak.shape) * (rng.random(weak.shape) < 0.5), 0, 1)
    more = rng.random((n, count))
    less = np.clip(more - size * rng.random(more.shape) * (rng.random(more.shape) < 0.5), 0, 1)
    vectors = rng.normal(size=(n, SPEC.vector)) * 10.0 ** draw(st.floats(-2, 1.5))
    return vectors, weak, strong, more, less


@settings(max_examples=150, deadline=None)
@given(ordered_packages(), st.integers(0, 2**31), st.floats(-2, 1.5))
def test_p5_logits_never_rise_with_protection_for_any_weights(packages, seed, magnitude):
    vectors, weak, strong, more, less = (torch.tensor(x, dtype=torch.float32) for x in packages)
    model = random_heads(seed, 10.0**magnitude)
    with torch.no_grad():
        weak_logits = model.matrix_logits(vectors, weak, more)
        strong_logits = model.matrix_logits(vectors, strong, less)
        for low, high in zip(strong_logits, weak_logits, strict=True):
            assert torch.isfinite(low).all()
            assert (low <= high).all()
        for place in range(len(weak)):
            rows = (len(vectors), len(SPEC.attributes))
            high_pair = model.pair_logits(vectors, weak[place].expand(rows), more[:, place])
            low_pair = model.pair_logits(vectors, strong[place].expand(rows), less[:, place])
            for low, high in zip(low_pair, high_pair, strict=True):
                assert (low <= high).all()


@settings(max_examples=60, deadline=None)
@given(ordered_packages(), st.integers(0, 2**31), st.floats(MIN_SLOPE, MAX_SLOPE), st.floats(-20, 20))
def test_p5_calibrated_risks_keep_the_order(packages, seed, slope, intercept):
    vectors, weak, strong, more, less = packages
    calibrators = {"risk": Calibrator(slope, intercept), "damage_rate": Calibrator(1.0, -intercept)}
    scorer = Scorer(SavedModel(random_heads(seed, 1.0), calibrators, "v", {}, {}))
    both = scorer.risks(vectors, np.concatenate([weak, strong]), np.concatenate([more, less], axis=1))
    for probabilities in both:
        assert (probabilities[:, len(weak) :] <= probabilities[:, : len(weak)]).all()
        assert ((probabilities >= 0) & (probabilities <= 1)).all()


def test_p5_holds_from_product_fields_to_risk_and_protection_does_matter():
    scorer = Scorer(SavedModel(random_model(SPEC, 5), {h: Calibrator() for h in ("risk", "damage_rate")}, "v", {}, {}))
    vectors = scorer.product_vectors(build_features(random_columns(SPEC, 200, seed=5), SPEC))
    steps = np.linspace(0, 1, 21)
    for attribute in range(len(SPEC.attributes)):
        profiles = np.full((len(steps), len(SPEC.attributes)), 0.4)
        profiles[:, attribute] = steps
        for probabilities in scorer.risks(vectors, profiles, np.full((200, len(steps)), 0.3)):
            assert (np.diff(probabilities, axis=1) <= 0).all()
            assert (probabilities[:, 0] - probabilities[:, -1] > 1e-3).mean() > 0.3
    void = np.tile(steps, (200, 1))
    for probabilities in scorer.risks(vectors, np.full((len(steps), 3), 0.4), void):
        assert (np.diff(probabilities, axis=1) >= 0).all()


def test_ramps_are_those_of_the_formula():
    knots = torch.tensor([0.0, 0.25, 1.0])
    got = ramps(torch.tensor([[0.125, 0.25], [0.625, 1.0], [0.0, -1.0], [2.0, 0.25]]), knots)
    expected = [[0.5, 0, 1, 0], [1, 0.5, 1, 1], [0, 0, 0, 0], [1, 1, 1, 0]]
    assert got.tolist() == expected


def random_heads(seed: int, scale: float) -> FusedModel:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in MODEL.heads.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)
    return MODEL.eval()
