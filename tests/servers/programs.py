"""Finding the programs that the test servers need."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

_NEEDS = {
    "prosody": (("prosody", "openssl", "setpriv"), "apt-get install prosody openssl"),
    "ejabberd": (("erl", "ejabberdctl", "openssl", "setpriv"), "apt-get install ejabberd openssl"),
    "postgresql": (("initdb", "postgres", "setpriv"), "apt-get install postgresql"),
    "mastodon-mock": (("setpriv",), "pip install mastodon-mock"),
    "disk": (("mount", "umount", "mkfs.ext4"), "apt-get install mount e2fsprogs"),
    "compiler": (("gcc",), "apt-get install gcc libc6-dev"),
}


class MissingProgramError(RuntimeError):
    """A program that a test server needs isn't installed."""


def find_program(name: str) -> str:
    """Return the path of the program `name`, on PATH or where Debian keeps PostgreSQL's (the newest version).

    Raises MissingProgramError when it isn't there.
    """
    if found := shutil.which(name):
        return found
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    for path in (*reversed(versions), Path("/usr/sbin") / name, Path("/usr/bin") / name):
        if os.access(path, os.X_OK):
            return str(path)
    msg = f"the program {name} isn't installed"
    raise MissingProgramError(msg)


def lack(server: str) -> str | None:
    """Return what is missing for `server` ("prosody", "ejabberd", "postgresql", ...) and the mend, or None."""
    programs, mend = _NEEDS[server]
    if server == "mastodon-mock" and importlib.util.find_spec("mastodon_mock") is None:
        return f"the package mastodon_mock isn't installed: {mend}"
    for program in programs:
        try:
            find_program(program)
        except MissingProgramError as error:
            return f"{error}: {mend}"
    return None
