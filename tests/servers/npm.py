"""Programs in JavaScript that judge what we do, each installed once into a folder of the user's, outside this tree."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.servers.programs import MissingProgramError, find_program

_PATIENCE = 240
"""Seconds that an installation may take."""


def cache() -> Path:
    """Return the folder that holds what is installed."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "statusbridge-tests" / "npm"


def installed(package: str, version: str) -> Path:
    """Return the folder whose `node_modules` holds a package, installing it if it isn't there yet.

    Raises MissingProgramError where node or npm isn't installed, or npm can't get the package.
    """
    find_program("node")
    npm = find_program("npm")
    folder = cache() / f"{package.replace('/', '+')}-{version}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _install(npm, f"{package}@{version}", folder)
    return folder


def _install(npm: str, package: str, folder: Path) -> None:
    """Install aside, so that what has the name is complete."""
    whole = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(whole, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
        command = [
            npm,
            "install",
            "--silent",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--prefix",
            aside,
            package,
        ]
        try:
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            raise MissingProgramError(f"npm didn't install {package} within {_PATIENCE} s") from None
        if done.returncode:
            raise MissingProgramError(f"npm can't install {package}: {done.stderr.strip() or done.stdout.strip()}")
        shutil.copytree(aside, whole, symlinks=True)
    whole.rename(folder)


def ask(folder: Path, script: str, question: Any) -> Any:
    """Return what a script answers on its standard output to a question on its standard input, both in JSON."""
    command = [find_program("node"), "-e", script]
    done = subprocess.run(
        command, check=True, cwd=folder, input=json.dumps(question).encode(), capture_output=True, timeout=_PATIENCE
    )
    return json.loads(done.stdout)
