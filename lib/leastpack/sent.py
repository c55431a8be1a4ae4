"""Files on their way to the executors: each executor fetches them once, and no task or plan carries their bytes."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pyspark import SparkFiles
from pyspark.sql import SparkSession

from leastpack.errors import ModelError


@dataclass(frozen=True)
class SentFile:
    """A file by what executors know it by.

    Attributes:
        digest: SHA-256 of its content.
    """

    digest: str

    @property
    def name(self) -> str:
        """Its name among the application's files."""
        return f"leastpack-{self.digest}"

    def read(self) -> bytes:
        """Its content, on an executor or on the driver.

        Raises:
            ModelError: It is not what was sent.
        """
        content = Path(SparkFiles.get(self.name)).read_bytes()
        if hashlib.sha256(content).hexdigest() != self.digest:
            raise ModelError(
                f"file {self.name} of the application is not the one that was sent",
                expected=f"SHA-256 {self.digest}",
                found=f"another one, of {len(content):,} bytes",
                todo="run the step again; if it happens again, look for a full or broken disk of the executor",
            )
        return content


def send(spark: SparkSession, content: bytes) -> SentFile:
    """Give a file to all executors of the application, also to those that join later; again costs little.

    Where a function is larger than 1 MB Spark keeps it out of its tasks by itself, but sends it anew with each use, and
    under Spark Connect with each plan.

    Args:
        spark: The session.
        content: Megabytes, as a rule: what is smaller may travel with the function.
    """
    sent = SentFile(hashlib.sha256(content).hexdigest())
    if not hasattr(spark, "sparkContext"):  # Spark Connect, where what is sent lives as long as the session
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / sent.name
            path.write_bytes(content)
            spark.addArtifacts(str(path), file=True)
        return sent
    there = Path(SparkFiles.get(sent.name))
    if not (there.exists() and there.stat().st_size == len(content)):
        spark.sparkContext.addFile(str(_written(sent.name, content)))
    return sent


def _written(name: str, content: bytes) -> Path:
    """A file that lives as long as the application and has the same path in every process that works with it.

    Executors that join later fetch it too, also when the step that sent it is over; and Spark takes no file twice from
    different paths.
    """
    folder = Path(SparkFiles.getRootDirectory()) / "leastpack"
    folder.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as stream:
        stream.write(content)
    return Path(stream.name).replace(folder / name)
