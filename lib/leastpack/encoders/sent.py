"""Networks on their way to the executors: files that each executor fetches once, and not bytes of every task."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pyspark import SparkFiles
from pyspark.sql import SparkSession

from leastpack.config.encoders import EncodersConfig
from leastpack.config.root import Config
from leastpack.encoders.engines import Modality, representation
from leastpack.encoders.networks import Representation


@dataclass(frozen=True)
class SentNetwork:
    """A representation by the names that executors know its files by.

    Attributes:
        xml: Name of its structure.
        weights: Name of its weights.
    """

    xml: str
    weights: str

    def open(self) -> Representation:
        """Read the files, on an executor or on the driver."""
        return Representation(*(Path(SparkFiles.get(name)).read_bytes() for name in (self.xml, self.weights)))


def sent_network(
    spark: SparkSession, config: Config, encoders: EncodersConfig, modality: Modality
) -> SentNetwork | None:
    """What workers need besides the encoder's weights: the network of an OpenVINO engine, None for torch.

    Args:
        spark: The session.
        config: Names the model directory.
        encoders: Of `resolve_engines`.
        modality: Which encoder.

    Raises:
        ModelError: As `representation`.
    """
    network = representation(config, encoders, modality)
    return None if network is None else send(spark, network)


def send(spark: SparkSession, network: Representation) -> SentNetwork:
    """Give a network to all executors of the application, also to those that join later; again costs nothing.

    Args:
        spark: The session.
        network: Tens of megabytes, as a rule.
    """
    digest = hashlib.sha256(network.xml + network.weights).hexdigest()[:24]
    sent = SentNetwork(f"leastpack-{digest}.xml", f"leastpack-{digest}.bin")
    files = {sent.xml: network.xml, sent.weights: network.weights}
    if not hasattr(spark, "sparkContext"):  # Spark Connect, where what is sent lives as long as the session
        with tempfile.TemporaryDirectory() as folder:
            for name, data in files.items():
                (Path(folder) / name).write_bytes(data)
            spark.addArtifacts(*[str(Path(folder) / name) for name in files], file=True)
        return sent
    for name, data in files.items():
        there = Path(SparkFiles.get(name))
        if not (there.exists() and there.stat().st_size == len(data)):
            spark.sparkContext.addFile(str(_written(name, data)))
    return sent


def _written(name: str, data: bytes) -> Path:
    """A file that lives as long as the application and has the same path in every process that works with it.

    Executors that join later fetch it too, also when the step that sent it is over; and Spark takes no file twice from
    different paths.
    """
    folder = Path(SparkFiles.getRootDirectory()) / "leastpack"
    folder.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as stream:
        stream.write(data)
    return Path(stream.name).replace(folder / name)
