"""Another text encoder is one line of configuration: here a tiny one that knows every script."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from leastpack.config import load_config
from leastpack.encoders.languages import MOST_UNKNOWN
from leastpack.encoders.text import TextEncoder

TEXTS = {"en": "ceramic mug, 350 ml", "ja": "陶器のマグカップ　電子レンジ対応", "ar": "كوب خزفي", "th": "แก้วเซรามิก"}


@pytest.fixture(scope="module")
def multilingual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a hub has it: a byte-level tokenizer and random weights."""
    folder = tmp_path_factory.mktemp("multilingual")
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(), decoders.ByteLevel()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS.values(), trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
    fast.model_max_length = 64
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    shape = BertConfig(
        vocab_size=len(fast), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=64,
    )  # fmt: skip
    BertModel(shape).save_pretrained(folder)
    return folder


def unknown_shares(encoder: TextEncoder) -> dict[str, float]:
    _, tokens, unknown = encoder.encode(list(TEXTS.values()))
    return dict(zip(TEXTS, (unknown / tokens).tolist(), strict=True))


def test_one_line_of_configuration_takes_a_multilingual_encoder(multilingual: Path) -> None:
    lines = [f"encoders.text.name={multilingual}", "encoders.text.max_tokens=64", "encoders.text.engine=torch-fp32"]
    encoder = TextEncoder(load_config([], lines).encoders.text)
    vectors, tokens, unknown = encoder.encode(list(TEXTS.values()))
    assert vectors.shape == (4, 32)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    assert (unknown == 0).all()
    assert (tokens > 0).all()
    assert str(multilingual.name) in encoder.identity


def test_the_packaged_encoder_does_not_know_every_language() -> None:
    config = load_config([], ["encoders.text.engine=torch-fp32"]).encoders.text
    shares = unknown_shares(TextEncoder(config))
    assert shares["en"] == 0
    assert max(shares.values()) > MOST_UNKNOWN
