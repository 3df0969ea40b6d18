"""Disks of a test's own, to be filled and to be broken: a small one in memory, and a real file system in a file."""

from __future__ import annotations

import errno
import subprocess
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Generator

_CHUNK = 4096


class Disk:
    """A mounted file system."""

    def __init__(self, folder: Path) -> None:
        """Take the folder that it is mounted on."""
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave no room for another page."""
        with self._ballast.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(_CHUNK))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def free(self) -> None:
        """Make room again."""
        self._ballast.unlink()

    def turn_read_only(self) -> None:
        """Do what the kernel does with a real file system after a failure of its disk: no write passes any more."""
        _run("mount", "-o", "remount,abort", str(self.folder))


@contextmanager
def small_disk(folder: Path, *, size: str, owner: str | None = None) -> Generator[Disk]:
    """Mount a disk in memory on a new folder, for `owner` or whoever runs this; what was on it is gone at the end."""
    folder.mkdir()
    options = f"size={size},mode=700" + (f",uid={owner}" if owner else "")
    _run("mount", "-t", "tmpfs", "-o", options, "statusbridge-test", str(folder))
    try:
        yield Disk(folder)
    finally:
        _run("umount", "-l", str(folder))


@contextmanager
def breakable_disk(folder: Path, *, megabytes: int = 16) -> Generator[Disk]:
    """Mount a real file system, kept in a file beside the folder; it can be repaired by mounting it again."""
    image = folder.with_suffix(".image")
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    _run("mkfs.ext4", "-q", str(image))
    folder.mkdir()
    with mounted(image, folder) as disk:
        yield disk


@contextmanager
def mounted(image: Path, folder: Path, options: str = "rw") -> Generator[Disk]:
    """Mount what is kept in a file."""
    _run("mount", "-o", f"loop,{options}", str(image), str(folder))
    try:
        yield Disk(folder)
    finally:
        _run("umount", "-l", str(folder))


@cache
def may_mount() -> bool:
    """Tell whether this user may mount at all."""
    with tempfile.TemporaryDirectory(prefix="statusbridge-disk-") as folder:
        try:
            with small_disk(Path(folder) / "disk", size="64k"):
                return True
        except (subprocess.CalledProcessError, OSError):
            return False


def _run(program: str, *arguments: str) -> None:
    subprocess.run([find_program(program), *arguments], check=True, capture_output=True)
