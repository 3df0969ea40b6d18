from __future__ import annotations

import asyncio

import aiohttp
import pytest

from tests.servers.mastodon import MastodonMock

pytestmark = pytest.mark.servers


async def test_a_status_is_listed_and_answered(mastodon_mock: MastodonMock) -> None:
    status = await mastodon_mock.post("shop", 'EU users <can\'t> "sign in" & more\nline\n\nparagraph')
    answer = await mastodon_mock.mention("kim", "same here", in_reply_to=status.id)

    assert status.text == 'EU users <can\'t> "sign in" & more\nline\n\nparagraph'
    assert await mastodon_mock.statuses() == [status]
    assert await mastodon_mock.statuses("kim") == [answer]
    assert await mastodon_mock.notifications() == [("mention", answer)]
    assert await mastodon_mock.context(status.id) == ([], [answer])
    assert (answer.text, answer.in_reply_to, answer.account) == ("@shop same here", status.id, "kim")


async def test_all_statuses_come_oldest_first_over_many_pages(mastodon_mock: MastodonMock) -> None:
    for number in range(45):
        await mastodon_mock.post("shop", f"status {number}")
    await mastodon_mock.delete("shop", (await mastodon_mock.statuses())[0].id)

    assert [status.text for status in await mastodon_mock.statuses()] == [f"status {n}" for n in range(1, 45)]


async def test_faults_hit_the_next_posts_only(mastodon_mock: MastodonMock) -> None:
    await mastodon_mock.fail(503, times=2)
    await mastodon_mock.throttle("7")

    answers = [await attempt(mastodon_mock) for _ in range(4)]

    assert [status for status, _ in answers] == [503, 503, 429, 200]
    assert answers[2][1] == "7"
    assert len(await mastodon_mock.statuses()) == 1


async def test_a_hanging_post_answers_nothing_until_healed(mastodon_mock: MastodonMock) -> None:
    await mastodon_mock.hang(times=None)
    with pytest.raises(TimeoutError):
        await attempt(mastodon_mock, patience=0.2)
    await mastodon_mock.heal()
    assert (await attempt(mastodon_mock))[0] == 200


async def test_a_garbled_answer_is_a_success_that_nobody_can_read(mastodon_mock: MastodonMock) -> None:
    await mastodon_mock.garble()
    with pytest.raises(ValueError):
        await mastodon_mock.post("shop", "x")
    assert await mastodon_mock.statuses() == []


async def test_waiting_for_statuses(mastodon_mock: MastodonMock) -> None:
    waiting = asyncio.create_task(mastodon_mock.has_statuses(1))
    posted = await mastodon_mock.post("shop", "at last")
    assert await waiting == [posted]
    with pytest.raises(AssertionError, match="1 statuses, not 2"):
        await mastodon_mock.has_statuses(2, patience=0)


async def test_several_customers_at_once(mastodon_mock: MastodonMock) -> None:
    await asyncio.gather(*(mastodon_mock.mention(who, "hello", visibility="direct") for who in ("kim", "lee")))
    heard = [(kind, toot.account, toot.visibility) for kind, toot in await mastodon_mock.notifications() if toot]
    assert sorted(heard) == [("mention", "kim", "direct"), ("mention", "lee", "direct")]


async def attempt(mock: MastodonMock, *, patience: float = 10) -> tuple[int, str | None]:
    headers = {"Authorization": f"Bearer {mock.token('shop')}"}
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=patience)) as session,
        session.post(f"{mock.base_url}/api/v1/statuses", json={"status": "x"}, headers=headers) as answer,
    ):
        return answer.status, answer.headers.get("Retry-After")
