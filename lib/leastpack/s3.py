"""S3 paths and clients."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config as BotoConfig

SCHEMES = ("s3", "s3a")


def split_s3(uri: str) -> tuple[str, str] | None:
    """Bucket and key of `s3://bucket/key` or `s3a://bucket/key`; None for anything else.

    The key is taken as it stands, as Spark and Hadoop do: nothing in it is decoded, `?` and `#` belong to it.
    """
    scheme, found, rest = uri.partition("://")
    if not found or scheme.lower() not in SCHEMES:
        return None
    bucket, _, key = rest.partition("/")
    return bucket, key


def s3_client(endpoint: str | None, timeout_s: float, connections: int) -> Any:
    """A client whose calls are tried once: who calls decides about trying again.

    Args:
        endpoint: Endpoint URL; None takes the default one.
        timeout_s: Seconds to connect, and to wait for each piece of an answer.
        connections: Size of the connection pool.
    """
    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint,
        config=BotoConfig(
            connect_timeout=min(timeout_s, 5.0),
            read_timeout=timeout_s,
            max_pool_connections=connections,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path" if endpoint else "auto"},
        ),
    )
