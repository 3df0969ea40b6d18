"""The demo as a stranger meets it: the scene that plays by itself, the terminal, and nothing left behind."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import pytest

from tests.servers.bridge import ROOT
from tests.servers.ports import is_listening

pytestmark = [pytest.mark.live, pytest.mark.timeout(150)]

DEMO = [sys.executable, str(ROOT / "config" / "demo" / "demo.py")]
STEPS = [
    "A status from the room, with a preview",
    "A status from a direct chat: bare words",
    "A status taken back in time: nothing is published",
    "A customer answers in public, and hears back",
    "The platform answers 500 for a while: the room is told, nothing is lost",
    "kill -9 of the bridge in the middle of a burst of 35 lines",
    "Panic: nothing goes out until an admin says so",
    "The end: everything is in public once, and in order",
]


@pytest.fixture(autouse=True)
def _servers(require: Callable[[str], None]) -> None:
    require("prosody")
    require("mastodon-mock")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the demo makes its temporary files: empty before and, as is asserted, after."""
    made = tmp_path / "tmp"
    made.mkdir()
    return made


@contextmanager
def started(folder: Path, stdin: int = subprocess.DEVNULL) -> Generator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        DEMO,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder.parent,
        env={**os.environ, "TMPDIR": str(folder)},
        start_new_session=True,
    )
    with process:
        # A read that waits for a line in vain ends with the process.
        guard = threading.Timer(100, process.kill)
        guard.start()
        try:
            yield process
        finally:
            guard.cancel()
            guard.join()
            process.kill()


def read_until(stream: IO[str] | None, end: str) -> str:
    assert stream is not None
    read = ""
    for line in stream:
        read += line
        if end in line:
            return read
    raise AssertionError(f"{end!r} wasn't printed, but:\n{read}")


def descendants(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):
            children = [int(child) for child in (task / "children").read_text().split()]
            found += children + [grandchild for child in children for grandchild in descendants(child)]
    return found


def names(pids: list[int]) -> str:
    return " ".join(Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in pids)


def test_the_scene_plays_by_itself(folder: Path) -> None:
    done = subprocess.run(
        [*DEMO, "--check"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(folder)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert re.findall(r"^\d+\. (.*)$", done.stdout, re.MULTILINE) == STEPS
    assert len(re.findall(r"^   ok +\d+ ms$", done.stdout, re.MULTILINE)) == len(STEPS)
    assert "status  mastodon does not flow:" in done.stdout
    assert re.search(
        r"^All 8 steps happened in [\d.]+ s: 40 posts in public, 0 lost, 0 doubled, 0 out of order\.$",
        done.stdout,
        re.MULTILINE,
    )
    assert list(folder.iterdir()) == []


@pytest.mark.servers
def test_ctrl_c_stops_all_that_was_started_and_leaves_nothing(folder: Path) -> None:
    with started(folder) as demo:
        guide = read_until(demo.stdout, "runs until SIGINT or SIGTERM")
        found = re.search(r"server +127\.0\.0\.1, port (\d+)", guide)
        assert found is not None, guide
        port = int(found[1])
        assert is_listening(port)
        health = re.search(r"http://127\.0\.0\.1:\d+/healthz", guide)
        assert health is not None, guide
        with urllib.request.urlopen(health[0], timeout=10) as answer:
            assert json.load(answer) == {"status": "ok"}
        pids = descendants(demo.pid)
        running = names(pids)
        assert all(name in running for name in ("prosody", "mastodon_mock", "statusbridge")), running

        demo.send_signal(signal.SIGINT)
        assert demo.wait(30) == 0
        assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
        assert not is_listening(port)
        assert list(folder.iterdir()) == []


def test_sigterm_while_it_is_still_starting_leaves_nothing(folder: Path) -> None:
    with started(folder) as demo:
        read_until(demo.stdout, "Starting")
        while not (pids := descendants(demo.pid)):
            time.sleep(0.01)
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(30) == 0
        assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
        assert list(folder.iterdir()) == []


class Terminal:
    """A terminal with the demo on it."""

    def __init__(self, descriptor: int) -> None:
        self.screen = ""
        self._descriptor = descriptor

    def keys(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    def shows(self, *patterns: str) -> None:
        """Read on until everything was shown, in whatever order; what was read up to the last of it is past."""
        while None in (matches := [re.search(pattern, self.screen) for pattern in patterns]):
            try:
                data = os.read(self._descriptor, 65536)
            except OSError:
                data = b""
            if not data:
                raise AssertionError(f"{patterns} weren't all shown, but:\n{self.screen}")
            self.screen += data.decode(errors="replace").replace("\r\n", "\n")
        self.screen = self.screen[max(match.end() for match in matches if match) :]


@pytest.mark.servers
def test_the_terminal_plays_staff_and_customer(folder: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        DEMO,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TMPDIR": str(folder)},
        start_new_session=True,
    )
    os.close(theirs)
    guard = threading.Timer(100, process.kill)
    guard.start()
    try:
        terminal = Terminal(ours)
        terminal.shows(r"/quit ")
        terminal.shows(r"\x1b\[K> ")
        terminal.keys("raj/oncall: !post We are bakc\x17back\r")
        terminal.shows(r"oncall +raj +!post We are back\n")
        public = r"public +@shop +We are back +http://127\.0\.0\.1:\d+/@shop/\d+"
        terminal.shows(r"oncall +status +\[1\] mastodon", public)
        terminal.keys("great, thank you!\r")
        terminal.shows(r"ops +status +\[2->1\] @kim@[^ ]+ great, thank you!")
        terminal.keys("ana/bot: me\r")
        terminal.shows(r"to ana +status +You are ana \(ana@example\.org\), an admin in direct chats")
        terminal.keys("/kill\r")
        terminal.shows(r"the bridge is dead")
        terminal.keys("raj/oncall: !post Said to nobody\r")
        terminal.shows(r"oncall +raj +!post Said to nobody\n")
        terminal.keys("/start\r")
        terminal.shows(r"public +@shop +Said to nobody")
        terminal.keys("\x04")
        terminal.shows(r"Stopping everything")
        assert process.wait(30) == 0
    finally:
        guard.cancel()
        guard.join()
        process.kill()
        process.wait()
        os.close(ours)
    assert list(folder.iterdir()) == []
