"""Reads YAML strictly, and remembers on which line each value stands.

YAML itself is lenient where a slip costs most: of a key given twice the last one wins, in silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from leastpack.errors import ConfigError

Where = Sequence[int | str]
MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True)
class Document:
    """A YAML file.

    Attributes:
        path: The file.
        content: What it says; None where it is empty.
        node: The same as YAML nodes, which know their lines.
    """

    path: Path
    content: Any
    node: yaml.Node | None

    def line_of(self, where: Where) -> tuple[int, int]:
        """How many parts of a path through the content are in the file, and the line of the last one that is.

        Args:
            where: Keys and places in lists, from the top.
        """
        node, line, found = self.node, 1, 0
        for part in where:
            step = _step(node, part)
            if step is None:
                break
            node, line = step
            found += 1
        return found, line


def read_yaml(path: Path, what: str) -> Document:
    """Read one YAML document.

    Args:
        path: The file.
        what: What it is, for errors, such as `config file`.

    Raises:
        ConfigError: It is no file, not UTF-8, not valid YAML or several documents; a key stands twice; a date does not
            exist. Lines are told.
    """
    if not path.is_file():
        state = "is a folder" if path.is_dir() else "does not exist"
        raise ConfigError(f"{what} {path} {state}", expected="a YAML file", todo="check the path")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(
            f"{what} {path}, line {line}: not UTF-8 (byte {error.object[error.start]:#04x})",
            todo="save the file as UTF-8",
        ) from None
    except OSError as error:
        raise ConfigError(f"{what} {path} cannot be read", found=str(error)) from None
    return parse_yaml(text, path, what)


def parse_yaml(text: str, path: Path, what: str) -> Document:
    """`read_yaml` of a text."""
    try:
        loader = _StrictLoader(text)
    except yaml.YAMLError as error:  # a character that no text has
        raise ConfigError(f"{what} {path} is no text: {' '.join(str(error).split())}") from None
    try:
        node = loader.get_single_node()
        if node is not None:
            _refuse_repeated_keys(node, set())
        content = loader.construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f"{path}, line {mark.line + 1}" if mark else str(path)
        raise ConfigError(f"{what} {at}: {error.problem or error}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{what} {path} is not valid YAML: {error}") from None
    finally:
        loader.dispose()
    return Document(path, content, node)


class _StrictLoader(yaml.SafeLoader):
    def construct_existing_date(self, node: yaml.ScalarNode) -> Any:
        try:
            return self.construct_yaml_timestamp(node)  # type: ignore[no-untyped-call]
        except ValueError as error:
            raise yaml.constructor.ConstructorError(
                None, None, f"{node.value} is no date that exists: {error}", node.start_mark
            ) from None


_StrictLoader.add_constructor("tag:yaml.org,2002:timestamp", _StrictLoader.construct_existing_date)


def _refuse_repeated_keys(node: yaml.Node, seen: set[int]) -> None:
    """Look before anything is merged: a key may well stand both in a mapping and in one merged into it."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for one in node.value:
            _refuse_repeated_keys(one, seen)
    if not isinstance(node, yaml.MappingNode):
        return
    first: dict[tuple[str, str], int] = {}
    for key, value in node.value:
        _refuse_repeated_keys(value, seen)
        if isinstance(key, yaml.ScalarNode):
            if (line := first.get((key.tag, key.value))) is not None:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice, first on line {line}", key.start_mark
                )
            first[key.tag, key.value] = key.start_mark.line + 1


def _step(node: yaml.Node | None, part: int | str) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part].start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        return None
    for key, value in node.value:
        if key.tag != MERGE and key.value == str(part):
            return value, key.start_mark.line + 1
    for key, value in node.value:
        merged = value.value if isinstance(value, yaml.SequenceNode) else [value]
        for one in merged if key.tag == MERGE else []:
            if found := _step(one, part):
                return found
    return None
