"""What the client makes of the SDK."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from bridge.testing import FakeClock
from plugins.mastodon.client import Client
from plugins.mastodon.transport import Gate

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.platforms.mastodon.conftest import Stub

    MakeStatus = Callable[..., dict[str, Any]]


@pytest.fixture
def client(stub: Stub) -> Client:
    return Client(stub.base_url, "t", "m.example", FakeClock(), Gate())


async def test_trap_the_sdk_makes_no_objects_of_its_own_which_takes_most_of_a_calls_time(
    stub: Stub, client: Client, make_status: MakeStatus
) -> None:
    shown = make_status("7", account={"id": 1, "odd": [{}]}, created_at="2026-01-02T03:04:05.678Z")
    stub.answer("GET", "/api/v1/statuses/7", shown)
    stub.answer("GET", "/api/v1/accounts/1/statuses", [shown], headers={"Link": '<http://x?max_id=1>; rel="next"'})
    status = await asyncio.to_thread(client.status, "7")
    assert status == shown
    assert status is not None
    assert {type(status), type(status["account"]), type(status["created_at"])} == {dict, str}
    assert await asyncio.to_thread(client.statuses, "1") == [shown]
    client.close()
