"""The whole scene on real servers: a room with staff, a platform, and our own program between them."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.servers.bridge import BridgeProcess, write_config
from tests.servers.person import Person

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.servers.xmpp import Login, XmppServer


@dataclass(kw_only=True)
class Scene:
    """Ana (an admin) and Raj (a member) in a room with the bot; entered, the bridge is ready and both are there.

    `accounts` are the tables `[accounts.NAME]`, `overrides` is merged over the configuration, `environment` is added to
    ours for the bridge. With `raj_roles` Raj may do something in direct chats, too.
    """

    server: XmppServer
    new_name: Callable[[str], str]
    folder: Path
    accounts: Mapping[str, Mapping[str, Any]]
    overrides: Mapping[str, Any] = field(default_factory=dict[str, Any])
    room_table: Mapping[str, Any] = field(default_factory=dict[str, Any])
    store_url: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    patience: float = 30.0
    raj_roles: Sequence[str] = ()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._set(stack)
            self._stack = stack.pop_all()
        return self

    async def _set(self, stack: AsyncExitStack) -> None:
        self.bot: Login = self.server.add_user(self.new_name("status"))
        ana, raj = (self.server.add_user(self.new_name(name)) for name in ("ana", "raj"))
        self.room = self.server.make_room(
            self.new_name("ops"), owners=[ana.jid], admins=[self.bot.jid], members=[raj.jid]
        )
        url = self.store_url or f"sqlite:///{self.folder / 'statusbridge.db'}"
        config = write_config(
            self.folder / "config.toml",
            login=self.bot,
            store_url=url,
            rooms={self.room: {"member_role": "staff", **self.room_table}},
            people={ana.jid: ["admin"], **({raj.jid: list(self.raj_roles)} if self.raj_roles else {})},
            accounts=self.accounts,
            overrides=self.overrides,
        )
        self.bridge = BridgeProcess(config, environment=self.environment, patience=self.patience)
        self.ana = await stack.enter_async_context(Person.of(ana, survives=True))
        self.raj = await stack.enter_async_context(Person.of(raj, survives=True))
        await self.ana.join(self.room, "ana")
        await self.raj.join(self.room, "raj")
        await stack.enter_async_context(self.bridge)

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def kill(self) -> None:
        """End the bridge as a power cut would, and start it again."""
        await self.bridge.kill()
        await self.bridge.start()


def mastodon_account(base_url: str, token: str, **table: Any) -> dict[str, Any]:
    """Return the table of a Mastodon account that is polled quickly."""
    return {"plugin": "mastodon", "base_url": base_url, "access_token": token, "poll_interval": "1s", **table}
