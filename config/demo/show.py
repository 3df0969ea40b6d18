"""What happens on the stage, line by line, for whoever watches the terminal."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import aiohttp

from config.demo.page import public
from config.demo.stage import STAFF

if TYPE_CHECKING:
    from config.demo.paper import Paper
    from config.demo.stage import Stage
    from tests.servers.heard import Heard
    from tests.servers.mastodon import Toot

_GLANCE: Final = 0.05
_POLL: Final = 0.5


class Show:
    """The rooms as ana sees them, everybody's direct chats with the bot, and the public side."""

    def __init__(self, stage: Stage, paper: Paper) -> None:
        """Nothing is shown yet."""
        self._stage = stage
        self._paper = paper
        self._toots: dict[str, Toot] = {}

    async def run(self) -> None:
        """Show everything, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._public_side())
            for name in STAFF:
                group.create_task(self._chats(name))

    async def _chats(self, name: str) -> None:
        person = self._stage.people[name]
        seen = 0
        while True:
            for item in person.inbox[seen:]:
                self._show(name, item)
            seen = len(person.inbox)
            await asyncio.sleep(_GLANCE)

    def _show(self, name: str, item: Heard) -> None:
        bot = item.nick == "status" or item.where == self._stage.bot.jid
        who = "status" if bot else item.nick
        body = f"{item.body} (corrected)" if item.replaces else item.body
        if item.where in {self._stage.ops, self._stage.oncall}:
            if name == "ana":  # the others hear the same
                self._paper.said(item.where.partition("@")[0], who, body, colour="status" if bot else None)
        elif bot:
            self._paper.said(f"to {name}", who, body, colour="status")

    async def _public_side(self) -> None:
        while True:
            # Now and then it is slow; the next look shows what this one missed.
            with contextlib.suppress(AssertionError, aiohttp.ClientError, TimeoutError):
                self._compare({toot.id: toot for toot in await public(self._stage.mastodon)})
            await asyncio.sleep(_POLL)

    def _compare(self, now: dict[str, Toot]) -> None:
        for toot in now.values():
            if toot.id not in self._toots:
                answered = now.get(toot.in_reply_to or "")
                to = f" (answers @{answered.account})" if answered else ""
                self._paper.said("public", f"@{toot.account}", f"{toot.text}{to}  {toot.url}", colour="public")
        for toot in self._toots.values():
            if toot.id not in now:
                self._paper.said("public", f"@{toot.account}", f"deleted: {toot.text}", colour="public")
        self._toots = now
