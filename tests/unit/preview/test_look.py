"""What a preview says of a source that cannot be read."""

from __future__ import annotations

from leastpack.errors import InputError
from leastpack.preview.look import said


def test_no_secret_is_said() -> None:
    error = InputError(
        "source 'shop': nothing to read at s3://AKIAKEY:sesame12345@bucket/x", todo="put the export there"
    )
    assert "sesame12345" not in said(error)
    assert "bucket/x" in said(error)
