"""The main job with nothing in between that isn't real: Prosody, mastodon-mock, and `python -m bridge`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.servers.mastodon import MastodonMock
from tests.servers.prosody import Prosody
from tests.servers.scene import Scene, mastodon_account

pytestmark = pytest.mark.live


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
        overrides={"posting": {"hold": "0s"}},
    ) as made:
        yield made


async def test_a_status_from_the_room_is_on_mastodon_and_the_reply_is_back(
    scene: Scene, mastodon_mock: MastodonMock
) -> None:
    sent = await scene.raj.say(scene.room, "!post EU users can't sign in, we are on it")
    (toot,) = await mastodon_mock.has_statuses(1)
    assert toot.text == "EU users can't sign in, we are on it"
    receipt = await scene.raj.hears(r"^\[1\] mastodon", where=scene.room)
    await scene.raj.shows(receipt.id, toot.url)

    await mastodon_mock.mention("kim", "still locked out, any ETA?", in_reply_to=toot.id)
    relayed = await scene.ana.hears("still locked out, any ETA", where=scene.room)
    assert relayed.body.startswith("[2->1] @kim@")

    await scene.raj.say(scene.room, "!r 2 About 20 minutes, sorry!")
    toots = await mastodon_mock.has_statuses(2, account="shop")
    assert toots[-1].in_reply_to is not None
    assert "About 20 minutes, sorry!" in toots[-1].text
    assert sent


async def test_a_direct_chat_speaks_bare_words_and_talk_stays_in_the_room(
    scene: Scene, mastodon_mock: MastodonMock
) -> None:
    await scene.raj.say(scene.room, "is it the cache again? post mortem later")
    await scene.ana.tell(scene.bot.jid, "All systems are back to normal")
    toots = await mastodon_mock.has_statuses(1)
    assert [toot.text for toot in toots] == ["All systems are back to normal"]
    await scene.ana.hears(r"\[1\].*mastodon", where=scene.bot.jid)


async def test_a_kill_between_loses_and_doubles_nothing(scene: Scene, mastodon_mock: MastodonMock) -> None:
    await scene.raj.say(scene.room, "!post before the kill")
    await mastodon_mock.has_statuses(1)
    await scene.bridge.kill()
    await scene.raj.say(scene.room, "!post while it was dead")
    await scene.bridge.start()
    await scene.bridge.wait_ready()
    await scene.raj.say(scene.room, "!post after the kill")
    toots = await mastodon_mock.has_statuses(3)
    assert [toot.text for toot in toots] == ["before the kill", "while it was dead", "after the kill"]
