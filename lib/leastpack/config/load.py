"""Reads YAML files in order over base.yaml, applies --set, and explains what is wrong."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel, ValidationError

from leastpack.config.explain import explain, section_of
from leastpack.config.root import Config
from leastpack.config.yaml_file import Document, parse_yaml, read_yaml
from leastpack.errors import ConfigError
from leastpack.secrets import masked


def load_config(files: Sequence[str | Path] = (), overrides: Sequence[str] = ()) -> Config:
    """Load the configuration: base.yaml, then each file, then each `key=value`.

    Args:
        files: YAML files; later ones win, mappings are merged, lists are replaced.
        overrides: Dotted keys with YAML values, such as `training.epochs=3`.

    Returns:
        The checked configuration.

    Raises:
        ConfigError: A file is missing or no YAML mapping, a key is unknown, a value is wrong.
    """
    documents = [_read(path) for path in [conf_dir() / "base.yaml", *map(Path, files)]]
    merged: dict[str, Any] = {}
    for content in [*[document.content or {} for document in documents], *map(_parse_override, overrides)]:
        merged = _merge(_without_other_place(merged, content), content)
    masked(merged)  # from here on no error and no line of the log repeats its secrets
    try:
        return Config.model_validate(merged)
    except ValidationError as error:
        raise ConfigError(
            "the configuration is wrong:\n" + "\n".join(f"  - {line}" for line in explain(error, Config, documents)),
            todo="correct the keys above; docs/config.md lists every key",
        ) from None


def conf_dir() -> Path:
    """The conf/ folder: inside the installed package, else at the top of the checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "conf"
    return installed if installed.is_dir() else package.parents[1] / "conf"


def resolved(config: Config) -> str:
    """The whole configuration as JSON, keys sorted and secrets masked: what is stored with a run."""
    return json.dumps(masked(config.model_dump(mode="json")), sort_keys=True)


def digest(config: Config) -> str:
    """SHA-256 of the resolved configuration less the run's own name, first 16 hex digits."""
    return hashlib.sha256(resolved(config.model_copy(update={"run_id": None})).encode()).hexdigest()[:16]


def _read(path: Path) -> Document:
    document = read_yaml(path, "config file")
    if document.content is not None and not isinstance(document.content, dict):
        found = type(document.content).__name__
        raise ConfigError(f"config file {path} is wrong", expected="a mapping of keys", found=found)
    return document


def _without_other_place(low: Mapping[str, Any], high: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out where earlier files put the tables, where a later one names a place of another kind."""
    places = ("root", "schema_name")
    before, now = low.get("tables"), high.get("tables")
    if not isinstance(before, Mapping) or not isinstance(now, Mapping) or not any(now.get(one) for one in places):
        return low
    return {**low, "tables": {key: value for key, value in before.items() if key not in places}}


def _parse_override(override: str) -> dict[str, Any]:
    key, equals, value = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {override!r} is wrong", expected="key=value, such as training.epochs=3")
    nested: Any = parse_yaml(value, Path(key.strip()), "--set").content
    for part in reversed(_parts(key.strip())):
        nested = {part: nested}
    return dict(nested)


def _parts(key: str) -> list[str]:
    """The parts of a dotted key; where it reaches a mapping of free keys, such as spark.conf, the rest is one key."""
    parts: list[str] = []
    section: type[BaseModel] | None = Config
    names = key.split(".")
    for place, name in enumerate(names):
        parts.append(name)
        field = section.model_fields.get(name) if section else None
        if field is not None and get_origin(field.annotation) is dict and place + 1 < len(names):
            return [*parts, ".".join(names[place + 1 :])]
        section = section_of(field.annotation) if field else None
    return parts


def _merge(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(low)
    for key, value in high.items():
        before = merged.get(key)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        merged[key] = _merge(before, value) if both else value  # type: ignore[arg-type]
    return merged
