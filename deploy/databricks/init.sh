#!/usr/bin/env bash
# Init script of every node of a Databricks Runtime 17.3 LTS cluster: installs leastpack beside the runtime's own Spark.
#   LEASTPACK_DEPLOY, set by the cluster: the volume folder that holds dist/*, as deploy/README.md says
set -euo pipefail

pip() { /databricks/python/bin/pip install --no-input --disable-pip-version-check --constraint "$LEASTPACK_DEPLOY/constraints.txt" "$@"; }
pip --requirement "$LEASTPACK_DEPLOY/cluster-requirements.txt"
# These ask for pyspark, which must stay the runtime's own.
pip --no-deps petastorm "$LEASTPACK_DEPLOY"/leastpack-*.whl
# Horovod is there only if the deployment brings a wheel built with this torch and the runtime's Python.
for wheel in "$LEASTPACK_DEPLOY"/horovod-*.whl; do
    if [ -e "$wheel" ]; then pip --no-deps "$wheel"; fi
done
