from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.commands.incoming import Gesture, GestureKind
from bridge.domain.deliveries import DeliveryKind, State
from bridge.domain.ids import EntryId
from bridge.store import outbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.domain.deliveries import Delivery
    from bridge.store import Tx
    from tests.unit.commands.conftest import Bench

OTHERWISE = "`!post TEXT` a follow-up, or `!undo 1` and post it again"


@pytest.fixture
async def published(bench: Bench) -> Bench:
    await bench.room("!post We are dwon", names=frozenset({"m1"}))
    await bench.become(1, State.SENT)
    return bench


async def edits(bench: Bench) -> list[Delivery]:
    return [one for one in await bench.deliveries(1) if one.kind is DeliveryKind.EDIT]


async def settle(bench: Bench, state: State) -> None:
    """Let the lanes come to an end with what waits for them."""

    def change(tx: Tx) -> None:
        for one in outbox.of_post(tx, EntryId(1)):
            if one.kind is DeliveryKind.EDIT and one.state is State.READY:
                outbox.save(tx, replace(one, state=state), now=bench.clock.now())

    await bench.store.write(change)


@pytest.mark.parametrize("way", ["text", "gesture"])
async def test_what_is_published_is_edited_where_that_can_be_done(published: Bench, way: str) -> None:
    gesture = Gesture(kind=GestureKind.CORRECTION, about="m1")
    told = await (
        published.room("!post We are down", gesture=gesture)
        if way == "gesture"
        else published.room("!edit 1 We are down")
    )
    assert told[-1] == f"[1] mastodon: correcting · x: can't be edited there: {OTHERWISE}"
    (edit,) = await edits(published)
    (post, _) = [one for one in await published.deliveries(1) if one.kind is DeliveryKind.POST]
    assert (edit.text, edit.state, edit.follows) == ("We are down", State.READY, post.id)
    assert edit.parent is not None
    assert post.posted is not None
    assert edit.parent.id == post.posted.id
    assert (await published.audited())[-1][1:] == ("edit", 1, None, "We are down")


async def test_the_receipt_tells_how_a_correction_went(published: Bench) -> None:
    links = "mastodon https://mastodon.example.org/1{} · x https://x.example.org/2"
    await published.room("!edit 1 We are down")
    assert await published.receipt(1) == "[1] " + links.format(", being corrected")
    await settle(published, State.SENT)
    assert await published.receipt(1) == "[1] " + links.format(", corrected")
    await published.room("!edit 1 We are down again")
    await settle(published, State.DEAD)
    assert await published.receipt(1) == "[1] " + links.format(", NOT corrected")
    assert (await published.room("!retry 1"))[-1] == "[1] mastodon: trying again"
    assert await published.receipt(1) == "[1] " + links.format(", being corrected")


async def test_a_newer_correction_takes_the_place_of_one_that_waits(published: Bench) -> None:
    await published.room("!edit 1 We are down")
    await published.room("!edit 1 We were down")
    assert [(one.text, one.state) for one in await edits(published)] == [
        ("We are down", State.CANCELLED),
        ("We were down", State.READY),
    ]


async def test_taking_it_back_ends_its_correction(published: Bench) -> None:
    await published.room("!edit 1 We are down")
    await published.room("!undo 1")
    assert [one.state for one in await edits(published)] == [State.CANCELLED]
    told = await published.room("!edit 1 Hello")
    assert told[-1].startswith("[1] mastodon: was deleted · x: can't be edited there")
    assert told[-1].endswith("Nothing was changed.")


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (State.SENDING, "is on its way: correct it again once it is there"),
        (State.UNCERTAIN, "is on its way: correct it again once it is there"),
        (State.ASKED, f"nobody knows whether it is there: {OTHERWISE}"),
        (State.DEAD, "isn't there"),
    ],
)
async def test_what_may_be_on_the_wire_keeps_its_text(bench: Bench, state: State, says: str) -> None:
    await bench.room("!post We are dwon")
    await bench.become(1, state)
    told = await bench.room("!edit 1 We are down")
    assert told == [f"[1] mastodon: {says} · x: {says}. Nothing was changed."]
    assert {one.text for one in await bench.deliveries(1)} == {"We are dwon"}


async def test_what_waits_for_its_account_goes_out_as_corrected(bench: Bench) -> None:
    await bench.room("!post We are dwon")
    await bench.become(1, State.READY)
    await bench.become(1, State.SENT, account="mastodon")
    told = await bench.room("!edit 1 We are down")
    assert told[-1] == "[1] mastodon: correcting · x: will go out as corrected"
    assert [(one.account, one.kind, one.text) for one in await bench.deliveries(1)] == [
        ("mastodon", DeliveryKind.POST, "We are dwon"),
        ("x", DeliveryKind.POST, "We are down"),
        ("mastodon", DeliveryKind.EDIT, "We are down"),
    ]


async def test_a_correction_that_needs_other_parts_is_refused(published: Bench) -> None:
    told = await published.room("!edit 1 " + "much longer " * 60)
    assert "mastodon: has 1 part, and the correction would have 2" in told[-1]
    assert told[-1].endswith("Nothing was changed.")
    assert await edits(published) == []


async def test_there_is_nothing_to_edit(bench: Bench) -> None:
    await bench.hears("any ETA?")
    assert await bench.room("!edit 1 We are down") == ["There is no post [1]. Nothing was changed."]


async def test_a_line_that_was_judged_as_a_drafts_changes_nothing_once_it_is_out(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.room("!to mastodon post hello", names=frozenset({"m1"}))
    write = bench.store.write

    async def late(unit: Callable[[Tx], Any], *, bulk: bool = False) -> Any:
        monkeypatch.setattr(bench.store, "write", write)
        await bench.become(1, State.SENT)
        return await write(unit, bulk=bulk)

    monkeypatch.setattr(bench.store, "write", late)
    gesture = Gesture(kind=GestureKind.CORRECTION, about="m1")
    (words,) = await bench.room("!visibility private post hello there", gesture=gesture)
    assert words == "[1] has just gone out: correct it again. Nothing was changed."
    assert await edits(bench) == []
    assert [one.visibility for one in await bench.deliveries(1)] == [None]
