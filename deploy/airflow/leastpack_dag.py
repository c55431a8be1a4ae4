"""Airflow 3: the road once a day, training on Sundays; every step is a spark-submit of its job."""

from __future__ import annotations

import datetime

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, TriggerRule, chain

# In the order of the road; a test compares them with the package's own list. Training may choose another engine for an
# encoder: then everything is encoded anew before it is scored; else the second encoding finds nothing to do.
STEPS = {
    "catalog": "build_catalog.py",
    "outcomes": "label_outcomes.py",
    "encode": "encode_products.py",
    "train": "train_model.py",
    "encode_again": "encode_products.py",
    "score": "score_pairs.py",
    "certify": "certify_policy.py",
    "decide": "decide_packaging.py",
    "publish": "publish_release.py",
    "report": "write_report.py",
}
HOME = "/opt/leastpack"
# The run keeps its identifier when a task is retried or cleared, so that a step finishes what its first try left open.
SUBMIT = (
    f"spark-submit {HOME}/jobs/{{job}} --config {HOME}/conf/emr.yaml --config {HOME}/conf/sources.yaml"
    " --set run_id=daily-{{{{ ds_nodash }}}}"
)
# Exit code 99 marks a task as skipped.
ON_SUNDAYS = "if [ {{ logical_date.isoweekday() }} -ne 7 ]; then exit 99; fi; "

with DAG(
    dag_id="leastpack",
    schedule="0 3 * * *",
    start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    catchup=False,
    max_active_runs=1,
    default_args={
        "retries": 2,
        "retry_delay": datetime.timedelta(minutes=10),
        "execution_timeout": datetime.timedelta(hours=12),
    },
) as dag:
    chain(
        *(
            BashOperator(
                task_id=step,
                bash_command=(ON_SUNDAYS if step in ("train", "encode_again") else "") + SUBMIT.format(job=job),
                append_env=True,
                # The steps after a skipped training run with the model that is there.
                trigger_rule=TriggerRule.NONE_FAILED,
            )
            for step, job in STEPS.items()
        )
    )
