from __future__ import annotations

import contextlib
import errno
import http.server
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from leastpack.config.encoders import FetchConfig
from leastpack.encoders.allow import AllowList
from leastpack.encoders.codes import ContentError
from leastpack.encoders.fetch import Fetcher, InTime, read_ahead, read_file


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.jpg").write_bytes(b"picture")
    (folder / "deep" / "with space%20.jpg").write_bytes(b"spaced")
    (tmp_path / "secret.txt").write_bytes(b"secret")
    (tmp_path / "photos-not").mkdir()
    (tmp_path / "photos-not" / "b.jpg").write_bytes(b"secret")
    return folder


def fetcher(root: Path | None = None, **settings: object) -> Fetcher:
    config = FetchConfig.model_validate({"roots": [str(root)] if root else [], **settings})
    return Fetcher(config, AllowList.here(config))


def code_of(reader: Fetcher, uri: str) -> str:
    with pytest.raises(ContentError) as caught:
        reader.read(uri)
    return caught.value.code


def test_files_are_read_by_path_and_by_uri(root: Path) -> None:
    reader = fetcher(root)
    assert reader.read(str(root / "a.jpg")) == b"picture"
    assert reader.read(f"file://{root}/a.jpg") == b"picture"
    assert reader.read(f"file://localhost{root}/a.jpg") == b"picture"
    assert reader.read(f"file://{root}/deep/with%20space%2520.jpg") == b"spaced"
    assert reader.read(f"file:{root}/deep/with space%20.jpg") == b"spaced"
    assert reader.read(f"{root}/deep/../a.jpg") == b"picture"


def test_relative_paths_start_where_the_driver_stood(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root.parent)
    config = FetchConfig(roots=["photos"])
    allow = AllowList.here(config)
    monkeypatch.chdir("/")
    assert Fetcher(config, allow).read("photos/a.jpg") == b"picture"
    assert code_of(Fetcher(config, allow), "secret.txt") == "URI_NOT_ALLOWED"


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/etc/passwd",
        "file:///etc/passwd",
        "file://otherhost/etc/passwd",
        "{root}/../secret.txt",
        "file://{root}/%2e%2e/secret.txt",
        "{root}-not/b.jpg",
        "{root}/../photos-not/b.jpg",
        "{root}/link",
        "{root}/linked/secret.txt",
        "{root}/loop",
        "{root}/a\0.jpg",
        "http://127.0.0.1/a.jpg",
        "https://169.254.169.254/latest/meta-data",
        "ftp://localhost/a.jpg",
        "HTTP://localhost/a.jpg",
        "data:image/png;base64,AAAA",
        "s3://bucket/a.jpg",
        "s3a://169.254.169.254/a.jpg",
        "gs://bucket/a.jpg",
        "jar:file:/a.jar!/b",
    ],
)
def test_p9_nothing_outside_the_declared_places_is_read(root: Path, uri: str) -> None:
    (root / "link").symlink_to(root.parent / "secret.txt")
    (root / "linked").symlink_to(root.parent, target_is_directory=True)
    (root / "loop").symlink_to(root / "loop")
    assert code_of(fetcher(root), uri.format(root=root)) == "URI_NOT_ALLOWED"


def test_p9_without_roots_no_file_is_read(root: Path) -> None:
    assert code_of(fetcher(None), str(root / "a.jpg")) == "URI_NOT_ALLOWED"


@pytest.mark.parametrize("target", ["../secret.txt", "deep/with space%20.jpg"])
def test_a_link_put_in_place_of_a_file_after_it_was_checked_is_not_followed(
    root: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    def swap() -> None:
        (root / "a.jpg").unlink()
        (root / "a.jpg").symlink_to(root / target)

    once_checked(monkeypatch, swap)
    assert code_of(fetcher(root), str(root / "a.jpg")) == "URI_NOT_ALLOWED"


def once_checked(monkeypatch: pytest.MonkeyPatch, do: Callable[[], None]) -> None:
    """Do something between the check of a path and its opening."""
    check = AllowList.check

    def checked(self: AllowList, uri: str) -> object:
        place = check(self, uri)
        do()
        return place

    monkeypatch.setattr(AllowList, "check", checked)


@pytest.fixture
def swapped(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file whose folder becomes a link out of the root, once its path has been checked."""
    (root.parent / "photos-not" / "a.jpg").write_bytes(b"secret")
    (root / "deep" / "a.jpg").write_bytes(b"picture")

    def swap() -> None:
        (root / "deep").rename(root / "away")
        (root / "deep").symlink_to(root.parent / "photos-not", target_is_directory=True)

    once_checked(monkeypatch, swap)
    return root / "deep" / "a.jpg"


def test_p9_a_folder_that_becomes_a_link_after_it_was_checked_is_not_followed(root: Path, swapped: Path) -> None:
    assert code_of(fetcher(root), str(swapped)) == "URI_NOT_ALLOWED"


@pytest.mark.parametrize("known", [True, False])
def test_p9_nor_if_it_is_a_folder_again_once_the_file_is_open(
    root: Path, swapped: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    opening = os.open

    def opened(path: str, flags: int) -> int:
        handle = opening(path, flags)
        (root / "deep").unlink()
        (root / "away").rename(root / "deep")
        return handle

    if not known:  # a system that does not tell where an open file is
        monkeypatch.setattr(Path, "readlink", refuse)
    monkeypatch.setattr("leastpack.encoders.fetch.os.open", opened)
    assert code_of(fetcher(root), str(swapped)) == "URI_NOT_ALLOWED"


def refuse(_: Path) -> Path:
    raise FileNotFoundError


def test_where_the_system_does_not_tell_where_a_file_is_its_path_does(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "readlink", refuse)
    assert fetcher(root).read(str(root / "a.jpg")) == b"picture"


def test_a_file_that_is_deleted_while_it_is_read_is_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opening = os.open

    def opened(path: str, flags: int) -> int:
        handle = opening(path, flags)
        Path(path).unlink()
        return handle

    monkeypatch.setattr("leastpack.encoders.fetch.os.open", opened)
    assert fetcher(root).read(str(root / "a.jpg")) == b"picture"


@pytest.mark.parametrize("where", ["os.path.realpath", "os.open", "os.fstat"])
def test_a_mount_that_hangs_is_given_up_and_tried_again(
    root: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    over, calls = threading.Event(), list[str]()
    module, _, name = where.rpartition(".")
    real = getattr(os.path if module == "os.path" else os, name)

    def hangs(*args: object, **named: object) -> object:
        if threading.current_thread().name == "read":
            calls.append(name)
            over.wait(30)
        return real(*args, **named)

    monkeypatch.setattr("leastpack.encoders.fetch.GRACE_S", 0.0)
    reader = fetcher(root, tries=2, timeout_s=1.0)
    monkeypatch.setattr(where, hangs)
    start = time.monotonic()
    assert code_of(reader, str(root / "a.jpg")) == "FETCH_TRANSIENT"
    assert time.monotonic() - start < 8
    assert len(calls) == 2
    over.set()
    for thread in [thread for thread in threading.enumerate() if thread.name == "read"]:
        thread.join(10)


def test_an_error_of_a_mount_is_tried_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opening, tried = os.open, list[str]()

    def opened(path: str, flags: int) -> int:
        tried.append(path)
        if len(tried) < 3:
            raise OSError(errno.EIO, "the server went away")
        return opening(path, flags)

    monkeypatch.setattr("leastpack.encoders.fetch.os.open", opened)
    assert fetcher(root, tries=3).read(str(root / "a.jpg")) == b"picture"
    tried.clear()
    assert code_of(fetcher(root, tries=2), str(root / "a.jpg")) == "FETCH_TRANSIENT"


def test_a_file_that_comes_too_slowly_is_given_up(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "long.jpg").write_bytes(b"x" * 100)
    monkeypatch.setattr("leastpack.encoders.fetch.PIECE", 1)
    with pytest.raises(ContentError, match="too long"):
        read_file(str(root / "long.jpg"), AllowList((str(root),), frozenset(), "/"), 100, time.monotonic() - 1)


def test_a_link_inside_the_root_is_followed_and_a_root_may_be_a_link(root: Path) -> None:
    (root / "alias.jpg").symlink_to(root / "a.jpg")
    (root.parent / "door").symlink_to(root, target_is_directory=True)
    assert fetcher(root).read(str(root / "alias.jpg")) == b"picture"
    assert fetcher(root.parent / "door").read(str(root.parent / "door" / "a.jpg")) == b"picture"


def test_p8_what_is_no_readable_file_has_a_code(root: Path) -> None:
    os.mkfifo(root / "pipe")
    assert code_of(fetcher(root), str(root / "none.jpg")) == "FETCH_NOT_FOUND"
    assert code_of(fetcher(root), str(root / "a.jpg" / "below")) == "FETCH_NOT_FOUND"
    assert code_of(fetcher(root), str(root / ("x" * 3000))) == "FETCH_NOT_FOUND"
    assert code_of(fetcher(root), str(root / "deep")) == "FETCH_NOT_A_FILE"
    assert code_of(fetcher(root), str(root / "pipe")) == "FETCH_NOT_A_FILE"


def test_bytes_are_limited(root: Path) -> None:
    assert fetcher(root, max_bytes=7).read(str(root / "a.jpg")) == b"picture"
    assert code_of(fetcher(root, max_bytes=6), str(root / "a.jpg")) == "FETCH_TOO_LARGE"


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("s3", endpoint_url=s3)
    for name in ("photos", "other"):
        client.create_bucket(Bucket=name)
        client.put_object(Bucket=name, Key="deep/a b%20?#.jpg", Body=b"x" * 1000)
    return "photos"


def test_objects_of_listed_buckets_are_read(s3: str, bucket: str) -> None:
    reader = fetcher(buckets=[bucket], s3_endpoint=s3, max_bytes=1000)
    assert reader.read("s3://photos/deep/a b%20?#.jpg") == b"x" * 1000
    assert reader.read("s3a://photos/deep/a b%20?#.jpg") == b"x" * 1000
    assert code_of(reader, "s3://photos/none.jpg") == "FETCH_NOT_FOUND"
    assert code_of(reader, "s3://other/deep/a b%20?#.jpg") == "URI_NOT_ALLOWED"
    assert code_of(reader, "s3://photos/") == "URI_NOT_ALLOWED"
    small = fetcher(buckets=[bucket], s3_endpoint=s3, max_bytes=999)
    assert code_of(small, "s3://photos/deep/a b%20?#.jpg") == "FETCH_TOO_LARGE"


class Bad(http.server.BaseHTTPRequestHandler):
    """A server with a way to misbehave for each key."""

    calls: dict[str, int] = {}  # noqa: RUF012
    over = threading.Event()

    def do_GET(self) -> None:
        name = self.path.rsplit("/", 1)[-1].split("?")[0]
        self.calls[name] = self.calls.get(name, 0) + 1
        if name == "flaky" and self.calls[name] > 1:
            self.answer(200, b"mended")
        elif name in ("flaky", "down"):
            self.answer(503, b"")
        elif name == "denied":
            self.answer(403, b"")
        elif name == "expired":
            self.answer(400, b"<Error><Code>ExpiredToken</Code></Error>")
        elif name == "short":
            self.answer(200, b"half", length="8")
        elif name == "damaged":
            self.answer(200, b"picture", checksum="AAAAAA==")
        elif name == "nonsense":
            self.answer(200, b"picture", length="a lot")
        elif name == "headers":
            self.drip_headers()
        elif name == "redirect":
            self.answer(302, b"", location=f"http://{self.headers['Host']}/photos/elsewhere")
        elif name == "elsewhere":
            self.answer(200, b"never to be read")
        elif name == "endless":
            self.go_on(400_000, 0.0)
        else:
            self.go_on(*{"slow": (300_000, 0.05), "drip": (1, 0.2)}[name])

    def answer(
        self,
        status: int,
        body: bytes,
        location: str | None = None,
        length: str | None = None,
        checksum: str | None = None,
    ) -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        if checksum:
            self.send_header("x-amz-checksum-crc32", checksum)
        self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def drip_headers(self) -> None:
        """A header without an end, a character at a time."""
        self.send_response(200)
        self.flush_headers()
        with contextlib.suppress(OSError):
            while not self.over.wait(0.2):
                self.wfile.write(b"x")
        self.close_connection = True

    def go_on(self, size: int, pause: float) -> None:
        """An answer without an end, in pieces."""
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"x" * size)
                time.sleep(pause)
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture
def bad(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    Bad.calls.clear()
    Bad.over.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bad)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    Bad.over.set()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("name", "code", "calls"),
    [
        ("down", "FETCH_TRANSIENT", 2),
        ("denied", "FETCH_DENIED", 1),
        ("redirect", "FETCH_TRANSIENT", 2),
        ("endless", "FETCH_TOO_LARGE", 1),
        ("slow", "FETCH_TRANSIENT", 2),
        ("drip", "FETCH_TRANSIENT", 2),
        ("headers", "FETCH_TRANSIENT", 2),
        ("short", "FETCH_TRANSIENT", 2),
        ("damaged", "FETCH_TRANSIENT", 2),
        ("nonsense", "FETCH_TRANSIENT", 2),
        ("expired", "FETCH_DENIED", 1),
    ],
)
def test_p8_p9_a_bad_server_is_a_code_within_bounds(bad: str, name: str, code: str, calls: int) -> None:
    most = 2_000_000 if name == "endless" else 1_000_000_000
    reader = fetcher(buckets=["photos"], s3_endpoint=bad, tries=2, timeout_s=1.0, max_bytes=most)
    start = time.monotonic()
    assert code_of(reader, f"s3://photos/{name}") == code
    assert time.monotonic() - start < 8
    assert Bad.calls == {name: calls}  # a redirect leads nowhere


def test_a_passing_failure_is_tried_again(bad: str) -> None:
    assert fetcher(buckets=["photos"], s3_endpoint=bad, tries=3).read("s3://photos/flaky") == b"mended"


def test_no_server_is_a_passing_failure(monkeypatch: pytest.MonkeyPatch, bad: str) -> None:
    reader = fetcher(buckets=["photos"], s3_endpoint="http://127.0.0.1:9", tries=1)
    with pytest.raises(ContentError) as caught:
        reader.read("s3://photos/a")
    assert (caught.value.code, caught.value.permanent) == ("FETCH_TRANSIENT", False)


def test_no_credentials_are_no_permission(monkeypatch: pytest.MonkeyPatch, bad: str) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert code_of(fetcher(buckets=["photos"], s3_endpoint=bad), "s3://photos/a") == "FETCH_DENIED"
    assert Bad.calls == {}


def test_what_hangs_is_given_up_and_while_much_hangs_nothing_is_begun() -> None:
    over, begun = threading.Event(), list[int]()

    def hang() -> None:
        begun.append(1)
        over.wait(30)

    in_time = InTime(0.05, most=2)
    for _ in range(4):
        with pytest.raises(ContentError, match="FETCH_TRANSIENT"):
            in_time(hang)
    assert len(begun) == 2
    over.set()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(ContentError):
            assert in_time(lambda: "answer") == "answer"
            break
    assert in_time(lambda: "again") == "again"


def test_reading_ahead_keeps_order_and_holds_no_more_than_its_window() -> None:
    started: list[int] = []

    def work(i: int) -> int:
        started.append(i)
        time.sleep(0.001 * (i % 3))
        return i

    found = []
    for result in read_ahead(range(200), work, threads=4, window=10):
        found.append(result)
        assert len(started) <= len(found) + 10
    assert found == list(range(200))


def test_reading_ahead_passes_errors_on() -> None:
    def work(i: int) -> int:
        return 1 // (i - 3)

    with pytest.raises(ZeroDivisionError):
        list(read_ahead(range(9), work, threads=2, window=4))
