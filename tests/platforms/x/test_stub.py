"""The server that plays X: what the other tests rely on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, Literal
from urllib.parse import urlencode

import aiohttp
import pytest
from oauthlib.oauth1 import Client as Signer

from bridge.testing import FakeClock
from tests.servers import faults, x_faults
from tests.servers.x import X
from tests.servers.x_oauth import Login
from tests.servers.x_world import Words, moment_of

FIELDS = {"post.fields": "created_at,entities,note_post,attachments"}


Method = Literal["GET", "POST", "DELETE"]


class Customer:
    """Somebody who asks the stub, signed with oauthlib's client."""

    def __init__(self, x: X, session: aiohttp.ClientSession, login: Login) -> None:
        self.x = x
        self.session = session
        self.signer = Signer(login.consumer_key, login.consumer_secret, login.access_token, login.access_token_secret)

    async def __call__(self, method: Method, path: str, body: Any = None, **query: Any) -> tuple[int, dict[str, Any]]:
        url = f"{self.x.base_url}{path}" + (f"?{urlencode(query)}" if query else "")
        _, headers, _ = self.signer.sign(url, http_method=method)
        how: dict[str, Any] = {"json": body} if isinstance(body, dict) else {"data": body}
        async with self.session.request(method, url, headers=headers, **how) as answer:
            return answer.status, json.loads(await answer.text())

    async def post(self, text: str, **more: Any) -> tuple[int, dict[str, Any]]:
        return await self("POST", "/2/tweets", {"text": text, **more})


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def x(clock: FakeClock) -> AsyncIterator[X]:
    async with X(clock=clock) as x:
        yield x


@pytest.fixture
async def ask(x: X) -> AsyncIterator[Customer]:
    async with aiohttp.ClientSession() as session:
        yield Customer(x, session, x.login)


async def test_what_is_signed_is_answered_and_recorded(x: X, ask: Customer) -> None:
    status, answer = await ask.post("hello")
    assert (status, answer["data"]["text"]) == (201, "hello")
    assert answer["data"]["edit_history_post_ids"] == [answer["data"]["id"]]
    assert [(call.method, call.path, call.json) for call in x.calls] == [("POST", "/2/tweets", {"text": "hello"})]
    assert x.unsigned == []
    assert x.texts == ["hello"]


@pytest.mark.parametrize(
    "wrong",
    [
        Login(consumer_key="another"),
        Login(consumer_secret="another"),
        Login(access_token="another"),
        Login(access_token_secret="another"),
    ],
    ids=["consumer_key", "consumer_secret", "access_token", "access_token_secret"],
)
async def test_a_wrong_signature_is_refused(x: X, wrong: Login) -> None:
    async with aiohttp.ClientSession() as session:
        status, _ = await Customer(x, session, wrong).post("hello")
    assert status == 401
    assert len(x.unsigned) == 1
    assert x.texts == []


async def test_a_query_that_was_not_signed_is_refused(x: X, ask: Customer) -> None:
    _, headers, _ = ask.signer.sign(f"{x.base_url}/2/users/me")
    async with ask.session.get(f"{x.base_url}/2/users/me?user.fields=name", headers=headers) as answer:
        assert answer.status == 401


async def test_a_signature_can_not_be_used_twice(x: X, ask: Customer) -> None:
    _, headers, _ = ask.signer.sign(f"{x.base_url}/2/users/me")
    for expected in (200, 401):
        async with ask.session.get(f"{x.base_url}/2/users/me", headers=headers) as answer:
            assert answer.status == expected


async def test_a_signature_of_another_time_is_refused_where_it_matters(x: X, ask: Customer) -> None:
    x.tolerance = 300
    assert (await ask("GET", "/2/users/me"))[0] == 401  # signed by the machine's clock, which isn't the stub's


async def test_links_are_shortened_and_markup_is_escaped(x: X, ask: Customer) -> None:
    _, answer = await ask.post("see https://example.org/a?b=c&d & <this>")
    _, shown = await ask("GET", f"/2/tweets/{answer['data']['id']}", **FIELDS)
    text, [url] = shown["data"]["text"], shown["data"]["entities"]["urls"]
    assert url["expanded_url"] == "https://example.org/a?b=c&d"
    assert text == f"see {url['url']} &amp; &lt;this&gt;"
    assert text[url["start"] : url["end"]] == url["url"]
    assert len(url["url"]) == 23
    assert x.own[0].text == "see https://example.org/a?b=c&d & <this>"


async def test_ids_grow_with_the_clock(x: X, ask: Customer, clock: FakeClock) -> None:
    first = (await ask.post("one"))[1]["data"]["id"]
    second = (await ask.post("two"))[1]["data"]["id"]
    await clock.advance(60)
    third = (await ask.post("three"))[1]["data"]["id"]
    assert int(first) < int(second) < int(third)
    assert moment_of(third) == clock.now()


async def test_it_refuses_what_x_refuses(x: X, ask: Customer) -> None:
    hers = x.remark("nobody is meant")
    assert (await ask.post("twice"))[0] == 201
    assert (await ask.post("twice"))[0] == 403
    assert (await ask.post("x" * 281))[0] == 403
    assert (await ask.post("hello", reply={"in_reply_to_tweet_id": hers.id}))[0] == 403
    assert (await ask.post("hello", reply={"in_reply_to_tweet_id": x.mention("you").id}))[0] == 201
    assert (await ask.post("hello", colour="red"))[0] == 400
    assert (await ask("GET", "/2/users/me", **{"tweet.colours": "red"}))[0] == 400
    assert x.texts == ["twice", "hello"]


async def test_mentions_are_listed_in_pages(x: X, ask: Customer) -> None:
    said = [x.mention(f"number {number}") for number in range(12)]
    path, seen, query = f"/2/users/{x.me.id}/mentions", [], {"max_results": 5, "since_id": said[1].id}
    while True:
        status, page = await ask("GET", path, **query)
        assert status == 200
        seen += [one["id"] for one in page["data"]]
        if "next_token" not in page["meta"]:
            break
        query["pagination_token"] = page["meta"]["next_token"]
    assert seen == [one.id for one in reversed(said[2:])]
    assert (await ask("GET", path, max_results=4))[0] == 400


async def test_no_more_than_800_mentions_are_listed(x: X, ask: Customer) -> None:
    said = [x.mention(f"number {number}") for number in range(801)]
    token, seen = {}, 0
    while True:
        _, page = await ask("GET", f"/2/users/{x.me.id}/mentions", max_results=100, **token)
        seen += len(page["data"])
        if "next_token" not in page["meta"]:
            break
        token = {"pagination_token": page["meta"]["next_token"]}
    assert seen == 800
    assert page["data"][-1]["id"] == said[1].id


async def test_both_vocabularies_are_spoken(clock: FakeClock) -> None:
    async with X(clock=clock, words=Words.TWEET) as x, aiohttp.ClientSession() as session:
        ask = Customer(x, session, x.login)
        own = x.write("ours", x.me)
        reply = x.mention("x" * 300, in_reply_to=own.id)
        _, shown = await ask("GET", f"/2/tweets/{reply.id}", **{"tweet.fields": "note_tweet"})
        assert shown["data"]["referenced_tweets"] == [{"type": "replied_to", "id": own.id}]
        assert shown["data"]["note_tweet"]["text"].endswith("xxx")
        assert shown["data"]["edit_history_tweet_ids"] == [reply.id]


async def test_an_edit_is_a_new_version_within_the_hour(x: X, ask: Customer, clock: FakeClock) -> None:
    x.premium = True
    first = (await ask.post("frist"))[1]["data"]["id"]
    status, answer = await ask.post("first", edit_options={"previous_post_id": first})
    assert status == 201
    assert answer["data"]["edit_history_post_ids"] == [first, answer["data"]["id"]]
    assert [one.text for one in x.own] == ["first"]
    await clock.advance(3601)
    assert (await ask.post("1st", edit_options={"previous_post_id": answer["data"]["id"]}))[0] == 403


async def test_what_is_gone_is_a_partial_error(x: X, ask: Customer) -> None:
    kim = x.person("kim")
    _, answer = await ask("GET", "/2/users", ids=f"{kim.id},999999")
    assert [one["username"] for one in answer["data"]] == ["kim"]
    assert [one["value"] for one in answer["errors"]] == ["999999"]


async def test_a_film_is_uploaded_in_parts(x: X, ask: Customer) -> None:
    start = {"media_type": "video/mp4", "total_bytes": 6, "media_category": "tweet_video"}
    _, made = await ask("POST", "/2/media/upload/initialize", start)
    name = made["data"]["id"]
    for number, part in enumerate((b"abc", b"def")):
        form = aiohttp.FormData({"segment_index": str(number)})
        form.add_field("media", part, filename="part", content_type="application/octet-stream")
        assert (await ask("POST", f"/2/media/upload/{name}/append", form))[0] == 200
    _, done = await ask("POST", f"/2/media/upload/{name}/finalize")
    assert done["data"]["processing_info"]["state"] == "pending"
    assert (await ask.post("look", media={"media_ids": [name]}))[0] == 400
    _, later = await ask("GET", "/2/media/upload", command="STATUS", media_id=name)
    assert later["data"]["processing_info"]["state"] == "succeeded"
    assert (await ask.post("look", media={"media_ids": [name]}))[0] == 201
    assert x.pictures[name].data == b"abcdef"


async def test_messages_are_listed_and_answered(x: X, ask: Customer) -> None:
    x.message("psst")
    kim = x.person("kim").id
    assert (await ask("POST", f"/2/dm_conversations/with/{kim}/messages", {"text": "yes?"}))[0] == 201
    _, events = await ask("GET", "/2/dm_events", **{"dm_event.fields": "created_at"})
    assert [(one["text"], one["sender_id"]) for one in events["data"]] == [("yes?", x.me.id), ("psst", kim)]


async def test_recent_posts_are_searched_for(x: X, ask: Customer, clock: FakeClock) -> None:
    old = x.remark("an old teapot")
    await clock.advance(8 * 86_400)
    new = x.remark("a #teapot")
    x.remark("a kettle")
    _, found = await ask("GET", "/2/tweets/search/recent", query="teapot", max_results=10)
    assert [one["id"] for one in found["data"]] == [new.id]
    for query in ({"query": "-kettle"}, {"query": "a (b"}, {"query": "teapot", "since_id": old.id}):
        assert (await ask("GET", "/2/tweets/search/recent", **query))[0] == 400


async def test_it_goes_wrong_as_it_is_told(x: X, ask: Customer, clock: FakeClock) -> None:
    x.next(x_faults.limited(retry_after="7"), x_faults.over_capacity(), None)
    assert (await ask.post("hello"))[0] == 429
    with pytest.raises(json.JSONDecodeError):
        await ask.post("hello")
    assert x.texts == []
    assert (await ask.post("hello"))[0] == 201
    x.next(faults.lose_response())
    with pytest.raises(aiohttp.ClientError):
        await ask.post("lost")
    assert x.texts == ["hello", "lost"]
    x.outage(x_faults.skewed(-3600), everything=True)
    async with ask.session.get(f"{x.base_url}/2/users/me") as answer:
        assert answer.status == 401
        assert "02:04:05" in answer.headers["Date"]
