"""Our own program as a child process: started, watched through its log, killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.servers.process import ServerError, mortal, tail
from tests.servers.toml import merged, write_toml
from tests.servers.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.servers.xmpp import Login

ROOT = Path(__file__).resolve().parents[2]
"""The project's root, from which `python -m bridge` finds the program."""

_LINE_LIMIT = 1 << 20


def write_config(
    path: Path,
    *,
    login: Login,
    store_url: str,
    rooms: Mapping[str, Mapping[str, Any]] | Sequence[str],
    people: Mapping[str, Sequence[str]] | None = None,
    accounts: Mapping[str, Mapping[str, Any]] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Path:
    """Write a config file for `login` at a Prosody and return `path`.

    `rooms` are JIDs, with their settings where they have any; `accounts` are the tables `[accounts.NAME]`. `overrides`
    is merged over the whole document, table by table: `{"posting": {"hold": "0s"}, "xmpp": {"port": proxy.port}}`.
    """
    tables: Mapping[str, Mapping[str, Any]] = rooms if isinstance(rooms, Mapping) else {room: {} for room in rooms}
    host, port, ca_file = login.host, login.port, str(login.ca_file)
    document: dict[str, Any] = {
        "xmpp": {"jid": login.jid, "password": login.password, "host": host, "port": port, "ca_file": ca_file},
        "store": {"url": store_url, "media": str(path.with_suffix(".media"))},
        "people": {jid: list(roles) for jid, roles in (people or {}).items()},
        "accounts": {name: dict(table) for name, table in (accounts or {}).items()},
        "rooms": [{"jid": jid, **table} for jid, table in tables.items()],
    }
    path.write_text(write_toml(merged(document, overrides or {})), encoding="utf-8")
    path.chmod(0o600)
    return path


class BridgeProcess:
    """`python -m bridge --config FILE run`: its log lines, its end; may be started again after it.

    Entering starts it and waits until it is ready; leaving ends it (SIGTERM; SIGKILL if that takes too long). `lines`
    holds the log of all runs as parsed JSON, a line that is none as `{"event": LINE, "level": "raw"}`; all of it is
    also in `log_path`. Start it from the thread of the event loop, since it dies with that thread.
    """

    def __init__(
        self,
        config: Path,
        *,
        command: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
        log_path: Path | None = None,
        patience: float = 30.0,
    ) -> None:
        """Take the config file; `command` replaces `python -m bridge`, `environment` is added to ours."""
        self.config = config
        self.log_path = log_path or config.with_suffix(".log")
        self.lines: list[dict[str, Any]] = []
        self.starts = 0
        self._command = [*(command or (sys.executable, "-m", "bridge")), "--config", str(config), "run"]
        self._environment = dict(environment or {})
        self._patience = patience
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._run_from = 0
        self._watch = Watch()

    @property
    def pid(self) -> int:
        """The process id; ServerError when it doesn't run."""
        return self._present().pid

    @property
    def running(self) -> bool:
        """Whether the process exists and hasn't ended by itself."""
        return self._process is not None and self._process.returncode is None

    def events(self, name: str, *, after: int = 0) -> list[dict[str, Any]]:
        """Return the log lines whose event is `name`, from the line number `after` on."""
        return [line for line in self.lines[after:] if line.get("event") == name]

    async def start(self) -> None:
        """Start the process and return at once; `wait_ready` waits for it."""
        if self._process is not None:
            raise ServerError("the bridge is running already")
        self._run_from = len(self.lines)
        self.starts += 1
        self._process = await asyncio.create_subprocess_exec(
            *mortal(self._command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env=self._full_environment(),
            process_group=0,
            limit=_LINE_LIMIT,
        )
        self._reader = asyncio.create_task(self._read(self._process))
        self._reader.add_done_callback(lambda _: self._watch.changed())

    async def wait_ready(self, *, patience: float | None = None) -> None:
        """Wait until this run has logged the event "ready"; ServerError with the log's tail when it ends before."""
        await self.logs(lambda line: line.get("event") == "ready", after=self._run_from, patience=patience)

    async def logs(
        self,
        what: str | Callable[[Mapping[str, Any]], object],
        *,
        after: int = 0,
        patience: float | None = None,
    ) -> dict[str, Any]:
        """Return the first log line with the event `what`, or that `what` accepts, from line number `after` on.

        Raises ServerError when the process ends without it, AssertionError when it doesn't come in time.
        """
        accepts = what if callable(what) else lambda line: line.get("event") == what

        def look() -> dict[str, Any] | None:
            found = next((line for line in self.lines[after:] if accepts(line)), None)
            if found is None and (self._reader is None or self._reader.done()):
                raise ServerError(f"the bridge ended first. Its log ends:\n{tail(self.log_path)}")
            return found

        limit = self._patience if patience is None else patience
        return await self._watch.until(
            look, timeout=limit, otherwise=lambda: f"{what!r} wasn't logged in {limit:g} s:\n{tail(self.log_path)}"
        )

    async def kill(self) -> None:
        """End the process by SIGKILL, this very instant, and wait until it is gone."""
        self._signal(signal.SIGKILL)
        await self._ended()

    async def stop(self, how: signal.Signals = signal.SIGTERM, *, patience: float | None = None) -> int:
        """Ask the process to end and return its exit status (negative: a signal).

        Raises AssertionError when it takes too long; it is killed then.
        """
        self._signal(how)
        return await self.wait(patience=patience)

    async def wait(self, *, patience: float | None = None) -> int:
        """Wait until the process ends by itself and return its exit status."""
        limit = self._patience if patience is None else patience
        try:
            async with asyncio.timeout(limit):
                return await self._ended()
        except TimeoutError:
            await self.kill()
            raise AssertionError(f"the bridge didn't end within {limit:g} s:\n{tail(self.log_path)}") from None

    async def __aenter__(self) -> Self:
        await self.start()
        try:
            await self.wait_ready()
        except BaseException:
            await self.kill()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._process is not None:
            await self.stop()

    def _present(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise ServerError("the bridge isn't running")
        return self._process

    def _signal(self, how: signal.Signals) -> None:
        process = self._present()
        if process.returncode is None:
            # It may have ended without asyncio's having noticed yet.
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(how)

    def _full_environment(self) -> dict[str, str]:
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1", **self._environment}

    async def _ended(self) -> int:
        process, reader = self._present(), self._reader
        status = await process.wait()
        if reader is not None:
            await reader
        self._process = None
        return status

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        with self.log_path.open("ab", buffering=0) as log:
            async for raw in process.stderr:
                log.write(raw)
                self.lines.append(_parsed(raw.decode(errors="replace").rstrip("\n")))
                self._watch.changed()


def _parsed(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"event": line, "level": "raw"}
