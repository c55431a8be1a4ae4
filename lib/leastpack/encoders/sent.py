"""Networks on their way to the executors: files that each executor fetches once, and not bytes of every task."""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
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
    paths = [_folder() / name for name in (sent.xml, sent.weights)]
    for path, data in zip(paths, (network.xml, network.weights), strict=True):
        if not path.exists():
            path.write_bytes(data)
        # One a call: Spark 4.0 takes a second path for another argument.
        spark.addArtifacts(str(path), file=True)
    return sent


@cache
def _folder() -> Path:
    """Where executors fetch from as long as this process lives."""
    folder = tempfile.mkdtemp(prefix="leastpack-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
