"""Reads YAML files in order over base.yaml, applies --set, and explains what is wrong."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from leastpack.config.root import Config
from leastpack.errors import ConfigError


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
    merged: dict[str, Any] = {}
    for path in [conf_dir() / "base.yaml", *map(Path, files)]:
        merged = _merge(merged, _read(path))
    for override in overrides:
        merged = _merge(merged, _parse_override(override))
    try:
        return Config.model_validate(merged)
    except ValidationError as error:
        raise ConfigError(
            "the configuration is wrong:\n" + "\n".join(f"  - {line}" for line in _explain(error)),
            todo="correct the keys above; docs/config.md lists every key",
        ) from None


def conf_dir() -> Path:
    """The conf/ folder: inside the installed package, else at the top of the checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "conf"
    return installed if installed.is_dir() else package.parents[1] / "conf"


def resolved(config: Config) -> str:
    """The whole configuration as JSON, keys sorted: what is stored with a run."""
    return json.dumps(config.model_dump(mode="json"), sort_keys=True)


def digest(config: Config) -> str:
    """SHA-256 of the resolved configuration less the run's own name, first 16 hex digits."""
    return hashlib.sha256(resolved(config.model_copy(update={"run_id": None})).encode()).hexdigest()[:16]


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ConfigError(f"config file {path} does not exist", todo="check the --config arguments")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError(f"config file {path} is not valid YAML: {error}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"config file {path} is wrong", expected="a mapping of keys", found=type(content).__name__)
    return content


def _parse_override(override: str) -> dict[str, Any]:
    key, equals, value = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {override!r} is wrong", expected="key=value, such as training.epochs=3")
    try:
        nested: Any = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {override!r}: the value is not valid YAML: {error}") from None
    for part in reversed(key.strip().split(".")):
        nested = {part: nested}
    return dict(nested)


def _merge(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(low)
    for key, value in high.items():
        before = merged.get(key)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        merged[key] = _merge(before, value) if both else value  # type: ignore[arg-type]
    return merged


def _explain(error: ValidationError) -> list[str]:
    lines = []
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"]) or "(top level)"
        if problem["type"] == "extra_forbidden":
            near = difflib.get_close_matches(str(problem["loc"][-1]), _known_keys(problem["loc"][:-1]), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            lines.append(f"unknown key {where}{hint}")
        else:
            lines.append(f"{where}: {problem['msg'].removeprefix('Value error, ')}")
    return lines


def _known_keys(path: Iterable[int | str]) -> list[str]:
    section: type[BaseModel] | None = Config
    for part in path:
        if section is None:
            return []
        if isinstance(part, int):
            continue
        field = section.model_fields.get(part)
        section = _section_of(field.annotation) if field else None
    return list(section.model_fields) if section else []


def _section_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _section_of(arg))), None)
