"""What runs in Spark's Python workers: Arrow batches of texts or image URIs in, rows of `embeddings` out."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from leastpack.config.encoders import EncodersConfig
from leastpack.encoders.allow import AllowList
from leastpack.encoders.codes import CODES, ContentError
from leastpack.encoders.decode import decode
from leastpack.encoders.fetch import Fetcher, read_ahead
from leastpack.encoders.image import ImageEncoder
from leastpack.encoders.text import TextEncoder
from leastpack.errors import ModelError

# Columns that a worker gives back for each content_key.
SCHEMA = (
    "content_key string, error string, error_permanent boolean, tokens int, unknown_tokens int, vector array<float>"
)

# Texts sorted by length together: enough that batches hold like lengths, few enough to keep memory small.
TEXT_WINDOW = 2048

MapInArrow = Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]


def text_stage(config: EncodersConfig, identity: str) -> MapInArrow:
    """A function for mapInArrow over columns content_key, text.

    Args:
        config: Encoders; travels to the workers as JSON.
        identity: The driver's identity of the text encoder.
    """
    settings = config.model_dump_json()

    def encode(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rows = _rows(batches)
        if not (first := list(islice(rows, TEXT_WINDOW))):
            return
        encoder = text_encoder(settings, identity)
        while first:
            keys, texts = zip(*first, strict=True)
            vectors, tokens, unknown = encoder.encode(texts)
            yield _embeddings(keys, vectors, [None] * len(keys), tokens, unknown)
            first = list(islice(rows, TEXT_WINDOW))

    return encode


def image_stage(config: EncodersConfig, identity: str, allow: AllowList) -> MapInArrow:
    """A function for mapInArrow over columns content_key, uri.

    While the model computes, a pool reads and decodes the next pictures: at most two batches of them wait, however
    long the partition is.

    Args:
        config: Encoders; travels to the workers as JSON.
        identity: The driver's identity of the image encoder.
        allow: What may be read, resolved on the driver.
    """
    settings = config.model_dump_json()

    def encode(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        pairs = _rows(batches)
        size = config.image.batch
        if not (first := list(islice(pairs, size))):
            return
        encoder = image_encoder(settings, identity)
        fetcher = Fetcher(config.fetch, allow)

        def load(pair: tuple[str, str]) -> tuple[str, NDArray[np.float32] | ContentError]:
            key, uri = pair
            try:
                data = fetcher.read(uri)
                return key, decode(
                    data,
                    side=encoder.side,
                    mean=encoder.mean,
                    std=encoder.std,
                    max_pixels=config.fetch.max_pixels,
                )
            except ContentError as error:
                return key, error

        ahead = read_ahead(_chain(first, pairs), load, threads=config.fetch.threads, window=2 * size)
        while loaded := list(islice(ahead, size)):
            yield _encode_loaded(encoder, loaded)

    return encode


@functools.lru_cache(maxsize=1)
def text_encoder(settings: str, identity: str) -> TextEncoder:
    """The text encoder of this process, loaded once.

    Raises:
        ModelError: This machine has other weights than the driver.
    """
    config = EncodersConfig.model_validate_json(settings)
    _set_threads(config)
    encoder = TextEncoder(config.text, cache=config.cache, s3_endpoint=config.fetch.s3_endpoint)
    _check_identity(encoder.identity, identity)
    return encoder


@functools.lru_cache(maxsize=1)
def image_encoder(settings: str, identity: str) -> ImageEncoder:
    """The image encoder of this process, loaded once.

    Raises:
        ModelError: This machine has other weights than the driver.
    """
    config = EncodersConfig.model_validate_json(settings)
    _set_threads(config)
    encoder = ImageEncoder(config.image, cache=config.cache, s3_endpoint=config.fetch.s3_endpoint)
    _check_identity(encoder.identity, identity)
    return encoder


def _set_threads(config: EncodersConfig) -> None:
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    torch.set_num_threads(config.threads or max(1, cores // min(cores, config.partitions)))


def _check_identity(found: str, expected: str) -> None:
    if found != expected:
        raise ModelError(
            "an executor has other encoder weights than the driver",
            expected=expected,
            found=found,
            todo="install the same packages and model folders on every machine",
        )


def _rows(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[str, str]]:
    for batch in batches:
        yield from zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True)


def _chain(first: list[tuple[str, str]], rest: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    yield from first
    yield from rest


def _encode_loaded(
    encoder: ImageEncoder, loaded: list[tuple[str, NDArray[np.float32] | ContentError]]
) -> pa.RecordBatch:
    pictures = [picture for _, picture in loaded if not isinstance(picture, ContentError)]
    vectors = np.zeros((len(loaded), encoder.dim), dtype=np.float32)
    codes = [picture.code if isinstance(picture, ContentError) else None for _, picture in loaded]
    if pictures:
        vectors[[code is None for code in codes]] = encoder.encode(np.stack(pictures))
    return _embeddings([key for key, _ in loaded], vectors, codes)


def _embeddings(
    keys: Iterable[str],
    vectors: NDArray[np.float32],
    codes: list[str | None],
    tokens: NDArray[np.int32] | None = None,
    unknown: NDArray[np.int32] | None = None,
) -> pa.RecordBatch:
    n, dim = vectors.shape
    finite = np.isfinite(vectors).all(axis=1)
    codes = [code if code or ok else "NOT_FINITE" for code, ok in zip(codes, finite, strict=True)]
    failed = np.array([code is not None for code in codes], dtype=bool)
    offsets = np.concatenate([[0], np.cumsum(~failed) * dim]).astype(np.int32)
    # A null offset makes its list null; the last one only closes the last list.
    starts = pa.array(offsets, mask=np.append(failed, False))
    nothing = pa.nulls(n, pa.int32())
    return pa.RecordBatch.from_arrays(
        [
            pa.array(keys, pa.string()),
            pa.array(codes, pa.string()),
            pa.array([None if code is None else CODES[code].permanent for code in codes], pa.bool_()),
            nothing if tokens is None else pa.array(tokens),
            nothing if unknown is None else pa.array(unknown),
            pa.ListArray.from_arrays(starts, pa.array(vectors[~failed].reshape(-1))),
        ],
        names=["content_key", "error", "error_permanent", "tokens", "unknown_tokens", "vector"],
    )
