"""A lease as one object in S3, written by conditional puts."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from leastpack.log import log
from leastpack.s3 import s3_client, split_s3
from leastpack.tables.lease import Lease, OvertakenError

TIMEOUT_S = 20.0
# Another put won, another is under way, the object is gone.
LOST = frozenset({409, 412, 404})
UNKNOWN = frozenset({"NotImplemented", "InvalidArgument", "InvalidRequest"})


class ObjectPlace:
    """One object; `If-None-Match: *` makes it, `If-Match` with its ETag replaces it.

    A store that takes a put whatever its condition keeps nobody out; that is found when the object is made or taken
    over, and warned of. Endpoint and credentials are those of boto3 (`AWS_ENDPOINT_URL_S3`, `AWS_PROFILE`, ...).

    Args:
        uri: `s3://bucket/key` or `s3a://bucket/key`.
        client: An S3 client; None makes one.
    """

    is_quick = True

    def __init__(self, uri: str, client: Any = None) -> None:
        found = split_s3(uri)
        if found is None:
            raise ValueError(f"{uri} is no path in S3")
        self.uri = uri
        self._bucket, self._key = found
        self._client = client or s3_client(None, TIMEOUT_S, 1)
        self._tried = False

    @property
    def name(self) -> str:
        """The object."""
        return self.uri

    def read(self) -> tuple[Lease | None, str]:
        """The lease, and its ETag."""
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None, ""
            raise
        return Lease.from_json(answer["Body"].read()), answer["ETag"]

    def write(self, lease: Lease, tag: str) -> str:
        """Put the object if it is still the one with that ETag, or if there is still none.

        Raises:
            OvertakenError: It is another one.
        """
        condition = {"IfMatch": tag} if tag else {"IfNoneMatch": "*"}
        body = lease.to_json().encode()
        try:
            new = self._put(body, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] in UNKNOWN:
                return self._put_unguarded(body, tag)
            if error.response["ResponseMetadata"]["HTTPStatusCode"] not in LOST:
                raise
            # A put that was tried twice may have won the first time.
            there, new = self.read()
            if there != lease:
                raise OvertakenError from None
        self._try_conditions(body)
        return new

    def _put(self, body: bytes, **condition: str) -> str:
        answer = self._client.put_object(Bucket=self._bucket, Key=self._key, Body=body, **condition)
        return str(answer["ETag"])

    def _put_unguarded(self, body: bytes, tag: str) -> str:
        _, there = self.read()
        if there != tag:
            raise OvertakenError
        self._warn()
        return self._put(body)

    def _try_conditions(self, body: bytes) -> None:
        """Put the same again under a condition that does not hold: a store that takes it ignores conditions."""
        if self._tried:
            return
        self._tried = True
        try:
            self._put(body, IfNoneMatch="*")
        except ClientError:
            return
        self._warn()

    def _warn(self) -> None:
        log.warning(
            "this store ignores conditions of a put: two runs that start in the same moment may both take the lease",
            lease=self.uri,
        )
