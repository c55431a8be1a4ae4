from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from tests.unit.model.samples import CALIBRATORS, random_columns, random_packages, saved_model, small_spec

from leastpack.errors import ModelError
from leastpack.model.directory import load_model
from leastpack.model.features import build_features
from leastpack.model.fused import FusedModel, to_batch
from leastpack.model.scorer import BLOCK, Scorer

SPEC = small_spec()
BOUND = 1e-5


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return saved_model(tmp_path_factory.mktemp("scorer") / "model")


@pytest.fixture(scope="module")
def scorer(directory):
    return Scorer.load(directory)


@pytest.fixture(scope="module")
def model(directory):
    return load_model(directory).model


def reference_risks(model: FusedModel, vectors, profiles, void):
    """The formula of model/response.py written once more, pair by pair, in plain Python floats."""
    weight, bias = (p.detach().numpy().astype(np.float64) for p in (model.heads.weight, model.heads.bias))
    knots, answer = SPEC.knots, np.zeros((2, len(vectors), len(profiles)))
    for i, vector in enumerate(vectors.astype(np.float64)):
        terms = (weight @ vector + bias).reshape(2, -1)
        for j, profile in enumerate(profiles):
            for head, calibrator in enumerate(CALIBRATORS.values()):
                logit = terms[head, 0] + np.logaddexp(0, terms[head, -1]) * void[i, j]
                place = 1
                for a in profile:
                    for low, high in itertools.pairwise(knots):
                        logit -= np.logaddexp(0, terms[head, place]) * min(max((a - low) / (high - low), 0), 1)
                        place += 1
                answer[head, i, j] = 1 / (1 + np.exp(-(calibrator.slope * logit + calibrator.intercept)))
    return answer


@pytest.mark.parametrize("n", [1, 2, 7, 64])
def test_p4_all_packages_at_once_equal_pair_by_pair(scorer, model, n):
    vectors = scorer.product_vectors(build_features(random_columns(SPEC, n, seed=n), SPEC))
    profiles, void = random_packages(SPEC, n, 11, seed=n)
    risk, rate = scorer.risks(vectors, profiles, void)
    expected = reference_risks(model, vectors, profiles, void)
    assert risk.dtype == rate.dtype == np.float64
    np.testing.assert_allclose(risk, expected[0], rtol=0, atol=BOUND)
    np.testing.assert_allclose(rate, expected[1], rtol=0, atol=BOUND)


def test_p4_row_wise_logits_of_training_equal_those_of_scoring(model):
    n = 50
    profiles, void = random_packages(SPEC, n, 6, seed=0)
    arrays = (np.random.default_rng(0).normal(size=(n, SPEC.vector)), profiles, void)
    vectors, profiles, void = (torch.tensor(array).float() for array in arrays)
    with torch.no_grad():
        matrix = model.matrix_logits(vectors, profiles, void)
        for place in range(len(profiles)):
            rows = model.pair_logits(vectors, profiles[place].expand(n, -1), void[:, place])
            for head in range(2):
                torch.testing.assert_close(rows[head], matrix[head][:, place], rtol=0, atol=BOUND)


@pytest.mark.parametrize("size", [1, 2, 3, 17, 333, 999, 1000])
def test_p4_batch_size_does_not_matter(scorer, size):
    columns = random_columns(SPEC, 1000, seed=9)
    profiles, void = random_packages(SPEC, 1000, 9, seed=9)
    whole = np.array(scorer.risks(scorer.product_vectors(build_features(columns, SPEC)), profiles, void))
    count = 40 if size < 3 else 1000  # small batches on part of the products, to stay quick
    for start in range(0, count, size):
        part = slice(start, min(start + size, count))
        vectors = scorer.product_vectors(build_features({k: v[part] for k, v in columns.items()}, SPEC))
        np.testing.assert_allclose(
            np.array(scorer.risks(vectors, profiles, void[part])), whole[:, part], rtol=0, atol=BOUND
        )


def test_p4_order_does_not_matter(scorer):
    columns = random_columns(SPEC, 300, seed=4)
    order, packages = np.random.default_rng(4).permutation(300), np.random.default_rng(5).permutation(9)
    profiles, void = random_packages(SPEC, 300, 9, seed=4)
    straight = np.array(scorer.risks(scorer.product_vectors(build_features(columns, SPEC)), profiles, void))
    shuffled = build_features({name: [values[i] for i in order] for name, values in columns.items()}, SPEC)
    again = np.array(scorer.risks(scorer.product_vectors(shuffled), profiles[packages], void[np.ix_(order, packages)]))
    np.testing.assert_allclose(again, straight[np.ix_([0, 1], order, packages)], rtol=0, atol=BOUND)


def test_p4_odd_products_score_as_they_do_alone(scorer):
    columns = random_columns(SPEC, 6, seed=6)
    rng = np.random.default_rng(6)
    columns["text"][0], columns["text_vector"][0] = None, None
    columns["image_vectors"][1] = None
    columns["image_vectors"][2] = [rng.normal(size=SPEC.image_dim) for _ in range(50)]
    columns["text"][3] = "glass " * 17_000
    columns["text"][4] = columns["text_vector"][4] = columns["image_vectors"][4] = None
    profiles, void = random_packages(SPEC, 6, 5, seed=6)
    together = np.array(scorer.risks(scorer.product_vectors(build_features(columns, SPEC)), profiles, void))
    assert np.isfinite(together).all()
    for row in range(6):
        alone = build_features({name: [values[row]] for name, values in columns.items()}, SPEC)
        risks = np.array(scorer.risks(scorer.product_vectors(alone), profiles, void[[row]]))
        np.testing.assert_allclose(risks[:, 0], together[:, row], rtol=0, atol=BOUND)


def test_an_empty_batch_gives_empty_arrays(scorer):
    vectors = scorer.product_vectors(build_features(random_columns(SPEC, 0, seed=0), SPEC))
    risk, rate = scorer.risks(vectors, np.zeros((4, 3)), np.zeros((0, 4)))
    assert vectors.shape == (0, SPEC.vector)
    assert risk.shape == rate.shape == (0, 4)
    assert scorer.risks(np.zeros((3, SPEC.vector)), np.zeros((0, 3)), np.zeros((3, 0)))[0].shape == (3, 0)


def test_the_same_batch_gives_the_same_bits(scorer):
    features = build_features(random_columns(SPEC, BLOCK + 20, seed=8), SPEC)
    assert np.array_equal(scorer.product_vectors(features), scorer.product_vectors(features))


def test_views_are_a_set(scorer):
    photos = list(np.random.default_rng(1).normal(size=(4, SPEC.image_dim)))
    columns = {name: values * 2 for name, values in random_columns(SPEC, 1, seed=1).items()}
    columns["image_vectors"] = [photos, photos[::-1]]
    vectors = scorer.product_vectors(build_features(columns, SPEC))
    np.testing.assert_allclose(vectors[0], vectors[1], atol=BOUND)


def test_what_a_mask_hides_is_never_read(model):
    features = build_features(random_columns(SPEC, 30, seed=3), SPEC)
    batch = to_batch(features)
    poisoned = dict(batch)
    poisoned["images"] = batch["images"].masked_fill(~batch["image_mask"][..., None], 1e9)
    poisoned["text"] = batch["text"].masked_fill(~batch["text_present"][:, None], 1e9)
    with torch.no_grad():
        assert torch.equal(model.product_vector(batch), model.product_vector(poisoned))


def test_wrong_shapes_and_numbers_are_refused(scorer):
    vectors, profiles, void = np.zeros((2, SPEC.vector)), np.zeros((4, 3)), np.zeros((2, 4))
    for arguments in ((vectors[:, 1:], profiles, void), (vectors, profiles[:, 1:], void), (vectors, profiles, void.T)):
        with pytest.raises(ModelError, match="does not fit the model"):
            scorer.risks(*arguments)
    with pytest.raises(ModelError, match="void holds numbers that are not finite"):
        scorer.risks(vectors, profiles, np.full((2, 4), np.nan))


def test_other_encoders_are_refused(scorer):
    scorer.spec.require_encoders("text-encoder@1", "image-encoder@1")
    with pytest.raises(ModelError, match="another image encoder"):
        scorer.spec.require_encoders("text-encoder@1", "image-encoder@2")
