"""Repeating what somebody said, and marking it as a favourite."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bridge.domain.deliveries import Delivery, DeliveryKind, State
from bridge.domain.ids import Cursor, EntryId
from bridge.domain.inbox import ItemState
from bridge.domain.items import Deleted
from bridge.domain.posts import Visibility
from bridge.store import inbox, outbox
from tests.unit.commands.test_gestures import Chat, corrected, reacted, replied, retracted

if TYPE_CHECKING:
    from tests.unit.commands.conftest import Bench

ROOM = "ops@rooms.example.org"
RAJ = "raj@example.org"
LINK = "https://mastodon.example/@kim/7"

KINDS = [("repeat", "🔁", DeliveryKind.REPEAT), ("fav", "⭐", DeliveryKind.FAVOUR)]


@pytest.fixture(params=[ROOM, RAJ])
def chat(request: pytest.FixtureRequest, bench: Bench) -> Chat:
    return Chat(bench, request.param)


async def only(bench: Bench, post: int = 2) -> Delivery:
    (one,) = await bench.deliveries(post)
    return one


@pytest.mark.parametrize("way", ["text", "gesture"])
@pytest.mark.parametrize(("word", "emoji", "kind"), KINDS)
async def test_it_is_held_and_shown_like_a_post(
    chat: Chat, way: str, word: str, emoji: str, kind: DeliveryKind
) -> None:
    bench, name = chat.bench, await chat.hears("all is well again, thanks!")
    told = await (chat.do(reacted(name, emoji)) if way == "gesture" else chat.say(f"{word} 1"))
    bang = "!" if chat.where == ROOM else ""
    does = {"repeat": "repeats", "fav": "favourites"}[word]
    assert told == [f"[2->1] {does} @kim, from mastodon, as raj in 20 s: `{bang}send` or `{bang}undo`"]
    one = await only(bench)
    assert (one.kind, one.account, one.state, one.text) == (kind, "mastodon", State.HELD, "")
    assert one.parent is not None
    assert one.parent.id.startswith("there-")
    assert (await bench.audited())[-1][1:] == (kind.value, 2, "mastodon", None)
    assert await state(bench) is ItemState.OPEN
    assert await chat.say("send 2") == [
        f"[2->1] {does} @kim, from mastodon, as raj: mastodon on its way",
        "[2->1] goes out now",
    ]
    assert (await only(bench)).state is State.READY


async def state(bench: Bench) -> ItemState:
    found = await bench.store.read(lambda tx: inbox.get(tx, EntryId(1)))
    assert found is not None
    return found.state


async def test_by_the_name_of_who_said_it_and_by_the_short_word(bench: Bench) -> None:
    await bench.hears("first", "second")
    await bench.direct("rt @kim")
    assert [one.kind for one in await bench.deliveries(3)] == [DeliveryKind.REPEAT]
    assert (await bench.receipt(3)).startswith("[3->2] repeats @kim")


async def test_without_a_hold_it_goes_out_at_once(bench: Bench) -> None:
    bench.configure(posting=bench.settings.posting.model_copy(update={"hold": timedelta(0)}))
    bench.born_for = frozenset({"mastodon"})
    await bench.hears("thanks!", url=LINK)
    await bench.direct("fav 1")
    (born,) = bench.born
    assert (born.kind, born.state, born.posted_url) == (DeliveryKind.FAVOUR, State.SENDING, LINK)


@pytest.mark.parametrize(("word", "emoji", "kind"), KINDS)
async def test_once_however_often_it_is_said(bench: Bench, word: str, emoji: str, kind: DeliveryKind) -> None:
    del emoji, kind
    await bench.hears("thanks!")
    await bench.direct(f"{word} 1")
    done = {"repeat": "repeated", "fav": "a favourite"}[word]
    assert await bench.direct(f"{word} 1", who="ana") == [f"[1] is {done} already: [2] by raj. Nothing was posted."]
    await bench.direct("undo")
    assert (await bench.direct(f"{word} 1", who="ana"))[0].startswith("[3->1] ")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"visibility": Visibility.DIRECT}, "isn't public, so it can't be repeated"),
        ({"visibility": Visibility.PRIVATE}, "isn't public, so it can't be repeated"),
        ({"account": "x"}, "came in on x, which can't repeat messages"),
        ({"account": "gone"}, "came in on gone, which is not configured any more"),
    ],
)
async def test_what_cannot_be_repeated(bench: Bench, change: dict[str, Any], words: str) -> None:
    bench.accounts.change("x", repeats=False)
    await bench.hears("hello", **change)
    assert await bench.direct("repeat 1") == [f"[1] {words}. Nothing was posted."]
    assert await bench.count("post") == 0


async def test_on_an_account_that_is_disabled_or_cannot(bench: Bench) -> None:
    await bench.hears("hello")
    bench.accounts.change("mastodon", favours=False)
    assert await bench.direct("fav 1") == ["[1] came in on mastodon, which can't mark favourites. Nothing was posted."]
    bench.accounts.change("mastodon", enabled=False)
    assert await bench.direct("fav 1") == ["[1] came in on mastodon, which is disabled. Nothing was posted."]


async def test_what_is_private_can_be_a_favourite(bench: Bench) -> None:
    await bench.hears("thank you", visibility=Visibility.DIRECT)
    assert (await bench.direct("fav 1"))[0].startswith("[2->1] favourites @kim, private, from mastodon, as raj in 20 s")


async def test_what_was_taken_back_and_what_nobody_said(bench: Bench) -> None:
    (item,) = await bench.hears("hello")
    gone = Deleted(id=item.item.id, cursor=Cursor("2"))
    await bench.store.write(lambda tx: inbox.hear(tx, account="mastodon", things=[gone], received_at=bench.clock.now()))
    assert await bench.direct("repeat 1") == ["[1] was taken back by its author. Nothing was posted."]
    await bench.direct("post one")
    words = "[2] is a post of ours, not something that a customer said. Nothing was changed."
    assert await bench.direct("repeat 2") == [words]


@pytest.mark.parametrize("way", ["text", "gesture", "retraction"])
@pytest.mark.parametrize(("word", "emoji", "kind"), KINDS)
async def test_what_is_held_is_taken_back(chat: Chat, way: str, word: str, emoji: str, kind: DeliveryKind) -> None:
    del kind
    bench, name = chat.bench, await chat.hears("thanks!")
    if way == "retraction":
        await chat.say(f"{word} 1", names=frozenset({"m1"}), key="s1")
    else:
        await chat.do(reacted(name, emoji))
    undone = {
        "text": lambda: chat.say("undo"),
        "gesture": lambda: chat.do(reacted(name)),
        "retraction": lambda: chat.do(retracted("m1" if chat.where == RAJ else "s1")),
    }
    assert "[2->1] cancelled. Nothing was posted." in await undone[way]()
    assert (await only(bench)).state is State.CANCELLED


async def test_a_colleagues_reaction_takes_nothing_of_ours_back(bench: Bench) -> None:
    chat = Chat(bench, ROOM)
    name = await chat.hears("thanks!")
    await chat.say("repeat 1")
    await chat.do(reacted(name, "🔁"), who="ana")
    assert await chat.do(reacted(name), who="ana") == []
    assert (await only(bench)).state is State.HELD


async def test_a_repetition_that_is_there_is_deleted_and_a_favourite_stays(bench: Bench) -> None:
    await bench.hears("thanks!", url=LINK)
    await bench.direct("repeat 1")
    await bench.direct("fav 1")
    for post in (2, 3):
        await become(bench, post, State.SENT)
    assert (await bench.direct("undo 2"))[-1] == "[2->1] mastodon: deleting"
    assert await bench.states(2) == {"mastodon": ["repeat sent", "delete ready"]}
    assert (await bench.direct("undo 3"))[-1] == f"[3->1] mastodon: a favourite can't be taken back from here: {LINK}"
    assert await bench.states(3) == {"mastodon": ["favour sent"]}
    assert (await bench.direct("repeat 1"))[0].startswith("[4->1] repeats @kim")


async def test_on_the_wire_a_repetition_is_to_be_deleted_and_a_favourite_to_be_looked_after(bench: Bench) -> None:
    await bench.hears("thanks!")
    for post, word in ((2, "repeat"), (3, "fav")):
        await bench.direct(f"{word} 1")
        await become(bench, post, State.SENDING)
    assert (await bench.direct("undo 2"))[-1] == "[2->1] mastodon: is on its way, will be deleted once found"
    words = "[3->1] mastodon: is on its way and can't be taken back from here: do it by hand"
    assert (await bench.direct("undo 3"))[-1] == words
    assert (await only(bench, 2)).unwanted
    assert (await only(bench, 3)).unwanted


async def become(bench: Bench, post: int, into: State) -> None:
    await bench.become(post, into, kinds=frozenset({DeliveryKind.REPEAT, DeliveryKind.FAVOUR}))


async def test_it_has_no_text_that_could_be_changed(bench: Bench) -> None:
    await bench.hears("thanks!")
    await bench.direct("repeat 1", names=frozenset({"m1"}))
    (words,) = await bench.direct("edit 2 something else")
    assert words == "[2->1] has no text of its own: `undo 2` takes it back. Nothing was changed."
    (words,) = await bench.direct("post something else", gesture=corrected("m1"))
    assert words.startswith("[2->1] stays as it is")
    assert (await only(bench)).text == ""


async def test_a_reply_to_its_receipt_means_what_it_means_alone(bench: Bench) -> None:
    chat = Chat(bench, ROOM)
    await chat.hears("thanks!")
    await chat.say("repeat 1")
    assert await chat.do(replied(bench.name_of("repeats", ROOM)), "did we?") == []


async def test_it_waits_while_everything_is_frozen(bench: Bench) -> None:
    await bench.hears("thanks!")
    await bench.direct("panic")
    told = await bench.direct("repeat 1")
    assert told[1] == "[2] waits: everything outgoing is frozen. An approver's `resume` continues"


async def test_the_context_tells_of_it(bench: Bench) -> None:
    await bench.hears("thanks!")
    await bench.direct("repeat 1")
    await bench.direct("fav 1")
    (words,) = await bench.direct("context 1")
    assert "\n| repeated by raj, [2]\n| a favourite by raj, [3]" in words


async def test_those_of_a_burst_are_counted(bench: Bench) -> None:
    bench.configure(posting=bench.settings.posting.model_copy(update={"hold": timedelta(0)}))
    await bench.hears(*[f"thanks {number}" for number in range(8)])
    for number in range(1, 9):
        await bench.direct(f"fav {number}")
    await bench.clock.advance(5)
    assert any("posts: mastodon" in one.body for one in await bench.told())
    assert await bench.store.read(lambda tx: outbox.waiting(tx, "mastodon")) == 8
