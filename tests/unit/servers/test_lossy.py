from __future__ import annotations

import asyncio

import aiohttp
import pytest

from tests.servers.lossy import LossyProxy
from tests.servers.sink import Sink


async def post(base_url: str, sink: Sink, text: str) -> int:
    headers = {"Authorization": f"Bearer {sink.token}"}
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
        session.post(f"{base_url}/api/v1/statuses", json={"status": text}, headers=headers) as answer,
    ):
        await answer.json()
        return answer.status


async def test_it_loses_the_answer_after_the_commit(sink: Sink) -> None:
    async with LossyProxy(sink.port) as proxy:
        proxy.lose = 2
        for text in ("one", "two"):
            with pytest.raises(aiohttp.ClientConnectionError):
                await post(proxy.url, sink, text)
        assert await post(proxy.url, sink, "three") == 200

        await proxy.has_lost(2)
        assert proxy.lost == ["POST /api/v1/statuses HTTP/1.1"] * 2
        assert sink.texts == ["one", "two", "three"]


async def test_it_drops_requests_before_the_server_sees_them(sink: Sink) -> None:
    async with LossyProxy(sink.port) as proxy:
        proxy.drop = 1
        with pytest.raises(aiohttp.ClientConnectionError):
            await post(proxy.url, sink, "one")
        assert (sink.attempts, len(proxy.dropped)) == ([], 1)
        assert await post(proxy.url, sink, "one") == 200


async def test_it_leaves_reading_alone(sink: Sink) -> None:
    async with LossyProxy(sink.port) as proxy, aiohttp.ClientSession() as session:
        proxy.lose = proxy.drop = 1
        async with session.get(f"{proxy.url}/api/v2/instance") as answer:
            assert (await answer.json())["title"] == "Sink"
        assert (proxy.lose, proxy.drop, len(proxy.passed)) == (1, 1, 1)


async def test_it_refuses_and_holds_back(sink: Sink) -> None:
    async with LossyProxy(sink.port) as proxy:
        await proxy.refuse()
        with pytest.raises(aiohttp.ClientConnectorError):
            await post(proxy.url, sink, "refused")
        await proxy.accept()
        proxy.hold()
        held = asyncio.create_task(post(proxy.url, sink, "held"))
        assert await post(sink.base_url, sink, "past the proxy") == 200
        proxy.release()
        assert await held == 200
        assert sink.texts == ["past the proxy", "held"]


async def test_leaving_ends_what_is_held(sink: Sink) -> None:
    before = asyncio.all_tasks()
    async with LossyProxy(sink.port) as proxy:
        proxy.hold()
        held = asyncio.create_task(post(proxy.url, sink, "held"))
        await proxy.is_holding()
    with pytest.raises(aiohttp.ClientConnectionError):
        await held
    assert asyncio.all_tasks() - before - {held} == set()
