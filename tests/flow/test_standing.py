"""How the accounts stand, as the bot's presence tells it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bridge.plugin import UnauthorizedError, UnavailableError
from bridge.testing import Fate

if TYPE_CHECKING:
    from tests.flow.conftest import Build, House


async def stands(house: House) -> str:
    return str(await asyncio.wait_for(house.bridge.standing(), 10))


async def test_it_tells_which_accounts_are_up(build: Build) -> None:
    house = await build("mastodon", "x")
    assert await stands(house) == "2 accounts up"
    assert house.chat.looks > 0


async def test_an_account_that_cannot_be_entered_is_paused(build: Build) -> None:
    house = await build("mastodon", "x", start=False)
    house.platforms["x"].always("enter", Fate(before=UnauthorizedError("the token was revoked")))
    await house.start()
    assert await stands(house) == "1 account up, x paused"


async def test_an_account_that_does_not_flow_is_paused_until_it_does(build: Build) -> None:
    house = await build("mastodon", "x")
    house.platforms["x"].always("post", Fate(before=UnavailableError("503")))
    await house.say("!to x post one")
    await house.pass_time(600)
    assert await stands(house) == "1 account up, x paused"
    house.platforms["x"].always("post")
    await house.pass_time(600)
    assert await stands(house) == "2 accounts up"


async def test_a_panic_is_told_first(build: Build) -> None:
    house = await build("mastodon")
    await house.say("!panic")
    assert await stands(house) == "everything outgoing is frozen, 1 account up"
    await house.say("!resume", who="tom")
    assert await stands(house) == "1 account up"
