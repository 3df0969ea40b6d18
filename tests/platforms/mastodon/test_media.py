"""Pictures on their way to the server, against a strict server of our own and the sandbox."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.plugin import (
    Key,
    Limits,
    Media,
    PluginError,
    Post,
    RefusedError,
    UnauthorizedError,
    UnavailableError,
    UncertainError,
)
from bridge.testing import FakeClock
from plugins.mastodon import attachments, translate
from tests.servers.lossy import LossyProxy
from tests.servers.town import STATUSES, TOKEN, TYPES, Town

if TYPE_CHECKING:
    from tests.platforms.mastodon.conftest import Accounts
    from tests.servers.mastodon import MastodonMock

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
UPLOAD = "/api/v2/media"
DOOR = Media(data=b"\x89PNG door", type="image/png", alt="A shut door")
CAT = Media(data=b"\x89PNG cat", type="image/png", alt="A cat, \u00e9mue 🐈")
LOOK = Post(text="look", media=(DOOR,))


def key(token: str = "k1") -> Key:
    return Key(token=token, minted_at=NOW)


async def test_pictures_go_up_with_their_descriptions_before_the_post(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    posted = await shop.post(Post(text="look", media=(DOOR, CAT)), key())
    one, two = town.pictures.values()
    assert [(one.data, one.alt, one.type), (two.data, two.alt, two.type)] == [
        (DOOR.data, DOOR.alt, "image/png"),
        (CAT.data, CAT.alt, "image/png"),
    ]
    assert one.name == "attachment.png"
    assert [one["id"] for one in town.statuses[posted.id]["media_attachments"]] == [one.id, two.id]
    assert [kept.id for kept in attachments.recalled(posted.memo)] == [one.id, two.id]


async def test_limits_are_the_instances(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    known = shop.limits
    assert known == Limits(
        text=500,
        media=2,
        media_bytes=4000,
        media_types=frozenset(TYPES),
        key_lifetime=timedelta(minutes=50),
        settle_after=timedelta(seconds=30),
    )


@pytest.mark.parametrize(
    ("media", "said"),
    [
        ((DOOR, DOOR, DOOR), "takes at most 2 attachments in a post, not 3"),
        ((DOOR, Media(data=b"x", type="image/tiff")), "attachment 2: it is image/tiff, which the server doesn't know"),
        ((Media(data=b"x" * 1001, type="image/png"),), "has 0.0 MB, and 0.0 MB is the most"),
        ((Media(data=b"x" * 4001, type="video/mp4"),), "is the most"),
        ((Media(data=b"x", type="image/png", alt="x" * 51),), "description has 51 characters, and 50 is the most"),
        ((Media(data=b"", type="image/png"),), "attachment 1: it is empty"),
    ],
)
async def test_what_does_not_fit_is_refused_before_anything_is_sent(
    town: Town, accounts: Accounts, media: tuple[Media, ...], said: str
) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    before = list(town.asked)
    with pytest.raises(RefusedError, match=said):
        await shop.post(Post(text="look", media=media), key())
    with pytest.raises(RefusedError, match=said):
        await shop.edit(await shop.post(Post(text="plain"), key("b")), Post(text="look", media=media), key("c"))
    assert town.asked == [*before, ("POST", STATUSES)]


async def test_a_film_may_be_larger_than_a_picture(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    film = Media(data=b"x" * 1001, type="Video/MP4; codecs=avc1")
    assert await shop.post(Post(text="look", media=(film,)), key())


async def test_trap_media_processed_later_is_waited_for(town: Town, accounts: Accounts) -> None:
    town.looks = 4
    clock = FakeClock(NOW)
    shop = await accounts.enter(town.base_url, TOKEN, clock)
    post = asyncio.ensure_future(shop.post(LOOK, key()))
    for pause in (1, 2, 3):
        await clock.wait_for_wait(pause)
        assert town.count("POST", STATUSES) == 0
        await clock.advance(pause)
    posted = await post
    (picture,) = town.pictures.values()
    assert town.count("GET", f"/api/v1/media/{picture.id}") == 4
    assert picture.status == posted.id


async def test_media_that_is_not_ready_in_time_is_not_published_and_not_uploaded_again(
    town: Town, accounts: Accounts
) -> None:
    town.looks = 1000
    clock = FakeClock(NOW)
    shop = await accounts.enter(town.base_url, TOKEN, clock, media_time="2s")
    post = asyncio.ensure_future(shop.post(LOOK, key()))
    await clock.wait_for_wait(1)
    await clock.advance(1)
    await clock.wait_for_sleepers(2)
    await clock.advance(1)
    with pytest.raises(UnavailableError, match="didn't have the attachments ready within 2 s"):
        await post
    assert town.count("POST", STATUSES) == 0
    (picture,) = town.pictures.values()
    picture.looks = 0
    posted = await shop.post(LOOK, key())
    assert town.count("POST", UPLOAD) == 1
    assert picture.status == posted.id


async def test_an_upload_that_hangs_is_certainly_not_published(town: Town, accounts: Accounts) -> None:
    town.hangs = ("POST", UPLOAD)
    clock = FakeClock(NOW)
    shop = await accounts.enter(town.base_url, TOKEN, clock)
    post = asyncio.ensure_future(shop.post(LOOK, key()))
    await town.arrived.wait()
    await clock.advance(20)
    with pytest.raises(UnavailableError, match="within 20 s"):
        await post
    town.hangs = None
    assert await shop.post(LOOK, key())
    assert len(town.statuses) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (0, UnavailableError),
        (500, UnavailableError),
        (503, UnavailableError),
        (429, UnavailableError),
        (422, RefusedError),
        (413, RefusedError),
        (401, UnauthorizedError),
    ],
)
async def test_trap_a_failure_before_the_post_is_never_uncertain(
    town: Town, accounts: Accounts, status: int, kind: type[PluginError]
) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    town.fails("POST", UPLOAD, status)
    with pytest.raises(kind):
        await shop.post(LOOK, key())
    assert town.statuses == {}
    town.looks = 1
    town.fails("GET", "/api/v1/media/101", status)
    with pytest.raises(kind):
        await shop.post(LOOK, key())
    assert town.statuses == {}
    posted = await shop.post(LOOK, key())
    assert list(town.statuses) == [posted.id]


async def test_trap_after_a_429_all_bytes_are_sent_again(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    town.fails("POST", UPLOAD, 429)
    with pytest.raises(UnavailableError):
        await shop.post(LOOK, key())
    await shop.post(LOOK, key())
    assert [one.data for one in town.pictures.values()] == [DOOR.data]


async def test_an_answer_without_an_id_is_certainly_not_published(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    town.fails("POST", UPLOAD, 200)
    with pytest.raises(UnavailableError, match="can't be read"):
        await shop.post(LOOK, key())
    assert town.statuses == {}


async def test_media_that_the_server_lost_is_uploaded_again(town: Town, accounts: Accounts) -> None:
    town.looks = 2
    shop = await accounts.enter(town.base_url, TOKEN)
    town.fails("GET", "/api/v1/media/101", 404)
    with pytest.raises(UnavailableError, match="lost an attachment"):
        await shop.post(LOOK, key())
    town.looks = 0
    await shop.post(LOOK, key())
    assert town.count("POST", UPLOAD) == 2


async def test_what_was_uploaded_long_ago_is_uploaded_again(town: Town, accounts: Accounts) -> None:
    clock = FakeClock(NOW)
    shop = await accounts.enter(town.base_url, TOKEN, clock)
    town.fails("POST", STATUSES, 503)
    with pytest.raises(UncertainError):
        await shop.post(LOOK, key())
    await clock.advance(3601)
    await shop.post(LOOK, key())
    assert town.count("POST", UPLOAD) == 2


async def test_the_same_key_twice_is_one_post_with_one_upload_though_the_answer_was_lost(
    town: Town, accounts: Accounts
) -> None:
    town.looks = 2
    clock = FakeClock(NOW)
    async with LossyProxy(town.port) as proxy:
        shop = await accounts.enter(proxy.url, TOKEN, clock)
        post = asyncio.ensure_future(shop.post(LOOK, key()))
        await clock.wait_for_wait(1)
        proxy.lose = 1
        await clock.advance(1)
        with pytest.raises(UncertainError):
            await post
        posted = await shop.post(LOOK, key())
    assert list(town.statuses) == [posted.id]
    assert town.count("POST", UPLOAD) == 1
    assert town.count("POST", STATUSES) == 2


async def test_after_a_refusal_the_next_attempt_uploads_anew(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    town.fails("POST", STATUSES, 422)
    with pytest.raises(RefusedError):
        await shop.post(LOOK, key())
    await shop.post(LOOK, key())
    assert town.count("POST", UPLOAD) == 2


async def test_a_call_given_up_while_it_uploads_publishes_nothing(town: Town, accounts: Accounts) -> None:
    town.hangs = ("POST", UPLOAD)
    shop = await accounts.enter(town.base_url, TOKEN)
    post = asyncio.ensure_future(shop.post(LOOK, key()))
    await town.arrived.wait()
    post.cancel()
    with pytest.raises(asyncio.CancelledError):
        await post
    town.hangs = None
    await shop.post(Post(text="next"), key("b"))
    assert [one["text"] for one in town.statuses.values()] == ["next"]


async def test_leaving_while_it_uploads_is_certainly_not_published(town: Town, accounts: Accounts) -> None:
    town.hangs = ("POST", UPLOAD)
    async with accounts.make(town.base_url, TOKEN) as shop:
        post = asyncio.ensure_future(shop.post(LOOK, key()))
        await town.arrived.wait()
    with pytest.raises(UnavailableError, match="closed"):
        await post


async def test_a_server_with_only_the_older_address_takes_media_there(town: Town, accounts: Accounts) -> None:
    town.old = True
    shop = await accounts.enter(town.base_url, TOKEN)
    posted = await shop.post(LOOK, key())
    assert [(one.path, one.status) for one in town.pictures.values()] == [("/api/v1/media", posted.id)]


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_the_older_address_is_tried_where_the_newer_one_is_denied(
    town: Town, accounts: Accounts, status: int
) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    town.fails("POST", UPLOAD, status)
    await shop.post(LOOK, key())
    assert [one.path for one in town.pictures.values()] == ["/api/v1/media"]


async def test_trap_media_is_sensitive_behind_a_warning_and_else_as_the_account_has_it(
    town: Town, accounts: Accounts
) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    await shop.post(Post(text="look", media=(DOOR,), warning="Doors"), key("a"))
    await shop.post(LOOK, key("b"))
    assert [body.get("sensitive") for body in town.bodies] == ["1", None]


async def test_find_is_not_sure_of_the_same_text_with_other_attachments(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    since = datetime.now(UTC) - timedelta(seconds=5)
    posted = await shop.post(LOOK, key())
    found = await shop.find(LOOK, key(), since, frozenset())
    assert found is not None
    assert found.id == posted.id
    with pytest.raises(UncertainError, match="similar"):
        await shop.find(Post(text="look"), key("b"), since, frozenset())


async def test_a_picture_with_its_description_on_the_sandbox(mock: MastodonMock, accounts: Accounts) -> None:
    shop = await accounts.enter(mock.base_url, mock.token("shop"))
    posted = await shop.post(LOOK, Key(token="k1", minted_at=datetime.now(UTC)))
    shown = cast("dict[str, Any]", await mock.call("GET", f"{STATUSES}/{posted.id}", "shop"))
    assert [one["description"] for one in shown["media_attachments"]] == [DOOR.alt]


@pytest.mark.parametrize(
    ("configuration", "count", "most"),
    [
        ({}, 4, 0),
        ({"statuses": {"max_media_attachments": 16}}, 16, 0),
        ({"media_attachments": {"image_size_limit": 10, "video_size_limit": 40}}, 4, 40),
        ({"media_attachments": {"image_size_limit": 10}}, 4, 0),
        ({"media_attachments": {"image_size_limit": 10, "supported_mime_types": ["image/png"]}}, 4, 10),
        ({"media_attachments": {"image_size_limit": "much", "supported_mime_types": "all"}}, 4, 0),
    ],
)
def test_what_servers_tell_of_attachments(configuration: dict[str, Any], count: int, most: int) -> None:
    limits = translate.server({"configuration": configuration}, "m.example").limits
    assert (limits.media, limits.media_bytes) == (count, most)


@given(st.text())
def test_nothing_in_a_memo_raises(text: str) -> None:
    assert attachments.recalled({"media": text}) == ()


def test_what_is_odd_in_a_memo_counts_as_nothing() -> None:
    odd = '[["1"], 7, null, {"a": 1}, [1, 2], ["1", "ab"]]'
    assert attachments.recalled({"media": odd}) == (attachments.Attachment(id="1", digest="ab"),)


async def test_no_more_than_the_last_uploads_are_remembered(town: Town, accounts: Accounts) -> None:
    shop = await accounts.enter(town.base_url, TOKEN)
    for number in range(70):
        town.fails("POST", STATUSES, 503)
        with pytest.raises(UncertainError):
            await shop.post(LOOK, key(str(number)))
    assert len(shop._uploads._held) == 64
    await shop.post(LOOK, key("69"))
    assert town.count("POST", UPLOAD) == 70
    await shop.post(LOOK, key("0"))
    assert town.count("POST", UPLOAD) == 71


def test_what_is_remembered_is_recalled() -> None:
    known = (attachments.Attachment(id="1", digest="ab"), attachments.Attachment(id="2", digest=""))
    assert attachments.recalled(attachments.remembered(known)) == known
    assert attachments.remembered(()) == {}
