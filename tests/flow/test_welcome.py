"""A welcome comes once, whatever becomes of the first message's commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from bridge.delivery import DIRECT
from bridge.domain.people import Role
from bridge.store import InDoubt, NotCommitted

if TYPE_CHECKING:
    from bridge.settings import Settings
    from tests.flow.conftest import Build

KIM = "kim@example.org"
WELCOMES = text("SELECT count(*) FROM notice WHERE target = 'kim@example.org' AND body LIKE 'Welcome, kim%'")


def with_kim(settings: Settings) -> Settings:
    return settings.model_copy(update={"people": {**settings.people, KIM: (Role.STAFF,)}})


async def test_a_kill_before_and_after_the_commit(build: Build) -> None:
    house = await build(change=with_kim)
    await house.store.write(lambda tx: tx.execute(text("DELETE FROM welcome WHERE jid = 'kim@example.org'")))
    await house.restart()
    first = house.incoming("We are on it", place=DIRECT, who="kim")
    house.store.refuses = lambda: True
    with pytest.raises(NotCommitted):
        await house.chat.desk.handle(first)
    await house.restart()
    house.store.doubts = iter([True])
    with pytest.raises(InDoubt):
        await house.chat.desk.handle(first)
    await house.restart()
    await house.chat.desk.handle(first)
    await house.quiet()
    await house.say("We are still on it", place=DIRECT, who="kim")
    await house.pass_time(120)
    assert await house.stands(lambda tx: tx.scalar(WELCOMES)) == 1
    assert house.platforms["mastodon"].visible == ["We are on it", "We are still on it"]
