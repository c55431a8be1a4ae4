"""What a user would write from tutorials: the model in a pandas UDF, and in pyspark.ml's predict_batch_udf."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from pyspark.ml.functions import predict_batch_udf
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf
from pyspark.sql.types import ArrayType, FloatType

from leastpack.config import Config
from leastpack.encoders.image import image_weights
from leastpack.encoders.image_model import image_model
from leastpack.encoders.text import text_folder
from leastpack.encoders.text_model import load_tokenizer, pooled_text_model
from leastpack.model.features import NUMERIC, build_features
from leastpack.model.scorer import Scorer
from leastpack.scoring.packages import PackageSet, package_sets
from leastpack.tables import Tables

BATCH = 64
MEAN, STD = 0.5, 0.5


class Plain:
    """The encoders and the model as a tutorial has them: torch, one batch after the other.

    Args:
        config: Names the encoders and the model.
        photos: Whether images are encoded.
    """

    def __init__(self, config: Config, photos: bool) -> None:
        import torch

        torch.set_num_threads(1)
        folder = text_folder(config.encoders.text)
        self._tokenizer, self._text = load_tokenizer(folder), pooled_text_model(folder)
        self._side = config.encoders.image.side
        weights = image_weights(config.encoders.image)
        self._image = image_model(config.encoders.image, weights) if photos else None
        self.scorer = Scorer.load(config.model.directory)

    def texts(self, texts: list[str], padding: str | bool) -> np.ndarray[Any, Any]:
        """Vectors of one batch of texts, padded to the longest or to 128 tokens."""
        import torch

        cut = {"truncation": True, "max_length": 128, "return_tensors": "pt"}
        tokens = self._tokenizer(texts, padding=padding, **cut)
        with torch.inference_mode():
            vectors: np.ndarray[Any, Any] = self._text(tokens["input_ids"], tokens["attention_mask"]).numpy()
        return vectors

    def views(self, uris: list[list[str]]) -> list[np.ndarray[Any, Any]]:
        """Vectors of the photos of each product of a batch, decoded in full."""
        import torch

        if self._image is None:
            return [np.zeros((0, 0), np.float32) for _ in uris]
        pictures = [self._picture(uri) for views in uris for uri in views]
        with torch.inference_mode():
            vectors = self._image(torch.from_numpy(np.stack(pictures))).numpy()
        return np.split(vectors, np.cumsum([len(views) for views in uris])[:-1])

    def risks(
        self, texts: list[str], vectors: Any, views: list[Any], packages: PackageSet
    ) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Risk and damage rate of every product in every package."""
        columns = {
            "text": texts, "text_vector": list(vectors), "image_vectors": views,
            **{name: [0] * len(texts) for name in NUMERIC}, "marketplace": ["NA"] * len(texts),
        }  # fmt: skip
        small = self.scorer.product_vectors(build_features(columns, self.scorer.spec))
        return self.scorer.risks(small, packages.profiles, np.zeros((len(small), len(packages.packages))))

    def _picture(self, uri: str) -> np.ndarray[Any, Any]:
        image = Image.open(io.BytesIO(Path(uri).read_bytes())).convert("RGB").resize((self._side, self._side))
        return ((np.asarray(image, dtype=np.float32) / 255.0 - MEAN) / STD).transpose(2, 0, 1).copy()


def naive_pairs(spark: SparkSession, config: Config, products: DataFrame, target: Path) -> None:
    """Encode and score pair by pair."""
    packages, names = _packages(spark, config)
    settings = config.model_dump_json()
    photos = _with_photos(spark, config, products)

    def risks(batches: Iterator[tuple[pd.Series, pd.Series, pd.Series]]) -> Iterator[pd.Series]:
        plain = _plain(settings, True)
        for texts, uris, places in batches:
            found = []
            for start in range(0, len(texts), BATCH):
                some = slice(start, start + BATCH)
                listed = texts.iloc[some].tolist()
                views = (
                    plain.views([list(one) for one in uris.iloc[some]]) if len(uris.iloc[start]) else [()] * len(listed)
                )
                risk, _ = plain.risks(listed, plain.texts(listed, "max_length"), views, packages)
                found.append(risk[np.arange(len(listed)), places.iloc[some].to_numpy()])
            yield pd.Series(np.concatenate(found))

    pairs = photos.select("*", F.posexplode(F.array(*map(F.lit, names))).alias("place", "package_type"))
    risk = pandas_udf(risks, "double")("title", "uris", "place")  # type: ignore[call-overload]
    spread = pairs.repartition(2)
    _write(spread.select("marketplace", "product_id", "bucket", "package_type", risk.alias("risk")), target)


def predict_batch_pairs(spark: SparkSession, config: Config, products: DataFrame, target: Path) -> None:
    """Encode each product once, padded to the longest of its batch, then the head."""
    packages, names = _packages(spark, config)
    settings = config.model_dump_json()
    photos = _with_photos(spark, config, products)
    views = max(map(len, (row["uris"] for row in photos.select("uris").limit(1).collect())), default=0)

    def make_for_texts() -> Callable[..., np.ndarray[Any, Any]]:
        plain = _plain(settings, False)

        def predict(texts: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
            return _answers(plain, texts, [()] * len(texts), packages)

        return predict

    def make_with_photos() -> Callable[..., np.ndarray[Any, Any]]:
        plain = _plain(settings, True)

        def predict(texts: np.ndarray[Any, Any], uris: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
            return _answers(plain, texts, plain.views([str(one).split("\n") for one in uris]), packages)

        return predict

    make, inputs = (make_with_photos, ["title", "listed"]) if views else (make_for_texts, ["title"])
    answers = predict_batch_udf(make, return_type=ArrayType(FloatType()), batch_size=BATCH)(*inputs)
    listed = photos.repartition(2).withColumn("listed", F.array_join("uris", "\n"))
    risk = F.slice("answers", 1, len(names)).alias("risk")
    rate = F.slice("answers", len(names) + 1, len(names)).alias("rate")
    scored = listed.withColumn("answers", answers)
    both = F.arrays_zip(risk, rate)
    pairs = scored.select("marketplace", "product_id", "bucket", F.posexplode(both).alias("place", "pair"))
    named = F.element_at(F.array(*map(F.lit, names)), F.col("place") + 1).alias("package_type")
    _write(pairs.select("marketplace", "product_id", "bucket", named, "pair.risk", "pair.rate"), target)


def _answers(plain: Plain, texts: np.ndarray[Any, Any], views: list[Any], packages: PackageSet) -> np.ndarray[Any, Any]:
    listed = [str(text) for text in texts]
    risk, rate = plain.risks(listed, plain.texts(listed, True), views, packages)
    return np.concatenate([risk, rate], axis=1).astype(np.float32)


_kept: dict[tuple[str, bool], Plain] = {}


def _plain(settings: str, photos: bool) -> Plain:
    """The model of this Python worker, loaded once, as a careful user would."""
    if (settings, photos) not in _kept:
        _kept[settings, photos] = Plain(Config.model_validate_json(settings), photos)
    return _kept[settings, photos]


def _packages(spark: SparkSession, config: Config) -> tuple[PackageSet, list[str]]:
    rows = [row.asDict() for row in Tables(spark, config.tables).read("package_types").collect()]
    (packages,) = package_sets(rows, Scorer.load(config.model.directory).spec.attributes).values()
    return packages, packages.names


def _with_photos(spark: SparkSession, config: Config, products: DataFrame) -> DataFrame:
    images = Tables(spark, config.tables).read("product_images").groupBy("product_id")
    views = images.agg(F.sort_array(F.collect_list("uri")).alias("uris"))
    none = F.array().cast("array<string>")
    joined = products.join(views, on="product_id", how="left")
    return joined.select("marketplace", "product_id", "bucket", "title", F.coalesce("uris", none).alias("uris"))


def _write(pairs: DataFrame, target: Path) -> None:
    pairs.write.format("delta").mode("overwrite").save(str(target))
