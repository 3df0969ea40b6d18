"""One bridge per SQLite file: an advisory lock on a file beside it, gone with the process however it ends.

The file's first line is the owner's process id. What follows are notes that outlive the process: the database isn't
copied with them, so they tell later whether it is the same one (see `bridge.store.history`).
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from bridge.store.errors import ReadOnlyError, TakenError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_OWNER: Final = 20
"""Bytes of the first line; of fixed length, so that a note is overwritten where it stands."""
_MOST: Final = 4096


class FileLock:
    """`flock` on `<database>.lock`; the file stays behind, since removing it would let two in."""

    def __init__(self, database: Path) -> None:
        """Name the lock of a database; nothing is taken yet."""
        self.database = database
        self.path = database.with_name(f"{database.name}.lock")
        self.notes: tuple[str, ...] = ()
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take the lock at once and read the notes.

        Raises TakenError, or ReadOnlyError where the lock's file can't be made.
        """
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ReadOnlyError(
                f"can't write {self.path} ({error.strerror}): let the user that runs the bridge write its folder"
            ) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = _lines(descriptor)[0].strip()
            os.close(descriptor)
            who = f" (process {owner})" if owner.isdigit() else ""
            raise TakenError(f"another bridge{who} works with {self.database}: stop it first") from None
        self._descriptor = descriptor
        self.notes = tuple(line for line in _lines(descriptor)[1:] if line)
        with suppress(OSError):  # on a full disk; the number only helps a message
            os.pwrite(descriptor, f"{os.getpid():<{_OWNER - 1}}\n".encode(), 0)

    def write(self, notes: Sequence[str]) -> None:
        """Replace the notes, and return once the disk has them; raises OSError."""
        if self._descriptor is not None:
            text = "".join(f"{note}\n" for note in notes).encode()
            os.pwrite(self._descriptor, text, _OWNER)
            os.ftruncate(self._descriptor, _OWNER + len(text))
            os.fsync(self._descriptor)
        self.notes = tuple(notes)

    def overwrite(self, note: str) -> None:
        """Replace the one note by another of the same length, without waiting for the disk.

        Where that fails the old one stands, which knows of less, but of nothing wrong.
        """
        if self._descriptor is not None:
            with suppress(OSError):
                os.pwrite(self._descriptor, f"{note}\n".encode(), _OWNER)
        self.notes = (note,)

    def release(self) -> None:
        """Give the lock back, if it is held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _lines(descriptor: int) -> list[str]:
    return os.pread(descriptor, _MOST, 0).decode(errors="replace").split("\n")
