"""Pictures and films on their way to X."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from decimal import Decimal
from typing import Any

import pytest

from bridge.plugin import Media, Post, RefusedError, UnauthorizedError, UnavailableError, UncertainError
from bridge.testing import FakeClock
from plugins.x import media as module
from tests.platforms.x.shop import PNG, entered, key, only, picture
from tests.servers import faults, x_faults
from tests.servers.x import X
from tests.servers.x_calls import Call

FILM = b"\x00\x00\x00\x18ftypmp42" + bytes(5_000_000)
GIF = b"GIF89a" + bytes(6_000_000)
UPLOAD = "/2/media/upload"


def digests(*files: bytes) -> list[str]:
    """What large files are compared by: pytest would show how they differ."""
    return [hashlib.sha256(data).hexdigest() for data in files]


def uploads(x: X) -> list[Call]:
    return [call for call in x.calls if call.path.startswith("/2/media")]


async def test_pictures_go_up_before_the_post_in_their_order(x: X, clock: FakeClock) -> None:
    media = tuple(picture(PNG + bytes([number]), alt=f"Picture {number}") for number in range(4))
    async with entered(x, clock) as shop:
        await shop.post(Post(text="look", media=media), key())
        assert shop._ledger.spending().today.amount == Decimal("0.01") + 4 * Decimal("0.005") + Decimal("0.015")
    assert [one.data for one in x.own[0].media] == [one.data for one in media]
    assert [x.pictures[one.id].alt for one in x.own[0].media] == [one.alt for one in media]
    assert {str(call.form.get("media_category")) for call in x.asked(UPLOAD, "POST")} == {"tweet_image"}
    assert x.unsigned == []


async def test_a_picture_may_be_all_that_is_said(x: X, clock: FakeClock) -> None:
    async with entered(x, clock) as shop:
        await shop.post(Post(text="", media=(picture(),)), key())
    body = x.calls[-1].json
    assert body is not None
    assert "text" not in body
    assert len(x.own[0].media) == 1


@pytest.mark.parametrize(
    ("media", "words"),
    [
        ((picture(),) * 5, "at most 4 attachments"),
        ((picture(kind="image/svg+xml"),), "attachment 1: it is image/svg"),
        ((picture(kind=""),), "of no type"),
        ((picture(), picture(b"")), "attachment 2: it is empty"),
        ((picture(b"x" * 5_000_001),), "5.0 MB is the most"),
        ((picture(b"x" * 15_000_001, "image/gif"),), "15.0 MB is the most"),
        ((picture(alt="x" * 1001),), "1001 characters, and 1000"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_trap_what_does_not_fit_is_refused_before_anything_is_sent(
    x: X, clock: FakeClock, media: tuple[Media, ...], words: str
) -> None:
    async with entered(x, clock) as shop:
        with pytest.raises(RefusedError, match=words.replace("+", r"\+")):
            await shop.post(Post(text="look", media=media), key())
    assert uploads(x) == []


@pytest.mark.parametrize(
    ("data", "kind", "category"), [(FILM, "video/mp4", "tweet_video"), (GIF, "image/gif", "tweet_gif")]
)
async def test_a_large_one_goes_up_in_parts_and_is_waited_for(
    x: X, clock: FakeClock, data: bytes, kind: str, category: str
) -> None:
    x.processing = 3
    async with entered(x, clock) as shop:
        call = asyncio.create_task(shop.post(Post(text="look", media=(picture(data, f"{kind}; codecs=x"),)), key()))
        for _ in range(x.processing if kind == "video/mp4" else 0):
            await clock.wait_for_wait(1)
            await clock.advance(1)
        await call
    assert digests(x.own[0].media[0].data) == digests(data)
    assert x.own[0].media[0].category == category
    begin = x.asked(f"{UPLOAD}/initialize", "POST")[0]
    assert begin.json == {"media_category": category, "media_type": kind, "total_bytes": len(data)}
    assert len([one for one in uploads(x) if one.path.endswith("/append")]) == -(-len(data) // 2_000_000)
    assert x.unsigned == []


async def test_a_small_gif_goes_up_at_once(x: X, clock: FakeClock) -> None:
    async with entered(x, clock) as shop:
        await shop.post(Post(text="look", media=(picture(b"GIF89a", "image/gif"),)), key())
    assert [call.path for call in uploads(x)] == [UPLOAD]
    assert x.own[0].media[0].category == "tweet_gif"


async def test_a_film_that_cannot_be_shown_is_refused(x: X, clock: FakeClock) -> None:
    x.processing, x.processing_fails = 0, True
    async with entered(x, clock) as shop:
        with pytest.raises(RefusedError, match="can't process"):
            await shop.post(Post(text="look", media=(picture(FILM, "video/mp4"),)), key())
    assert x.committed == []


async def test_trap_what_takes_too_long_is_certainly_not_published_and_goes_on_later(x: X, clock: FakeClock) -> None:
    x.processing = 100
    post = Post(text="look", media=(picture(), picture(FILM, "video/mp4")))
    async with entered(x, clock, media_time="2s") as shop:
        call = asyncio.create_task(shop.post(post, key()))
        await clock.wait_for_wait(1)
        await clock.advance(1)
        await clock.wait_for_wait(1)
        await clock.advance(1)
        with pytest.raises(UnavailableError, match="within 2 s"):
            await call
        x.processing = 0
        again = asyncio.create_task(shop.post(post, key()))
        await clock.wait_for_wait(1)
        await clock.advance(1)
        await again
    assert len(x.asked(UPLOAD, "POST")) == 1
    assert len(x.asked(f"{UPLOAD}/initialize", "POST")) == 1
    assert digests(*[one.data for one in x.own[0].media]) == digests(PNG, FILM)


async def test_trap_a_lost_answer_uploads_nothing_twice(x: X, clock: FakeClock) -> None:
    post = Post(text="look", media=(picture(alt="A dot"),))
    async with entered(x, clock) as shop:
        x.next(faults.lose_response())
        with pytest.raises(UncertainError):
            await shop.post(post, key())
        x.remove(x.own[0].id)
        await shop.post(post, key())
        assert len(uploads(x)) == 2
        await shop.post(Post(text="more", media=(picture(alt="A dot"),)), key())
        assert len(uploads(x)) == 4


async def test_after_a_refusal_all_is_forgotten(x: X, clock: FakeClock) -> None:
    post = Post(text="look", media=(picture(),))
    async with entered(x, clock) as shop:
        x.next(x_faults.forbidden())
        with pytest.raises(RefusedError):
            await shop.post(post, key())
        await shop.post(post, key())
    assert len(uploads(x)) == 2


async def test_what_was_uploaded_an_hour_ago_goes_up_anew(x: X, clock: FakeClock) -> None:
    post = Post(text="look", media=(picture(),))
    async with entered(x, clock) as shop:
        x.next(faults.rate_limited("7"))
        with pytest.raises(UnavailableError):
            await shop.post(post, key())
        await clock.advance(3601)
        await shop.post(post, key())
    assert len(uploads(x)) == 2


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (faults.server_error(), UnavailableError),
        (faults.lose_response(), UnavailableError),
        (x_faults.page(), UnavailableError),
        (x_faults.empty(), UnavailableError),
        (x_faults.answer(200, {"data": []}), UnavailableError),
        (faults.rate_limited("7"), UnavailableError),
        (faults.unauthorized(), UnauthorizedError),
        (x_faults.forbidden(), RefusedError),
    ],
)
@pytest.mark.parametrize("path", [UPLOAD, f"{UPLOAD}/initialize"])
async def test_trap_a_failure_before_the_post_is_never_uncertain(
    x: X, clock: FakeClock, fault: faults.Fault, kind: type[Exception], path: str
) -> None:
    one = picture() if path == UPLOAD else picture(FILM, "video/mp4")
    async with entered(x, clock) as shop:
        x.decide = only("POST", path, fault)
        with pytest.raises(kind) as caught:
            await shop.post(Post(text="look", media=(one,)), key())
        assert type(caught.value) is kind
        assert shop._ledger.spending().today.amount == Decimal("0.01")
    assert x.committed == []


@pytest.mark.parametrize("budget", [None, "0.022"])
async def test_trap_a_description_that_fails_only_warns(
    x: X, clock: FakeClock, caplog: pytest.LogCaptureFixture, budget: str | None
) -> None:
    x.alt_fails = budget is None
    with caplog.at_level(logging.WARNING, logger=module.__name__):
        more: dict[str, Any] = {"daily_budget": budget} if budget else {}
        async with entered(x, clock, **more) as shop:
            if budget:
                await shop._ledger.charge(module.Kind.READ_MENTION, 8)
                await shop._uploads.ready((picture(alt="A dot"),), key())
            else:
                await shop.post(Post(text="look", media=(picture(alt="A dot"),)), key())
    assert "has not taken the description" in caplog.text
    assert len(x.own) == (0 if budget else 1)


async def test_leaving_while_it_uploads_is_certainly_not_published(x: X, clock: FakeClock) -> None:
    async with entered(x, clock) as shop:
        x.decide = only("POST", UPLOAD, faults.hang())
        call = asyncio.create_task(shop.post(Post(text="look", media=(picture(),)), key()))
        await x.hung.wait()
    with pytest.raises(UnavailableError):
        await call
    assert x.committed == []


@pytest.mark.parametrize(
    ("info", "wait"),
    [
        (None, None),
        ({"state": "succeeded"}, None),
        ({"state": "pending", "check_after_secs": 5}, 5),
        ({"state": "pending", "check_after_secs": 0}, 1),
        ({"state": "in_progress", "check_after_secs": 500}, 30),
        ({"state": "in_progress", "check_after_secs": "soon"}, 1),
        ({}, 1),
    ],
    ids=str,
)
def test_when_to_ask_again(info: object, wait: float | None) -> None:
    assert module._wait({"processing_info": info}) == wait


async def test_only_so_many_uploads_are_remembered(x: X, clock: FakeClock) -> None:
    async with entered(x, clock) as shop:
        for number in range(65):
            await shop._uploads.ready((picture(),), key(str(number)))
        await shop._uploads.ready((picture(),), key("64"))
        assert len(uploads(x)) == 65
        await shop._uploads.ready((picture(),), key("0"))
        assert len(uploads(x)) == 66
