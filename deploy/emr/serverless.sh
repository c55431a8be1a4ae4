#!/usr/bin/env bash
# Submits one step to an EMR Serverless application of release emr-spark-8.0.0.
#   serverless.sh APPLICATION_ID ROLE_ARN S3_FOLDER JOB [options of the job]
# Example: serverless.sh 00abc arn:aws:iam::111122223333:role/leastpack s3://YOUR-BUCKET/leastpack build_catalog.py
# S3_FOLDER holds jobs/ and environment.tar.gz, the packed environment that deploy/README.md describes.
set -euo pipefail

application=${1:?application id} role=${2:?role arn} folder=${3:?S3 folder} job=${4:?job file}
shift 4
delta=/usr/share/aws/delta/lib
spark=(
    --conf "spark.archives=$folder/environment.tar.gz#environment"
    --conf spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON=./environment/bin/python
    --conf spark.emr-serverless.driverEnv.PYSPARK_PYTHON=./environment/bin/python
    --conf spark.executorEnv.PYSPARK_PYTHON=./environment/bin/python
    --conf "spark.jars=$delta/delta-spark.jar,$delta/delta-storage.jar"
    --conf spark.sql.extensions=io.delta.sql.DeltaSparkSessionExtension
    --conf spark.sql.catalog.spark_catalog=org.apache.spark.sql.delta.catalog.DeltaCatalog
)
arguments=$(printf '%s\n' --config ./environment/conf/emr.yaml --config ./environment/conf/sources.yaml "$@" |
    python3 -c 'import json, sys; print(json.dumps(sys.stdin.read().splitlines()))')

aws emr-serverless start-job-run --application-id "$application" --execution-role-arn "$role" --name "leastpack-${job%.py}" \
    --job-driver "{\"sparkSubmit\": {\"entryPoint\": \"$folder/jobs/$job\", \"entryPointArguments\": $arguments,
        \"sparkSubmitParameters\": \"${spark[*]}\"}}"
