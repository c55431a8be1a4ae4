"""The error codes a text or photo can have on its row of `embeddings`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Code:
    """An error code: whether trying again is useless, and what it means."""

    permanent: bool
    doc: str


CODES: dict[str, Code] = {
    "URI_NOT_ALLOWED": Code(False, "The URI is outside encoders.fetch.roots and encoders.fetch.buckets, or not a URI."),
    "FETCH_NOT_FOUND": Code(False, "There is no such file or object (yet: a listing may come before its photos)."),
    "FETCH_NOT_A_FILE": Code(True, "The path names a folder, a device or a pipe."),
    "FETCH_DENIED": Code(False, "This job has no permission to read it."),
    "FETCH_TRANSIENT": Code(False, "A timeout or a server error, also after the last try."),
    "FETCH_TOO_LARGE": Code(False, "More bytes than encoders.fetch.max_bytes."),
    "NO_MEMORY": Code(False, "There was not enough memory to read or decode it."),
    "IMAGE_EMPTY": Code(True, "Zero bytes."),
    "IMAGE_NOT_AN_IMAGE": Code(True, "Not a picture of a known format."),
    "IMAGE_TRUNCATED": Code(True, "The picture ends early."),
    "IMAGE_TOO_LARGE": Code(False, "More pixels than encoders.fetch.max_pixels, or more memory than max_memory."),
    "IMAGE_NO_SCALE": Code(True, "Numbers of 32 bits or floats that do not say what is black and what is white."),
    "IMAGE_BROKEN": Code(True, "The picture cannot be decoded."),
    "NOT_FINITE": Code(True, "The encoder gave a number that is not finite."),
}

# What a row of `embeddings` may warn of beside its vector.
WARNINGS: dict[str, str] = {
    "IMAGE_FLAT": "The encoder sees one colour, such as black, and no product.",
    "IMAGE_SCALE_GUESSED": "Grey of 16 or more bits whose white was guessed from its brightest pixel.",
}


class ContentError(Exception):
    """A text or photo that cannot be encoded; it becomes a code on its row and never stops a job.

    Args:
        code: A key of `CODES`.
        why: Detail for the log.
    """

    def __init__(self, code: str, why: str = "") -> None:
        self.code = code
        self.permanent = CODES[code].permanent
        super().__init__(f"{code}: {why}" if why else code)
