"""What is said for later, with nothing in between that isn't real; see test_main_job."""

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
    overrides = {"posting": {"hold": "0s", "zone": "Europe/Berlin"}}
    async with Scene(
        server=prosody, new_name=new_name, folder=tmp_path, accounts={"mastodon": account}, overrides=overrides
    ) as made:
        yield made


async def test_it_goes_out_at_its_time_and_what_was_taken_back_does_not(
    scene: Scene, mastodon_mock: MastodonMock
) -> None:
    await scene.raj.say(scene.room, "!at in 4s The shop opens")
    await scene.ana.hears(r'^\[1\] "The shop opens" goes out .* Europe/Berlin \(in \d s\)', where=scene.room)
    await scene.raj.say(scene.room, "!at in 3s Nothing of the kind")
    await scene.raj.say(scene.room, "!undo 2")
    await scene.ana.hears(r"^\[2\] cancelled", where=scene.room)
    (toot,) = await mastodon_mock.has_statuses(1)
    assert toot.text == "The shop opens"
    receipt = await scene.ana.hears(r"^\[1\] mastodon|^\[1\] .*goes out", where=scene.room)
    await scene.ana.shows(receipt.id, toot.url)


async def test_what_came_due_while_the_bridge_was_dead_goes_out_once(scene: Scene, mastodon_mock: MastodonMock) -> None:
    await scene.raj.say(scene.room, "!at in 1s said before the kill")
    await scene.raj.hears(r"^\[1\] .*goes out", where=scene.room)
    await scene.bridge.kill()
    await scene.bridge.start()
    await scene.bridge.wait_ready()
    await scene.raj.say(scene.room, "!post after the kill")
    toots = await mastodon_mock.has_statuses(2)
    assert sorted(toot.text for toot in toots) == ["after the kill", "said before the kill"]
