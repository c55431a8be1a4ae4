"""What is large reaches the workers as files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyspark import SparkContext, SparkFiles
from pyspark.sql import SparkSession
from tests.spark.scoring.world import make_config, save_random_model

from leastpack.errors import ModelError
from leastpack.meter import LOADS, Meter
from leastpack.outcomes.readers.learned import BUCKETS, Learned
from leastpack.outcomes.readers.reader import ANY_LANGUAGE
from leastpack.outcomes.readers.sent import send_reader
from leastpack.scoring.fuse import vector_column
from leastpack.scoring.lists import cross_products
from leastpack.scoring.worker_model import send_model
from leastpack.sent import SentFile, send

PRODUCTS = (
    "marketplace string, product_id string, bucket int, no_input boolean, views_used int, warnings array<string>, "
    "fingerprint string, vector array<float>, length_cm double, width_cm double, height_cm double, weight_g double"
)


def test_workers_read_what_was_sent_and_sending_again_is_no_error(spark: SparkSession) -> None:
    content = bytes(range(256)) * 1000
    sent, other = send(spark, content), send(spark, b"other")
    sent_once = spark.sparkContext.listFiles
    assert send(spark, content) == sent != other
    assert spark.sparkContext.listFiles == sent_once

    def opened(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _ in batches:
            yield pa.RecordBatch.from_pydict({"content": [sent.read()]})

    rows = spark.range(4, numPartitions=2).mapInArrow(opened, "content binary").collect()  # type: ignore[arg-type]
    assert {bytes(row["content"]) for row in rows} == {content}


def test_a_file_that_is_not_what_was_sent_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = SentFile(hashlib.sha256(b"weights of a model").hexdigest())
    monkeypatch.setattr(SparkFiles, "get", lambda name: str(tmp_path / name))
    (tmp_path / sent.name).write_bytes(b"weights of a model")
    assert sent.read() == b"weights of a model"
    (tmp_path / sent.name).write_bytes(b"weights of another")
    with pytest.raises(ModelError, match="not the one that was sent"):
        sent.read()


def test_a_model_travels_with_no_function_that_uses_it(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(tmp_path, tmp_path / "tables")
    save_random_model(config, seed=1)
    assert Path(config.model.directory, "model.safetensors").stat().st_size > 2**20
    model = send_model(spark, config.model.directory)
    # Spark broadcasts functions of more than 1 MB.
    broadcast: list[object] = []
    monkeypatch.setattr(SparkContext, "broadcast", lambda _, value: broadcast.append(value))
    vector_column(model)
    cross_products(spark.createDataFrame([], PRODUCTS), model, {}, 1.0)
    assert not broadcast
    assert model.open(Meter(LOADS)).model_version == model.model_version


def test_a_learned_reader_says_the_same_in_a_worker(spark: SparkSession) -> None:
    weights = np.random.default_rng(1).normal(size=(2, BUCKETS)).astype(np.float32)
    learned = Learned(weights, {"2025-01": 1}, {ANY_LANGUAGE: (0.5, -0.1)})
    told = (["broken in two", "just as shown"], ["*", "*"], ["2025-01", "2025-02"])
    sent = send_reader(spark, learned)

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _ in batches:
            yield pa.RecordBatch.from_pydict({"p": sent.probabilities(*told)})

    rows = spark.range(1, numPartitions=1).mapInArrow(read, "p double").collect()  # type: ignore[arg-type]
    assert [row["p"] for row in rows] == learned.probabilities(*told).tolist()
