"""What the figures were taken on: hardware and versions, and nothing that tells whose it is."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import statistics
import subprocess
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from tests.servers.programs import find_program

_SYNCS = 100


def describe(folder: Path) -> list[str]:
    """Return one line for each fact; `folder` is where the stores were."""
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    sync = sync_ms(folder)
    return [
        f"processor: {os.cpu_count()} x {_processor()}",
        f"memory: {int(memory.split()[1]) / 1024 / 1024:.0f} GB",
        f"disk: one write that is waited for (fsync) takes {sync:.2g} ms (median)",
        f"Linux {platform.release().partition('-')[0]}, Python {platform.python_version()}",
        f"Prosody {_prosody()}, SQLite {sqlite3.sqlite_version}, PostgreSQL {_said('postgres', '--version')}",
        ", ".join(f"{name} {version(name)}" for name in ("Mastodon.py", "slixmpp", "aiohttp", "SQLAlchemy", "psycopg")),
    ]


def sync_ms(folder: Path) -> float:
    """Return the median of the milliseconds that a small write takes to reach the disk."""
    took: list[float] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(_SYNCS):
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began)
    return statistics.median(took) * 1000


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _prosody() -> str:
    return _number(_output("dpkg-query", "-W", "-f", "${Version}", "prosody"))


def _said(program: str, *arguments: str) -> str:
    return _number(_output(find_program(program), *arguments))


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""


def _number(text: str) -> str:
    found = re.search(r"\d+(\.\d+)+", text)
    return found[0] if found else "of unknown version"
