"""What this machine has: packages, programs, Spark. Nothing here raises or starts Spark."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import warnings
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def installed_version(name: str) -> str | None:
    """A package's version, also of the pyspark a cluster puts on the path without installing it; None if absent."""
    try:
        return version(name)
    except PackageNotFoundError:
        if name == "pyspark" and not import_problem("pyspark"):
            return str(importlib.import_module("pyspark").__version__)
        return None


def spark_home(environment: Mapping[str, str]) -> Path | None:
    """The Spark that a session of this process starts; None if there is none."""
    if "SPARK_HOME" in environment:
        return Path(environment["SPARK_HOME"])
    spec = importlib.util.find_spec("pyspark")
    return Path(spec.origin).parent if spec and spec.origin else None


def import_problem(module: str) -> str:
    """Why a module cannot be imported; empty if it can. What petastorm and Horovod say of the future is muted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            importlib.import_module(module)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return ""


def output_of(command: list[str]) -> str:
    """What a program says, standard error included; empty if it does not start or takes longer than 20 seconds."""
    try:
        done = subprocess.run(  # noqa: S603  # the caller's own program, never a user's text
            command, capture_output=True, text=True, timeout=20, check=True, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return (done.stdout + done.stderr).strip()
