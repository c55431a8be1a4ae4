"""Reads YAML files in order over base.yaml, applies --set, and explains what is wrong."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from leastpack.config.explain import explain, split_key
from leastpack.config.root import Config
from leastpack.config.strict_yaml import Document, parse_value, read_document
from leastpack.errors import ConfigError
from leastpack.secrets import masked

# Of these a file names one; a later file that names the other one replaces it.
PLACES = ("root", "schema_name")


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
    document = Document()
    for path in [conf_dir() / "base.yaml", *map(Path, files)]:
        document = _over(document, read_document(path, "config file"))
    for override in overrides:
        document = _over(document, _parse_override(override))
    masked(document.content)  # from here on no error and no line of the log repeats its secrets
    try:
        return Config.model_validate(document.content)
    except ValidationError as error:
        raise ConfigError(
            "the configuration is wrong:\n" + "\n".join(f"  - {line}" for line in explain(error, Config, document)),
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


def _over(low: Document, high: Document) -> Document:
    """Lay a document over another one; where it names one place for the tables, the other place is forgotten."""
    tables = high.content.get("tables")
    named = [key for key in PLACES if isinstance(tables, dict) and tables.get(key) is not None]
    if len(named) > 1:
        raise ConfigError(
            f"{high.place(('tables', named[1]))}: tables.root and tables.schema_name both say where the tables are",
            expected="exactly one of tables.root and tables.schema_name",
            todo="delete one of them",
        )
    before = low.content.get("tables")
    if named and isinstance(before, dict):
        kept = {key: value for key, value in before.items() if key not in PLACES}
        low = Document({**low.content, "tables": kept}, low.places)
    return low.under(high)


def _parse_override(override: str) -> Document:
    written, equals, value = override.partition("=")
    key = written.strip()
    if not equals or not key:
        raise ConfigError(f"--set {key!r} is wrong", expected="key=value, such as training.epochs=3")
    nested = parse_value(value, f"--set {key}")
    parts = split_key(key)
    for part in reversed(parts):
        nested = {part: nested}
    return Document(nested, {tuple(parts[: end + 1]): f"--set {key}" for end in range(len(parts))})
