"""A lease in a folder beside the tables: numbered files, of which the last one counts."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path

from leastpack.errors import WriterError
from leastpack.tables.lease import Lease, OvertakenError

PATIENCE_S = 2.0


class FolderPlace:
    """A folder of files `1.json`, `2.json`, ..., each made under a name that nobody else can make again.

    Two processes that saw number 7 both try to make number 8, and one fails. A file with an earlier number is removed
    only when a later one is there, so whoever makes an old number again sees the later one and gives way.
    """

    is_quick = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def name(self) -> str:
        """The folder."""
        return str(self.folder)

    def read(self) -> tuple[Lease | None, str]:
        """The lease, and its number as the tag.

        Raises:
            WriterError: The last file holds no lease.
        """
        end = time.monotonic() + PATIENCE_S
        while True:
            last = max(self._numbers(), default=0)
            if not last:
                return None, "0"
            try:
                return Lease.from_json(self._file(last).read_bytes()), str(last)
            except FileNotFoundError:  # a later one has come
                continue
            except ValueError as error:
                if time.monotonic() > end:
                    raise WriterError(
                        f"{self._file(last)} is no lease", found=str(error), todo="look who writes, then delete it"
                    ) from error
                time.sleep(0.05)

    def write(self, lease: Lease, tag: str) -> str:
        """Make the file after the one numbered `tag`.

        Raises:
            OvertakenError: It is there already.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        number = int(tag) + 1
        self._make(number, lease.to_json().encode())
        numbers = self._numbers()
        if max(numbers) > number:
            self._file(number).unlink(missing_ok=True)
            raise OvertakenError
        for earlier in numbers - {number}:
            self._file(earlier).unlink(missing_ok=True)
        return str(number)

    def _make(self, number: int, content: bytes) -> None:
        """Make a file that is there in whole or not at all, and only if it was not there."""
        draft = self.folder / f"{uuid.uuid4().hex}.draft"
        try:
            with draft.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(draft, self._file(number))
            except FileExistsError:
                raise OvertakenError from None
        finally:
            draft.unlink(missing_ok=True)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _numbers(self) -> set[int]:
        return {int(file.stem) for file in self.folder.glob("*.json") if file.stem.isdigit()}

    def _file(self, number: int) -> Path:
        return self.folder / f"{number}.json"
