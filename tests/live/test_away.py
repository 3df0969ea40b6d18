"""What was said while the bridge was away and is too old to be done: listed once, one message for each conversation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.servers.mastodon import MastodonMock
from tests.servers.prosody import Prosody
from tests.servers.scene import Scene, mastodon_account

pytestmark = pytest.mark.live

OLD = 2.5
"""Seconds after which a line is older than `max_age`, whatever an archive rounds its time to."""


@pytest.fixture
async def scene(
    prosody: Prosody, mastodon_mock: MastodonMock, new_name: Callable[[str], str], tmp_path: Path
) -> AsyncIterator[Scene]:
    account = mastodon_account(mastodon_mock.base_url, mastodon_mock.token("shop"), settle_after="0s")
    async with Scene(
        server=prosody,
        new_name=new_name,
        folder=tmp_path,
        accounts={"mastodon": account},
        overrides={"posting": {"hold": "0s", "max_age": "1s"}},
    ) as made:
        yield made


async def test_it_is_listed_once_and_not_done(scene: Scene, mastodon_mock: MastodonMock) -> None:
    await scene.bridge.kill()
    for number in range(25):
        await scene.raj.say(scene.room, f"!post room {number}")
        await scene.ana.say(scene.room, f"talk {number}")
    for number in range(3):
        await scene.ana.tell(scene.bot.jid, f"direct {number}")
    await asyncio.sleep(OLD)
    await scene.bridge.start()
    in_room = await scene.raj.hears("^Said while I was away, not done:", where=scene.room)
    directly = await scene.ana.hears("^Said while I was away, not done:", where=scene.bot.jid)
    await scene.kill()
    await scene.bridge.wait_ready()
    lines = in_room.body.splitlines()
    assert len(lines) == 23
    assert [line.partition('"')[2] for line in lines[1:21]] == [f'!post room {number}"' for number in range(20)]
    assert lines[21:] == ["... and 5 more", "Say again what still matters. Nothing was posted."]
    assert [line.partition('"')[2] for line in directly.body.splitlines()[1:-1]] == [
        f'direct {number}"' for number in range(3)
    ]
    # What the killed bridge said is heard before this.
    await scene.raj.say(scene.room, "is that all?")
    said = [item.body for item in [*scene.raj.heard(scene.room), *scene.ana.heard(scene.bot.jid)]]
    assert sum("away, not done" in body for body in said) == 2
    assert await mastodon_mock.statuses() == []
