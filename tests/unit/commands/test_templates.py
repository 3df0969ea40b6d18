"""`say`: a template is a post like any other, or an answer where it is a reply."""

from __future__ import annotations

import pytest

from bridge.commands.incoming import Gesture, GestureKind
from bridge.domain.deliveries import State
from bridge.domain.ids import EntryId
from bridge.settings import ReplyGesture
from bridge.store import posts
from tests.unit.commands.conftest import Bench

ROOM = "ops@rooms.example.org"
TEXTS = {
    "maintenance": "Maintenance of {1} begins at {2} UTC.",
    "sorry": "We are sorry.",
}
LISTED = [
    "maintenance: Maintenance of {1} begins at {2} UTC.",
    "sorry: We are sorry.",
]


@pytest.fixture(autouse=True)
def _texts(bench: Bench) -> None:
    bench.configure(templates=TEXTS)


def replied(about: str) -> Gesture:
    return Gesture(kind=GestureKind.REPLY, about=about)


def corrected(about: str, *, replies: bool = False) -> Gesture:
    return Gesture(kind=GestureKind.CORRECTION, about=about, replies=replies)


async def texts(bench: Bench, post: int) -> list[str]:
    return [one.text for one in await bench.deliveries(post)]


async def told_of(bench: Bench, *, who: str = "raj", claimed: bool = True) -> str:
    """Have kim say something that the room is told, and return the name of a message about it."""
    (item,) = await bench.hears("any ETA?")
    if claimed:
        await bench.room(f"!claim {item.id:x}", who=who)
        return bench.name_of("'s, ", ROOM)
    await bench.room(f"!note {item.id:x} told", who=who)
    return bench.name_of("noted", ROOM)


async def test_a_template_is_a_post_like_any_other(bench: Bench) -> None:
    assert await bench.room('!to mastodon cw Work: say maintenance "the api" 02:00, or later') == [
        '[1] 53 characters, behind "Work": mastodon ok. Sending in 20 s: `!send`, `!undo`, or correct your message'
    ]
    assert await texts(bench, 1) == ["Maintenance of the api begins at 02:00, or later UTC."]
    assert await bench.audited() == [
        ("raj@example.org", "post", 1, None, "Maintenance of the api begins at 02:00, or later UTC."),
        ("raj@example.org", "say", 1, None, "maintenance"),
    ]
    (answer,) = await bench.direct("say sorry")
    assert answer.startswith("[2] 13 characters: mastodon ok")


@pytest.mark.parametrize("text", ["!say hello you", "!say sorry you", "!say maintenance", "!say maintenance api"])
async def test_a_wrong_one_posts_nothing(bench: Bench, text: str) -> None:
    for answer in (*await bench.room(text), *await bench.direct(text)):
        assert answer.endswith("Nothing was posted.")
        assert "type `" in answer or "lists them" in answer
    assert await bench.count("post") == 0


async def test_bare_words_that_only_begin_like_one_are_asked_about(bench: Bench) -> None:
    (answer,) = await bench.direct("say hello to everybody")
    assert answer == (
        '[1] Post "say hello to everybody" as a status (`send`), or did you mean `say TEMPLATE [WORDS]` or `say`? '
        "Nothing was posted. There is no template called `hello`: `say` lists them."
    )
    (answer,) = await bench.direct("say maintenance soon")
    assert answer.endswith('`say maintenance` needs 2 words, not 1 ("Maintenance of {1} begins at {2} UTC.").')
    assert await bench.states(2) == {"mastodon": ["held"], "x": ["held"]}


async def test_they_are_listed(bench: Bench) -> None:
    (answer,) = await bench.room("!say")
    assert answer.splitlines() == [*LISTED, "`!say TEMPLATE WORDS` posts one"]
    (answer,) = await bench.direct("help say")
    assert answer.splitlines()[1:] == [*LISTED, "`say TEMPLATE WORDS` posts one"]
    bench.configure(templates={f"t{number}": "We {1}" for number in range(25)})
    (answer,) = await bench.direct("say")
    assert answer.splitlines()[20] == "... and 5 more"
    bench.configure(templates={})
    assert (await bench.direct("say"))[0].startswith("There are no templates")


@pytest.mark.parametrize(
    "text", ["!say maintenance api 02:00", "say maintenance api 02:00", "status: say maintenance api 02:00"]
)
async def test_in_a_reply_to_an_item_it_answers_that(bench: Bench, text: str) -> None:
    name = await told_of(bench)
    (answer,) = await bench.room(text, gesture=replied(name))
    assert answer.startswith("[2->1] to @kim, from mastodon, as raj in 20 s")
    assert await texts(bench, 2) == ["@kim@mastodon.example Maintenance of api begins at 02:00 UTC."]
    assert ("raj@example.org", "say", 2, "mastodon", "maintenance") in await bench.audited()


@pytest.mark.parametrize("way", list(ReplyGesture))
async def test_a_marked_one_in_a_reply_is_never_public(bench: Bench, way: ReplyGesture) -> None:
    rooms = tuple(room.model_copy(update={"reply_gesture": way}) for room in bench.settings.rooms)
    bench.configure(rooms=rooms)
    name = await told_of(bench, claimed=False)
    (answer,) = await bench.room("!say sorry", gesture=replied(name))
    assert answer.startswith("[2->1] to @kim")
    (answer,) = await bench.room("!to x say sorry", gesture=replied(name))
    assert answer == "`to` is for posts, and that answers somebody: leave it out. Nothing was posted."


async def test_what_is_wrong_in_a_reply_is_told_and_not_sent_to_the_customer(bench: Bench) -> None:
    name = await told_of(bench)
    for text in ("!say maintenance api", "say maintenance api", "!say hello", "!psot sorry"):
        (answer,) = await bench.room(text, gesture=replied(name))
        assert answer.endswith("Nothing was posted.")
    assert await bench.count("post") == 0
    (answer,) = await bench.room("say hello to your boss", gesture=replied(name))
    assert answer.startswith("[2->1] to @kim")
    assert await texts(bench, 2) == ["@kim@mastodon.example say hello to your boss"]


async def test_a_reply_to_what_nobody_claimed_asks_with_the_template_filled(bench: Bench) -> None:
    name = await told_of(bench, claimed=False)
    (answer,) = await bench.room("say sorry", gesture=replied(name))
    assert answer.startswith("[2->1] Talk or answer?")
    assert await texts(bench, 2) == ["@kim@mastodon.example We are sorry."]


async def test_in_a_direct_chat_a_reply_answers_too(bench: Bench) -> None:
    await bench.hears("any ETA?")
    await bench.direct("note 1 told")
    name = bench.name_of("noted", "raj@example.org")
    (answer,) = await bench.direct("say sorry", gesture=replied(name))
    assert answer.startswith("[2->1] to @kim")


async def test_a_reply_to_anything_else_posts_it(bench: Bench) -> None:
    (answer,) = await bench.room("!say sorry", gesture=replied("unknown"))
    assert answer.startswith("[1] 13 characters")


async def test_a_correction_changes_what_it_says(bench: Bench) -> None:
    await bench.room("!say maintenance api 02:00", names=frozenset({"m1"}))
    (receipt,) = await bench.room("!to x say maintenance web 03:00", gesture=corrected("m1"))
    assert receipt.startswith("[1] 39 characters: x ok")
    assert await texts(bench, 1) == ["Maintenance of web begins at 03:00 UTC."]
    assert (await bench.room("!say maintenance web", gesture=corrected("m1")))[0].endswith("Nothing was changed.")


@pytest.mark.parametrize("text", ["!say sorry", "say sorry"])
async def test_a_correction_of_an_answer_stays_an_answer(bench: Bench, text: str) -> None:
    name = await told_of(bench)
    await bench.room("in 20 minutes", gesture=replied(name), names=frozenset({"m1"}))
    (receipt,) = await bench.room(text, gesture=corrected("m1", replies=True))
    assert receipt.startswith("[2->1] to @kim")
    assert await texts(bench, 2) == ["@kim@mastodon.example We are sorry."]


async def test_a_correction_of_what_failed_in_a_reply_is_not_public(bench: Bench) -> None:
    name = await told_of(bench)
    await bench.room("!say maintenance api", gesture=replied(name), names=frozenset({"m1"}))
    (answer,) = await bench.room("!say maintenance api 02:00", gesture=corrected("m1", replies=True))
    assert answer == ("A correction doesn't tell me whom that answers: say it anew, in a reply. Nothing was posted.")
    assert await bench.count("post") == 0


async def test_handed_in_twice_it_is_one_post(bench: Bench) -> None:
    incoming = bench.incoming("!say sorry", room=ROOM)
    await bench.hand_in(incoming)
    await bench.hand_in(incoming)
    assert await bench.count("post") == 1
    await bench.become(1, State.SENT)
    stored = await bench.store.read(lambda tx: posts.get(tx, EntryId(1)))
    assert stored is not None
    assert stored.text == "We are sorry."
