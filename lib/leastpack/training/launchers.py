"""Where the train function runs: in this process, or in Horovod processes on Spark executors."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import re
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from pyspark.sql import SparkSession

from leastpack import errors
from leastpack.config.storage import LogConfig
from leastpack.config.training import TrainingConfig
from leastpack.errors import ConfigError, InputError, LeastpackError
from leastpack.log import configure_log, log
from leastpack.training.loop import Job, Trained, fit
from leastpack.training.workers import Alone, HorovodWorkers

START_TIMEOUT_S = 300  # for the executors to come up and their tasks to register
GRACE_S = 60  # after training.timeout_s, before a process that is stuck ends itself


@dataclass(frozen=True)
class Failure:
    """What a process returns in place of a result, so that the driver learns the true cause.

    Attributes:
        kind: Name of the error's class.
        message: Its message.
        trace: Its traceback.
        at: Seconds since the epoch; the earliest failure is the cause of the others.
        rank: The process.
    """

    kind: str
    message: str
    trace: str
    at: float
    rank: int


def launch(spark: SparkSession, job: Job, log_config: LogConfig) -> Trained:
    """Run the training where the configuration says.

    Args:
        spark: The session; only the horovod launcher uses it.
        job: What to train.
        log_config: How the processes log.

    Raises:
        ConfigError: There are fewer task slots than processes.
        InputError: Horovod is asked for and not installed.
        LeastpackError: The training failed; it names the cause.
    """
    if job.config.launcher == "local":
        with _threads(_cores()):
            return fit(job, Alone())
    return _launch_horovod(spark, job, log_config)


def require_launcher(spark: SparkSession, config: TrainingConfig) -> None:
    """Find out before any work is done whether the configured launcher can run here.

    Raises:
        ConfigError: There are fewer task slots than processes.
        InputError: Horovod is asked for and cannot be imported.
    """
    if config.launcher == "horovod":
        _require_horovod()
        _threads_of_a_task(spark, config.processes)


def _require_horovod() -> Any:
    try:
        import horovod.spark
        import horovod.torch
    except ImportError as error:
        raise InputError(
            f"launcher horovod needs Horovod built with PyTorch, which cannot be imported here ({error})",
            expected="horovod 0.28.1 on the driver and on every executor",
            todo="install the extra: pip install 'leastpack[train]', or set training.launcher=local",
        ) from None
    return horovod.spark.run


def _launch_horovod(spark: SparkSession, job: Job, log_config: LogConfig) -> Trained:
    run_on_spark = _require_horovod()
    processes = job.config.processes
    threads = str(_threads_of_a_task(spark, processes))
    env = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), threads)
    log.info("horovod starts", processes=processes, threads_each=int(threads))
    try:
        results = run_on_spark(
            train_in_process,
            args=(job, log_config),
            num_proc=processes,
            start_timeout=min(START_TIMEOUT_S, job.config.timeout_s),
            use_gloo=True,
            env=env,
            stdout=sys.stderr,
            stderr=sys.stderr,
            # Executors may keep their Python elsewhere than the driver.
            executable=os.environ.get("PYSPARK_PYTHON", sys.executable),
            verbose=0,
        )
    except Exception as error:
        raise LeastpackError(
            f"a Horovod process ended without a result: {error}",
            todo="look for its last lines above; out of memory or a lost executor are usual causes. "
            "Run the step again: it resumes after the last whole epoch",
        ) from error
    return _result(results)


def train_in_process(job: Job, log_config: LogConfig) -> Trained | Failure:
    """The function each Horovod process runs; importable by name, so that nothing of the driver travels with it."""
    configure_log(log_config)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    # A process stuck in a collective cannot look at the clock itself: this ends it, with the trace of where it is
    # stuck.
    faulthandler.dump_traceback_later(job.config.timeout_s + GRACE_S, exit=True)
    rank = int(os.environ.get("HOROVOD_RANK", "0"))
    workers = None
    try:
        workers = HorovodWorkers()
        return fit(job, workers)
    except Exception as error:
        return Failure(type(error).__name__, str(error), traceback.format_exc(), time.time(), rank)
    finally:
        if workers is not None:
            workers.close()
        faulthandler.cancel_dump_traceback_later()


def _result(results: list[Trained | Failure]) -> Trained:
    failures = sorted((r for r in results if isinstance(r, Failure)), key=lambda failure: failure.at)
    if failures:
        cause = failures[0]
        kind = getattr(errors, cause.kind, None)
        if isinstance(kind, type) and issubclass(kind, LeastpackError):
            raise kind(cause.message)
        raise LeastpackError(f"training failed in process {cause.rank}: {cause.message}", found=cause.trace)
    first = results[0]
    if not isinstance(first, Trained):
        raise LeastpackError("a Horovod process ended without a result", found=repr(first))
    return first


def _threads_of_a_task(spark: SparkSession, processes: int) -> int:
    """Threads a process may use: its share of a local master's cores, else the cores Spark gives a task."""
    context = spark.sparkContext
    local = re.fullmatch(r"local\[(\d+|\*)[^\]]*\]|local", context.master or "")
    if local is None:
        return int(spark.conf.get("spark.task.cpus", "1") or 1)
    slots = context.defaultParallelism
    if slots < processes:
        raise ConfigError(
            f"training.processes = {processes}, but Spark's master {context.master} runs {slots} task(s) at a time",
            todo="lower training.processes, or give the master as many cores: all processes must run at once",
        )
    return max(1, min(slots, _cores()) // processes)


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
