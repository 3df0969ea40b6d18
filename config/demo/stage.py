"""What the demo starts: Prosody with two rooms and their people, a sandbox Mastodon, the bridge."""

from __future__ import annotations

import shutil
import socket
import sys
import tempfile
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from config.demo.page import serve_page
from tests.servers.bridge import BridgeProcess, write_config
from tests.servers.mastodon import MastodonMock
from tests.servers.person import Person
from tests.servers.ports import HOST, claim_port, release_port
from tests.servers.prosody import Prosody
from tests.servers.xmpp import Login

if TYPE_CHECKING:
    from collections.abc import Generator

SHOP: Final = "shop"
CUSTOMER: Final = "kim"
PASSWORD: Final = "demo"  # noqa: S105 - of accounts that live as long as the demo
XMPP_PORT: Final = 5222
PAGE_PORT: Final = 8090
STAFF: Final = {
    "ana": "an admin: may do everything",
    "raj": "staff: may post and answer",
    "vera": "a visitor: sits in the rooms, talks, and may do nothing else",
}


class Sandbox(MastodonMock):
    """A sandbox Mastodon whose links lead to our own page, since it has none."""

    def __init__(self, page_port: int) -> None:
        """Take the port of the page."""
        super().__init__((SHOP, CUSTOMER))
        self._page_port = page_port

    def _command(self) -> list[str]:
        return [*super()._command(), "--domain", f"{HOST}:{self._page_port}"]


class Stage:
    """Everything the demo starts; entered it is ready, left it is gone, with the folder it all lives in.

    The people of STAFF are signed in and sit in `ops`, where a post can be undone for 20 s (the bridge's default), and
    in `oncall`, where posts go out at once. With `usual_ports` the ports are the documented ones where they are free.
    """

    def __init__(self, *, usual_ports: bool) -> None:
        """Nothing is started yet."""
        self._usual_ports = usual_ports
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start everything; ServerError with the tail of a log where something doesn't start."""
        async with AsyncExitStack() as stack:
            self.folder = stack.enter_context(_private_folder())
            await self._start_servers(stack)
            await self._start_bridge(stack)
            await self._let_people_in(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop everything and remove the folder."""
        await self._stack.aclose()

    async def _start_servers(self, stack: AsyncExitStack) -> None:
        self.page_port = stack.enter_context(self._port(PAGE_PORT))
        self.page_url = f"http://{HOST}:{self.page_port}/"
        prosody = Prosody(dict.fromkeys((*STAFF, "status"), PASSWORD))
        prosody.port = stack.enter_context(self._port(XMPP_PORT))
        self.ops, self.oncall = (
            prosody.make_room(name, owners=["ana"], admins=["status"], members=["raj", "vera"])
            for name in ("ops", "oncall")
        )
        self.prosody = await stack.enter_async_context(prosody)
        self.mastodon = await stack.enter_async_context(Sandbox(self.page_port))
        await stack.enter_async_context(serve_page(self.mastodon, self.page_port))

    async def _start_bridge(self, stack: AsyncExitStack) -> None:
        self.bot: Login = self.prosody.login("status")
        health_port = stack.enter_context(self._port(None))
        self.health_url = f"http://{HOST}:{health_port}/healthz"
        jid = self.prosody.jid
        config = write_config(
            self.folder / "config.toml",
            login=self.bot,
            store_url=f"sqlite:///{self.folder / 'statusbridge.db'}",
            rooms={self.ops: {}, self.oncall: {"hold": "0s", "hear_from": []}},
            people={jid("ana"): ["admin"], jid("raj"): ["staff"]},
            accounts={
                "mastodon": {
                    "plugin": "mastodon",
                    "base_url": self.mastodon.base_url,
                    "access_token": self.mastodon.token(SHOP),
                    "poll_interval": "1s",
                    # After a kill: a real server may be busy longer with what it was asked.
                    "settle_after": "1s",
                }
            },
            overrides={
                "xmpp": {"upload_host": f"{HOST}:{self.prosody.upload_port}"},
                "posting": {"backoff": "1s"},
                "web": {"listen": f"{HOST}:{health_port}"},
            },
        )
        program = str(Path(sys.executable).with_name("statusbridge"))
        self.bridge = await stack.enter_async_context(BridgeProcess(config, command=[program]))

    async def _let_people_in(self, stack: AsyncExitStack) -> None:
        self.people: dict[str, Person] = {}
        for name in STAFF:
            login = self.prosody.login(name)
            person = await stack.enter_async_context(Person.of(login, survives=True, resource="terminal"))
            for room in (self.ops, self.oncall):
                await person.join(room, name)
            self.people[name] = person

    @contextmanager
    def _port(self, usual: int | None) -> Generator[int]:
        with _reserved(usual if self._usual_ports else None) as reserved:
            if reserved is not None:
                yield reserved
                return
        port = claim_port()
        try:
            yield port
        finally:
            release_port(port)


@contextmanager
def _private_folder() -> Generator[Path]:
    """Have all temporary files of this process in one folder, and remove it with everything in it."""
    folder = Path(tempfile.mkdtemp(prefix="statusbridge-demo-"))
    former, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield folder
    finally:
        tempfile.tempdir = former
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _reserved(port: int | None) -> Generator[int | None]:
    """Yield the port if it is free, and keep other demos and tests from it until the end of the block; else None."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as claim:
        try:
            if port is not None:
                claim.bind(f"\0statusbridge-port-{port}")
        except OSError:
            port = None
        yield port if port is not None and _is_free(port) else None


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
