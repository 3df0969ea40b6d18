from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.servers.ports import is_listening
from tests.servers.town import STATUSES, Town


class Client:
    """A plain client of the town, so that it isn't judged by an SDK's own ideas."""

    def __init__(self, town: Town, session: aiohttp.ClientSession) -> None:
        self._town = town
        self._session = session

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        async with self._session.request(method, self._town.base_url + path, **options) as answer:
            return answer.status, await answer.json()

    async def upload(self) -> tuple[int, Any]:
        form = aiohttp.FormData({"description": "A door"})
        form.add_field("file", b"door", content_type="image/png", filename="door.png")
        return await self.call("POST", "/api/v2/media", data=form)


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    async with Town() as server:
        yield server


@pytest.fixture
async def client(town: Town) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(town, session)


async def test_an_edit_wipes_what_it_leaves_out(town: Town, client: Client) -> None:
    _, picture = await client.upload()
    data = {"status": "old", "spoiler_text": "W", "language": "fi", "media_ids[]": picture["id"]}
    _, made = await client.call("POST", STATUSES, data=data)
    made["poll"] = town.statuses[made["id"]]["poll"] = {"options": [{"title": "tea"}], "votes_count": 3}
    _, edited = await client.call("PUT", f"{STATUSES}/{made['id']}", json={"status": "new"})
    assert [edited[name] for name in ("text", "spoiler_text", "language", "media_attachments", "poll")] == [
        "new",
        "",
        "en",
        [],
        None,
    ]


async def test_media_is_ready_after_some_looks_and_attached_once(town: Town, client: Client) -> None:
    town.looks = 2
    status, picture = await client.upload()
    assert (status, picture["url"], picture["description"]) == (202, None, "A door")
    post = {"status": "look", "media_ids[]": picture["id"]}
    where = f"/api/v1/media/{picture['id']}"
    assert (await client.call("GET", where))[0] == 206
    assert (await client.call("POST", STATUSES, data=post))[0] == 422
    assert (await client.call("GET", where))[0] == 200
    assert (await client.call("POST", STATUSES, data=post))[0] == 200
    assert (await client.call("GET", where))[0] == 404
    assert (await client.call("POST", STATUSES, data=post))[0] == 422


async def test_only_what_is_public_can_be_boosted_and_once(town: Town, client: Client) -> None:
    nice, private = town.write("nice"), town.write("for you", visibility="direct")
    first = await client.call("POST", f"{STATUSES}/{nice['id']}/reblog")
    assert first == await client.call("POST", f"{STATUSES}/{nice['id']}/reblog")
    assert (await client.call("POST", f"{STATUSES}/{private['id']}/reblog"))[0] == 404


async def test_it_fails_as_it_is_told_and_does_nothing_then(town: Town, client: Client) -> None:
    town.fails("POST", STATUSES, 503, 0)
    assert (await client.call("POST", STATUSES, data={"status": "no"}))[0] == 503
    with pytest.raises(aiohttp.ClientError):
        await client.call("POST", STATUSES, data={"status": "no"})
    assert town.statuses == {}
    assert (await client.call("POST", STATUSES, data={"status": "yes"}))[0] == 200
    assert town.count("POST", STATUSES) == 3


async def test_nothing_listens_once_it_is_left() -> None:
    async with Town() as server:
        assert is_listening(server.port)
    assert not is_listening(server.port)
