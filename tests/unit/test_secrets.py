"""No secret reaches the tables, the log or an error."""

from __future__ import annotations

import json

import pytest

from leastpack.config import load_config
from leastpack.config.load import digest, resolved
from leastpack.config.storage import LogConfig
from leastpack.log import configure_log, log
from leastpack.secrets import is_secret_key, masked, masked_text

SECRETS = [
    "password", "db_password", "fs.s3a.secret.key", "spark.hadoop.fs.s3a.access.key", "sessionToken", "apiKey",
    "api_key", "accountKey", "fs.azure.account.key.shop.dfs.core.windows.net", "credential", "sas", "keyPassphrase",
    "AWS_SECRET_ACCESS_KEY", "hub_token",
]  # fmt: skip
PLAIN = ["text_key", "image_key", "key", "max_tokens", "batch_tokens", "tokenizer", "columns", "keep_days", "passes"]


def test_keys_that_name_a_secret() -> None:
    assert [key for key in SECRETS if not is_secret_key(key)] == []
    assert [key for key in PLAIN if is_secret_key(key)] == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("jdbc:postgresql://u:hunter2@db/shop", "jdbc:postgresql://***@db/shop"),
        ("s3://AKIA7:wJalr@bucket/x", "s3://***@bucket/x"),
        ("abfss://photos@shop.dfs.core.windows.net/a", "abfss://photos@shop.dfs.core.windows.net/a"),
        ("https://b.s3.aws/x?X-Amz-Signature=ab12&v=1", "https://b.s3.aws/x?X-Amz-Signature=***&v=1"),
        ("https://a.blob/x?sv=2022&sig=Zm9v%3D", "https://a.blob/x?sv=2022&sig=***"),
        ("jdbc:sqlserver://h;user=me;password=hunter2;x=1", "jdbc:sqlserver://h;user=me;password=***;x=1"),
        ("cannot log in with password 'x'", "cannot log in with password 'x'"),
        ('{"secret_key": "abc", "path": "x"}', '{"secret_key": ***, "path": "x"}'),
        ("max_tokens=128, text_key=ab", "max_tokens=128, text_key=ab"),
        ("write to mail@shop.example: done", "write to mail@shop.example: done"),
    ],
)
def test_texts_lose_their_secrets_and_nothing_else(text: str, shown: str) -> None:
    assert masked_text(text) == shown


def test_what_was_seen_under_a_secret_key_is_masked_everywhere() -> None:
    assert masked({"options": {"password": "open-sesame", "user": "me"}, "list": [{"token": 123456789}]}) == {
        "options": {"password": "***", "user": "me"},
        "list": [{"token": "***"}],
    }
    assert masked_text("FATAL: login with open-sesame or 123456789 failed") == "FATAL: login with *** or *** failed"


def planted() -> list[str]:
    source = "{name: s, kind: products, format: jdbc, path: 'db://me:Wald-und-Wiese@h/x', marketplace: NA, "
    source += "columns: {product_id: id}, options: {password: Wald-und-Wiese}}"
    return [f"sources=[{source}]", "spark.conf.spark.hadoop.fs.s3a.secret.key=Wald-und-Wiese"]


def test_neither_the_stored_config_nor_its_digest_tells_a_secret() -> None:
    config = load_config([], planted())
    assert config.sources[0].options["password"] == "Wald-und-Wiese", "Spark gets it as it is"
    assert "Wald" not in resolved(config)
    assert json.loads(resolved(config))["sources"][0]["options"] == {"password": "***"}
    other = load_config([], [one.replace("Wald-und-Wiese", "Berg-und-Tal") for one in planted()])
    assert digest(config) == digest(other), "a digest of a short secret could be tried out"
    assert digest(config) != digest(load_config([], [*planted(), "training.seed=77"]))


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_log_tells_no_secret_of_the_config(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    load_config([], planted())
    configure_log(LogConfig(format=form))
    try:
        raise RuntimeError("cannot log in with Wald-und-Wiese")
    except RuntimeError:
        log.exception("failed", path="db://me:Wald-und-Wiese@h", nested={"api_key": "abc"})
    told = capsys.readouterr().err
    assert "RuntimeError" in told
    assert "Wald" not in told
    assert "abc" not in told
