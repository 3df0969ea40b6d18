"""One bridge per SQLite file: an advisory lock on a file beside it, gone with the process however it ends."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from bridge.store.errors import ReadOnlyError, TakenError

if TYPE_CHECKING:
    from pathlib import Path


class FileLock:
    """`flock` on `<database>.lock`; the file stays behind, since removing it would let two in."""

    def __init__(self, database: Path) -> None:
        """Name the lock of a database; nothing is taken yet."""
        self.database = database
        self.path = database.with_name(f"{database.name}.lock")
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take the lock at once; raises TakenError, or ReadOnlyError where the lock's file can't be made."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ReadOnlyError(
                f"can't write {self.path} ({error.strerror}): let the user that runs the bridge write its folder"
            ) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.read(descriptor, 32).decode(errors="replace").strip()
            os.close(descriptor)
            who = f" (process {owner})" if owner.isdigit() else ""
            raise TakenError(f"another bridge{who} works with {self.database}: stop it first") from None
        self._descriptor = descriptor
        self._sign(descriptor)

    def release(self) -> None:
        """Give the lock back, if it is held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @staticmethod
    def _sign(descriptor: int) -> None:
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            return  # on a full disk; the number only helps a message
