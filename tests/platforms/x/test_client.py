"""The transport under the SDK: what is signed, what is sent once, and what no log ever holds."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from bridge.plugin import PluginError, RefusedError, UnavailableError, UncertainError
from bridge.testing import FakeClock
from plugins.x.client import TIMEOUT, Client, _proxy
from plugins.x.failures import cause
from plugins.x.older import older
from plugins.x.signing import Login
from tests.platforms.x import shop
from tests.servers import faults, x_faults
from tests.servers.x import X
from tests.servers.x_world import Words

SECRETS = ("consumerKeyOfTheShop", "consumer-secret-of", "accessTokenOfTheShop", "access-token-secret-of", "OAuth ")


def login(x: X) -> Login:
    return Login(**x.login.settings())


@pytest.fixture
async def client(x: X, clock: FakeClock) -> AsyncIterator[Client]:
    client = Client(x.base_url, login(x), clock)
    client.open()
    yield client
    await client.close()


async def test_the_sdks_own_calls_go_the_same_way(x: X, client: Client) -> None:
    answer = await client.get_me(user_fields=["description"])
    assert answer == {"data": {"id": "1001", "name": "Shop", "username": "shop", "description": "I am Shop."}}
    await client.create_tweet(text="by the SDK")
    assert x.texts == ["by the SDK"]
    assert [call.objection for call in x.calls] == [None, None]


@pytest.mark.parametrize(
    "value", ["a b+c&d=e", "100%", "ü ☕ 👩‍🚀", "~-._", "2026-01-02T03:04:05Z", '"quoted" (x) #tag', "%20", "a/b?c"]
)
async def test_trap_any_query_is_signed_as_it_is_sent(x: X, client: Client, value: str) -> None:
    with pytest.raises(RefusedError):
        await client.call("GET", "/2/tweets/search/recent", params={"query": f"from:nobody {value} AND", "b": value})
    call = x.calls[-1]
    assert call.objection is None
    assert call.query["b"] == value


async def test_each_request_has_a_nonce_and_a_time_of_its_own(x: X, client: Client, clock: FakeClock) -> None:
    x.tolerance = 5
    await client.call("GET", "/2/users/me")
    await clock.advance(100)
    await client.call("GET", "/2/users/me")
    assert x.unsigned == []
    assert x.calls[0].authorization != x.calls[1].authorization


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
async def test_trap_what_was_cut_is_not_sent_again(x: X, client: Client, method: str) -> None:
    """aiohttp would, for two of them, and with a nonce that X has seen: a login that is no good, to it."""
    x.outage(faults.lose_response(), everything=True)
    with pytest.raises(UncertainError if method != "GET" else UnavailableError):
        await client.call(method, "/2/users/me", publishes=method != "GET")
    assert len(x.calls) == 1


async def test_trap_every_request_has_a_connection_of_its_own(x: X, clock: FakeClock) -> None:
    """So one that the server closed in between is no doubt."""
    peers: list[object] = []

    async def handle(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.append(request.transport.get_extra_info("peername"))
        return web.json_response({"data": {}})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    client = Client(f"http://127.0.0.1:{runner.addresses[0][1]}", login(x), clock)
    client.open()
    await client.call("GET", "/2/users/me")
    await client.call("GET", "/2/users/me")
    await client.close()
    await runner.cleanup()
    assert len(set(peers)) == 2


async def test_trap_a_silent_server_ends_a_call_after_15_seconds(x: X, client: Client, clock: FakeClock) -> None:
    for publishes, kind in ((True, UncertainError), (False, UnavailableError)):
        x.hung.clear()
        x.outage(faults.hang(), everything=True)
        call = asyncio.create_task(client.call("GET", "/2/users/me", publishes=publishes))
        await x.hung.wait()
        await clock.advance(TIMEOUT - 1)
        assert not call.done()
        await clock.advance(1)
        with pytest.raises(kind):
            await call


async def test_trap_a_server_that_drips_ends_too(x: X, client: Client, clock: FakeClock) -> None:
    x.outage(faults.drip(3600), everything=True)
    call = asyncio.create_task(client.call("GET", "/2/users/me"))
    await x.is_asked("/2/users/me")
    await clock.wait_for_wait(TIMEOUT)
    await clock.advance(TIMEOUT)
    with pytest.raises(UnavailableError):
        await call


async def test_nobody_there_is_certainly_nothing(x: X, client: Client) -> None:
    await x.refuse()
    with pytest.raises(UnavailableError, match="refuses connections"):
        await client.call("POST", "/2/tweets", json={"text": "hello"}, publishes=True)


async def test_a_redirect_is_not_followed(x: X, client: Client) -> None:
    x.outage(x_faults.answer(302, "", headers={"Location": f"{x.base_url}/elsewhere"}), everything=True)
    with pytest.raises(UnavailableError, match="302"):
        await client.call("GET", "/2/users/me")
    assert [call.path for call in x.calls] == ["/2/users/me"]


async def test_trap_a_limit_is_not_waited_for_even_without_a_header(x: X, client: Client, clock: FakeClock) -> None:
    x.outage(x_faults.limited(), everything=True)
    with pytest.raises(UnavailableError) as caught:
        await client.get_me()
    assert caught.value.retry_after is None
    assert len(x.calls) == 1
    assert clock.sleepers == 0


async def test_after_it_was_closed_it_sends_nothing(x: X, client: Client) -> None:
    x.outage(faults.hang(), everything=True)
    call = asyncio.create_task(client.call("POST", "/2/tweets", json={"text": "hello"}, publishes=True))
    await x.hung.wait()
    await client.close()
    with pytest.raises(UncertainError):
        await call
    with pytest.raises(UnavailableError):
        await client.call("GET", "/2/users/me")
    assert len(x.calls) == 1


async def test_one_that_was_never_opened_sends_nothing(x: X, clock: FakeClock) -> None:
    with pytest.raises(UnavailableError):
        await Client(x.base_url, login(x), clock).call("GET", "/2/users/me")
    assert x.calls == []


async def test_how_far_the_clocks_are_apart_is_known_after_an_answer(x: X, client: Client) -> None:
    assert client.skew is None
    await client.call("GET", "/2/users/me")
    assert client.skew is not None
    assert abs(client.skew.total_seconds()) <= 1
    x.outage(x_faults.skewed(720), everything=True)
    with pytest.raises(PluginError, match="12 minutes"):
        await client.call("GET", "/2/users/me")


async def test_trap_older_servers_are_asked_in_their_words(x: X, client: Client) -> None:
    x.words = Words.TWEET
    params = {"post.fields": "created_at,note_post", "expansions": "referenced_posts", "max_results": "5"}
    for _ in range(2):
        assert "meta" in await client.call("GET", "/2/users/1001/tweets", params=params)
    asked = [dict(call.query) for call in x.calls]
    assert asked[0] == params
    assert asked[1] == asked[2] == {"tweet.fields": "created_at,note_tweet,referenced_tweets", "max_results": "5"}


async def test_a_query_that_is_wrong_in_any_words_is_refused(x: X, client: Client) -> None:
    with pytest.raises(RefusedError) as caught:
        await client.call("GET", "/2/users/1001/tweets", params={"post.fields": "text", "max_results": "1"})
    answered = cause(caught.value)
    assert answered is not None
    assert answered.status == 400
    assert len(x.calls) == 2
    assert "meta" in await client.call("GET", "/2/users/1001/tweets", params={"post.fields": "text"})


def test_what_has_one_name_stays_as_it_is() -> None:
    assert older({"expansions": "attachments.media_keys,author_id", "ids": "1"}) == {
        "expansions": "attachments.media_keys",
        "tweet.fields": "author_id",
        "ids": "1",
    }


async def test_trap_errors_without_data_are_no_empty_answer(x: X, client: Client) -> None:
    with pytest.raises(RefusedError, match="404"):
        await client.call("GET", "/2/tweets/1")
    found = x.person("kim")
    answer = await client.call("GET", "/2/users", params={"ids": f"{found.id},99999"})
    assert [one["id"] for one in answer["data"]] == [found.id]
    assert len(answer["errors"]) == 1


@pytest.mark.parametrize("fault", [x_faults.page(), faults.garbage(), x_faults.answer(200, "[]")])
async def test_trap_a_page_is_no_answer(x: X, client: Client, fault: faults.Fault) -> None:
    x.outage(fault, everything=True)
    with pytest.raises(UnavailableError, match="can't be read"):
        await client.call("GET", "/2/users/me")
    with pytest.raises(UncertainError, match="can't be read"):
        await client.call("POST", "/2/tweets", json={"text": "hello"}, publishes=True)


async def test_a_success_without_a_body_is_one_to_what_publishes_nothing(x: X, client: Client) -> None:
    x.outage(x_faults.answer(200, ""), everything=True)
    assert await client.call("POST", "/2/media/metadata", json={}) == {}
    with pytest.raises(UncertainError):
        await client.call("POST", "/2/tweets", json={"text": "hello"}, publishes=True)


async def test_trap_no_log_and_no_error_holds_a_secret(
    x: X, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """At DEBUG, where the SDK would write the header Authorization, and oauthlib what it signs with it."""
    loggers = (
        "tweepy",
        "tweepy.asynchronous.client",
        "aiohttp",
        "oauthlib",
        "oauthlib.oauth1.rfc5849",
        "asyncio",
        "plugins.x",
        "",
    )
    for name in loggers:
        caplog.set_level(logging.DEBUG, logger=name)
    traces: list[str] = []
    async with shop.entered(x, clock) as plugin:
        await plugin._client.get_me()
        echo = x_faults.answer(403, x_faults.problem(403, " ".join([*x.login.settings().values()])))
        for fault in (faults.server_error(), faults.unauthorized(), faults.lose_response(), x_faults.page(), echo):
            x.outage(fault, everything=True)
            for call in (plugin._client.get_me(), plugin._client.call("POST", "/2/tweets", json={}, publishes=True)):
                with pytest.raises(PluginError) as caught:
                    await call
                traces += [*traceback.format_exception(caught.value), str(caught.value), repr(caught.value)]
        traces += [repr(plugin._login), repr(plugin.settings), repr(vars(plugin._client))]
    written = "\n".join([caplog.text, *traces])
    assert "keys and tokens" in written
    assert [secret for secret in SECRETS if secret in written] == []


async def test_uploads_are_signed_without_their_body(x: X, client: Client) -> None:
    form = aiohttp.FormData()
    form.add_field("media", shop.PNG, filename="a.png", content_type="image/png")
    form.add_field("media_category", "tweet_image")
    answer = await client.call("POST", "/2/media/upload", form=form)
    assert x.unsigned == []
    assert x.pictures[answer["data"]["id"]].data == shop.PNG


def test_the_environments_proxy_is_used_but_not_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example.org:3128")
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    assert _proxy("https://api.x.com/2/tweets") == "http://proxy.example.org:3128"
    assert _proxy("http://127.0.0.1:8080/2/tweets") is None


async def test_trap_a_look_that_x_could_not_make_is_made_again(x: X, client: Client) -> None:
    trouble = {"errors": [x_faults.problem(500, "Try again.", x_faults.PROBLEMS + "internal-error")]}
    x.outage(x_faults.answer(200, trouble), everything=True)
    with pytest.raises(UnavailableError, match="trouble of its own"):
        await client.call("GET", "/2/users/1001/tweets")
