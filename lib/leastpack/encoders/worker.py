"""What runs in Spark's Python workers: Arrow batches of texts or image URIs in, rows of `embeddings` out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from leastpack import meter
from leastpack.config.encoders import EncodersConfig
from leastpack.encoders.allow import AllowList
from leastpack.encoders.codes import CODES, ContentError
from leastpack.encoders.decode import Decoded, decode_warned
from leastpack.encoders.fetch import Fetcher, read_ahead
from leastpack.encoders.image import ImageEncoder
from leastpack.encoders.networks import parts
from leastpack.encoders.resources import task_device
from leastpack.encoders.sent import SentNetwork
from leastpack.encoders.text import METERED, TextEncoder
from leastpack.errors import ModelError
from leastpack.loaded import loaded_once
from leastpack.meter import LOADS, Meter
from leastpack.worker_log import warn

# What the stages meter. Reads and decodes run in several threads, whose seconds add up.
TEXT_METER = (*METERED, *LOADS)
IMAGE_METER = ("fetch_s", "decode_s", "encode_s", *LOADS)

# Columns that a worker gives back for each content_key, before those of its meter.
_COLUMNS = (
    "content_key string, error string, error_permanent boolean, warning string, tokens int, unknown_tokens int, "
    "vector array<float>"
)
TEXT_SCHEMA = f"{_COLUMNS}, {meter.schema(TEXT_METER)}"
IMAGE_SCHEMA = f"{_COLUMNS}, {meter.schema(IMAGE_METER)}"

# Texts sorted by length together: enough that batches hold like lengths, few enough to keep memory small.
TEXT_WINDOW = 4096

Encoder = TypeVar("Encoder", TextEncoder, ImageEncoder)
MapInArrow = Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]


def text_stage(config: EncodersConfig, identity: str, network: SentNetwork | None) -> MapInArrow:
    """A function for mapInArrow over columns content_key, text; gives TEXT_SCHEMA.

    Args:
        config: Encoders; travels to the workers as JSON.
        identity: The driver's identity of the text encoder.
        network: What an OpenVINO engine runs.
    """
    settings = config.model_dump_json()

    def encode(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rows = _rows(batches)
        if not (first := list(islice(rows, TEXT_WINDOW))):
            return
        told = Meter(TEXT_METER)
        encoder = _opened(TextEncoder, EncodersConfig.model_validate_json(settings), identity, network, told)
        while first:
            keys, texts = zip(*first, strict=True)
            vectors, tokens, unknown = encoder.encode(texts, told)
            yield _embeddings(told, keys, vectors, [None] * len(keys), [None] * len(keys), tokens, unknown)
            first = list(islice(rows, TEXT_WINDOW))

    return encode


def image_stage(config: EncodersConfig, identity: str, network: SentNetwork | None, allow: AllowList) -> MapInArrow:
    """A function for mapInArrow over columns content_key, uri; gives IMAGE_SCHEMA.

    While the model computes, a pool reads and decodes the next pictures: at most two batches of them wait, however
    long the partition is.

    Args:
        config: Encoders; travels to the workers as JSON.
        identity: The driver's identity of the image encoder.
        network: What an OpenVINO engine runs.
        allow: What may be read, resolved on the driver.
    """
    settings = config.model_dump_json()

    def encode(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        pairs = _rows(batches)
        size = config.image.batch
        if not (first := list(islice(pairs, size))):
            return
        told = Meter(IMAGE_METER)
        encoder = _opened(ImageEncoder, EncodersConfig.model_validate_json(settings), identity, network, told)
        load = PictureLoader(config, encoder, allow)
        ahead = read_ahead(chain(first, pairs), load, threads=config.fetch.threads, window=2 * size)
        while loaded := list(islice(ahead, size)):
            yield _encode_loaded(encoder, loaded, told)

    return encode


@dataclass(frozen=True)
class Loaded:
    """One photo, read and decoded or failed, and the seconds each took."""

    key: str
    picture: Decoded | ContentError
    fetch_s: float
    decode_s: float


class PictureLoader:
    """Reads and decodes one photo; called by several threads.

    Args:
        config: Limits of reading.
        encoder: Knows what pictures it takes.
        allow: What may be read.
    """

    def __init__(self, config: EncodersConfig, encoder: ImageEncoder, allow: AllowList) -> None:
        self._fetcher = Fetcher(config.fetch, allow)
        self._settings: dict[str, Any] = {
            "side": encoder.side,
            "mean": encoder.mean,
            "std": encoder.std,
            "max_pixels": config.fetch.max_pixels,
            "max_memory": config.fetch.max_memory,
        }

    def __call__(self, pair: tuple[str, str]) -> Loaded:
        """Load the photo of a (key, uri)."""
        key, uri = pair
        start, read = time.perf_counter(), None
        picture: Decoded | ContentError
        try:
            data = self._fetcher.read(uri)
            read = time.perf_counter()
            picture = decode_warned(data, **self._settings)
        except ContentError as error:
            picture = _alone(error)
        except MemoryError:
            picture = ContentError("NO_MEMORY")
        if isinstance(picture, ContentError):
            warn(f"a photo has error {picture.code}", f"{uri}: {picture}")
        elif picture.warning:
            warn(f"a photo has warning {picture.warning}", uri)
        end = time.perf_counter()
        read = end if read is None else read
        return Loaded(key, picture, read - start, end - read)


def _alone(error: ContentError) -> ContentError:
    """The error without its traceback: what waits for its batch with one would keep what had been decoded."""
    error.__context__ = None
    return error.with_traceback(None)


def _opened(
    kind: type[Encoder], config: EncodersConfig, identity: str, network: SentNetwork | None, told: Meter
) -> Encoder:
    """The encoder of this process.

    Raises:
        ModelError: This machine has other weights than the driver.
    """

    device = task_device(config)

    def load() -> Encoder:
        encoder = kind(
            {TextEncoder: config.text, ImageEncoder: config.image}[kind],  # type: ignore[arg-type]
            representation=network.open() if network else None,
            device=device,
            threads=_set_threads(config),
            cache=config.cache,
            s3_endpoint=config.fetch.s3_endpoint,
        )
        _check_identity(encoder.identity, identity)
        return encoder

    # A worker meets several GPUs where an executor has them: one encoder on each.
    return loaded_once(f"{kind.__name__} on {device}", f"{identity}/{config.model_dump_json()}", load, told)


def _set_threads(config: EncodersConfig) -> int:
    """Give torch this task's share of the machine's cores; how many that is."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = config.threads or max(config.task_cpus or 1, cores // min(cores, config.partitions))
    if "torch" in (parts(config.text.engine)[0], parts(config.image.engine)[0]):
        import torch

        torch.set_num_threads(threads)
    return threads


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


def _encode_loaded(encoder: ImageEncoder, loaded: list[Loaded], told: Meter) -> pa.RecordBatch:
    codes = [one.picture.code if isinstance(one.picture, ContentError) else None for one in loaded]
    warnings = [None if isinstance(one.picture, ContentError) else one.picture.warning for one in loaded]
    pictures = [one.picture.pixels for one in loaded if not isinstance(one.picture, ContentError)]
    told.add("fetch_s", sum(one.fetch_s for one in loaded))
    told.add("decode_s", sum(one.decode_s for one in loaded))
    vectors = np.zeros((len(loaded), encoder.dim), dtype=np.float32)
    if pictures:
        with told.seconds("encode_s"):
            vectors[[code is None for code in codes]] = encoder.encode(np.stack(pictures))
    return _embeddings(told, [one.key for one in loaded], vectors, codes, warnings)


def _embeddings(
    told: Meter,
    keys: Iterable[str],
    vectors: NDArray[np.float32],
    codes: list[str | None],
    warnings: list[str | None],
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
    columns = {
        "content_key": pa.array(keys, pa.string()),
        "error": pa.array(codes, pa.string()),
        "error_permanent": pa.array([None if code is None else CODES[code].permanent for code in codes], pa.bool_()),
        "warning": pa.array(warnings, pa.string(), mask=failed),
        "tokens": nothing if tokens is None else pa.array(tokens),
        "unknown_tokens": nothing if unknown is None else pa.array(unknown),
        "vector": pa.ListArray.from_arrays(starts, pa.array(vectors[~failed].reshape(-1))),
    }
    return pa.RecordBatch.from_pydict({**columns, **told.columns(n)})
