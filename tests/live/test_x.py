"""The whole bridge with an account on X: a post with its price, a customer, the rule about answers, and a kill."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.servers import faults, gestures
from tests.servers.prosody import Prosody
from tests.servers.scene import Scene
from tests.servers.session import Session
from tests.servers.x import X

pytestmark = [pytest.mark.servers, pytest.mark.timeout(180)]

EYES = "\N{EYES}"
PATIENCE = 60.0


@pytest.fixture
async def x() -> AsyncIterator[X]:
    async with X() as x:
        yield x
        assert x.unsigned == []


@pytest.fixture
async def scene(prosody: Prosody, x: X, new_name: Callable[[str], str], tmp_path: Path) -> AsyncIterator[Scene]:
    account = {"plugin": "x", "base_url": x.base_url, "poll_interval": "15s", "monthly_budget": "25"}
    async with Scene(
        server=prosody,
        new_name=new_name,
        folder=tmp_path,
        accounts={"x": {**account, **x.login.settings()}},
        overrides={"posting": {"hold": "2s"}},
        raj_roles=["staff"],
    ) as made:
        yield made


async def test_a_post_a_customer_and_what_it_costs(scene: Scene, x: X) -> None:
    raj, ana, room, bot = scene.raj, scene.ana, scene.room, scene.bot.jid
    await raj.say(room, "!post We are on it: https://status.example.org")
    await raj.hears(r"^\[1\] .*x ok.*, costs 0\.2 USD \(with a link; 0\.015 USD without\)", where=room)
    await x.has_committed(1)
    await raj.hears(r"^\[1\] x https://x\.com/shop/status/\d+$", where=room)

    # What is there at the first look is old.
    await x.is_asked(f"/2/users/{x.me.id}/mentions", 2, patience=PATIENCE)
    x.mention("still locked out, any ETA?")
    told = await raj.hears(r"^\[2\] @kim: still locked out, any ETA\?$", where=room, patience=PATIENCE)
    gestures.react(raj, room, gestures.name_of(told, room=True), EYES, room=True)
    await raj.hears(r"^\[2\] is raj\S*'s, ", where=room)
    await raj.say(room, "!r 2 About 20 minutes, sorry!")
    await x.has_committed(2)
    assert x.texts[1].endswith("About 20 minutes, sorry!")

    session = Session(ana, bot)
    await session.tell("account info x")
    await ana.hears(r"spent 0\.\d+ USD today; 0\.\d+ USD this month \(24\.\d+ USD left of 25 USD\)", where=bot)
    Session(raj, room, ana).print("a post and a customer, room")
    session.print("what it costs, an admin's direct chat")


async def test_a_kill_after_an_answer_was_lost(scene: Scene, x: X) -> None:
    raj, room = scene.raj, scene.room
    x.next(faults.lose_response())
    await raj.say(room, "!post We are back")
    await x.has_committed(1)
    await raj.hears(r"^\[1\] x: not sure it arrived", where=room)
    await scene.kill()
    await raj.hears(
        lambda heard: heard.replaces is not None and "x https://x.com/shop/status/" in heard.body,
        where=room,
        patience=2 * PATIENCE,
    )
    assert x.texts == ["We are back"]
    Session(raj, room, scene.ana).print("a lost answer and a kill, room")
