"""A server as a child process: private folder, own process group, ended by its own pid, gone with its parent."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.servers.ports import claim_port, release_port
from tests.servers.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_POLL = 0.01
_TAIL = 40


class ServerError(RuntimeError):
    """A server didn't start or stop; the message ends with the tail of its log."""


def tail(path: Path, lines: int = _TAIL) -> str:
    """Return the last `lines` lines of the text file `path`, or a remark that it doesn't exist."""
    if not path.exists():
        return f"({path} doesn't exist)"
    with path.open(encoding="utf-8", errors="replace") as file:
        return "".join(deque(file, maxlen=lines))


# A parent that dies before the signal is set would never send it: so, once it is set, look whether it is still there.
_GUARD = 'test "$PPID" = "$0" && exec "$@"'


def mortal(command: Sequence[str], *, user: str | None = None, death_signal: str = "KILL") -> list[str]:
    """Return `command` prefixed so that it gets `death_signal` when the thread that starts it ends.

    Only this process may start it, from a thread that lives as long as the server should (prctl(2),
    PR_SET_PDEATHSIG), the main thread best. With `user` it runs as that user, which only root may ask for; the signal
    is set after that, as changing the user clears it.
    """
    setpriv = find_program("setpriv")
    lower = [setpriv, f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups"] if user else []
    return [*lower, setpriv, "--pdeathsig", death_signal, "sh", "-c", _GUARD, str(os.getpid()), *command]


class Server(ABC):
    """One server process with a private folder, for `with` and `async with` alike.

    Entering starts it and waits until it is ready; leaving stops it and removes its folder. `stop` and `start` in
    between keep the folder and the ports. A start that fails raises ServerError with the tail of the log.
    """

    name: str
    start_deadline: float = 60.0
    stop_deadline: float = 10.0
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: str = "KILL"

    def __init__(self, *, user: str | None = None) -> None:
        """Make the private folder, owned by `user` where one is given; nothing is started yet."""
        self.folder = Path(tempfile.mkdtemp(prefix=f"statusbridge-{self.name}-"))
        self.log_path = self.folder / f"{self.name}.log"
        self._user = user
        self._ports: list[int] = []
        self._process: subprocess.Popen[bytes] | None = None
        if user is not None:
            os.chown(self.folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)

    @abstractmethod
    def _command(self) -> list[str]:
        """Return the command line of the server, which stays in the foreground."""

    @abstractmethod
    def _ready(self) -> bool:
        """Tell at once whether the server answers."""

    def _prepare(self) -> None:  # noqa: B027 - not every server needs something
        """Write what the server needs before each start."""

    def _environment(self) -> Mapping[str, str]:
        return {**os.environ, "TMPDIR": str(self.folder)}

    def _port(self) -> int:
        port = claim_port()
        self._ports.append(port)
        return port

    @property
    def pid(self) -> int:
        """The process id of the running server; ServerError when it doesn't run."""
        if self._process is None:
            msg = f"{self.name} isn't running"
            raise ServerError(msg)
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process exists and hasn't ended by itself."""
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        """Return all that the server has written to its log so far."""
        return self.log_path.read_text(encoding="utf-8", errors="replace") if self.log_path.exists() else ""

    def start_now(self) -> None:
        """Start the server and block until it is ready."""
        for _ in self._starting():
            time.sleep(_POLL)

    def stop_now(self) -> None:
        """Stop the server in its own orderly way and block until it has ended; SIGKILL after the deadline."""
        for _ in self._stopping(self.stop_signal):
            time.sleep(_POLL)

    def close(self) -> None:
        """Stop the server, remove its folder, give its ports back."""
        try:
            self.stop_now()
        finally:
            self._forget()

    async def start(self) -> None:
        """Start the server with the data that it had and wait until it is ready."""
        for _ in self._starting():
            await asyncio.sleep(_POLL)

    async def stop(self) -> None:
        """Stop the server in its own orderly way and wait until it has ended; data and ports stay."""
        for _ in self._stopping(self.stop_signal):
            await asyncio.sleep(_POLL)

    async def kill(self) -> None:
        """End the server by SIGKILL and wait until it is gone; data and ports stay."""
        for _ in self._stopping(signal.SIGKILL):
            await asyncio.sleep(_POLL)

    async def restart(self) -> None:
        """Stop and start the server on the same ports with the same data."""
        await self.stop()
        await self.start()

    def _starting(self) -> Iterator[None]:
        if self.running:
            msg = f"{self.name} is running already"
            raise ServerError(msg)
        self._prepare()
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                mortal(self._command(), user=self._user, death_signal=self.death_signal),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=dict(self._environment()),
                process_group=0,
            )
        deadline = time.monotonic() + self.start_deadline
        while not self._ready():
            if not self.running or time.monotonic() > deadline:
                raise self._failed()
            yield
        if not self.running:
            raise self._failed()

    def _failed(self) -> ServerError:
        assert self._process is not None
        status = self._process.poll()
        what = f"ended with status {status}" if status is not None else f"wasn't ready after {self.start_deadline:g} s"
        if status is None:
            self._process.kill()
            self._process.wait()
        self._process = None
        return ServerError(f"{self.name} {what}. Its log ends:\n{tail(self.log_path)}")

    def _stopping(self, how: signal.Signals) -> Iterator[None]:
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(how)
        deadline = time.monotonic() + self.stop_deadline
        while process.poll() is None:
            if time.monotonic() > deadline:
                process.kill()
                process.wait()
                break
            yield
        self._process = None

    def _forget(self) -> None:
        for port in self._ports:
            release_port(port)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start_now()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            self.close()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        try:
            await self.stop()
        finally:
            self.close()
