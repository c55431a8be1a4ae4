"""How long the encoders' vectors are: from the embeddings, and where there are none yet, from the encoder itself."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.config.encoders import EncodersConfig
from leastpack.encoders.engines import encoder_identities
from leastpack.encoders.image import ImageEncoder
from leastpack.encoders.text import TextEncoder
from leastpack.encoders.work import of_encoder
from leastpack.errors import InputError
from leastpack.log import log


@dataclass(frozen=True)
class VectorSize:
    """An encoder and the length of its vectors."""

    identity: str
    length: int


def vector_sizes(embeddings: DataFrame, config: EncodersConfig) -> tuple[VectorSize, VectorSize]:
    """Sizes of the configured text and image encoders' vectors.

    A modality without any vector is allowed: the model learns that it is absent, and takes it once it is there.

    Args:
        embeddings: Rows of `embeddings`.
        config: The encoders.

    Raises:
        InputError: Neither encoder has a vector in the table.
    """
    identities = dict(zip(("text", "image"), encoder_identities(config), strict=True))
    found = {modality: _length(embeddings, modality, identity) for modality, identity in identities.items()}
    if not any(found.values()):
        raise InputError(
            "table embeddings has no vector of the configured encoders",
            expected=" or ".join(identities.values()),
            todo="run: leastpack encode",
        )
    for modality, length in found.items():
        if length is None:
            log.warning("no product has one: the model learns without", modality=modality)
    return (
        VectorSize(identities["text"], found["text"] or _text_length(config)),
        VectorSize(identities["image"], found["image"] or _image_length(config)),
    )


def _length(embeddings: DataFrame, modality: str, identity: str) -> int | None:
    vectors = of_encoder(embeddings, modality, identity).where(F.col("vector").isNotNull())
    row = vectors.select(F.size("vector").alias("length")).first()
    return int(row["length"]) if row else None


def _text_length(config: EncodersConfig) -> int:
    return TextEncoder(config.text, cache=config.cache, s3_endpoint=config.fetch.s3_endpoint).dim


def _image_length(config: EncodersConfig) -> int:
    return ImageEncoder(config.image, cache=config.cache, s3_endpoint=config.fetch.s3_endpoint).dim
