"""What the results depend on besides leastpack: processor, interpreter, versions."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("pyspark", "delta-spark", "pyarrow", "numpy", "torch", "transformers", "openvino", "timm", "deltalake")
EXTENSIONS = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16")


def machine() -> dict[str, object]:
    """For a result's file."""
    told = {
        "processor": _cpuinfo("model name") or platform.processor(),
        # What an encoder's speed hangs on most.
        "extensions": [name for name in EXTENSIONS if name in _cpuinfo("flags").split()],
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    return {"machine": told, "versions": {name: version(name) for name in PACKAGES}}


def _cpuinfo(name: str) -> str:
    """What Linux says of the first core; nothing elsewhere."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")
