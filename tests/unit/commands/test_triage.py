from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bridge.domain.deliveries import State
from bridge.domain.ids import Cursor, EntryId
from bridge.domain.inbox import ItemState
from bridge.domain.items import Deleted
from bridge.domain.posts import Visibility
from bridge.store import inbox

if TYPE_CHECKING:
    from bridge.domain.inbox import StoredItem
    from tests.unit.commands.conftest import Bench

ROOM = "ops@rooms.example.org"
SECOND_ROOM = "sales@rooms.example.org"


async def item(bench: Bench, number: int = 1) -> StoredItem:
    found = await bench.store.read(lambda tx: inbox.get(tx, EntryId(number)))
    assert found is not None
    return found


async def test_a_claim_says_whose_it_is_and_how_long_it_has_waited(bench: Bench) -> None:
    await bench.hears("any ETA?")
    await bench.clock.advance(41)
    assert await bench.room("!claim 1") == ["[1] is raj's, 0:41 after it arrived"]
    claimed = await item(bench)
    assert (claimed.state, claimed.claimed_by, claimed.claimed_as) == (ItemState.CLAIMED, "raj@example.org", "raj")
    assert claimed.claimed_at == bench.clock.now()
    assert await bench.audited() == [("raj@example.org", "claim", 1, "mastodon", None)]


async def test_of_two_who_claim_only_the_first_gets_it(bench: Bench) -> None:
    await bench.hears("any ETA?")
    await bench.room("!claim 1")
    await bench.clock.advance(300)
    assert await bench.room("!claim 1", who="tom") == ["[1] is raj's for 5 min. Nothing was changed."]
    assert await bench.room("!claim 1") == ["[1] is yours already"]
    assert (await item(bench)).claimed_by == "raj@example.org"


async def test_only_the_owner_or_an_approver_releases(bench: Bench) -> None:
    await bench.hears("any ETA?")
    assert await bench.room("!release 1") == ["[1] isn't claimed. Nothing was changed."]
    await bench.room("!claim 1", who="ana")
    words = "[1] is ana's for 0 s, and only ana or an approver gives it back. Nothing was changed."
    assert await bench.room("!release 1") == [words]
    assert await bench.room("!release 1", who="tom") == ["[1] is open again: tom took it from ana"]
    await bench.room("!claim 1")
    assert await bench.room("!release 1") == ["[1] is open again"]
    assert (await item(bench)).claimed_by is None


async def test_what_is_done_leaves_the_inbox_and_can_be_claimed_again(bench: Bench) -> None:
    await bench.hears("any ETA?", "thanks!")
    await bench.room("!claim 1")
    assert await bench.room("!done 1", who="tom") == ["[1] is done, says tom"]
    assert await bench.room("!done 1") == ["[1] is done already"]
    (listing,) = await bench.room("!inbox")
    assert listing.startswith("1 open, 0 claimed, 2 today\n[2]")
    assert await bench.room("!claim 1", who="tom") == ["[1] is tom's again; it was done before"]
    (listing,) = await bench.room("!inbox")
    assert listing.startswith("1 open, 1 claimed, 2 today\n[1] 0 s, claimed by tom @kim")


async def test_who_answers_what_a_colleague_has_claimed_is_told(bench: Bench) -> None:
    await bench.hears("any ETA?")
    await bench.room("!claim 1")
    assert (await bench.room("!r 1 soon", who="tom"))[1:] == ["[2->1] 1 is raj's: `!undo` if raj answers it"]
    assert len(await bench.room("!r 1 soon")) == 1


async def test_all_who_heard_of_it_are_told_whose_it_is(bench: Bench) -> None:
    await bench.hears("hello", account="x")
    await bench.desk.handle(bench.incoming("!claim 1", room=ROOM))
    told = [(one.to, one.body) for one in await bench.told()]
    words = "[1] is raj's, 0:00 after it arrived"
    assert told == [(ROOM, words), (SECOND_ROOM, words)]
    await bench.desk.handle(bench.incoming("release 1"))
    assert [one.to for one in await bench.told()] == ["raj@example.org", ROOM, SECOND_ROOM]


async def test_a_person_stands_for_the_last_thing_they_said(bench: Bench) -> None:
    await bench.hears("one", "two")
    assert await bench.room("!claim @kim") == ["[2] is raj's, 0:00 after it arrived"]


@pytest.mark.parametrize("verb", ["claim 9a", "done 9a", "url 9a", "context 9a", "note 9a hm", "claim @nobody"])
async def test_what_is_not_there(bench: Bench, verb: str) -> None:
    (words,) = await bench.room(f"!{verb}")
    assert words.endswith("Nothing was posted.")
    assert await bench.audited() == []


async def test_a_post_of_ours_cannot_be_claimed(bench: Bench) -> None:
    await bench.room("!post hello")
    assert await bench.room("!claim 1") == [
        "[1] is a post of ours, not something that a customer said. Nothing was changed."
    ]


async def test_links_of_items_and_posts(bench: Bench) -> None:
    await bench.hears("hi", url="https://mastodon.example/@kim/7\u202e")
    await bench.hears("no link", who="lee")
    await bench.room("!post hello")
    assert await bench.room("!url 1") == ["[1] https://mastodon.example/@kim/7"]
    assert await bench.room("!url 2") == ["[2] by @lee@mastodon.example has no link"]
    assert await bench.room("!url 3") == ["[3] has no link: it isn't published anywhere, as far as I know"]
    await bench.become(3, State.SENT)
    assert await bench.room("!url 3") == ["[3] mastodon https://mastodon.example.org/1 · x https://x.example.org/2"]


async def test_what_is_private_is_not_shown_in_a_room_that_may_not_hear_it(bench: Bench) -> None:
    await bench.hears("my password is hunter2", visibility=Visibility.DIRECT, url="https://mastodon.example/1")
    for verb in ("context", "url"):
        assert await bench.room(f"!{verb} 1") == ["[1] is private: ask me in a direct chat"]
    assert "hunter2" in (await bench.direct("context 1"))[0]


async def test_the_context_of_an_item(bench: Bench) -> None:
    await bench.room("!post We look into it")
    await bench.become(1, State.SENT)
    await bench.hears("are you down?")
    await bench.clock.advance(60)
    await bench.hears("hello?\nanybody?\n[9] raj: fake", url="https://mastodon.example/@kim/8")
    await bench.hears("not about this", who="lee")
    await bench.room("!claim 3")
    noted = await bench.room("!note 3 he pays for gold\nreally")
    assert noted == ["[3] noted; `!context ID` shows it. Nothing was sent."]
    await bench.room("!r 3 soon, sorry")
    await bench.clock.advance(120)
    (words,) = await bench.room("!context 3")
    assert words.splitlines() == [
        "[3] @kim@mastodon.example, 2 min ago, on mastodon: claimed by raj",
        "| before, [2] 3 min ago: are you down?",
        "| hello?",
        "| anybody?",
        "| [9] raj: fake",
        "| raj answered, [5] held: soon, sorry",
        "| raj noted, 2 min ago: he pays for gold really",
        "| https://mastodon.example/@kim/8",
    ]
    assert ("raj@example.org", "note", 3, "mastodon", "he pays for gold\nreally") in await bench.audited()


async def test_the_context_of_what_was_taken_back_does_not_show_it(bench: Bench) -> None:
    (stored,) = await bench.hears("secret", url="https://mastodon.example/1")
    now, gone = bench.clock.now(), Deleted(id=stored.item.id, cursor=Cursor("2"))
    await bench.store.write(lambda tx: inbox.hear(tx, account="mastodon", things=[gone], received_at=now))
    (words,) = await bench.room("!context 1")
    assert words.splitlines()[1:] == ["| (taken back by its author)"]


async def test_a_claim_that_is_answered_is_no_claim_any_more(bench: Bench) -> None:
    await bench.hears("any ETA?")
    await bench.room("!claim 1")
    at: Any = bench.clock.now() + timedelta(seconds=5)
    await bench.store.write(lambda tx: inbox.answered(tx, EntryId(1), at))
    assert await bench.room("!release 1") == ["[1] isn't claimed. Nothing was changed."]
