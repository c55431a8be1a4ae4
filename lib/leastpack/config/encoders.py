"""The frozen encoders and where image bytes may be read from."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from leastpack.config.base import Count, LocalFolder, Section

PACKAGED_TEXT = "minilm"
PACKAGED_IMAGE = "efficientnet-lite0"

# Limits of decoding, for those who have no config at hand.
MAX_PIXELS = 25_000_000
MAX_MEMORY = 512_000_000

Engine = Literal["torch-fp32", "torch-bf16", "torch-fp16", "openvino-fp32", "openvino-bf16"]
AUTO = "auto"


def _engine() -> Any:
    return Field(
        AUTO,
        description="Library and precision. `auto` is what the train step chose for model.directory; before there is a "
        "model openvino-fp32, with device `cuda` torch-fp32.",
    )


class TextEncoderConfig(Section):
    """The Hugging Face text encoder."""

    name: str = Field(
        PACKAGED_TEXT,
        description="`minilm` (all-MiniLM-L6-v2, a package), a folder, an s3:// path or a hub name.",
    )
    max_tokens: Count = Field(128, description="Longer texts are cut.")
    batch_tokens: Count = Field(2048, description="Token budget of one batch, padding included.")
    engine: Engine | Literal["auto"] = _engine()


class ImageEncoderConfig(Section):
    """The timm image encoder."""

    name: str = Field(
        PACKAGED_IMAGE, description="`efficientnet-lite0` (ships as a package), or a timm model with its `weights`."
    )
    weights: str | None = Field(
        None, description="Safetensors weights of a timm model: a file or folder, an s3:// path, or a hub name."
    )
    side: Count = Field(224, description="Input side in pixels.")
    batch: Count = Field(16, description="Images a batch.")
    engine: Engine | Literal["auto"] = _engine()

    @model_validator(mode="after")
    def _weights_where_needed(self) -> ImageEncoderConfig:
        if (self.name == PACKAGED_IMAGE) != (self.weights is None):
            raise ValueError(f"`weights` is needed for every timm model, and must stay out for {PACKAGED_IMAGE!r}")
        return self


class FetchConfig(Section):
    """What image URIs may name, and the limits of one read."""

    roots: list[LocalFolder] = Field(default_factory=list, description="Local folders images may be read from.")
    buckets: list[str] = Field(default_factory=list, description="S3 buckets images may be read from.")
    s3_endpoint: str | None = Field(None, description="S3 endpoint; null takes the default one.")
    max_bytes: Count = Field(
        20_000_000,
        description="Larger files get error FETCH_TOO_LARGE, and are tried again as docs/photos.md tells.",
    )
    max_pixels: int = Field(
        MAX_PIXELS,
        ge=1,
        le=178_956_970,
        description="Larger pictures get error IMAGE_TOO_LARGE, and are tried again likewise.",
    )
    max_memory: int = Field(
        MAX_MEMORY,
        ge=1_000_000,
        description="Bytes that all pictures under decoding in one Python worker may take together, by an estimate: "
        "its threads wait for their part. A picture that needs more gets error IMAGE_TOO_LARGE.",
    )
    threads: Count = Field(4, description="Concurrent reads a task.")
    tries: Count = Field(
        3, description="Reads of one file or object in a run before a passing failure is an error on its row."
    )
    timeout_s: float = Field(
        20.0, gt=0, description="Seconds one read may take, from a bucket or a folder, which may be a mount that hangs."
    )


class EncodersConfig(Section):
    """Text and image encoders of the frozen mode."""

    text: TextEncoderConfig = Field(default_factory=TextEncoderConfig, description="Text encoder.")
    image: ImageEncoderConfig = Field(default_factory=ImageEncoderConfig, description="Image encoder.")
    fetch: FetchConfig = Field(default_factory=FetchConfig, description="Reading of image bytes.")
    device: Literal["cpu", "cuda"] = Field("cpu", description="Where torch engines run; OpenVINO's run on processors.")
    partitions: Count = Field(2, description="Tasks of the encode stage.")
    task_cpus: Count | None = Field(
        None, description="Cores a task of the encode stage takes (stage-level scheduling: not on local masters)."
    )
    task_gpus: float | None = Field(
        None, gt=0, description="GPUs a task of the encode stage takes; 0.25 puts four tasks on one."
    )
    threads: Count | None = Field(
        None, description="Threads a task; null divides the machine's cores, and takes `task_cpus` at least."
    )
    chunks: Count = Field(8, description="The most appends of a run; a killed job keeps the chunks it has finished.")
    cache: LocalFolder | None = Field(
        None, description="Where weights from an object store are kept; null takes the user's cache folder."
    )

    @model_validator(mode="after")
    def _engines_of_device(self) -> EncodersConfig:
        if self.device == "cuda" and any(one.engine.startswith("openvino") for one in (self.text, self.image)):
            raise ValueError("OpenVINO engines run on processors: set `device: cpu`, or a torch engine")
        return self
