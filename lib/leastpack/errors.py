"""The errors a user can meet; each names the thing, what was expected, what was found, and what to do."""

from __future__ import annotations


class LeastpackError(Exception):
    """Base of all errors with a message made for the user.

    Args:
        what: The thing that is wrong, in one sentence.
        expected: What leastpack needed to find.
        found: What it found.
        todo: What the user can do about it.
    """

    exit_code = 1

    def __init__(self, what: str, *, expected: str = "", found: str = "", todo: str = "") -> None:
        self.what = what
        parts = [what]
        parts += [f"  expected: {expected}"] if expected else []
        parts += [f"  found:    {found}"] if found else []
        parts += [f"  to do:    {todo}"] if todo else []
        super().__init__("\n".join(parts))


class ConfigError(LeastpackError):
    """Wrong arguments or configuration."""

    exit_code = 2


class InputError(LeastpackError):
    """An input cannot be read as configured: a missing file, a wrong column, an empty export."""


class ModelError(LeastpackError):
    """A model directory is missing, incomplete, or of a version this code does not read."""


class PromiseError(LeastpackError):
    """The data broke a promise: an account that does not balance, an audit that fails."""

    exit_code = 3


class WriterError(LeastpackError):
    """Another run writes to the tables, has taken them over, or changed a table meanwhile."""


class GuardError(PromiseError):
    """A delivery is so unlike what was promised of its source that the step refuses it: see `leastpack.guards`."""
