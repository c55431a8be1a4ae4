"""The files of deploy/, as far as they can be checked without the services they are for."""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import yaml

from leastpack.config import load_config
from leastpack.road import STEPS

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
ROAD = {step.name: step.job for step in STEPS if step.job}
# Training may choose another engine for an encoder: then everything is encoded anew before it is scored.
WITH_TRAINING = [again for step in ROAD for again in ((step, "encode") if step == "train" else (step,))]


@pytest.mark.parametrize("file", sorted((ROOT / "conf").glob("*.yaml")), ids=lambda path: path.name)
def test_every_configuration_loads(file):
    load_config([file])


def test_databricks_names_tables_and_the_others_use_paths():
    named = load_config([ROOT / "conf" / "databricks.yaml"]).tables
    assert named.root is None
    assert named.schema_name
    assert load_config([ROOT / "conf" / "emr.yaml"]).tables.root
    assert load_config([ROOT / "conf" / "local.yaml"]).spark.delta_packages


def test_clusters_bring_their_own_spark_and_delta():
    for name in ("emr", "databricks"):
        config = load_config([ROOT / "conf" / f"{name}.yaml"])
        assert config.spark.master is None
        assert not config.spark.delta_packages


def test_emr_steps_are_the_jobs_in_the_order_of_the_road():
    steps = json.loads((DEPLOY / "emr" / "steps.json").read_text(encoding="utf-8"))
    jobs = [next(Path(word).name for word in step["Args"] if word.endswith(".py")) for step in steps]
    assert jobs == [ROAD[step] for step in WITH_TRAINING]
    json.loads((DEPLOY / "emr" / "configurations.json").read_text(encoding="utf-8"))


def test_databricks_tasks_follow_the_road_and_name_jobs_that_are_there():
    folder = DEPLOY / "databricks"
    jobs = yaml.safe_load((folder / "databricks.yml").read_text(encoding="utf-8"))["resources"]["jobs"]
    daily, weekly = jobs["leastpack_daily"]["tasks"], jobs["leastpack_weekly"]["tasks"]
    assert [task["task_key"] for task in daily] == [step for step in ROAD if step != "train"]
    assert [task["task_key"] for task in weekly] == ["train"]
    for task in daily + weekly:
        file = (folder / task["spark_python_task"]["python_file"]).resolve()
        assert file == ROOT / "jobs" / ROAD[task["task_key"]]
        assert file.is_file()
        assert "run_id=run-{{job.run_id}}" in task["spark_python_task"]["parameters"]
    before = [task["depends_on"][0]["task_key"] for task in daily[1:]]
    assert before == [task["task_key"] for task in daily[:-1]]


@pytest.fixture
def airflow(monkeypatch):
    """Stands in for the few names of Airflow that the DAG file uses, and keeps what they are given."""
    kept = SimpleNamespace(tasks=[], order=[], dag={})

    class Dag:
        def __init__(self, **options):
            kept.dag = options

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

    def operator(**options):
        kept.tasks.append(options)
        return options["task_id"]

    sdk, bash = ModuleType("airflow.sdk"), ModuleType("airflow.providers.standard.operators.bash")
    sdk.DAG, sdk.chain = Dag, lambda *tasks: kept.order.extend(tasks)
    sdk.TriggerRule = SimpleNamespace(NONE_FAILED="none_failed")
    bash.BashOperator = operator
    monkeypatch.setitem(sys.modules, "airflow.sdk", sdk)
    monkeypatch.setitem(sys.modules, bash.__name__, bash)
    code = compile((DEPLOY / "airflow" / "leastpack_dag.py").read_text(encoding="utf-8"), "leastpack_dag.py", "exec")
    exec(code, {})
    return kept


def test_the_airflow_dag_submits_the_jobs_in_the_order_of_the_road(airflow):
    assert [task.removesuffix("_again") for task in airflow.order] == WITH_TRAINING
    assert airflow.dag["default_args"]["retries"] > 0
    for task in airflow.tasks:
        assert f"/jobs/{ROAD[task['task_id'].removesuffix('_again')]} " in task["bash_command"]
        assert task["bash_command"].endswith(" --set run_id=daily-{{ ds_nodash }}")
        assert task["trigger_rule"] == "none_failed"
        assert ("exit 99" in task["bash_command"]) == (task["task_id"] in ("train", "encode_again"))


def test_a_logical_date_makes_a_run_id_that_the_configuration_takes():
    assert load_config([ROOT / "conf" / "emr.yaml"], ["run_id=daily-20260101"]).run_id == "daily-20260101"


def test_the_image_copies_from_paths_that_stay_the_same():
    lines = (DEPLOY / "docker" / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith("FROM python:3.11") for line in lines) == 2
    assert "COPY --from=build --chown=leastpack /opt/leastpack /opt/leastpack" in lines
    assert [line for line in lines if line.startswith("USER")][-1] == "USER leastpack"
