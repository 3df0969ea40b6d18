"""kill -9 while pictures are fetched, described and posted: each status is there once, with its picture."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from tests.servers.mastodon import MastodonMock
from tests.servers.pictures import phone_jpeg
from tests.servers.prosody import Prosody
from tests.servers.scene import Scene, mastodon_account
from tests.servers.sharing import Shape, share

pytestmark = [pytest.mark.live, pytest.mark.servers, pytest.mark.timeout(300)]

MANY, KILLS = 12, 4


async def test_kills_while_pictures_are_on_their_way(
    prosody: Prosody, mastodon_mock: MastodonMock, new_name: Callable[[str], str], tmp_path: Path
) -> None:
    chance = random.Random(5)
    account = mastodon_account(mastodon_mock.base_url, mastodon_mock.token(mastodon_mock.shop), settle_after="0s")
    overrides = {
        "xmpp": {"upload_host": f"{prosody.host}:{prosody.upload_port}"},
        "posting": {"hold": "0s"},
        "store": {"media": str(tmp_path / "media")},
    }
    async with Scene(
        server=prosody,
        new_name=new_name,
        folder=tmp_path,
        accounts={"mastodon": account},
        overrides=overrides,
        raj_roles=["staff"],
    ) as scene:
        texts = [f"News number {number}" for number in range(1, MANY + 1)]

        async def talk() -> None:
            for text in texts:
                await share(scene.raj, scene.bot.jid, phone_jpeg(), caption=text, shape=Shape.BESIDE)

        talking = asyncio.create_task(talk())
        for number in range(1, KILLS + 1):
            await mastodon_mock.has_statuses(number * MANY // (KILLS + 2), patience=60.0)
            for _ in range(chance.randrange(2_000)):
                await asyncio.sleep(0)
            await scene.kill()
        await talking
        await mastodon_mock.has_statuses(MANY, patience=90.0)
        toots = await mastodon_mock.statuses()
        assert [toot.text for toot in toots] == texts
        for toot in toots:
            shown = cast(
                "dict[str, Any]", await mastodon_mock.call("GET", f"/api/v1/statuses/{toot.id}", mastodon_mock.shop)
            )
            assert [one["description"] for one in shown["media_attachments"]] == [toot.text]
    names = {path.name.partition("-")[0] for path in (tmp_path / "media").iterdir()}
    assert len(names) == MANY
