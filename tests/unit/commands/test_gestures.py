from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import pytest

from bridge.commands.incoming import Content, Gesture, GestureKind
from bridge.domain.deliveries import State
from bridge.domain.ids import EntryId
from bridge.domain.inbox import ItemState
from bridge.domain.posts import Visibility
from bridge.settings import ReplyGesture
from bridge.store import inbox

if TYPE_CHECKING:
    from tests.unit.commands.conftest import Bench

ROOM = "ops@rooms.example.org"
SECOND_ROOM = "sales@rooms.example.org"
RAJ = "raj@example.org"

Way = Literal["text", "gesture"]


def reacted(about: str, *emojis: str) -> Gesture:
    return Gesture(kind=GestureKind.REACTIONS, about=about, emojis=frozenset(emojis))


def replied(about: str) -> Gesture:
    return Gesture(kind=GestureKind.REPLY, about=about)


def corrected(about: str) -> Gesture:
    return Gesture(kind=GestureKind.CORRECTION, about=about)


def retracted(about: str) -> Gesture:
    return Gesture(kind=GestureKind.RETRACTION, about=about)


class Chat:
    """One conversation, in which everything can be said by text and by gesture."""

    def __init__(self, bench: Bench, where: str) -> None:
        self.bench = bench
        self.where = where

    async def say(self, text: str, **values: Any) -> list[str]:
        if self.where == RAJ:
            return await self.bench.direct(text, **values)
        return await self.bench.room("!" + text if text and "gesture" not in values else text, **values)

    async def do(self, gesture: Gesture, text: str = "", **values: Any) -> list[str]:
        return await self.say(text, gesture=gesture, **values)

    async def hears(self, text: str) -> str:
        """Be told of an item as one is; return the name of that message."""
        (item,) = await self.bench.hears(text)
        await self.say(f"note {item.id:x} told")
        return self.bench.name_of(" noted", self.where)


@pytest.fixture(params=[ROOM, RAJ])
def chat(request: pytest.FixtureRequest, bench: Bench) -> Chat:
    return Chat(bench, request.param)


async def state(bench: Bench, number: int = 1) -> ItemState:
    found = await bench.store.read(lambda tx: inbox.get(tx, EntryId(number)))
    assert found is not None
    return found.state


@pytest.mark.parametrize("way", ["text", "gesture"])
async def test_a_claim_and_its_end(chat: Chat, way: Way) -> None:
    bench, name = chat.bench, await chat.hears("any ETA?")
    gesture = way == "gesture"
    told = await (chat.do(reacted(name, "👀", "👍")) if gesture else chat.say("claim 1"))
    assert told[0] == "[1] is raj's, 0:00 after it arrived"
    assert await state(bench) is ItemState.CLAIMED
    told = await (chat.do(reacted(name, "👍")) if gesture else chat.say("release 1"))
    assert told[0] == "[1] is open again"
    assert await state(bench) is ItemState.OPEN
    assert [row[1] for row in await bench.audited()] == ["note", "claim", "release"]


@pytest.mark.parametrize("way", ["text", "gesture"])
async def test_what_is_done(chat: Chat, way: Way) -> None:
    name = await chat.hears("any ETA?")
    told = await (chat.do(reacted(name, "✅\ufe0f")) if way == "gesture" else chat.say("done 1"))
    assert told[0] == "[1] is done, says raj"


@pytest.mark.parametrize("way", ["text", "gesture"])
async def test_an_answer_to_what_one_has_claimed(chat: Chat, way: Way) -> None:
    name = await chat.hears("any ETA?")
    await chat.say("claim 1")
    told = await (chat.do(replied(name), "in 20 minutes") if way == "gesture" else chat.say("r 1 in 20 minutes"))
    assert told[0].startswith("[2->1] to @kim, from mastodon, as raj in 20 s")
    (one,) = await chat.bench.deliveries(2)
    assert (one.state, one.text) == (State.HELD, "@kim@mastodon.example in 20 minutes")


@pytest.mark.parametrize("way", ["text", "gesture"])
async def test_a_note(chat: Chat, way: Way) -> None:
    name = await chat.hears("any ETA?")
    told = await (chat.do(replied(name), "// gold customer") if way == "gesture" else chat.say("note 1 gold customer"))
    assert told[0].startswith("[1] noted")
    assert (await chat.bench.audited())[-1][1:] == ("note", 1, "mastodon", "gold customer")
    assert await chat.bench.count("post") == 0


@pytest.mark.parametrize("way", ["text", "gesture"])
async def test_another_text_for_what_is_held(chat: Chat, way: Way) -> None:
    await chat.say("post We are dwon", names=frozenset({"m1"}), key="s1")
    before = await chat.bench.deliveries(1)
    await chat.bench.clock.advance(10)
    marked = "!post We are down" if chat.where == ROOM else "post We are down"
    told = await (chat.do(corrected("m1"), marked) if way == "gesture" else chat.say("edit 1 We are down"))
    assert told == [told[0]]
    assert told[0].startswith("[1] 11 characters: mastodon ok, x ok (can't be edited or deleted). Sending in 20 s")
    after = await chat.bench.deliveries(1)
    assert {one.text for one in after} == {"We are down"}
    assert {one.id for one in after}.isdisjoint(one.id for one in before)
    assert {one.account for one in after} == {"mastodon", "x"}
    assert (await chat.bench.audited())[-1][1:] == ("edit", 1, None, "We are down")


@pytest.mark.parametrize("way", ["text", "gesture"])
@pytest.mark.parametrize("published", [False, True])
async def test_taking_a_post_back(chat: Chat, way: Way, *, published: bool) -> None:
    await chat.say("post We are down", names=frozenset({"m1"}), key="s1")
    if published:
        await chat.bench.become(1, State.SENT)
    told = await (chat.do(retracted("m1")) if way == "gesture" else chat.say("undo 1"))
    words = "mastodon: deleting · x: can't be deleted from here: https://x.example.org/2" if published else "cancelled"
    assert f"[1] {words}" in " ".join(told)


@pytest.mark.parametrize("name", ["m1", "o1", "s1"])
async def test_every_name_of_a_message_of_ones_own_is_known(chat: Chat, name: str) -> None:
    await chat.say("post We are down", names=frozenset({"m1", "o1"}), key="s1")
    assert "cancelled" in " ".join(await chat.do(retracted(name)))


async def test_a_correction_is_corrected_by_its_own_name_or_the_first_ones(chat: Chat) -> None:
    mark = "!" if chat.where == ROOM else ""
    await chat.say("post one", names=frozenset({"m1"}))
    await chat.do(corrected("m1"), f"{mark}post two", names=frozenset({"m2"}))
    await chat.do(corrected("m2"), f"{mark}post three", names=frozenset({"m3"}))
    await chat.do(corrected("m1"), f"{mark}post four", names=frozenset({"m4"}))
    assert {one.text for one in await chat.bench.deliveries(1)} == {"four"}
    assert await chat.bench.count("post") == 1


async def test_nobody_changes_another_ones_line(bench: Bench) -> None:
    await bench.room("!post We are down", names=frozenset({"m1"}), key="s1")
    for name in ("m1", "s1"):
        assert await bench.room("!post hacked", who="tom", gesture=corrected(name)) == []
        assert await bench.room("", who="tom", gesture=retracted(name)) == []
        assert await bench.direct("", gesture=retracted(name)) == []
    assert {one.text for one in await bench.deliveries(1)} == {"We are down"}


async def test_a_correction_never_makes_a_command_of_talk(bench: Bench) -> None:
    await bench.room("is it the cache?", names=frozenset({"m1"}))
    assert await bench.room("!post We are down", gesture=corrected("m1")) == []
    assert await bench.room("!panic", gesture=corrected("m1")) == []
    assert await bench.count("post") == 0


async def test_a_command_that_went_wrong_is_said_anew_by_a_correction(bench: Bench) -> None:
    (words,) = await bench.room("!pots We are down", names=frozenset({"m1"}))
    assert "is no verb" in words
    (words,) = await bench.room("!post We are down", gesture=corrected("m1"))
    assert words.startswith("[1] 11 characters")


async def test_a_correction_into_something_else_changes_nothing(chat: Chat) -> None:
    mark = "!" if chat.where == ROOM else ""
    await chat.say("post We are down", names=frozenset({"m1"}))
    for text in (f"{mark}panic", f"{mark}help", "never mind" if mark else f"{mark}undo"):
        (words,) = await chat.do(corrected("m1"), text)
        assert words.startswith("[1] stays as it is")
    assert {one.state for one in await chat.bench.deliveries(1)} == {State.HELD}


async def test_a_correction_of_an_unknown_line_is_never_published(bench: Bench) -> None:
    (words,) = await bench.direct("We are down", gesture=corrected("what"))
    assert words.startswith("I don't know the line that this corrects")
    assert await bench.count("post") == 0


async def test_bare_words_are_corrected_as_bare_words(bench: Bench) -> None:
    await bench.direct("We are dwon at the moment", names=frozenset({"m1"}))
    told = await bench.direct("We are down at the moment", gesture=corrected("m1"))
    assert told[0].startswith("[1] 25 characters")
    assert {one.text for one in await bench.deliveries(1)} == {"We are down at the moment"}


async def test_what_was_cancelled_stays_so(bench: Bench) -> None:
    await bench.room("!post We are dwon", names=frozenset({"m1"}))
    await bench.become(1, State.CANCELLED)
    (words,) = await bench.room("!post We are down", gesture=corrected("m1"))
    assert words == "[1] was cancelled: post it again. Nothing was changed."


async def test_an_answer_is_corrected_with_its_mention(bench: Bench) -> None:
    await bench.hears("any ETA?", visibility=Visibility.DIRECT)
    await bench.room("!r 1 in 20 minuts", names=frozenset({"m1"}))
    await bench.room("!r 1 in 20 minutes", gesture=corrected("m1"))
    (one,) = await bench.deliveries(2)
    assert (one.text, one.visibility) == ("@kim@mastodon.example in 20 minutes", Visibility.DIRECT)
    assert one.parent is not None


@pytest.mark.parametrize("replies", [True, False])
async def test_a_reply_is_corrected_as_the_reply_that_it_was(chat: Chat, *, replies: bool) -> None:
    bench, name = chat.bench, await chat.hears("any ETA?")
    await chat.do(reacted(name, "👀"))
    await chat.do(replied(name), "in 20 minuts", names=frozenset({"m1"}))
    told = await chat.do(replace(corrected("m1"), replies=replies), "in 20 minutes")
    if replies:
        assert told[0].startswith("[2->1] to @kim")
        assert (await bench.deliveries(2))[0].text == "@kim@mastodon.example in 20 minutes"
    else:
        # It might as well be talk, which a correction must not bring out.
        assert "stays as it is" in told[0]


async def test_colleagues_talk_by_replies_and_are_asked_once(bench: Bench) -> None:
    chat = Chat(bench, ROOM)
    name = await chat.hears("any ETA?")
    assert await chat.do(replied(name), "is it the cache again?") == [
        "[2->1] Talk or answer? `!send 2` answers @kim, from mastodon, as raj"
    ]
    assert await chat.do(replied(name), "or the database?") == []
    assert await chat.do(replied(name), "hm", who="tom") == [
        "[3->1] Talk or answer? `!send 3` answers @kim, from mastodon, as tom"
    ]
    assert await bench.room("!send") == ["Nothing of yours is held here. Nothing was posted."]
    assert await bench.states(2) == {"mastodon": ["held"]}
    assert (await bench.room("!send 2"))[-1] == "[2->1] goes out now"
    assert await bench.states(2) == {"mastodon": ["ready"]}


@pytest.mark.parametrize(("way", "posts"), [(ReplyGesture.OFF, 0), (ReplyGesture.ANSWER, 1)])
async def test_a_room_may_answer_by_any_reply_or_by_none(bench: Bench, way: ReplyGesture, posts: int) -> None:
    rooms = tuple(room.model_copy(update={"reply_gesture": way}) for room in bench.settings.rooms)
    bench.configure(rooms=rooms)
    chat = Chat(bench, ROOM)
    name = await chat.hears("any ETA?")
    told = await chat.do(replied(name), "soon")
    assert len(told) == posts == await bench.count("post")


async def test_a_reply_that_is_a_command_is_one(bench: Bench) -> None:
    chat = Chat(bench, ROOM)
    name = await chat.hears("any ETA?")
    assert (await chat.do(replied(name), "!claim 1"))[0].startswith("[1] is raj's")


async def test_a_reply_to_anything_else_is_what_it_says(bench: Bench) -> None:
    assert await bench.room("good idea", gesture=replied("whatever")) == []
    told = await bench.direct("We are down at the moment", gesture=replied("whatever"))
    assert told[0].startswith("[1] 25 characters")


async def test_reactions_to_anything_else_mean_nothing(chat: Chat) -> None:
    name = await chat.hears("any ETA?")
    assert await chat.do(reacted(name, "👍", "🎉")) == []
    assert await chat.do(reacted("unknown", "👀")) == []
    await chat.say("post hello")
    receipt = chat.bench.name_of("[2]", chat.where)
    assert await chat.do(reacted(receipt, "👀", "✅", "❌")) == []
    assert await chat.bench.count("reaction") == 0


async def test_reactions_that_were_there_before_are_not_taken_for_new(chat: Chat) -> None:
    name = await chat.hears("any ETA?")
    await chat.do(reacted(name, "👀"))
    assert await chat.do(reacted(name, "👀")) == []
    assert await chat.do(reacted(name, "👀", "👍")) == []
    told = await chat.do(reacted(name, "👀", "✅"))
    assert told[0] == "[1] is done, says raj"
    assert await chat.do(reacted(name, "✅")) == []
    assert await chat.bench.count("reaction") == 1


async def test_only_the_owner_releases_by_taking_the_eyes_away(bench: Bench) -> None:
    chat = Chat(bench, ROOM)
    name = await chat.hears("any ETA?")
    await chat.do(reacted(name, "👀"))
    assert await chat.do(reacted(name, "👀"), who="tom") == ["[1] is raj's for 0 s. Nothing was changed."]
    assert await chat.do(reacted(name), who="tom") == []
    assert await state(bench) is ItemState.CLAIMED


async def test_in_a_room_only_the_rooms_own_id_names_a_message_of_ours(bench: Bench) -> None:
    chat = Chat(bench, ROOM)
    await chat.hears("any ETA?")
    copied = next(origin_id for jid, origin_id, _ in bench.said if jid == ROOM)
    assert await chat.do(reacted(copied, "👀")) == []
    assert await bench.room("", gesture=reacted(f"archived-{copied}", "👀"), room=SECOND_ROOM) == []
    assert await state(bench) is ItemState.OPEN


async def test_who_has_no_role_can_do_nothing(bench: Bench) -> None:
    chat = Chat(bench, ROOM)
    name = await chat.hears("any ETA?")
    for gesture in (reacted(name, "👀"), replied(name), retracted(name), corrected(name)):
        assert await bench.room("soon", who="eve", gesture=gesture) == []
    assert await bench.direct("", who="mallory", gesture=reacted(name, "👀")) == []
    assert await state(bench) is ItemState.OPEN


async def test_a_late_gesture_is_listed_and_not_done(bench: Bench) -> None:
    chat = Chat(bench, ROOM)
    name = await chat.hears("any ETA?")
    said_at = bench.clock.now()
    await bench.clock.advance(7200)
    (words,) = await chat.do(reacted(name, "👀"), said_at=said_at)
    assert words.splitlines()[1] == "raj, 2 h ago: (a gesture)"
    assert await state(bench) is ItemState.OPEN


async def test_an_encrypted_correction_is_no_correction(bench: Bench) -> None:
    await bench.direct("We are down at the moment", names=frozenset({"m1"}))
    await bench.direct("I sent you an encrypted message", gesture=corrected("m1"), content=Content.ENCRYPTED)
    assert {one.text for one in await bench.deliveries(1)} == {"We are down at the moment"}


async def test_a_corrected_line_says_anew_where_it_goes_and_who_may_see_it(bench: Bench) -> None:
    await bench.room("!to x visibility public post hello", names=frozenset({"m1"}))
    await bench.room("!visibility private post hello", gesture=corrected("m1"))
    made = await bench.deliveries(1)
    assert {(one.account, one.visibility) for one in made} == {
        ("mastodon", Visibility.PRIVATE),
        ("x", Visibility.PRIVATE),
    }
    await bench.room("!to x post hello", gesture=corrected("m1"))
    assert [(one.account, one.visibility) for one in await bench.deliveries(1)] == [("x", None)]


@pytest.mark.parametrize("line", ["!visibility private post hello", "!to mastodon,x post hello"])
async def test_once_it_is_out_a_correction_changes_the_text_alone(bench: Bench, line: str) -> None:
    await bench.room("!to mastodon post hello", names=frozenset({"m1"}))
    await bench.become(1, State.SENT)
    (words,) = await bench.room(line, gesture=corrected("m1"))
    assert words == "[1] goes where it went, to whom it went: `!undo 1` and post it again. Nothing was changed."
    told = await bench.room("!post hello there", gesture=corrected("m1"))
    assert told[-1] == "[1] mastodon: correcting"


async def test_a_correction_may_put_a_draft_behind_a_warning_and_nothing_that_is_out(bench: Bench) -> None:
    await bench.room("!post hello", names=frozenset({"m1"}))
    await bench.room("!cw Outage: post hello", gesture=corrected("m1"))
    assert {one.warning for one in await bench.deliveries(1)} == {"Outage"}
    await bench.become(1, State.SENT)
    (words,) = await bench.room("!cw Storm: post hello", gesture=corrected("m1"))
    assert words == "[1] goes where it went, to whom it went: `!undo 1` and post it again. Nothing was changed."
    await bench.room("!cw Outage: post hello there", gesture=corrected("m1"))
    assert (await bench.states(1))["mastodon"] == ["sent", "edit ready"]


@pytest.mark.parametrize("said", ["status: in 20 minutes", "status, in 20 minutes", " in 20 minutes"])
async def test_our_name_before_a_reply_is_not_sent_to_the_customer(bench: Bench, said: str) -> None:
    chat = Chat(bench, ROOM)
    name = await chat.hears("any ETA?")
    await chat.say("claim 1")
    await chat.do(replied(name), said)
    assert [one.text for one in await bench.deliveries(2)] == ["@kim@mastodon.example in 20 minutes"]


@pytest.mark.parametrize("said", ["status: done 1", "!done 1"])
async def test_a_command_is_one_whatever_it_replies_to(bench: Bench, said: str) -> None:
    chat = Chat(bench, ROOM)
    name = await chat.hears("any ETA?")
    await chat.say("claim 1")
    assert await chat.do(replied(name), said) == ["[1] is done, says raj"]
