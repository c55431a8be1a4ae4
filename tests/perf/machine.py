"""What the results depend on besides leastpack: processor, interpreter, versions."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("pyspark", "delta-spark", "pyarrow", "numpy", "torch", "transformers", "openvino", "timm", "deltalake")


def machine() -> dict[str, object]:
    """For a result's file."""
    told = {"processor": _processor(), "cores": os.cpu_count(), "python": platform.python_version()}
    return {"machine": told, "versions": {name: version(name) for name in PACKAGES}}


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
