"""Editing and deleting on X."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from bridge.plugin import Edits, Post, Posted, PostId, RefusedError, UnavailableError, UncertainError
from bridge.testing import FakeClock
from plugins.x import XPlugin, XSettings
from tests.platforms.x.shop import PNG, entered, key, only, picture, premium_shop, settings
from tests.servers import faults, x_faults
from tests.servers.x import X


@pytest.fixture
def premium(x: X) -> X:
    x.premium = True
    return x


def test_only_with_premium_it_edits(x: X) -> None:
    chosen = [XPlugin.for_settings(XSettings.model_validate(settings(x, premium=has))) for has in (False, True)]
    assert [issubclass(one, Edits) for one in chosen] == [False, True]


async def test_an_edit_names_the_version_that_it_follows(premium: X, clock: FakeClock) -> None:
    x = premium
    async with premium_shop(x, clock) as shop:
        posted = await shop.post(Post(text="helo"), key())
        edited = await shop.edit(posted, Post(text="hello"), key("two"))
    assert x.calls[-1].json == {"text": "hello", "edit_options": {"previous_post_id": posted.id}}
    assert edited.id == x.own[0].id != posted.id
    assert edited.url == f"https://x.com/shop/status/{edited.id}"


async def test_trap_an_edit_of_an_older_version_goes_to_the_newest(premium: X, clock: FakeClock) -> None:
    """Where the server shows the old version as it was, and where it shows the newest by any id."""
    x = premium
    async with premium_shop(x, clock) as shop:
        posted = await shop.post(Post(text="helo"), key())
        other = x.edit(x.own[0], "by hand")
        old = {"id": posted.id, "text": "helo", "edit_history_post_ids": [posted.id, other.id]}
        x.decide = only("GET", f"/2/tweets/{posted.id}", x_faults.answer(200, {"data": old}))
        edited = await shop.edit(posted, Post(text="hello"), key("two"))
        assert edited.id == x.own[0].id
        x.decide = None
        await shop.edit(posted, Post(text="hello again"), key("three"))
    assert [one.text for one in x.own] == ["hello again"]


async def test_trap_what_is_already_so_is_not_edited_again(premium: X, clock: FakeClock) -> None:
    x = premium
    async with premium_shop(x, clock) as shop:
        posted = await shop.post(Post(text="helo example.org"), key())
        x.next(faults.lose_response())
        with pytest.raises(UncertainError):
            await shop.edit(posted, Post(text="hello example.org"), key("two"))
        again = await shop.edit(posted, Post(text="hello example.org"), key("two"))
        assert again.id == x.own[0].id
        assert sum(call.posts for call in x.calls) == 2
        assert shop._ledger.spending().today.amount == Decimal("0.412")


async def test_trap_after_an_hour_an_edit_is_refused_before_it_is_paid_for(premium: X, clock: FakeClock) -> None:
    x = premium
    async with premium_shop(x, clock) as shop:
        posted = await shop.post(Post(text="helo"), key())
        await clock.advance(3600)
        with pytest.raises(RefusedError, match="that is over: answer it with a follow-up"):
            await shop.edit(posted, Post(text="hello"), key("two"))
    assert sum(call.posts for call in x.calls) == 1


@pytest.mark.parametrize(
    ("controls", "words"),
    [
        ({"is_edit_eligible": False}, "doesn't let this post be edited"),
        ({"is_edit_eligible": True, "edits_remaining": 0}, "five times"),
        ({"editable_until": "2026-01-02T03:00:00.000Z"}, "that is over"),
    ],
)
async def test_what_x_says_about_editing_is_believed(
    premium: X, clock: FakeClock, controls: dict[str, Any], words: str
) -> None:
    x = premium
    async with premium_shop(x, clock) as shop:
        posted = await shop.post(Post(text="helo"), key())
        shown = {"id": posted.id, "text": "helo", "edit_controls": controls, "edit_history_tweet_ids": [posted.id]}
        x.decide = only("GET", f"/2/tweets/{posted.id}", x_faults.answer(200, {"data": shown}))
        with pytest.raises(RefusedError, match=words):
            await shop.edit(posted, Post(text="hello"), key("two"))


@pytest.mark.parametrize(
    "shown", [{}, {"edit_controls": {"editable_until": "soon"}}, {"created_at": "yesterday", "edit_controls": None}]
)
async def test_without_a_word_about_editing_it_is_tried(premium: X, clock: FakeClock, shown: dict[str, Any]) -> None:
    x = premium
    async with premium_shop(x, clock) as shop:
        posted = await shop.post(Post(text="helo"), key())
        answer = {"data": {"id": posted.id, "text": "helo", **shown}}
        x.decide = only("GET", f"/2/tweets/{posted.id}", x_faults.answer(200, answer))
        await shop.edit(posted, Post(text="hello"), key("two"))
    assert x.own[0].text == "hello"


async def test_trap_an_edit_keeps_its_pictures_unless_others_are_given(premium: X, clock: FakeClock) -> None:
    x = premium
    async with premium_shop(x, clock) as shop:
        posted = await shop.post(Post(text="helo", media=(picture(), picture(PNG + b"2"))), key())
        edited = await shop.edit(posted, Post(text="hello"), key("two"))
        assert [one.data for one in x.own[0].media] == [PNG, PNG + b"2"]
        await shop.edit(edited, Post(text="hello", media=(picture(PNG + b"3"),)), key("three"))
    assert [one.data for one in x.own[0].media] == [PNG + b"3"]


async def test_an_edit_that_does_not_fit_is_refused(premium: X, clock: FakeClock) -> None:
    x = premium
    async with premium_shop(x, clock) as shop:
        posted = await shop.post(Post(text="helo"), key())
        for post in (Post(text="x" * 25_001), Post(text="hello", warning="Ending"), Post(text="")):
            with pytest.raises(RefusedError):
                await shop.edit(posted, post, key("two"))
        await shop.edit(posted, Post(text="hello", warning=""), key("two"))
    assert x.own[0].text == "hello"


async def test_an_edit_of_what_cannot_be_read_is_tried_again(premium: X, clock: FakeClock) -> None:
    x = premium
    async with premium_shop(x, clock) as shop:
        posted = await shop.post(Post(text="helo"), key())
        x.decide = only("GET", "/2/tweets/", x_faults.answer(200, {"data": []}))
        with pytest.raises(UnavailableError, match="something else"):
            await shop.edit(posted, Post(text="hello"), key("two"))
        x.decide = only("GET", "/2/tweets/", x_faults.forbidden())
        with pytest.raises(RefusedError, match="refused it"):
            await shop.edit(posted, Post(text="hello"), key("two"))


@pytest.mark.parametrize("fault", [None, x_faults.no_data()], ids=["404", "200 with errors"])
async def test_trap_what_x_does_not_know_any_more_is_deleted(
    x: X, clock: FakeClock, fault: faults.Fault | None
) -> None:
    async with entered(x, clock) as shop:
        x.decide = only("DELETE", "/2/tweets/", fault) if fault else None
        await shop.delete(Posted(id=PostId("12345")))
        assert shop._ledger.spending().today.amount == Decimal("0.01")


async def test_a_deletion_that_x_did_not_make_is_tried_again(x: X, clock: FakeClock) -> None:
    async with entered(x, clock) as shop:
        posted = await shop.post(Post(text="hello"), key())
        x.decide = only("DELETE", "/2/tweets/", x_faults.answer(200, {"data": {"deleted": False}}))
        with pytest.raises(UnavailableError):
            await shop.delete(posted)
        x.decide = only("DELETE", "/2/tweets/", x_faults.empty())
        with pytest.raises(UncertainError):
            await shop.delete(posted)


async def test_trap_deleting_goes_beyond_every_budget(x: X, clock: FakeClock) -> None:
    async with entered(x, clock, daily_budget="0.03", monthly_budget="0.03") as shop:
        posted = await shop.post(Post(text="hello"), key())
        with pytest.raises(RefusedError, match="budget"):
            await shop.post(Post(text="more"), key("two"))
        await shop.delete(posted)
    assert x.own == []
