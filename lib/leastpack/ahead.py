"""What a later step of a whole run would refuse, told before the first one starts."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterable

from leastpack.config.checks import check_catalog
from leastpack.config.decisions import ReportConfig
from leastpack.config.encoders import EncodersConfig
from leastpack.config.packages import PackageFile, load_packages
from leastpack.config.root import Config
from leastpack.config.sources import HISTORY_KINDS, require_names
from leastpack.config.storage import SparkConfig
from leastpack.config.training import TrainingConfig
from leastpack.encoders.engines import MODALITIES, resolve_engines
from leastpack.errors import ConfigError
from leastpack.locations import local_path
from leastpack.tables.schemas import TEST_RESULTS

LOCAL = re.compile(r"local(?:\[(\d+|\*)(?:,\d+)?\])?")
LOCAL_CLUSTER = re.compile(r"local-cluster\[\s*(\d+)\s*,\s*(\d+)\s*,\s*\d+\s*\]")


def check_run(config: Config) -> None:
    """Check what the steps of a whole run ask of the configuration and of this machine; starts no Spark.

    Raises:
        ConfigError: Something that `check_catalog` tells, or the first step to refuse it is training, encode or report.
        ModelError: The model directory's choice of engines cannot be read.
    """
    files = load_packages(config.packages)
    check_catalog(config, files)
    check_chosen(config)
    check_processes(config.training, config.spark)
    check_report(config.report, files)
    check_engines(resolve_engines(config), config.spark)


def check_chosen(config: Config) -> None:
    """Check the sources that outcomes is to take in alone.

    Raises:
        ConfigError: One of them is no source of history.
    """
    known = [source.name for source in config.sources if source.kind in HISTORY_KINDS] + [TEST_RESULTS.name]
    require_names("--source", config.chosen, known)


def local_slots(spark: SparkConfig) -> int | None:
    """Tasks that a master on this machine runs at once; None for any other master."""
    master = spark.master or spark.conf.get("spark.master") or ""
    if found := LOCAL_CLUSTER.fullmatch(master):
        cores = int(found[1]) * int(found[2])
    elif found := LOCAL.fullmatch(master):
        cores = _cores() if found[1] == "*" else int(found[1] or 1)
    else:
        return None
    task_cpus = spark.conf.get("spark.task.cpus", "1")
    return cores // max(1, int(task_cpus)) if task_cpus.isdigit() else cores


def check_processes(training: TrainingConfig, spark: SparkConfig) -> None:
    """Check that all training processes can run at once on a master of this machine.

    Raises:
        ConfigError: They cannot.
    """
    slots = local_slots(spark)
    if training.launcher == "horovod" and slots is not None and slots < training.processes:
        raise ConfigError(
            f"training.processes = {training.processes} cannot run at once on spark.master = {spark.master}",
            expected=f"at most {slots}, the tasks that this master runs at a time",
            found=str(training.processes),
            todo="lower training.processes, or give the master as many cores",
        )


def check_report(report: ReportConfig, files: Iterable[PackageFile]) -> None:
    """Check what the report reads beside tables.

    Raises:
        ConfigError: `truth` is not there, or `effect_package` is in no package file.
    """
    truth = local_path(report.truth) if report.truth is not None else None
    if truth is not None and not truth.exists():
        raise ConfigError(
            "report.truth names a file that does not exist",
            expected="the truth.parquet of a sample, or null",
            found=str(report.truth),
            todo="run leastpack sample, or set report.truth to null: a real marketplace has no truth",
        )
    known = sorted({package.name for file in files for package in file.types})
    if report.effect_package is not None and report.effect_package not in known:
        raise ConfigError(
            "report.effect_package is no package type",
            expected=f"one of {', '.join(known)}, or null",
            found=report.effect_package,
            todo="correct it, or add the package type to its file",
        )


def check_engines(encoders: EncodersConfig, spark: SparkConfig) -> None:
    """Check that the encoders' engines can run.

    Args:
        encoders: Of `resolve_engines`, which refuses what `encoders.device` rules out.
        spark: A master of this machine must have the device here; what the executors of others have shows only there.

    Raises:
        ConfigError: An engine's library is not installed, or there is no GPU.
    """
    for modality in MODALITIES:
        engine = getattr(encoders, modality).engine
        if engine.startswith("openvino") and importlib.util.find_spec("openvino") is None:
            raise ConfigError(
                f"encoders.{modality}.engine needs OpenVINO, which is not installed here",
                expected="the package openvino, or a torch engine",
                found=engine,
                todo=f"pip install openvino, or set encoders.{modality}.engine to torch-fp32",
            )
    if encoders.device == "cuda" and local_slots(spark) is not None and not _gpu_here():
        raise ConfigError(
            "encoders.device is cuda, and torch finds no GPU on this machine",
            expected=f"a GPU, as spark.master = {spark.master} runs every task here",
            found="no GPU",
            todo="set encoders.device to cpu, or name the master of a cluster that has GPUs",
        )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gpu_here() -> bool:
    import torch

    return bool(torch.cuda.is_available())
