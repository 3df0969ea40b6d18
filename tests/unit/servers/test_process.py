from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.ports import is_listening
from tests.servers.process import Server, ServerError, mortal, tail

LISTEN = "import http.server as h; h.HTTPServer(('127.0.0.1', {port}), h.BaseHTTPRequestHandler).serve_forever()"


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


class Web(Server):
    name = "web"

    def __init__(self, code: str = LISTEN) -> None:
        super().__init__()
        self.port = self._port()
        self._code = code.format(port=self.port)

    def _command(self) -> list[str]:
        return [sys.executable, "-c", self._code]

    def _ready(self) -> bool:
        return is_listening(self.port)


async def test_a_server_is_there_while_it_is_entered() -> None:
    async with Web() as server:
        pid, port = server.pid, server.port
        assert is_listening(port)
        assert os.getpgid(pid) == pid

        await server.restart()
        assert server.pid != pid
        assert is_listening(port)
    assert not is_listening(port)
    assert not server.folder.exists()
    assert is_gone(pid)


def test_it_works_without_an_event_loop() -> None:
    with Web() as server:
        assert is_listening(server.port)
    assert not is_listening(server.port)


async def test_a_failed_start_shows_the_tail_of_the_log() -> None:
    with pytest.raises(ServerError, match=r"(?s)web ended with status 3.*the reason"):
        async with Web("import sys; print('the reason'); sys.exit(3)"):
            pytest.fail("it can't have started")


async def test_a_start_that_never_gets_ready_is_ended() -> None:
    server = Web("import signal; signal.pause()")
    server.start_deadline = 0.2
    with pytest.raises(ServerError, match="wasn't ready after"):
        await server.start()
    assert not server.running
    server.close()


async def test_a_server_that_ignores_the_polite_way_is_killed() -> None:
    server = Web("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + LISTEN)
    server.stop_deadline = 0.1
    async with server:
        pid = server.pid
    assert is_gone(pid)


PARENT = """
import signal, subprocess, sys
from tests.servers.process import mortal
subprocess.Popen(mortal([sys.executable, "-c", "import signal; print('child', flush=True); signal.pause()"]))
print("parent", flush=True)
signal.pause()
"""


@pytest.mark.parametrize("last_words", [{b"parent\n"}, {b"parent\n", b"child\n"}], ids=["at once", "later"])
def test_a_server_dies_with_the_run_that_started_it(last_words: set[bytes]) -> None:
    """The parent is killed without a chance to clean up; the read ends only when the child is gone, too."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        heard: set[bytes] = set()
        while not last_words <= heard:
            heard.add(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        process.stdout.read()
    assert process.returncode == -signal.SIGKILL


def test_a_server_whose_starter_is_gone_never_starts() -> None:
    """The guard takes any other parent for a lost one."""
    command = mortal([sys.executable, "-c", "print('started')"])
    command[command.index(str(os.getpid()))] = "1"
    assert subprocess.run(command, capture_output=True, check=False).stdout == b""


def test_the_tail_of_a_log(tmp_path: Path) -> None:
    path = tmp_path / "log"
    assert "doesn't exist" in tail(path)
    path.write_text("one\ntwo\nthree\n")
    assert tail(path, 2) == "two\nthree\n"
