import os
import sys
from pathlib import Path

import pytest

from leastpack import doctor
from leastpack.config import load_config
from leastpack.doctor import Check


def write_program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def java_that_says(home: Path, version: str) -> dict[str, str]:
    write_program(home / "bin" / "java", f"echo 'openjdk version \"{version}\" 2024-01-01' >&2")
    return {"JAVA_HOME": str(home), "PATH": os.environ["PATH"]}


@pytest.mark.parametrize(
    ("version", "status"), [("17.0.15", "ok"), ("21", "warn"), ("11.0.2", "fail"), ("1.8.0_402", "fail")]
)
def test_java_is_judged_by_its_major_version(tmp_path, version, status):
    check = doctor.check_java(java_that_says(tmp_path, version))
    assert check.status == status
    assert check.found.startswith(version)
    assert bool(check.todo) == (status != "ok")


def test_java_home_goes_before_the_path(tmp_path):
    environment = java_that_says(tmp_path / "new", "17.0.1")
    write_program(tmp_path / "old" / "java", "echo 'openjdk version \"11.0.2\"' >&2")
    assert doctor.check_java({**environment, "PATH": str(tmp_path / "old")}).status == "ok"
    assert doctor.check_java({"PATH": str(tmp_path / "old")}).status == "fail"


def test_no_java_at_all_is_found_without_an_exception(tmp_path):
    for environment in ({"PATH": str(tmp_path)}, {"JAVA_HOME": str(tmp_path), "PATH": os.environ["PATH"]}):
        check = doctor.check_java(environment)
        assert (check.status, check.found[:4]) == ("fail", "none")


def test_a_patch_release_is_as_good_as_the_tested_one_and_a_cpu_build_of_torch_too():
    assert doctor.check_package("torch", "2.13.0+cpu").status == "ok"
    assert doctor.check_package("pyspark", "4.0.99").status == "ok"
    other = doctor.check_package("pyspark", "4.1.0")
    assert other.status == "warn"
    assert doctor.TESTED["pyspark"] in other.todo


def test_only_train_may_miss_its_packages():
    statuses = {name: doctor.check_package(name, None).status for name in doctor.TESTED}
    assert {name for name, status in statuses.items() if status == "warn"} == {"petastorm", "horovod"}
    assert set(statuses.values()) == {"warn", "fail"}


@pytest.mark.parametrize(("name", "version"), [("pyarrow", "15.0.0"), ("numpy", "2.1.3")])
def test_petastorm_beside_packages_that_break_it_is_a_failure(name, version):
    check = doctor.check_petastorm({**doctor.TESTED, name: version})
    assert check.status == "fail"
    assert version in check.found


def test_without_the_train_extra_the_doctor_warns_and_does_not_fail(monkeypatch):
    real = doctor.installed_version
    monkeypatch.setattr(doctor, "installed_version", lambda name: None if name in doctor.TRAIN_ONLY else real(name))
    checks = {check.name: check for check in doctor.diagnose()}
    for name in ("petastorm", "horovod", "petastorm works", "Horovod works"):
        assert checks[name].status == "warn"
        assert "leastpack[train]" in checks[name].todo


def test_a_horovod_built_for_another_torch_is_told_with_its_cause(monkeypatch):
    monkeypatch.setattr(doctor, "import_problem", lambda module: "ImportError: undefined symbol")
    check = doctor.check_horovod(doctor.TESTED)
    assert check.status == "fail"
    assert "undefined symbol" in check.found


def test_workers_of_another_python_are_found(tmp_path):
    other = write_program(tmp_path / "python", "echo 3.9")
    check = doctor.check_workers({"PYSPARK_PYTHON": str(other)})
    assert check.status == "fail"
    assert "3.9" in check.found
    assert doctor.check_workers({"PYSPARK_PYTHON": sys.executable}).status == "ok"
    assert doctor.check_workers({"PYSPARK_PYTHON": str(tmp_path / "nowhere")}).status == "fail"


def test_delta_jars_are_found_where_a_cluster_or_an_earlier_session_left_them(tmp_path):
    empty = {"SPARK_HOME": str(tmp_path / "spark")}
    assert doctor.check_delta_jars("4.0.1", empty, tmp_path).status == "warn"
    jars = tmp_path / ".ivy2.5.2" / "jars"
    jars.mkdir(parents=True)
    (jars / "io.delta_delta-spark_2.13-3.0.0.jar").touch()
    assert doctor.check_delta_jars("4.0.1", empty, tmp_path).status == "warn"
    (jars / "io.delta_delta-spark_2.13-4.0.1.jar").touch()
    assert doctor.check_delta_jars("4.0.1", empty, tmp_path).status == "ok"
    (tmp_path / "spark" / "jars").mkdir(parents=True)
    own = tmp_path / "spark" / "jars" / "delta-spark_2.13-4.0.0.jar"
    own.touch()
    assert doctor.check_delta_jars("4.0.1", empty, tmp_path).found == str(own)


def test_the_embedded_encoders_have_weights_and_an_absent_package_is_told():
    assert doctor.check_weights("text encoder", *doctor.TEXT_WEIGHTS).status == "ok"
    assert doctor.check_weights("image encoder", *doctor.IMAGE_WEIGHTS).status == "ok"
    absent = doctor.check_weights("text encoder", "no_such_encoder", "*")
    assert (absent.status, absent.found) == ("warn", "not installed")
    assert "no-such-encoder" in absent.todo


def test_diagnose_asks_no_spark_to_start(monkeypatch):
    from pyspark.sql import SparkSession

    def start(builder: object) -> None:
        raise AssertionError("Spark was started")

    monkeypatch.setattr(SparkSession.Builder, "getOrCreate", start)
    names = [check.name for check in doctor.diagnose()]
    assert len(names) == len(set(names))
    assert "Delta table" not in names


def test_what_is_printed_tells_what_to_do_below_each_check_that_is_not_ok():
    good, bad = Check("Python", "ok", "3.11.7", "3.11"), Check("Java", "fail", "none", "17", "install a JDK 17")
    printed = doctor.lines([good, bad])
    assert len(printed) == 3
    assert "install a JDK 17" in printed[2]


def test_encoders_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    settings = [f"tables.root={tmp_path}", f"model.directory={tmp_path / 'model'}"]
    assert doctor.check_encoders(load_config([], settings)).status == "ok"
    check = doctor.check_encoders(load_config([], [*settings, f"encoders.text.name={tmp_path / 'none'}"]))
    assert check.status == "fail"
    assert "none" in check.found
