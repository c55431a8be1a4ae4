"""The frozen encoders and where image bytes may be read from."""

from __future__ import annotations

from pydantic import Field

from leastpack.config.base import Count, Section


class TextEncoderConfig(Section):
    """The Hugging Face text encoder."""

    name: str = Field("minilm", description="`minilm` (all-MiniLM-L6-v2, ships as a package), a path, or a hub name.")
    max_tokens: Count = Field(128, description="Longer texts are cut.")
    batch_tokens: Count = Field(4096, description="Token budget of one batch.")


class ImageEncoderConfig(Section):
    """The timm image encoder."""

    name: str = Field("efficientnet-lite0", description="`efficientnet-lite0` (ships as a package) or a timm model.")
    side: Count = Field(224, description="Input side in pixels.")
    batch: Count = Field(32, description="Images a batch.")


class FetchConfig(Section):
    """What image URIs may name, and the limits of one read."""

    roots: list[str] = Field(default_factory=list, description="Local folders images may be read from.")
    buckets: list[str] = Field(default_factory=list, description="S3 buckets images may be read from.")
    s3_endpoint: str | None = Field(None, description="S3 endpoint; null takes the default one.")
    max_bytes: Count = Field(20_000_000, description="Larger files are an error on their row.")
    max_pixels: Count = Field(60_000_000, description="Larger pictures are an error on their row.")
    threads: Count = Field(4, description="Concurrent reads a task.")


class EncodersConfig(Section):
    """Text and image encoders of the frozen mode."""

    text: TextEncoderConfig = Field(default_factory=TextEncoderConfig, description="Text encoder.")
    image: ImageEncoderConfig = Field(default_factory=ImageEncoderConfig, description="Image encoder.")
    fetch: FetchConfig = Field(default_factory=FetchConfig, description="Reading of image bytes.")
    partitions: Count = Field(2, description="Tasks of the encode stage.")
