"""The plugin keeps the contract that every plugin keeps, against a server that plays X and misbehaves on demand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import ClassVar

import pytest

from bridge.plugin import PostId
from bridge.testing import FakeClock, Harness, Shown, Trouble
from bridge.testing.contract import PluginContract
from plugins.x import PremiumXPlugin, XPlugin
from tests.servers import faults
from tests.servers.x import X
from tests.servers.x_world import Words

FAULTS = {
    Trouble.REFUSED: faults.refused(403, "This is not allowed."),
    Trouble.UNAUTHORIZED: faults.unauthorized(),
    Trouble.LIMITED: faults.rate_limited("7"),
    Trouble.UNREACHABLE: faults.reset(),
    Trouble.HANGS: faults.hang(),
    Trouble.BROKEN: faults.server_error(502, committed=True),
    Trouble.GARBLED: faults.garbage(),
    Trouble.LOST: faults.lose_response(),
}


class XHarness(Harness):
    """The account shop on the server that plays X."""

    poll = 60.0

    def __init__(self, x: X, *, premium: bool) -> None:
        self.x = x
        self.premium = premium

    def settings(self) -> Mapping[str, object]:
        how = {"premium": self.premium, "poll_interval": self.poll}
        return {"base_url": self.x.base_url, **how, **self.x.login.settings()}

    async def published(self) -> Sequence[Shown]:
        return [
            Shown(id=PostId(one.id), text=one.text, in_reply_to=PostId(one.reply_to) if one.reply_to else None)
            for one in self.x.own
        ]

    async def trouble(self, kind: Trouble | None) -> None:
        self.x.hung.clear()
        if kind is None:
            self.x.clear_outage()
        else:
            self.x.outage(FAULTS[kind], everything=True)
        await (self.x.refuse() if kind is Trouble.UNREACHABLE else self.x.accept())

    async def hanging(self) -> None:
        await self.x.hung.wait()

    async def say(self, text: str, *, who: str = "kim", in_reply_to: PostId | None = None) -> PostId:
        return PostId(self.x.mention(text, from_=who, in_reply_to=in_reply_to).id)

    async def say_unreadable(self) -> str:
        said = self.x.mention("...")
        self.x.rubbish.add(said.id)
        return said.url

    async def repeated(self) -> Sequence[PostId]:
        return [PostId(name) for name in self.x.retweets]

    async def favoured(self) -> Sequence[PostId]:
        return [PostId(name) for name in self.x.likes]

    async def say_elsewhere(self, text: str) -> PostId:
        return PostId(self.x.remark(text).id)


class Contract(PluginContract):
    plugin_class = PremiumXPlugin
    premium: ClassVar[bool] = True
    words: ClassVar[Words] = Words.POST

    @pytest.fixture
    async def x(self, clock: FakeClock) -> AsyncIterator[X]:
        async with X(clock=clock, premium=self.premium, words=self.words) as x:
            yield x
            assert [call.path for call in x.unsigned] == []

    @pytest.fixture
    async def harness(self, x: X) -> Harness:
        return XHarness(x, premium=self.premium)


class TestPremium(Contract):
    """An account that can edit, and write 25,000 characters."""


class TestOlderWords(Contract):
    """A server that answers in the words that X had before."""

    words = Words.TWEET


class TestStandard(Contract):
    """An account without Premium."""

    plugin_class = XPlugin
    premium = False
