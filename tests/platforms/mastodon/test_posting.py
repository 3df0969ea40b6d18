"""Publishing, answering and deleting, against a server of our own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest

from bridge.plugin import (
    Key,
    Post,
    Posted,
    PostId,
    Ref,
    RefusedError,
    UnauthorizedError,
    UnavailableError,
    UncertainError,
    Visibility,
)
from bridge.testing import FakeClock
from plugins.mastodon.client import Client
from plugins.mastodon.transport import Gate

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.platforms.mastodon.conftest import Accounts, Stub

    MakeStatus = Callable[..., dict[str, Any]]

STATUSES = "/api/v1/statuses"
TOKEN = "a-very-secret-token"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def key(token: str = "k1") -> Key:
    return Key(token=token, minted_at=NOW)


async def test_what_a_post_sends(stub: Stub, accounts: Accounts, make_status: MakeStatus) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("POST", STATUSES, make_status("7"))
    posted = await shop.post(Post(text="hello"), key("3f2a"))
    (seen,) = stub.to("POST", STATUSES)
    assert seen.headers["idempotency-key"] == "3f2a"
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"
    assert seen.headers["user-agent"] == "Statusbridge"
    assert seen.form == {"status": "hello"}
    assert seen.query == {}
    assert posted == Posted(id=PostId("7"), url="https://m.example/@shop/7", memo={"visibility": "public"})
    assert type(posted.id) is str


async def test_visibility_is_the_posts_own_then_the_answered_ones_then_the_settings(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url, visibility="unlisted", language="fi")
    stub.answer("POST", STATUSES, make_status("7", in_reply_to_id="5", in_reply_to_account_id="2"))
    private = Ref(id=PostId("5"), memo={"visibility": "direct"})
    await shop.post(Post(text="a"), key("a"))
    await shop.post(Post(text="b", in_reply_to=private), key("b"))
    await shop.post(Post(text="c", in_reply_to=private, visibility=Visibility.PRIVATE, language="sv"), key("c"))
    sent = [(seen.form["visibility"], seen.form["language"]) for seen in stub.to("POST", STATUSES)]
    assert sent == [("unlisted", "fi"), ("direct", "fi"), ("private", "sv")]


async def test_nasty_text_arrives_as_it_is(stub: Stub, accounts: Accounts, make_status: MakeStatus) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("POST", STATUSES, make_status("7"))
    text = "a&b=c;d%20 +\"'<b>\n\n\ttab \u202eabc 👩‍👩‍👧 é e\u0301 مرحبا #x @kim@m.example"
    await shop.post(Post(text=text), key())
    assert stub.to("POST", STATUSES)[0].form["status"] == text


async def test_trap_an_answer_without_an_id_is_uncertain(stub: Stub, accounts: Accounts) -> None:
    shop = await accounts.enter(stub.base_url)
    for body in ("", "null", "[]", "{}", '"ok"', '{"id": null}', "<html>", '{"error": "no"}'):
        stub.text("POST", STATUSES, body)
        with pytest.raises(UncertainError) as caught:
            await shop.post(Post(text="hello"), key())
        assert caught.value.answered


async def test_trap_odd_rate_limit_headers_never_turn_a_success_into_a_failure(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url)
    for odd in ("", "soon", "-1", "1e999", "99999999999999999999", "2026-99-99T00:00:00Z"):
        headers = {"X-RateLimit-Reset": odd, "X-RateLimit-Remaining": odd, "X-RateLimit-Limit": odd}
        stub.answer("POST", STATUSES, make_status("7"), headers={**headers, "Retry-After": odd})
        assert (await shop.post(Post(text="hello"), key())).id == "7"


async def test_trap_a_deprecation_header_is_no_warning_and_no_failure(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("POST", STATUSES, make_status("7"), headers={"Deprecation": "@1", "Link": "<x>; rel"})
    assert (await shop.post(Post(text="hello"), key())).id == "7"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"X-RateLimit-Reset": "2026-01-02T03:14:05.000000Z"}, 600),
        ({"X-RateLimit-Reset": str(int(NOW.timestamp()) + 60)}, 60),
        ({"X-RateLimit-Reset": "soon"}, None),
        ({"X-RateLimit-Reset": "2020-01-01T00:00:00Z"}, None),
        ({"Retry-After": "5", "X-RateLimit-Reset": "2026-01-02T03:14:05.000000Z"}, 5),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "999999999"}, 86400),
    ],
)
async def test_trap_a_429_is_unavailable_with_the_reset_that_the_sdk_drops(
    stub: Stub, accounts: Accounts, headers: dict[str, str], seconds: float | None
) -> None:
    shop = await accounts.enter(stub.base_url, clock=FakeClock(NOW))
    date = {"Date": format_datetime(NOW, usegmt=True)}
    stub.answer("POST", STATUSES, {"error": "Too many requests"}, status=429, headers=headers | date)
    with pytest.raises(UnavailableError) as caught:
        await shop.post(Post(text="hello"), key())
    assert caught.value.retry_after == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 410, 413, 422, 451])
async def test_a_refusal_says_so_in_the_servers_words(stub: Stub, accounts: Accounts, status: int) -> None:
    shop = await accounts.enter(stub.base_url)
    words = f"<p>Das geht\nnicht</p> {TOKEN} " + "x" * 5000
    stub.answer("POST", STATUSES, {"error": words}, status=status)
    with pytest.raises(RefusedError, match=rf"refused it \({status}\): Das geht nicht \.\.\. x+") as caught:
        await shop.post(Post(text="hello"), key())
    assert TOKEN not in str(caught.value)
    assert len(str(caught.value)) < 400


async def test_a_401_pauses(stub: Stub, accounts: Accounts) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.text("POST", STATUSES, "<html>", status=401)
    with pytest.raises(UnauthorizedError):
        await shop.post(Post(text="hello"), key())


async def test_trap_a_flattened_reply_is_taken_back_and_refused(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("POST", STATUSES, make_status("7", in_reply_to_id=None))
    stub.answer("DELETE", f"{STATUSES}/7", make_status("7"))
    with pytest.raises(RefusedError, match="isn't there"):
        await shop.post(Post(text="yes", in_reply_to=Ref(id=PostId("5"))), key())
    assert len(stub.to("DELETE", f"{STATUSES}/7")) == 1


async def test_a_flattened_reply_that_stays_is_told_with_its_link(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("POST", STATUSES, make_status("7", in_reply_to_id=None))
    stub.answer("DELETE", f"{STATUSES}/7", {}, status=500)
    with pytest.raises(RefusedError, match=r"delete https://m\.example/@shop/7 by hand"):
        await shop.post(Post(text="yes", in_reply_to=Ref(id=PostId("5"))), key())


async def test_a_reply_whose_author_is_not_named_stays_if_its_parent_is_there(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("POST", STATUSES, make_status("7", in_reply_to_id="5", in_reply_to_account_id=None))
    stub.answer("GET", f"{STATUSES}/5", make_status("5"))
    assert (await shop.post(Post(text="yes", in_reply_to=Ref(id=PostId("5"))), key())).id == "7"


@pytest.mark.parametrize("failure", [500, 429, 403])
async def test_a_reply_whose_parent_cannot_be_looked_at_stays(
    stub: Stub, accounts: Accounts, make_status: MakeStatus, failure: int
) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("POST", STATUSES, make_status("7", in_reply_to_id="5", in_reply_to_account_id=None))
    stub.answer("GET", f"{STATUSES}/5", {"error": "no"}, status=failure)
    assert (await shop.post(Post(text="yes", in_reply_to=Ref(id=PostId("5"))), key())).id == "7"
    assert stub.to("DELETE", f"{STATUSES}/7") == []


async def test_a_reply_to_a_server_that_names_no_authors_stays(stub: Stub, accounts: Accounts) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("POST", STATUSES, {"id": "7", "in_reply_to_id": "5"})
    assert (await shop.post(Post(text="yes", in_reply_to=Ref(id=PostId("5"))), key())).id == "7"


@pytest.mark.parametrize("status", [403, 422])
async def test_a_deletion_that_is_refused_says_so(stub: Stub, accounts: Accounts, status: int) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("DELETE", f"{STATUSES}/7", {"error": "not yours"}, status=status)
    with pytest.raises(RefusedError, match="not yours"):
        await shop.delete(Posted(id=PostId("7")))


@pytest.mark.parametrize("status", [404, 410])
async def test_deleting_what_is_gone_is_done(stub: Stub, accounts: Accounts, status: int) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("DELETE", f"{STATUSES}/7", {"error": "Record not found"}, status=status)
    await shop.delete(Posted(id=PostId("7")))
    assert len(stub.to("GET", f"{STATUSES}/7")) == 1


async def test_trap_a_404_on_a_delete_that_deleted_nothing_is_refused(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("DELETE", f"{STATUSES}/7", {"error": "Record not found"}, status=404)
    stub.answer("GET", f"{STATUSES}/7", make_status("7"))
    with pytest.raises(RefusedError, match="still shows it"):
        await shop.delete(Posted(id=PostId("7")))


async def test_a_delete_with_an_empty_answer_is_looked_at(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.text("DELETE", f"{STATUSES}/7", "")
    await shop.delete(Posted(id=PostId("7")))
    stub.answer("GET", f"{STATUSES}/7", make_status("7"))
    with pytest.raises(UncertainError):
        await shop.delete(Posted(id=PostId("7")))


@pytest.mark.parametrize("status", [200, 401, 503])
async def test_trap_a_delete_that_can_not_be_looked_at_either_stays_uncertain(
    stub: Stub, accounts: Accounts, status: int
) -> None:
    shop = await accounts.enter(stub.base_url)
    for method in ("DELETE", "GET"):
        stub.text(method, f"{STATUSES}/7", "<html>It works!", status=200 if method == "DELETE" else status)
    with pytest.raises(UncertainError) as caught:
        await shop.delete(Posted(id=PostId("7")))
    assert caught.value.answered
    assert [len(stub.to(method, f"{STATUSES}/7")) for method in ("DELETE", "GET")] == [1, 1]


async def test_a_delete_that_fails_is_uncertain(stub: Stub, accounts: Accounts) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("DELETE", f"{STATUSES}/7", {}, status=503)
    with pytest.raises(UncertainError):
        await shop.delete(Posted(id=PostId("7")))
    stub.cut("DELETE", f"{STATUSES}/7")
    with pytest.raises(UncertainError):
        await shop.delete(Posted(id=PostId("7")))


@pytest.mark.parametrize(
    "words", ["Record not found", "Rate limited", "The access token is invalid", "", None, 7, ["x"]]
)
async def test_trap_the_words_of_an_error_decide_nothing(stub: Stub, accounts: Accounts, words: object) -> None:
    shop = await accounts.enter(stub.base_url)
    for status, kind in ((422, RefusedError), (503, UncertainError), (429, UnavailableError), (401, UnauthorizedError)):
        stub.answer("POST", STATUSES, {"error": words}, status=status)
        with pytest.raises(kind):
            await shop.post(Post(text="hello"), key())


async def test_trap_a_rate_limit_is_never_waited_for_by_the_sdk(stub: Stub, accounts: Accounts) -> None:
    shop = await accounts.enter(stub.base_url)
    soon = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": (datetime.now(UTC) + timedelta(minutes=5)).isoformat()}
    stub.answer("POST", STATUSES, {"error": "slow down"}, status=429, headers=soon)
    with pytest.raises(UnavailableError):
        await shop.post(Post(text="hello"), key())
    assert len(stub.to("POST", STATUSES)) == 1


async def test_trap_the_limit_for_deletions_comes_with_its_end(stub: Stub, accounts: Accounts) -> None:
    shop = await accounts.enter(stub.base_url, clock=FakeClock(NOW))
    headers = {
        "Date": format_datetime(NOW, usegmt=True),
        "X-RateLimit-Limit": "30",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": (NOW + timedelta(minutes=30)).isoformat(),
    }
    stub.answer("DELETE", f"{STATUSES}/7", {"error": "Too many requests"}, status=429, headers=headers)
    with pytest.raises(UnavailableError) as caught:
        await shop.delete(Posted(id=PostId("7")))
    assert caught.value.retry_after == timedelta(minutes=30)
    assert len(stub.to("DELETE", f"{STATUSES}/7")) == 1


def test_trap_no_call_has_the_sdks_timeout_of_five_minutes() -> None:
    client = Client("http://127.0.0.1:1", TOKEN, "m.example", FakeClock(NOW), Gate())
    assert client._api.request_timeout == (10.0, 20.0)
    client.close()
