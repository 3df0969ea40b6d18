"""Editing, against a server that wipes what an edit leaves out, as Mastodon does, and the sandbox."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from aiohttp import web

from bridge.plugin import (
    Key,
    Media,
    PluginError,
    Post,
    Posted,
    PostId,
    RefusedError,
    UnauthorizedError,
    UnavailableError,
    UncertainError,
)
from plugins.mastodon import edits
from plugins.mastodon.edits import Change
from tests.servers.town import STATUSES, TOKEN, Town

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.platforms.mastodon.conftest import Accounts, Stub
    from tests.servers.mastodon import MastodonMock

    MakeStatus = Callable[..., dict[str, Any]]

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
UPLOAD = "/api/v2/media"
DOOR = Media(data=b"\x89PNG door", type="image/png", alt="A shut door")
CAT = Media(data=b"\x89PNG cat", type="image/png", alt="A cat")


def key(token: str = "k1") -> Key:
    return Key(token=token, minted_at=NOW)


def poll(**changes: object) -> dict[str, Any]:
    options = [{"title": "tea", "votes_count": 3}, {"title": "coffee", "votes_count": 2}]
    ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    return {"id": "9", "options": options, "votes_count": 5, "multiple": False, "expires_at": ends} | changes


async def test_trap_an_edit_keeps_warning_media_descriptions_language_and_sensitivity(
    town: Town, accounts: Accounts
) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    posted = await shop.post(Post(text="old", media=(DOOR, CAT), warning="Doors", language="fi"), key("a"))
    edited = await shop.edit(posted, Post(text="new"), key("b"))
    status = town.statuses[edited.id]
    assert edited == posted
    assert (status["text"], status["spoiler_text"], status["language"], status["sensitive"]) == (
        "new",
        "Doors",
        "fi",
        True,
    )
    assert [one["description"] for one in status["media_attachments"]] == [DOOR.alt, CAT.alt]
    assert town.count("POST", UPLOAD) == 2


async def test_an_edit_sends_json_as_the_api_has_it(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    posted = await shop.post(Post(text="old", media=(DOOR,)), key("a"))
    await shop.edit(posted, Post(text="new & better", language="sv", warning="W"), key("b"))
    assert town.bodies[-1] == {
        "status": "new & better",
        "spoiler_text": "W",
        "sensitive": True,
        "language": "sv",
        "media_ids": ["101"],
        "media_attributes": [{"id": "101", "description": DOOR.alt}],
    }


async def test_an_empty_warning_takes_it_away(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    posted = await shop.post(Post(text="old", warning="W"), key("a"))
    town.statuses[posted.id]["sensitive"] = True
    await shop.edit(posted, Post(text="new", warning=""), key("b"))
    assert (town.statuses[posted.id]["spoiler_text"], town.statuses[posted.id]["sensitive"]) == ("", False)


async def test_trap_the_focus_of_a_picture_survives(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    posted = await shop.post(Post(text="old", media=(DOOR,)), key("a"))
    town.statuses[posted.id]["media_attachments"][0]["meta"] = {"focus": {"x": -0.5, "y": 0.25}}
    await shop.edit(posted, Post(text="new"), key("b"))
    assert town.pictures["101"].focus == "-0.5,0.25"


async def test_the_same_picture_is_not_uploaded_again_and_may_get_another_description(
    town: Town, accounts: Accounts
) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    posted = await shop.post(Post(text="old", media=(DOOR, CAT)), key("a"))
    again = Media(data=CAT.data, type=CAT.type, alt="A cat that sleeps")
    new = Media(data=b"\x89PNG bird", type="image/png", alt="A bird")
    edited = await shop.edit(posted, Post(text="new", media=(new, again)), key("b"))
    shown = [(one["id"], one["description"]) for one in town.statuses[posted.id]["media_attachments"]]
    assert shown == [("104", "A bird"), ("102", "A cat that sleeps")]
    assert town.count("POST", UPLOAD) == 3
    await shop.edit(edited, Post(text="newer", media=(new, again)), key("c"))
    assert town.count("POST", UPLOAD) == 3


async def test_two_equal_pictures_stay_two(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    posted = await shop.post(Post(text="old", media=(DOOR, DOOR)), key("a"))
    await shop.edit(posted, Post(text="new", media=(DOOR, DOOR)), key("b"))
    assert [one["id"] for one in town.statuses[posted.id]["media_attachments"]] == ["101", "102"]


async def test_a_picture_of_which_nothing_is_remembered_is_uploaded(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    posted = await shop.post(Post(text="old", media=(DOOR,)), key("a"))
    await shop.edit(Posted(id=posted.id), Post(text="new", media=(DOOR,)), key("b"))
    assert town.count("POST", UPLOAD) == 2
    assert len(town.statuses[posted.id]["media_attachments"]) == 1


async def test_trap_a_poll_and_its_votes_survive_an_edit(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    posted = await shop.post(Post(text="old"), key("a"))
    town.statuses[posted.id]["poll"] = poll()
    await shop.edit(posted, Post(text="new"), key("b"))
    kept = town.statuses[posted.id]["poll"]
    assert (kept["votes_count"], kept["multiple"], kept["hide_totals"]) == (5, False, False)


@pytest.mark.parametrize(
    "changes", [{"expired": True}, {"expires_at": (datetime.now(UTC) + timedelta(minutes=2)).isoformat()}]
)
async def test_a_poll_that_ends_is_not_opened_again(town: Town, accounts: Accounts, changes: dict[str, Any]) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    posted = await shop.post(Post(text="old"), key("a"))
    town.statuses[posted.id]["poll"] = poll(**changes)
    with pytest.raises(RefusedError, match="open it again"):
        await shop.edit(posted, Post(text="new"), key("b"))
    assert town.statuses[posted.id]["text"] == "old"


def test_a_poll_ends_when_it_would_have() -> None:
    shown = poll(expires_at=(NOW + timedelta(minutes=90)).isoformat())
    body = edits.request({"poll": shown}, {}, Change(text="new"), NOW)
    assert body["poll"]["expires_in"] == 5400


def test_a_poll_without_end_that_hides_its_totals_stays_so() -> None:
    hidden = poll(expires_at=None, options=[{"title": "tea", "votes_count": None}], multiple=True)
    body = edits.request({"poll": hidden}, {}, Change(text="new"), NOW)
    assert body["poll"] == {"options": ["tea"], "multiple": True, "hide_totals": True}


def test_a_status_that_is_hardly_one_can_be_edited() -> None:
    odd = {"media_attachments": [None, {"id": None}, {"id": 7}], "poll": [], "sensitive": "no"}
    assert edits.request(odd, {}, Change(text="new"), NOW) == {
        "status": "new",
        "spoiler_text": "",
        "sensitive": True,
        "media_ids": ["7"],
        "media_attributes": [{"id": "7", "description": ""}],
    }


@pytest.mark.parametrize("status", [404, 410])
async def test_what_is_gone_cannot_be_edited(stub: Stub, accounts: Accounts, status: int) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("GET", f"{STATUSES}/7", {"error": "gone"}, status=status)
    with pytest.raises(RefusedError, match="any more, so it can't be edited"):
        await shop.edit(Posted(id=PostId("7")), Post(text="new"), key())
    assert stub.to("PUT", f"{STATUSES}/7") == []


async def test_what_goes_while_it_is_edited_is_gone(stub: Stub, accounts: Accounts, make_status: MakeStatus) -> None:
    shop = await accounts.enter(stub.base_url)
    stub.answer("GET", f"{STATUSES}/7", make_status("7"))

    async def put(_: web.Request) -> web.StreamResponse:
        stub.answer("GET", f"{STATUSES}/7", {"error": "gone"}, status=404)
        return web.json_response({"error": "gone"}, status=404)

    stub.on("PUT", f"{STATUSES}/7", put)
    with pytest.raises(RefusedError, match="any more, so it can't be edited"):
        await shop.edit(Posted(id=PostId("7")), Post(text="new"), key())


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_trap_a_server_without_editing_says_so(town: Town, accounts: Accounts, status: int) -> None:
    town.no_edits = status
    shop = await accounts.enter(town.base_url, TOKEN)
    posted = await shop.post(Post(text="old"), key("a"))
    with pytest.raises(RefusedError, match="can't edit what is published: delete it and post anew"):
        await shop.edit(posted, Post(text="new"), key("b"))


async def test_trap_an_id_that_changes_with_an_edit_is_followed(town: Town, accounts: Accounts) -> None:
    town.moves = True
    shop = await accounts.enter(town.base_url, TOKEN)
    posted = await shop.post(Post(text="old", media=(DOOR,)), key("a"))
    edited = await shop.edit(posted, Post(text="new"), key("b"))
    assert edited.id != posted.id
    again = await shop.edit(edited, Post(text="newer", media=(DOOR,)), key("c"))
    assert town.statuses[again.id]["text"] == "newer"
    assert town.count("POST", UPLOAD) == 1


async def test_editing_twice_to_the_same_is_harmless(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    posted = await shop.post(Post(text="old", warning="W", media=(DOOR,)), key("a"))
    first = await shop.edit(posted, Post(text="new"), key("b"))
    before = dict(town.statuses[posted.id])
    assert await shop.edit(posted, Post(text="new"), key("b")) == first
    assert town.statuses[posted.id] == before


@pytest.mark.parametrize(
    ("method", "status", "kind"),
    [
        ("GET", 0, UnavailableError),
        ("GET", 500, UnavailableError),
        ("GET", 401, UnauthorizedError),
        ("PUT", 0, UncertainError),
        ("PUT", 500, UncertainError),
        ("PUT", 429, UnavailableError),
        ("PUT", 422, RefusedError),
        ("PUT", 403, RefusedError),
    ],
)
async def test_what_a_failure_of_an_edit_means(
    town: Town, accounts: Accounts, method: str, status: int, kind: type[PluginError]
) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    posted = await shop.post(Post(text="old"), key("a"))
    town.fails(method, f"{STATUSES}/{posted.id}", status)
    with pytest.raises(kind):
        await shop.edit(posted, Post(text="new"), key("b"))
    assert town.statuses[posted.id]["text"] == "old"
    await shop.edit(posted, Post(text="new"), key("b"))
    assert town.statuses[posted.id]["text"] == "new"


async def test_an_edit_without_the_source_takes_what_is_shown(
    stub: Stub, accounts: Accounts, make_status: MakeStatus
) -> None:
    shop = await accounts.enter(stub.base_url)
    bodies: list[Any] = []

    async def put(request: web.Request) -> web.StreamResponse:
        bodies.append(await request.json())
        return web.json_response(make_status("7"))

    stub.on("PUT", f"{STATUSES}/7", put)
    stub.answer("GET", f"{STATUSES}/7", make_status("7", spoiler_text="W", language=None))
    await shop.edit(Posted(id=PostId("7")), Post(text="new"), key())
    assert bodies == [{"status": "new", "spoiler_text": "W", "sensitive": True, "media_ids": []}]


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_a_server_that_has_no_source_can_edit(town: Town, accounts: Accounts, status: int) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    posted = await shop.post(Post(text="old", warning="W"), key("a"))
    town.fails("GET", f"{STATUSES}/{posted.id}/source", status)
    await shop.edit(posted, Post(text="new"), key("b"))
    assert (town.statuses[posted.id]["text"], town.statuses[posted.id]["spoiler_text"]) == ("new", "W")


async def test_an_edit_on_the_sandbox(mock: MastodonMock, accounts: Accounts) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"))
    posted = await shop.post(Post(text="old", warning="W", language="de", media=(DOOR,)), key())
    edited = await shop.edit(posted, Post(text="new"), key("b"))
    assert edited == posted
    (toot,) = await mock.statuses()
    assert (toot.id, toot.text, toot.warning, toot.language) == (posted.id, "new", "W", "de")
    shown = cast("dict[str, Any]", await mock.call("GET", f"{STATUSES}/{posted.id}", "shop"))
    assert [one["description"] for one in shown["media_attachments"]] == [DOOR.alt]
    await shop.delete(edited)
    with pytest.raises(RefusedError, match="any more"):
        await shop.edit(edited, Post(text="newer"), key("c"))
