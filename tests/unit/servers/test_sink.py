from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.servers import faults
from tests.servers.faults import Commit
from tests.servers.sink import Attempt, Sink

STATUSES = "/api/v1/statuses"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as found:
        yield found


class Client:
    """A plain client of the sink, so that the sink isn't judged by an SDK's own ideas."""

    def __init__(self, sink: Sink, session: aiohttp.ClientSession) -> None:
        self._sink = sink
        self._session = session

    async def call(
        self, method: str, path: str, *, patience: float = 10, token: str | None = None, **options: Any
    ) -> Any:
        headers = {"Authorization": f"Bearer {token or self._sink.token}", **options.pop("headers", {})}
        timeout = aiohttp.ClientTimeout(total=patience)
        url = self._sink.base_url + path
        async with self._session.request(method, url, headers=headers, timeout=timeout, **options) as answer:
            return answer.status, await answer.json(), answer.headers

    async def post(self, text: str, *, key: str | None = None, **options: Any) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        return (await self.call("POST", STATUSES, data={"status": text}, headers=headers, **options))[:2]


@pytest.fixture
def client(sink: Sink, session: aiohttp.ClientSession) -> Client:
    return Client(sink, session)


async def test_a_status_is_published_once_per_key(sink: Sink, client: Client) -> None:
    first = await client.post("one", key="k1")
    again = await client.post("one", key="k1")
    other = await client.post("two", key="k2")

    assert first == again
    assert first[0] == other[0] == 200
    assert sink.audit(["one", "two"]).clean
    assert [attempt.key for attempt in sink.attempts] == ["k1", "k1", "k2"]


async def test_a_sink_without_keys_publishes_again(session: aiohttp.ClientSession) -> None:
    async with Sink(keys=False) as sink:
        client = Client(sink, session)
        await client.post("one", key="k1")
        await client.post("one", key="k1")
        assert sink.audit(["one"]).doubled == ("one",)


async def test_two_attempts_at_once_are_two_posts_in_spite_of_the_key(sink: Sink, client: Client) -> None:
    sink.next(faults.hang(Commit.LATE))
    slow = asyncio.create_task(client.post("one", key="k1"))
    await sink.has_seen(1)
    await client.post("one", key="k1")
    sink.release()
    with pytest.raises(aiohttp.ClientError):
        await slow
    await sink.has_committed(2)
    assert sink.audit(["one"]).doubled == ("one",)


@pytest.mark.parametrize(
    ("fault", "status", "published"),
    [
        (faults.server_error(500), 500, 0),
        (faults.server_error(503, committed=True), 503, 1),
        (faults.rate_limited("3"), 429, 0),
        (faults.refused(), 422, 0),
        (faults.unauthorized(), 401, 0),
    ],
)
async def test_an_answer_that_is_an_error(
    sink: Sink, client: Client, fault: faults.Fault, status: int, published: int
) -> None:
    sink.next(fault)
    code, body, headers = await client.call("POST", STATUSES, json={"status": "x"})

    assert (code, body["error"] != "", headers.get("Retry-After")) == (status, True, "3" if status == 429 else None)
    assert len(sink.committed) == published
    assert (await client.post("x"))[0] == 200


@pytest.mark.parametrize(
    ("fault", "error", "published"),
    [
        (faults.reset(), aiohttp.ClientConnectionError, 0),
        (faults.lose_response(), aiohttp.ClientConnectionError, 1),
        (faults.hang(), TimeoutError, 0),
        (faults.hang(Commit.FIRST), TimeoutError, 1),
        (faults.drip(10), TimeoutError, 1),
        (faults.garbage(), aiohttp.ContentTypeError, 1),
        (faults.garbage(committed=False), aiohttp.ContentTypeError, 0),
    ],
)
async def test_an_answer_that_never_comes_whole(
    sink: Sink, client: Client, fault: faults.Fault, error: type[Exception], published: int
) -> None:
    sink.next(fault)
    with pytest.raises(error):
        await client.post("x", patience=0.3)
    assert len(sink.committed) == published


async def test_a_server_works_on_after_its_client_has_gone(sink: Sink, client: Client) -> None:
    sink.next(faults.hang(Commit.LATE))
    with pytest.raises(TimeoutError):
        await client.post("late", patience=0.1)
    assert sink.texts == []
    sink.release()
    await sink.has_committed(1)
    assert sink.texts == ["late"]


async def test_a_dripping_answer_is_whole_in_the_end(sink: Sink, client: Client) -> None:
    sink.next(faults.drip(0))
    status, body = await client.post("drop by drop")
    assert (status, body["content"]) == (200, "<p>drop by drop</p>")


async def test_a_refused_connection_comes_back_on_the_same_port(sink: Sink, client: Client) -> None:
    await sink.refuse()
    with pytest.raises(aiohttp.ClientConnectorError):
        await client.post("x")
    assert sink.attempts == []
    await sink.accept()
    assert (await client.post("x"))[0] == 200


async def test_an_outage_lasts_until_it_is_healed(sink: Sink, client: Client) -> None:
    sink.outage(faults.server_error(502))
    assert [(await client.post("x"))[0] for _ in range(3)] == [502] * 3
    assert (await client.call("GET", "/api/v1/notifications"))[0] == 200
    sink.outage(faults.server_error(502), everything=True)
    assert (await client.call("GET", "/api/v1/notifications"))[0] == 502
    sink.heal()
    assert (await client.post("x"))[0] == 200


async def test_a_script_decides_by_what_arrives(sink: Sink, client: Client) -> None:
    def decide(attempt: Attempt) -> faults.Fault | None:
        return faults.server_error() if attempt.posts and attempt.text == "bad" else None

    sink.decide = decide
    assert [(await client.post(text))[0] for text in ("good", "bad", "good")] == [200, 500, 200]
    assert sink.audit(["good", "bad", "good"]).lost == ("bad",)


async def test_a_wrong_token_is_refused(sink: Sink, client: Client) -> None:
    assert (await client.post("x", token="stolen"))[0] == 401
    assert sink.committed == []


async def test_pages_are_those_of_the_real_platform(sink: Sink, client: Client) -> None:
    for number in range(50):
        await client.post(f"status {number}")
    own = (await client.call("GET", "/api/v1/accounts/verify_credentials"))[1]["id"]
    ids = [status.id for status in sink.committed]
    assert {len(found) for found in ids} == {3, 4}

    async def page(**params: Any) -> list[str]:
        listing = await client.call("GET", f"/api/v1/accounts/{own}/statuses", params=params)
        return [item["id"] for item in listing[1]]

    assert await page() == ids[:-21:-1]
    assert await page(limit=100) == ids[:-41:-1]
    assert await page(limit=3, since_id=ids[10]) == ids[:-4:-1]
    assert await page(limit=3, min_id=ids[10]) == [ids[13], ids[12], ids[11]]
    assert await page(limit=3, max_id=ids[10]) == [ids[9], ids[8], ids[7]]
    assert await page(min_id=ids[-1]) == []


async def test_a_sink_that_cannot_be_searched(session: aiohttp.ClientSession) -> None:
    async with Sink(searchable=False) as sink:
        client = Client(sink, session)
        await client.post("x")
        assert (await client.call("GET", "/api/v1/accounts/101/statuses"))[0] == 404


async def test_a_mention_is_in_the_notifications_and_can_be_answered(sink: Sink, client: Client) -> None:
    posted = (await client.post("hello"))[1]
    mention = sink.mention("any ETA?", in_reply_to=posted["id"], visibility="private")
    found = (await client.call("GET", "/api/v1/notifications"))[1]

    assert [(item["type"], item["account"]["acct"], item["status"]["id"]) for item in found] == [
        ("mention", "kim", mention.id)
    ]
    assert (found[0]["status"]["content"], found[0]["status"]["visibility"]) == ("<p>@shop any ETA?</p>", "private")
    context = (await client.call("GET", f"{STATUSES}/{posted['id']}/context"))[1]
    assert [item["id"] for item in context["descendants"]] == [mention.id]

    answer = {"status": "soon", "in_reply_to_id": mention.id}
    assert (await client.call("POST", STATUSES, json=answer))[1]["in_reply_to_id"] == mention.id
    assert (await client.call("POST", STATUSES, json={**answer, "in_reply_to_id": "1"}))[0] == 404


async def test_a_status_is_read_edited_and_deleted(sink: Sink, client: Client) -> None:
    path = f"{STATUSES}/{(await client.post('one'))[1]['id']}"
    assert (await client.call("PUT", path, json={"status": "two"}))[1]["content"] == "<p>two</p>"
    assert (await client.call("GET", f"{path}/source"))[1]["text"] == "two"
    assert (await client.call("DELETE", path))[0] == 200
    assert (await client.call("DELETE", path))[0] == 404
    assert (await client.call("GET", path))[0] == 404
    assert (sink.texts, sink.living) == (["two"], [])


async def test_a_conversation_is_all_that_leads_to_a_status_and_follows_from_it(sink: Sink, client: Client) -> None:
    ids = [sink.mention("first").id]
    for text in ("second", "third", "fourth"):
        ids.append(sink.mention(text, in_reply_to=ids[-1]).id)
    sink.mention("another conversation")
    _, context, _ = await client.call("GET", f"{STATUSES}/{ids[1]}/context")
    assert {part: [one["id"] for one in context[part]] for part in context} == {
        "ancestors": ids[:1],
        "descendants": ids[2:],
    }


async def test_what_is_public_can_be_boosted_once_and_the_boost_taken_back(sink: Sink, client: Client) -> None:
    said = sink.mention("worth repeating").id
    first, again = [await client.call("POST", f"{STATUSES}/{said}/reblog") for _ in range(2)]
    assert (first[1]["reblog"]["id"], first[1]["account"]["acct"]) == (said, "shop")
    assert sink.boosts == {said: first[1]["id"]} == {said: again[1]["id"]}
    await client.call("POST", f"{STATUSES}/{said}/unreblog")
    quiet = sink.mention("just for you", visibility="direct").id
    assert (await client.call("POST", f"{STATUSES}/{quiet}/reblog"))[0] == 403
    assert (await client.call("POST", f"{STATUSES}/9/reblog"))[0] == 404
    assert sink.boosts == {}


async def test_a_status_is_marked(sink: Sink, client: Client) -> None:
    said = sink.mention("well said").id
    answers = [await client.call("POST", f"{STATUSES}/{said}/favourite") for _ in range(2)]
    assert [body["favourited"] for _, body, _ in answers] == [True, True]
    assert sink.favourites == {said}


async def test_who_searches_finds_words_and_tags_in_what_is_public(sink: Sink, client: Client) -> None:
    ids = [sink.remark(text).id for text in ("A Teapot", "a kettle", "my #teapot", "#teapots")]
    sink.remark("a secret teapot", visibility="private")

    async def found(path: str, **params: str) -> list[str]:
        _, body, _ = await client.call("GET", path, params=params)
        return [one["id"] for one in (body["statuses"] if isinstance(body, dict) else body)]

    assert await found("/api/v2/search", q="teapot") == [ids[3], ids[2], ids[0]]
    assert await found("/api/v2/search", q="my teapot") == [ids[2]]
    assert await found("/api/v2/search", q="teapot", min_id=ids[0], limit="1") == [ids[3]]
    assert await found("/api/v1/timelines/tag/Teapot") == [ids[2]]
    assert await found("/api/v1/timelines/tag/teapot", min_id=ids[2]) == []


async def test_whoever_has_written_is_an_account(sink: Sink, client: Client) -> None:
    sink.mention("hello", from_="lee")
    _, lee, _ = await client.call("GET", "/api/v1/accounts/lookup", params={"acct": "lee"})
    assert lee["acct"] == "lee"
    assert (await client.call("GET", f"/api/v1/accounts/{lee['id']}"))[1] == lee
    assert (await client.call("GET", "/api/v1/accounts/search", params={"q": "lee"}))[1] == [lee]
    assert (await client.call("GET", "/api/v1/accounts/search", params={"q": "kim"}))[1] == []
    assert (await client.call("GET", "/api/v1/accounts/lookup", params={"acct": "kim"}))[0] == 404
    assert (await client.call("GET", "/api/v1/accounts/9"))[0] == 404


async def test_limits_and_empty_texts_are_refused(sink: Sink, client: Client) -> None:
    assert (await client.post("x" * 500))[0] == 200
    assert (await client.post("x" * 501))[0] == 422
    assert (await client.post(" \n"))[0] == 422
    assert len(sink.committed) == 1


async def test_the_instance_says_what_it_is(sink: Sink, client: Client, session: aiohttp.ClientSession) -> None:
    mastodon = (await client.call("GET", "/api/v2/instance/"))[1]
    assert (mastodon["version"], mastodon["configuration"]["statuses"]["max_characters"]) == ("4.4.3", 500)
    assert (await client.call("GET", "/api/v1/instance"))[1]["version"] == "4.4.3"
    async with Sink(is_mastodon=False, max_characters=9) as other:
        found = (await Client(other, session).call("GET", "/api/v2/instance"))[1]
        assert ("compatible" in found["version"], "api_versions" in found) == (True, False)


async def test_waiting_in_vain_says_what_there_was(sink: Sink, client: Client) -> None:
    await client.post("only one")
    with pytest.raises(AssertionError, match=r"1 statuses were published, not 2: .*only one"):
        await sink.has_committed(2, patience=0)
    with pytest.raises(AssertionError, match="1 attempts to post arrived, not 2"):
        await sink.has_seen(2, patience=0)


async def test_leaving_ends_what_hangs(client: Client, session: aiohttp.ClientSession) -> None:
    async with Sink() as sink:
        sink.outage(faults.hang())
        hanging = asyncio.create_task(Client(sink, session).post("x"))
        await sink.has_seen(1)
    with pytest.raises(aiohttp.ClientConnectionError):
        await hanging
