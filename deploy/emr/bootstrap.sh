#!/usr/bin/env bash
# Bootstrap action of every node: installs leastpack into /opt/leastpack.
#   argument 1: the S3 folder that holds dist/*, jobs/ and conf/, as deploy/README.md says
set -euo pipefail

source_folder=${1:?the S3 folder of the deployment}
home=/opt/leastpack

sudo mkdir -p "$home"
sudo chown "$(id -u):$(id -g)" "$home"
aws s3 cp --recursive --only-show-errors "$source_folder" "$home"

python3.11 -m venv "$home/venv"
pip() { "$home/venv/bin/python" -m pip install --no-input --disable-pip-version-check --constraint "$home/constraints.txt" "$@"; }
pip pip wheel setuptools
pip --requirement "$home/cluster-requirements.txt"
# These ask for pyspark, which is the cluster's own.
pip --no-deps delta-spark petastorm "$home"/leastpack-*.whl
# Horovod is there only if the deployment brings a wheel built on Amazon Linux 2023 with this torch.
for wheel in "$home"/horovod-*.whl; do
    if [ -e "$wheel" ]; then pip --no-deps "$wheel"; fi
done
