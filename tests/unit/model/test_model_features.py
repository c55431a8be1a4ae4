from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.unit.model.samples import random_columns, random_model, small_spec

from leastpack.errors import ModelError
from leastpack.model.features import NUMERIC, build_features, hashed_ids, hide
from leastpack.model.fused import to_batch

SPEC = small_spec()


def one(**changes):
    columns = {name: [0] for name in NUMERIC} | {
        "text": [None],
        "text_vector": [None],
        "image_vectors": [None],
        "marketplace": [None],
    }
    return build_features(columns | {name: [value] for name, value in changes.items()}, SPEC)


def test_a_product_with_nothing():
    features = one()
    assert len(features) == 1
    assert not features.text_present[0]
    assert not features.image_mask.any()
    assert features.images.shape == (1, 1, SPEC.image_dim)
    assert features.ngram_ids.size == 0
    assert features.numeric.tolist() == [[0, 0, 0, 0, 0]]
    assert features.marketplace.tolist() == [0]


def test_a_product_with_everything():
    text, photos = np.arange(SPEC.text_dim), np.arange(2 * SPEC.image_dim).reshape(2, -1)
    features = one(
        text="glass mug", text_vector=text.tolist(), image_vectors=photos.tolist(), marketplace="EU", price_bucket=7
    )
    assert features.text.dtype == np.float32
    assert features.text[0].tolist() == text.tolist()
    assert features.images[0].tolist() == photos.tolist()
    assert features.image_mask.tolist() == [[True, True]]
    assert features.ngram_ids.tolist() == hashed_ids("glass mug", SPEC.hash_buckets).tolist()
    assert features.numeric.tolist() == [[0, 0, 0, 0, 7]]
    assert features.marketplace.tolist() == [2]


def test_every_form_of_the_same_photos_gives_the_same_arrays():
    photos = np.random.default_rng(0).normal(size=(3, SPEC.image_dim)).astype(np.float16)
    nested = np.empty(3, dtype=object)  # as Arrow hands nested lists to pandas
    nested[:] = list(photos)
    for form in (photos.tolist(), list(photos), photos, photos.astype(np.float32), photos.reshape(-1), nested):
        assert np.array_equal(one(image_vectors=form).images[0], photos.astype(np.float32))


@pytest.mark.parametrize("unknown", [None, float("nan"), 0, -3])
def test_unknown_buckets_are_0(unknown):
    assert one(weight_bucket=unknown).numeric[0, 3] == 0


def test_vectors_that_are_not_finite_count_as_absent():
    broken = np.full(SPEC.text_dim, np.nan)
    good, bad = np.ones(SPEC.image_dim), np.full(SPEC.image_dim, np.inf)
    features = one(text_vector=broken, image_vectors=[bad, good])
    assert not features.text_present[0]
    assert features.image_mask.sum() == 1
    assert np.isfinite(features.text).all()
    assert np.isfinite(features.images).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"text_vector": np.ones(SPEC.text_dim + 1)},
        {"image_vectors": [np.ones(SPEC.image_dim - 1)]},
        {"image_vectors": np.ones(SPEC.image_dim + 1)},
        {"image_vectors": [np.ones(SPEC.image_dim), np.ones(3)]},
    ],
)
def test_a_vector_of_another_encoder_is_refused(changes):
    with pytest.raises(ModelError, match="does not fit the model") as caught:
        one(**changes)
    assert "-encoder@1" in str(caught.value)


def test_missing_and_uneven_columns_are_refused():
    columns = random_columns(SPEC, 4, seed=0)
    with pytest.raises(ModelError, match="no price_bucket"):
        build_features({name: values for name, values in columns.items() if name != "price_bucket"}, SPEC)
    with pytest.raises(ModelError, match="differ in length"):
        build_features(columns | {"text": ["one"]}, SPEC)


def test_rows_of_a_batch_are_what_those_products_give_alone():
    columns = random_columns(SPEC, 20, seed=1)
    part = build_features(columns, SPEC).rows(5, 9)
    alone = build_features({name: values[5:9] for name, values in columns.items()}, SPEC)
    model = random_model(SPEC, seed=1)
    with torch.no_grad():
        torch.testing.assert_close(
            model.product_vector(to_batch(part)), model.product_vector(to_batch(alone)), rtol=0, atol=1e-5
        )
    assert part.ngram_ids.tolist() == alone.ngram_ids.tolist()
    assert part.ngram_offsets.tolist() == alone.ngram_offsets.tolist()


def test_hidden_modalities_are_as_if_they_were_never_there():
    columns = random_columns(SPEC, 40, seed=2)
    rng = np.random.default_rng(2)
    hide_text, hide_images = rng.random(40) < 0.5, rng.random(40) < 0.5
    hidden = hide(build_features(columns, SPEC), hide_text, hide_images)
    never = dict(columns)
    for name, mask in (("text", hide_text), ("text_vector", hide_text), ("image_vectors", hide_images)):
        never[name] = [None if gone else value for gone, value in zip(mask, columns[name], strict=True)]
    model = random_model(SPEC, seed=2)
    with torch.no_grad():
        expected = model.product_vector(to_batch(build_features(never, SPEC)))
        torch.testing.assert_close(model.product_vector(to_batch(hidden)), expected, rtol=0, atol=1e-5)
        untouched = model.product_vector(to_batch(build_features(columns, SPEC)))
    assert (untouched - expected).abs().amax() > 1e-2


def test_hiding_leaves_the_given_features_alone():
    features = build_features(random_columns(SPEC, 10, seed=3), SPEC)
    before = (features.text_present.copy(), features.image_mask.copy(), features.ngram_ids.copy())
    hide(features, np.ones(10, dtype=bool), np.ones(10, dtype=bool))
    for kept, now in zip(before, (features.text_present, features.image_mask, features.ngram_ids), strict=True):
        assert np.array_equal(kept, now)
