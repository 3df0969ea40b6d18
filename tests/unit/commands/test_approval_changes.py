"""What becomes of an approval, or of the question for one, when the text, the time or a description changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bridge.commands.incoming import Content
from bridge.domain.deliveries import State
from bridge.domain.ids import EntryId
from bridge.plugin import Limits
from bridge.settings.rules import ApprovalSettings, PolicySettings
from bridge.store import outbox, reviews
from tests.unit.commands.approving import ROOM, TOM, react, reasons, state, tell, text_of

if TYPE_CHECKING:
    from bridge.store import Tx
    from tests.unit.commands.conftest import Bench


async def test_a_correction_that_needs_nobody_takes_the_question_away(bench: Bench) -> None:
    bench.configure(policy=PolicySettings(approval=(ApprovalSettings(patterns={"prices": "price"}),)))
    await tell(bench, "!post New prices")
    await tell(bench, "!edit 1 New things")
    assert await reasons(bench) == [{"undo"}] * 2
    assert (await tell(bench, "!approve 1 2", who="tom"))[ROOM] == "[1] needs nobody's approval. Nothing was changed."


async def test_who_was_asked_hears_that_nobody_needs_their_word_any_more(bench: Bench) -> None:
    bench.configure(policy=PolicySettings(approval=(ApprovalSettings(patterns={"prices": "price"}),)))
    await tell(bench, "!post New prices")
    told = await tell(bench, "!edit 1 New things")
    assert told[TOM] == "[1] was changed, and needs nobody's approval any more"
    assert await react(bench, "✅", "[1] raj asks", TOM, who="tom") == {}


async def test_a_correction_of_what_is_published_waits_as_well(bench: Bench) -> None:
    bench.configure(policy=PolicySettings(approval=(ApprovalSettings(patterns={"prices": "price"}),)))
    await tell(bench, "!to mastodon post New things")
    await bench.become(1, State.SENT)
    told = await tell(bench, "!edit 1 New prices")
    assert "[1] mastodon: correcting once it is approved" in told[ROOM]
    assert await bench.states(1) == {"mastodon": ["sent", "edit held"]}
    assert "a correction waits" in await bench.receipt(1)
    assert "is approved by tom" in (await tell(bench, "!approve 1 2", who="tom"))[ROOM]
    assert await bench.states(1) == {"mastodon": ["sent", "edit ready"]}


async def test_a_correction_that_is_rejected_is_not_made(bench: Bench) -> None:
    bench.configure(policy=PolicySettings(approval=(ApprovalSettings(patterns={"prices": "price"}),)))
    await tell(bench, "!to mastodon post New things")
    await bench.become(1, State.SENT)
    await tell(bench, "!edit 1 New prices")
    assert "is rejected by tom" in (await tell(bench, "!reject 1", who="tom"))[ROOM]
    assert await bench.states(1) == {"mastodon": ["sent", "edit cancelled"]}
    assert await text_of(bench, 1) == "New things"


async def test_a_second_correction_that_is_rejected_leaves_what_is_published(bench: Bench) -> None:
    bench.configure(policy=PolicySettings(approval=(ApprovalSettings(patterns={"prices": "price"}),)))
    await tell(bench, "!to mastodon post New things")
    await bench.become(1, State.SENT)
    await tell(bench, "!edit 1 New prices")
    await tell(bench, "!edit 1 Newer prices")
    assert await text_of(bench, 1) == "Newer prices"
    assert "is rejected by tom" in (await tell(bench, "!reject 1", who="tom"))[ROOM]
    assert await text_of(bench, 1) == "New things"
    await tell(bench, "!edit 1 Newest prices")
    assert "is approved by tom" in (await tell(bench, "!approve 1 5", who="tom"))[ROOM]
    assert await text_of(bench, 1) == "Newest prices"


# Another time.

QUIET = "22:00-06:00"
HELD = "[1] held: these are quiet hours, between 22:00 and 06:00 UTC. `!send 1` lets it go out then all the same"


async def test_moved_into_quiet_hours_it_waits_for_a_word(bench: Bench) -> None:
    bench.configure(policy=PolicySettings(quiet_hours=QUIET))
    await tell(bench, "!at 18:00 We are back")
    assert await reasons(bench) == [{"schedule"}] * 2
    told = await tell(bench, "!move 1 23:00")
    assert HELD in told[ROOM]
    assert await reasons(bench) == [{"schedule", "policy"}] * 2
    assert await state(bench) == "author"


async def test_moved_out_of_quiet_hours_it_waits_for_nobody(bench: Bench) -> None:
    bench.configure(policy=PolicySettings(quiet_hours=QUIET))
    await tell(bench, "!at 23:00 We are back")
    assert await reasons(bench) == [{"schedule", "policy"}] * 2
    await tell(bench, "!move 1 18:00")
    assert await reasons(bench) == [{"schedule"}] * 2
    assert await state(bench) == "free"


async def test_moved_within_the_same_rules_what_was_decided_holds(bench: Bench) -> None:
    bench.configure(policy=PolicySettings(quiet_hours=QUIET))
    await tell(bench, "!at 23:00 We are back")
    told = await tell(bench, "!send 1")
    assert "[1] goes out at its time; `!send 1` posts it now" in told[ROOM]
    assert await reasons(bench) == [{"schedule"}] * 2
    await tell(bench, "!move 1 23:30")
    assert await reasons(bench) == [{"schedule"}] * 2
    assert "[1] goes out now" in (await tell(bench, "!send 1"))[ROOM]
    assert await bench.states(1) == {"mastodon": ["ready"], "x": ["ready"]}


async def test_moved_into_hours_that_need_a_second_person_those_are_asked(bench: Bench) -> None:
    bench.configure(policy=PolicySettings(approval=(ApprovalSettings(hours=QUIET),)))
    await tell(bench, "!at 18:00 We are back")
    told = await tell(bench, "!move 1 23:00")
    assert "raj asks for approval" in told[TOM]
    assert await reasons(bench) == [{"schedule", "approval"}] * 2
    assert "was changed since version 1" in (await tell(bench, "!approve 1", who="tom"))[ROOM]
    assert "is approved by tom, and goes out at its time" in (await tell(bench, "!approve 1 2", who="tom"))[ROOM]
    assert await reasons(bench) == [{"schedule"}] * 2


async def test_moved_further_the_question_lasts_longer(bench: Bench) -> None:
    bench.configure(policy=PolicySettings(approval=(ApprovalSettings(accounts=("x",)),)))
    await tell(bench, "!at 18:00 We are back")
    await tell(bench, "!move 1 2026-02-01 18:00")
    one = await bench.store.read(lambda tx: reviews.get(tx, EntryId(1)))
    assert one is not None
    assert one.expires_at is not None
    assert one.expires_at - bench.clock.now() > timedelta(days=30)
    assert "is approved by tom" in (await tell(bench, "!approve 1", who="tom"))[ROOM]


# What describes a picture.


@pytest.fixture
def pictures(bench: Bench) -> Bench:
    """A bench whose accounts take pictures."""
    for name in bench.accounts.names():
        bench.accounts.change(name, limits=Limits(text=280, media=4))
    return bench


def shared(described: str = "") -> dict[str, Any]:
    return {"content": Content.FILE, "files": ("https://upload.example.org/1/photo.jpg",), "described": described}


async def test_a_description_is_judged_as_the_text_is(pictures: Bench) -> None:
    pictures.configure(policy=PolicySettings())
    await tell(pictures, "", room=None, **shared("our key for 10.0.0.7"))
    told = await tell(pictures, "Look at this", room=None)
    assert "[1] held: it seems to have a private address in it. `send 1` posts it all the same" in str(told)
    assert all({"policy", "picture"} <= held for held in await reasons(pictures))


async def test_a_description_that_comes_later_is_judged_too(pictures: Bench) -> None:
    pictures.configure(policy=PolicySettings(approval=(ApprovalSettings(patterns={"prices": "price"}),)))
    await tell(pictures, "", room=None, **shared())
    await tell(pictures, "Look at this", room=None)
    assert all("approval" not in held for held in await reasons(pictures))
    told = await tell(pictures, "alt our new prices", room=None)
    assert "raj asks for approval" in told[TOM]
    assert told[TOM].endswith("\n| Look at this\n| picture: our new prices")
    assert all("approval" in held for held in await reasons(pictures))
    told = await tell(pictures, "alt our new things", room=None)
    assert told[TOM] == "[1] was changed, and needs nobody's approval any more"
    assert all("approval" not in held for held in await reasons(pictures))


async def test_a_description_holds_again_what_is_ready_elsewhere(pictures: Bench) -> None:
    """One account is disabled, the other down: nothing was ever attempted, and nobody has judged what it says now."""
    pictures.configure(policy=PolicySettings(approval=(ApprovalSettings(patterns={"prices": "price"}),)))
    await tell(pictures, "", room=None, **shared("a chart"))
    await tell(pictures, "Look at this", room=None)
    ready, disabled = await pictures.deliveries(1)
    now = pictures.clock.now()

    def wait(tx: Tx) -> None:
        outbox.save(tx, replace(ready, state=State.READY, held=frozenset(), hold_until=None), now=now)
        outbox.save(tx, replace(disabled, held=frozenset({"account"}), hold_until=None), now=now)

    await pictures.store.write(wait)
    told = await tell(pictures, "alt our new prices", room=None)
    assert "raj asks for approval" in told[TOM]
    assert await reasons(pictures) == [{"approval"}, {"account", "approval"}]
    assert await pictures.states(1) == {"mastodon": ["held"], "x": ["held"]}


async def test_another_description_of_what_was_asked_about_asks_again(pictures: Bench) -> None:
    pictures.configure(policy=PolicySettings(approval=(ApprovalSettings(),)))
    await tell(pictures, "", room=None, **shared())
    await tell(pictures, "Look at this", room=None)
    told = await tell(pictures, "alt a chart", room=None)
    assert told[TOM].startswith("[1] (version 2) raj asks for approval")
    assert "was changed since version 1" in (await tell(pictures, "!approve 1", who="tom"))[ROOM]


async def test_a_description_that_is_forbidden_is_not_taken(pictures: Bench) -> None:
    pictures.configure(policy=PolicySettings(forbidden={"codename": "project x"}))
    await tell(pictures, "", room=None, **shared("Project X, drawn"))
    told = await tell(pictures, "Look at this", room=None)
    left = (
        '[1] I left out what describes its picture: it has "codename" in it, which is never published: take it out. '
        "`alt TEXT` describes it anew"
    )
    assert left in str(told)
    told = await tell(pictures, "alt project x again", room=None)
    refused = 'It has "codename" in it, which is never published: take it out. Nothing was changed.'
    assert list(told.values()) == [refused]


async def test_a_correction_keeps_what_the_description_needs(pictures: Bench) -> None:
    pictures.configure(policy=PolicySettings(approval=(ApprovalSettings(patterns={"prices": "price"}),)))
    await tell(pictures, "", room=None, **shared("our new prices"))
    await tell(pictures, "Look at this", room=None)
    assert all("approval" in held for held in await reasons(pictures))
    await tell(pictures, "edit 1 Look at that", room=None)
    assert all("approval" in held for held in await reasons(pictures))
