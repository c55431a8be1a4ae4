"""Word lists of the invented marketplace in six languages, all written for it: YAML files beside this one."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

LANGUAGES = ("en", "de", "fr", "es", "it", "ja")


@cache
def words(name: str) -> dict[str, Any]:
    """One of the lists: `nouns`, `common`, `sentences` or `feedback`."""
    content: dict[str, Any] = yaml.safe_load(Path(__file__).with_name(f"{name}.yaml").read_text(encoding="utf-8"))
    return content
