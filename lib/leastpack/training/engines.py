"""Measure the encoders' engines with the trained model, on products of the catalog, and choose.

The driver does it once, when the model is saved; every executor follows. A sample of products is encoded by torch in
float32 and by every other engine this machine has, and the gate compares the risks the model gives.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.catalog.buckets import bucket_columns
from leastpack.catalog.text import text_column
from leastpack.config.encoders import AUTO, EncodersConfig, Engine
from leastpack.config.root import Config
from leastpack.encoders.allow import AllowList
from leastpack.encoders.codes import ContentError
from leastpack.encoders.engines import (
    MODALITIES,
    Chosen,
    Modality,
    choice_files,
    convert_encoder,
    encoder_identities,
    resolve_engines,
)
from leastpack.encoders.image import ImageEncoder
from leastpack.encoders.inputs import PRODUCT
from leastpack.encoders.networks import Representation, parts
from leastpack.encoders.text import TextEncoder
from leastpack.encoders.work import live, tunnel_photos
from leastpack.encoders.worker import PictureLoader
from leastpack.errors import ModelError
from leastpack.log import log
from leastpack.model.features import NUMERIC, build_features
from leastpack.model.fused import FusedModel, to_batch
from leastpack.training.gate import Measured, choose, measure

REFERENCE: Engine = "torch-fp32"
CANDIDATES: Mapping[str, tuple[Engine, ...]] = {
    "cpu": (REFERENCE, "openvino-fp32", "openvino-bf16"),
    "cuda": (REFERENCE, "torch-bf16", "torch-fp16"),
}
WARM_UP = 16  # contents encoded before the clock starts

Vectors = list[npt.NDArray[np.float32] | None]


@dataclass(frozen=True)
class Sample:
    """Products to measure on.

    Attributes:
        columns: `text`, the buckets, `marketplace` and `product_id`, n values each.
        uris: Tunnel photos of each product, in order of view.
    """

    columns: Mapping[str, npt.NDArray[Any]]
    uris: Sequence[Sequence[str]]


def draw_sample(config: Config, products: DataFrame, images: DataFrame) -> Sample:
    """Some products by hash, with at most as many photos in all.

    Args:
        config: `training.gate_products` says how many.
        products: Rows of `products`.
        images: Rows of `product_images`.
    """
    most = config.training.gate_products
    buckets = [column.alias(name) for name, column in bucket_columns(config.currency_units).items()]
    drawn = live(products).orderBy(F.xxhash64(*PRODUCT)).limit(most)
    names = (*PRODUCT, "text", *NUMERIC)
    rows = drawn.select(*PRODUCT, text_column().alias("text"), *buckets).collect()
    photos = tunnel_photos(drawn, images).where(F.col("uri").isNotNull()).select(*PRODUCT, "view", "uri")
    uris: dict[tuple[str, str], list[str]] = {}
    for row in photos.orderBy(F.xxhash64(*PRODUCT), "view").limit(most).collect():
        uris.setdefault((row["marketplace"], row["product_id"]), []).append(row["uri"])
    columns = {name: np.array([row[name] for row in rows], dtype=object) for name in names}
    return Sample(columns, [uris.get((row["marketplace"], row["product_id"]), []) for row in rows])


def kept_engines(config: Config) -> dict[str, bytes]:
    """The files that tell of the engines in use, where none are measured."""
    encoders = resolve_engines(config)
    identities = dict(zip(MODALITIES, encoder_identities(encoders), strict=True))
    return choice_files(
        {name: Chosen(getattr(encoders, name).engine, identities[name], {}, {}) for name in MODALITIES}, {}
    )


def choose_engines(
    config: Config, model: FusedModel, profiles: npt.NDArray[np.float32], sample: Sample
) -> dict[str, bytes]:
    """Measure, choose, and give the files that tell of it in the model directory.

    Args:
        config: A named engine is measured and kept; `auto` is chosen.
        model: The trained model.
        profiles: (P, M) protection profiles to compare risks in.
        sample: Of `draw_sample`.

    Raises:
        ModelError: An engine that the config names fails the gate.
    """
    encoders = resolve_engines(config)
    bench = _Bench(encoders, model, profiles, sample)
    chosen: dict[Modality, Chosen] = {}
    networks: dict[Modality, Representation] = {}
    for modality in MODALITIES:
        current: Engine = getattr(encoders, modality).engine
        named = getattr(config.encoders, modality).engine != AUTO
        tried, made = bench.measure(modality, (REFERENCE, current) if named else CANDIDATES[encoders.device])
        engine = current if named else choose(tried, current)
        if named and current in tried and not tried[current].passes:
            raise _refused(modality, current, tried)
        figures = {str(name): asdict(one) for name, one in tried.items()}
        now = _with_engine(encoders, modality, engine)
        chosen[modality] = Chosen(engine, encoder_identities(now)[MODALITIES.index(modality)], {}, figures)
        if parts(engine)[0] == "openvino":
            networks[modality] = made or convert_encoder(now, modality)
        _tell(modality, engine, current, tried)
    return choice_files(chosen, networks)


class _Bench:
    """Encodes the sample on one engine after the other, and scores it."""

    def __init__(
        self, encoders: EncodersConfig, model: FusedModel, profiles: npt.NDArray[np.float32], sample: Sample
    ) -> None:
        self._encoders, self._model, self._sample = encoders, model, sample
        self._profiles = torch.from_numpy(profiles)
        self._texts = [text if isinstance(text, str) else None for text in sample.columns["text"]]
        self._pictures: npt.NDArray[np.float32] | None = None
        self._owners: list[int] = []
        self._reference: dict[Modality, Vectors] = {}

    def measure(
        self, modality: Modality, engines: Sequence[Engine]
    ) -> tuple[dict[Engine, Measured], Representation | None]:
        """What each engine does to the risks of products with such content; the network that OpenVINO's ran.

        Nothing where the sample has no such content.
        """
        network = None
        found: dict[Engine, tuple[Vectors, float]] = {}
        for engine in dict.fromkeys(engines):
            encoders = _with_engine(self._encoders, modality, engine)
            if parts(engine)[0] == "openvino" and network is None:
                network = convert_encoder(encoders, modality)
            try:
                encode = self._text_run if modality == "text" else self._image_run
                vectors, per_second = encode(encoders, network)
            except ModelError as error:  # this processor lacks the precision
                log.info("engine left out", modality=modality, engine=engine, why=str(error).partition("\n")[0])
                continue
            if per_second:
                found[engine] = (vectors, per_second)
        if REFERENCE not in found:
            return {}, network
        self._reference[modality] = found[REFERENCE][0]
        # The others' risks cannot move, and would hide how far these do.
        having = [row for row, vector in enumerate(found[REFERENCE][0]) if vector is not None]
        before = self._logits(modality, found[REFERENCE][0])[having]
        return {
            engine: measure(before, self._logits(modality, vectors)[having], per_second)
            for engine, (vectors, per_second) in found.items()
        }, network

    def _text_run(self, encoders: EncodersConfig, network: Representation | None) -> tuple[Vectors, float]:
        rows = [row for row, text in enumerate(self._texts) if text is not None]
        texts = [self._texts[row] or "" for row in rows]
        vectors: Vectors = [None] * len(self._texts)
        if not texts:
            return vectors, 0.0
        encoder = TextEncoder(encoders.text, representation=network, **self._settings(encoders))
        encoded, per_second = _timed(lambda some: encoder.encode(some)[0], texts)
        for row, vector in zip(rows, encoded, strict=True):
            vectors[row] = vector
        return vectors, per_second

    def _image_run(self, encoders: EncodersConfig, network: Representation | None) -> tuple[Vectors, float]:
        vectors: Vectors = [None] * len(self._texts)
        encoder = ImageEncoder(encoders.image, representation=network, **self._settings(encoders))
        if self._pictures is None:
            self._load(encoder)
        if not len(self._owners):
            return vectors, 0.0
        encoded, per_second = _timed(encoder.encode, self._pictures)
        owners = np.array(self._owners)
        for row in np.unique(owners):
            vectors[row] = encoded[owners == row]
        return vectors, per_second

    def _load(self, encoder: ImageEncoder) -> None:
        loader = PictureLoader(self._encoders, encoder, AllowList.here(self._encoders.fetch))
        pictures = []
        for row, uris in enumerate(self._sample.uris):
            for uri in uris:
                picture = loader((uri, uri)).picture
                if not isinstance(picture, ContentError):
                    pictures.append(picture.pixels)
                    self._owners.append(row)
        self._pictures = np.stack(pictures) if pictures else np.zeros((0, 3, encoder.side, encoder.side), np.float32)

    def _settings(self, encoders: EncodersConfig) -> dict[str, Any]:
        where = {"cache": encoders.cache, "s3_endpoint": encoders.fetch.s3_endpoint}
        return {"device": encoders.device, "threads": torch.get_num_threads(), **where}

    def _logits(self, modality: Modality, vectors: Vectors) -> npt.NDArray[np.float64]:
        """(n, P) log-odds of risk; a modality measured later is not there yet."""
        seen = {**dict.fromkeys(MODALITIES, [None] * len(self._texts)), **self._reference, modality: vectors}
        columns = {"text_vector": seen["text"], "image_vectors": seen["image"]}
        features = build_features({**self._sample.columns, **columns}, self._model.spec)
        with torch.inference_mode():
            vector = self._model.product_vector(to_batch(features))
            void = torch.zeros(len(features), len(self._profiles))
            logits: npt.NDArray[np.float64] = (
                self._model.matrix_logits(vector, self._profiles, void)[0].double().numpy()
            )
        return logits


def _timed(encode: Callable[[Any], Any], contents: Any) -> tuple[Any, float]:
    encode(contents[:WARM_UP])
    start = time.perf_counter()
    encoded = encode(contents)
    return encoded, len(contents) / (time.perf_counter() - start)


def _with_engine(encoders: EncodersConfig, modality: Modality, engine: Engine) -> EncodersConfig:
    section = getattr(encoders, modality).model_copy(update={"engine": engine})
    return encoders.model_copy(update={modality: section})


def _tell(modality: Modality, engine: Engine, current: Engine, tried: Mapping[Engine, Measured]) -> None:
    for name, one in tried.items():
        figures = {"change_p99": f"{one.change_p99:.2g}", "crossing": f"{one.crossing:.2%}"}
        log.info("engine measured", modality=modality, engine=name, passes=one.passes, pairs=one.pairs, **figures)
    if engine != current:
        log.warning("another engine was chosen: run encode again before score", modality=modality, engine=engine)


def _refused(modality: Modality, engine: Engine, tried: Mapping[Engine, Measured]) -> ModelError:
    one = tried[engine]
    return ModelError(
        f"engine {engine} of the {modality} encoder moves risks too far",
        expected="99 % of log-odds within 0.05, and 0.1 % of pairs in another decile of risk",
        found=f"{one.change_p99:.3g} and {one.crossing:.2%}",
        todo=f"set encoders.{modality}.engine to {REFERENCE} or auto, and run encode and train again",
    )
