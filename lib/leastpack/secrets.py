"""Keeps secrets out of tables, logs and errors.

A value is a secret where its key says so, and where a URI or a setting in a text carries it. Values that were once
seen under such a key are masked wherever they turn up afterwards: Spark's errors repeat what it was given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"
# Shorter ones would mask parts of ordinary words.
LEAST_LENGTH = 6
_WORDS = (
    r"secret|passw(?:or)?d|passphrase|pwd|credentials?|signature|\bsig\b|\bsas\b|token(?!s|ize)"
    r"|(?:access|api|account|private|shared|master|encryption)[._ -]?key"
)
_KEY = re.compile(_WORDS, re.IGNORECASE)
_USER = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?P<user>[^/\s@'\"]+)@", re.IGNORECASE)
# Azure names its containers where others have a user: abfss://container@account.dfs.core.windows.net
_CONTAINERS = ("abfs://", "abfss://", "wasb://", "wasbs://")
_SETTING = re.compile(
    rf"(?P<key>[\w.-]*(?:{_WORDS}|AWSAccessKeyId|X-Amz-Credential)[\w.-]*)(?P<is>['\"]?\s*[=:]\s*)"
    r"(?P<value>\"[^\"]*\"|'[^']*'|[^\s&;,'\"})\]]+)",
    re.IGNORECASE,
)
_seen: set[str] = set()


def is_secret_key(key: str) -> bool:
    """Whether a key says that its value is a secret."""
    return _KEY.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key)) is not None


def masked(value: Any, key: str = "") -> Any:
    """A value, nested as it may be, with its secrets replaced by `***`, and their own words remembered.

    Args:
        value: Mappings, lists and values as JSON has them.
        key: The key it stands under.
    """
    if isinstance(value, Mapping):
        return {name: masked(one, str(name)) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [masked(one, key) for one in value]
    if value is None or isinstance(value, bool):
        return value
    if is_secret_key(key):
        if len(str(value)) >= LEAST_LENGTH:
            _seen.add(str(value))
        return MASK
    return masked_text(value) if isinstance(value, str) else value


def masked_text(text: str) -> str:
    """A text without what it tells of secrets: credentials of URIs, settings by name, and values seen as secrets."""
    for secret in sorted(_seen, key=len, reverse=True):
        text = text.replace(secret, MASK)
    text = _USER.sub(_without_user, text)
    return _SETTING.sub(lambda found: f"{found['key']}{found['is']}{MASK}", text)


def _without_user(found: re.Match[str]) -> str:
    if found["scheme"].lower() in _CONTAINERS and ":" not in found["user"]:
        return found[0]
    return f"{found['scheme']}{MASK}@"
