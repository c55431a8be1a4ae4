"""A network reaches the workers as files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa
from pyspark.sql import SparkSession

from leastpack.encoders.networks import Representation
from leastpack.encoders.sent import send


def test_workers_open_what_was_sent_and_sending_again_is_no_error(spark: SparkSession) -> None:
    network = Representation(b"<net/>", bytes(range(256)) * 1000)
    sent = send(spark, network)
    other = send(spark, Representation(b"<net/>", b"other weights"))
    sent_once = spark.sparkContext.listFiles
    assert send(spark, network) == sent != other
    assert spark.sparkContext.listFiles == sent_once

    def opened(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _ in batches:
            found = sent.open()
            yield pa.RecordBatch.from_pydict({"xml": [found.xml], "weights": [found.weights]})

    rows = spark.range(4, numPartitions=2).mapInArrow(opened, "xml binary, weights binary").collect()  # type: ignore[arg-type]
    assert {(bytes(row["xml"]), bytes(row["weights"])) for row in rows} == {(network.xml, network.weights)}
