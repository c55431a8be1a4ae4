"""Stage-level resources of the encode stage: processors and GPUs of a task, whatever the other stages ask for."""

from __future__ import annotations

from pyspark import TaskContext
from pyspark.resource import ResourceProfile, ResourceProfileBuilder, TaskResourceRequests

from leastpack.config.encoders import EncodersConfig

GPU = "gpu"


def task_profile(config: EncodersConfig) -> ResourceProfile | None:
    """What a task of the encode stage asks for; None leaves it to `spark.task.*`."""
    if config.task_cpus is None and config.task_gpus is None:
        return None
    asked = TaskResourceRequests()
    if config.task_cpus is not None:
        asked.cpus(config.task_cpus)
    if config.task_gpus is not None:
        asked.resource(GPU, config.task_gpus)
    return ResourceProfileBuilder().require(asked).build


def task_device(config: EncodersConfig) -> str:
    """Where this task's torch engine runs: on the GPU that Spark gave it, where it gave one."""
    task = TaskContext.get()
    given = task.resources().get(GPU) if task else None
    if config.device == "cuda" and given and given.addresses:
        return f"cuda:{given.addresses[0]}"
    return config.device
