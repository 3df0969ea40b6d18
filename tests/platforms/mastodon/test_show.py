"""Conversations and profiles, against servers of our own and the sandbox."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.plugin import Author, Key, Post, PostId, Profile, Ref, RefusedError, UnavailableError, Visibility
from bridge.testing import FakeClock
from plugins.mastodon import show
from tests.servers.town import STATUSES, TOKEN, Town

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.platforms.mastodon.conftest import Accounts, Stub
    from tests.servers.mastodon import MastodonMock

    MakeAccount = Callable[..., dict[str, Any]]

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LOOKUP = "/api/v1/accounts/lookup"
SEARCH = "/api/v1/accounts/search"


def said(town: Town, text: str, after: dict[str, Any] | None = None, **values: Any) -> dict[str, Any]:
    number = len(town.statuses)
    made = (NOW + timedelta(minutes=number)).isoformat()
    return town.write(text, in_reply_to_id=after["id"] if after else None, created_at=made, **values)


async def test_a_conversation_comes_oldest_first_with_own_posts(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    asked = said(town, "open?")
    answered = said(town, "@kim yes", asked, who="shop")
    said(town, "elsewhere")
    thanked = said(town, "@shop thanks", answered, visibility="direct")
    late = said(town, "me too", asked, who="lee")
    last = said(town, "bye", thanked)
    items = await shop.thread(Ref(id=PostId(answered["id"])))
    assert [item.id for item in items] == [asked["id"], answered["id"], thanked["id"], last["id"]]
    assert [item.text for item in items] == ["open?", "@kim yes", "thanks", "bye"]
    assert items[0].author.handle == "kim@town.example.org"
    assert items[2].visibility is Visibility.DIRECT
    assert {item.cursor for item in items} == {""}
    whole = await shop.thread(Ref(id=PostId(asked["id"])))
    assert [item.id for item in whole] == [asked["id"], answered["id"], thanked["id"], late["id"], last["id"]]


async def test_a_long_conversation_is_cut_to_what_is_nearest(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    chain = [said(town, "0")]
    for number in range(1, 100):
        chain.append(said(town, str(number), chain[-1]))
    items = await shop.thread(Ref(id=PostId(chain[50]["id"])))
    assert [item.text for item in items] == [str(number) for number in range(50 - show.ABOVE, 50 + show.BELOW + 1)][:61]
    assert len(items) == 1 + show.ABOVE + show.BELOW


async def test_what_cannot_be_read_in_a_conversation_comes_with_its_source(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    asked = said(town, "open?")
    said(town, "odd", asked, account="odd")
    items = await shop.thread(Ref(id=PostId(asked["id"])))
    assert [item.raw is None for item in items] == [True, False]


async def test_a_conversation_that_is_not_shown_is_refused(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    asked = said(town, "open?")
    with pytest.raises(RefusedError, match="doesn't show it"):
        await shop.thread(Ref(id=PostId("1")))
    town.fails("GET", f"{STATUSES}/{asked['id']}/context", 404)
    with pytest.raises(RefusedError, match="doesn't show it"):
        await shop.thread(Ref(id=PostId(asked["id"])))
    town.fails("GET", f"{STATUSES}/{asked['id']}/context", 500)
    with pytest.raises(UnavailableError):
        await shop.thread(Ref(id=PostId(asked["id"])))


async def test_a_conversation_on_the_sandbox(mock: MastodonMock, accounts: Accounts) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"))
    asked = await mock.mention("kim", "open?")
    answer = Post(text="@kim yes", in_reply_to=Ref(id=PostId(asked.id)))
    posted = await shop.post(answer, Key(token="k1", minted_at=datetime.now(UTC)))
    thanks = await mock.mention("kim", "thanks", in_reply_to=posted.id)
    items = await shop.thread(posted.ref)
    assert [(item.id, item.in_reply_to) for item in items] == [
        (asked.id, None),
        (posted.id, asked.id),
        (thanks.id, posted.id),
    ]


async def test_a_profile_by_author(stub: Stub, accounts: Accounts, make_account: MakeAccount) -> None:
    shop = await accounts.enter(stub.base_url)
    note = '<p>Tea &amp; cake<br>daily</p><p><a href="https://kim.example.org">kim…</a></p>'
    fields = [
        {"name": "Pronouns", "value": "they"},
        {"name": "Web", "value": '<a href="https://kim.example.org">kim</a>'},
    ]
    kim = make_account(
        id="2",
        acct="kim@far.example.org",
        display_name="Kim \u202e!",
        url="https://far.example.org/@kim",
        note=note,
        fields=[*fields, "odd", {}],
        statuses_count=7,
        followers_count=-1,
        following_count=3,
        created_at="2024-01-02T00:00:00.000Z",
        bot=True,
    )
    stub.answer("GET", "/api/v1/accounts/2", kim)
    assert await shop.profile(Author(id="2", handle="kim@far.example.org")) == Profile(
        author=Author(id="2", handle="kim@far.example.org", name="Kim !", url="https://far.example.org/@kim"),
        about="Tea & cake\ndaily\n\nhttps://kim.example.org",
        facts=(("Pronouns", "they"), ("Web", "kim (https://kim.example.org)")),
        posts=7,
        followers=None,
        following=3,
        since=datetime(2024, 1, 2, tzinfo=UTC),
        bot=True,
    )


@pytest.mark.parametrize(
    ("handle", "acct"),
    [
        ("kim@m.example", "kim"),
        ("@Kim@M.Example", "Kim"),
        ("kim@far.example.org", "kim@far.example.org"),
        (" kim ", "kim"),
    ],
)
async def test_a_profile_by_handle(
    stub: Stub, accounts: Accounts, make_account: MakeAccount, handle: str, acct: str
) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("GET", LOOKUP, make_account(id="2", acct=acct))
    assert (await shop.profile(handle)).author.id == "2"
    assert [seen.query["acct"] for seen in stub.to("GET", LOOKUP)] == [acct]


async def test_an_account_that_the_server_has_not_met_is_asked_for(
    stub: Stub, accounts: Accounts, make_account: MakeAccount
) -> None:
    shop = await accounts.enter(stub.base_url)
    found = [make_account(id="3", acct="kim"), make_account(id="2", acct="Kim@far.example.org")]
    stub.answer("GET", SEARCH, found)
    assert (await shop.profile("kim@far.example.org")).author.id == "2"
    assert stub.to("GET", SEARCH)[0].query["resolve"] == "1"
    with pytest.raises(RefusedError, match=r"knows no account kim@other\.example\.org"):
        await shop.profile("kim@other.example.org")


async def test_nobody_by_that_name_is_refused(stub: Stub, accounts: Accounts) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("GET", SEARCH, [])
    with pytest.raises(RefusedError, match="knows no account nobody"):
        await shop.profile("nobody")
    with pytest.raises(RefusedError, match="knows no account kim"):
        await shop.profile(Author(id="2", handle="kim"))


async def test_a_profile_that_drips_for_ever_ends(stub: Stub, accounts: Accounts) -> None:
    clock = FakeClock(NOW)
    shop = await accounts.enter(stub.base_url, clock=clock)
    stub.hang("GET", "/api/v1/accounts/2")
    waiting = asyncio.ensure_future(shop.profile(Author(id="2", handle="kim")))
    await stub.arrived.wait()
    await clock.advance(30)
    with pytest.raises(UnavailableError, match="within 30 s"):
        await waiting


async def test_a_profile_on_the_sandbox(mock: MastodonMock, accounts: Accounts) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"))
    heard = await mock.mention("kim", "hello")
    profile = await shop.profile("kim")
    assert profile.author.handle.startswith("kim@")
    assert profile.posts == 1
    assert heard.account == "kim"
    assert (await shop.profile(profile.author)).author == profile.author


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["acct", "note", "fields", "created_at", "url", "statuses_count"]), json_values))
def test_nothing_in_an_account_raises(account: dict[str, Any]) -> None:
    assert show.read({"id": 2, **account}, "m.example").author.id == "2"
