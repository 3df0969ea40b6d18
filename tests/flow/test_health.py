"""`health`: how the bridge itself is, on one screen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bridge.delivery import DIRECT
from bridge.plugin import UnauthorizedError
from bridge.testing import Fate

if TYPE_CHECKING:
    from tests.flow.conftest import Build, House

ROOM = "ops@rooms.example.org"


async def health(house: House) -> list[str]:
    (answer,) = await house.say("health", place=DIRECT, who="ana")
    return answer.splitlines()


async def test_how_the_bridge_is(build: Build) -> None:
    house = await build("mastodon", "x", "y", start=False, hold="20s")
    house.platforms["x"].always("enter", Fate(before=UnauthorizedError("the token was revoked")))
    await house.start()
    await house.say("account disable y", place=DIRECT, who="ana")
    await house.pass_time(7200)
    await house.say("!post one")
    house.chat.leave(ROOM)
    await house.pass_time(120)
    first, chat, store, accounts, queues = await health(house)
    assert re.fullmatch(r"Statusbridge [\w. ]+, up for 2 h, \d+ MB of memory", first)
    assert chat == f"| XMPP: connected for 2 h, in 1 of 2 rooms, NOT in {ROOM}"
    assert re.fullmatch(r"\| store: .*statusbridge\.db, 0\.\d MB, schema \d{4}", store)
    assert accounts == "| accounts: mastodon up; x down; y disabled"
    assert queues == "| queues: 0 waiting, 2 held, 0 in doubt, 0 failed"


async def test_a_panic_and_what_waits(build: Build) -> None:
    house = await build()
    await house.say("!panic")
    await house.say("!post one")
    await house.pass_time(300)
    house.heard("ana@example.org")
    lines = await health(house)
    assert lines[4:] == [
        "| queues: 1 waiting, 0 held, 0 in doubt, 0 failed; the oldest waits for 5 min",
        "| everything outgoing is FROZEN by raj, 5 min ago: an approver's `resume` continues",
    ]


async def test_no_secret_is_in_it(build: Build) -> None:
    house = await build()
    assert "secret" not in "\n".join(await health(house))
