"""Networks of encoders as files of the application."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import SparkSession

from leastpack.config.encoders import EncodersConfig
from leastpack.config.root import Config
from leastpack.encoders.engines import Modality, representation
from leastpack.encoders.networks import Representation
from leastpack.sent import SentFile, send


@dataclass(frozen=True)
class SentNetwork:
    """A representation that was sent.

    Attributes:
        xml: Its structure.
        weights: Its weights.
    """

    xml: SentFile
    weights: SentFile

    def open(self) -> Representation:
        """Read the files, on an executor or on the driver.

        Raises:
            ModelError: They are not what was sent.
        """
        return Representation(self.xml.read(), self.weights.read())


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
    return None if network is None else SentNetwork(send(spark, network.xml), send(spark, network.weights))
