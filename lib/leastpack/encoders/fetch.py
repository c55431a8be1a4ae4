"""Bytes of one image from a declared place, within limits of size and time; and a bounded pool to read ahead."""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any, TypeVar

from botocore.exceptions import ClientError, CredentialRetrievalError, NoCredentialsError, PartialCredentialsError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from leastpack.config.encoders import FetchConfig
from leastpack.encoders.allow import AllowList, LocalFile, S3Object
from leastpack.encoders.codes import ContentError
from leastpack.encoders.opened import real_path
from leastpack.s3 import s3_client

PIECE = 256 * 1024
# A read that ends by itself within the limit is not given up just before.
GRACE_S = 1.0
# Reads that were given up and hang on: while there are so many, none is begun.
MOST_HANGING = 64
NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)
# What S3 answers with status 400.
DENIED = ("ExpiredToken", "InvalidToken", "TokenRefreshRequired")

Item = TypeVar("Item")
Result = TypeVar("Result")


class Fetcher:
    """Reads images; one a task, shared by its threads.

    Args:
        config: Limits and S3 endpoint.
        allow: What may be read.
    """

    def __init__(self, config: FetchConfig, allow: AllowList) -> None:
        self._config = config
        self._allow = allow
        self._s3: Any = s3_client(config.s3_endpoint, config.timeout_s, config.threads) if allow.buckets else None
        self._in_time = InTime(config.timeout_s + GRACE_S, config.threads + MOST_HANGING)

    def read(self, uri: str) -> bytes:
        """All bytes behind a URI; a passing failure is tried again a few times.

        Raises:
            ContentError: URI_NOT_ALLOWED or a FETCH_ code.
        """
        retrying = Retrying(
            stop=stop_after_attempt(self._config.tries),
            wait=wait_exponential_jitter(initial=0.2, max=2.0),
            retry=retry_if_exception(lambda e: isinstance(e, ContentError) and e.code == "FETCH_TRANSIENT"),
            reraise=True,
        )
        data: bytes = retrying(self._in_time, lambda: self._read(uri))
        return data

    def _read(self, uri: str) -> bytes:
        deadline = time.monotonic() + self._config.timeout_s
        place = self._allow.check(uri)
        if isinstance(place, LocalFile):
            return read_file(place.path, self._allow, self._config.max_bytes, deadline)
        return self._read_s3(place, deadline)

    def _read_s3(self, place: S3Object, deadline: float) -> bytes:
        most = self._config.max_bytes
        data = bytearray()
        try:
            answer = self._s3.get_object(Bucket=place.bucket, Key=place.key)
            with closing(_as_it_comes(answer["Body"])) as body:
                size = answer.get("ContentLength") or 0
                while size <= most and (piece := body.read(PIECE)):
                    data += piece
                    size = max(size, len(data))
                    if time.monotonic() > deadline:
                        raise ContentError("FETCH_TRANSIENT", "reading took too long")
        except (ContentError, MemoryError):
            raise
        except ClientError as error:
            raise _s3_error(error) from None
        except NO_CREDENTIALS as error:
            raise ContentError("FETCH_DENIED", str(error)) from None
        except Exception as error:  # no connection, a timeout, a broken answer, a header that botocore cannot parse
            raise ContentError("FETCH_TRANSIENT", repr(error)) from None
        if size > most:
            raise ContentError("FETCH_TOO_LARGE", f"{size} bytes")
        return bytes(data)


class InTime:
    """Work that is given up after a while, wherever it hangs: at a name, a handshake, headers that drip.

    A thread cannot be stopped, so that what was given up goes on to its own end.

    Args:
        seconds: How long to wait.
        most: Threads that may be there at once.
    """

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._free = threading.Semaphore(most)

    def __call__(self, work: Callable[[], Result]) -> Result:
        """What the work gives.

        Raises:
            ContentError: FETCH_TRANSIENT, if it takes too long or too much hangs already; or what the work raises.
        """
        if not self._free.acquire(blocking=False):
            raise ContentError("FETCH_TRANSIENT", "too many reads hang")
        answer: Future[Result] = Future()

        def run() -> None:
            try:
                answer.set_result(work())
            except BaseException as error:
                answer.set_exception(error)
            finally:
                self._free.release()

        threading.Thread(target=run, name="read", daemon=True).start()
        try:
            return answer.result(self._seconds)
        except TimeoutError:
            raise ContentError("FETCH_TRANSIENT", f"no answer within {self._seconds:g} s") from None


class _AsItComes:
    """A connection whose `read` gives what is there, and does not wait for all that was asked for.

    A server that drips bytes would hold a plain `read` for as long as it likes: the timeout of a connection starts
    again with every byte.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def read(self, amount: int) -> bytes:
        piece: bytes = self._connection.read1(amount)
        return piece

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def _as_it_comes(body: Any) -> Any:
    """The body of an answer; it goes on checking lengths and checksums. botocore has no other way in."""
    body._raw_stream = _AsItComes(body._raw_stream)
    return body


def read_file(path: str, allow: AllowList, max_bytes: int, deadline: float) -> bytes:
    """All bytes of a regular file.

    Args:
        path: Real path, already checked. A link put in its place since is not followed, and a file that a link put in
            place of a folder above it leads to is not read.
        allow: What may be read.
        max_bytes: Larger files are refused.
        deadline: When reading takes too long, of `time.monotonic`.

    Raises:
        ContentError: URI_NOT_ALLOWED or a FETCH_ code.
    """
    data = bytearray()
    try:
        # Without O_NONBLOCK, opening a named pipe would wait for a writer.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb", buffering=0) as file:
            state = os.fstat(handle)
            if not stat.S_ISREG(state.st_mode):
                raise ContentError("FETCH_NOT_A_FILE", path)
            real = real_path(handle, path)
            if real is None:
                raise ContentError("URI_NOT_ALLOWED", "another file is there now")
            allow.check_inside(real)
            size = state.st_size
            while size <= max_bytes and (piece := file.read(PIECE)):
                data += piece
                size = max(size, len(data))
                if time.monotonic() > deadline:
                    raise ContentError("FETCH_TRANSIENT", "reading took too long")
    except OSError as error:
        raise _file_error(error) from None
    if size > max_bytes:
        raise ContentError("FETCH_TOO_LARGE", f"more than {max_bytes} bytes")
    return bytes(data)


def read_ahead(items: Iterable[Item], work: Callable[[Item], Result], *, threads: int, window: int) -> Iterator[Result]:
    """Results of `work` in the order of `items`, computed by a pool that runs at most `window` items ahead.

    Memory holds `window` results whatever the number of items.
    """
    pending: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="read-ahead")
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) > window:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _s3_error(error: ClientError) -> ContentError:
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    name = str(error.response.get("Error", {}).get("Code", ""))
    if status == 404 or name in ("NoSuchKey", "NoSuchBucket", "404"):
        return ContentError("FETCH_NOT_FOUND", name)
    if status in (401, 403) or name in DENIED:
        return ContentError("FETCH_DENIED", name)
    return ContentError("FETCH_TRANSIENT", f"{status} {name}")


def _file_error(error: OSError) -> ContentError:
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
        return ContentError("FETCH_NOT_FOUND", str(error))
    if error.errno == errno.ELOOP:
        return ContentError("URI_NOT_ALLOWED", str(error))
    if error.errno in (errno.EACCES, errno.EPERM):
        return ContentError("FETCH_DENIED", str(error))
    if error.errno in (errno.EISDIR, errno.ENXIO):
        return ContentError("FETCH_NOT_A_FILE", str(error))
    return ContentError("FETCH_TRANSIENT", str(error))
