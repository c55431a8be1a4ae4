"""A Hugging Face model folder as a tokenizer and a network. Nothing is unpickled and no remote code runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from leastpack.encoders.networks import Representation, convert
from leastpack.errors import ModelError

_HERE = {"local_files_only": True, "trust_remote_code": False}


def load_tokenizer(folder: Path) -> Any:
    """The folder's tokenizer.

    Raises:
        ModelError: It cannot be loaded.
    """
    # The workers of a job are as many as the cores; the tokenizer's own threads would only get in their way.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from transformers import AutoTokenizer

    return _loaded(folder, lambda: AutoTokenizer.from_pretrained(folder, **_HERE))


def most_tokens(folder: Path) -> int:
    """Tokens that the model reads at most, by its configuration.

    Raises:
        ModelError: It cannot be loaded.
    """
    from transformers import AutoConfig

    config = _loaded(folder, lambda: AutoConfig.from_pretrained(folder, **_HERE))
    return int(getattr(config, "max_position_embeddings", None) or 10**9)


def pooled_text_model(folder: Path) -> Any:
    """A torch module from token ids and attention mask, (n, length) each, to mean-pooled vectors of length 1, (n, dim).

    Raises:
        ModelError: The model cannot be loaded.
    """
    import torch
    from torch import Tensor, nn
    from transformers import AutoModel

    class Pooled(nn.Module):
        def __init__(self, model: Any) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
            states = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state.float()
            mask = attention_mask.unsqueeze(-1).to(states.dtype)
            pooled = (states * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1e-9)
            return nn.functional.normalize(pooled, dim=1)

    def load() -> Any:
        return AutoModel.from_pretrained(folder, use_safetensors=True, dtype=torch.float32, **_HERE)

    return Pooled(_loaded(folder, load)).eval().requires_grad_(False)


def text_representation(folder: Path) -> Representation:
    """The folder's network for OpenVINO.

    Raises:
        ModelError: The model cannot be loaded.
    """
    ids, mask = np.ones((2, 2, 9), dtype=np.int64)
    mask[1, 7:] = 0
    return convert(pooled_text_model(folder), (ids, mask))


def _loaded(folder: Path, load: Callable[[], Any]) -> Any:
    from transformers.utils import logging as messages

    messages.disable_progress_bar()  # type: ignore[no-untyped-call]
    messages.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        return load()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"the text encoder in {folder} cannot be loaded: {error}") from None
