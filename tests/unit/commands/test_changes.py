from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.domain.deliveries import State
from bridge.store import inbox, outbox

if TYPE_CHECKING:
    from bridge.testing.clock import FakeClock
    from tests.unit.commands.conftest import Bench

LONG = "!to mastodon post " + "Many words make a thread of it. " * 40


async def test_send_ends_the_newest_hold_of_its_author(bench: Bench) -> None:
    await bench.room("!post one")
    await bench.room("!post two")
    await bench.room("!post three", who="tom")
    assert await bench.room("!send") == ["[2] mastodon on its way · x on its way", "[2] goes out now"]
    assert await bench.states(1) == {"mastodon": ["held"], "x": ["held"]}
    assert await bench.states(2) == {"mastodon": ["ready"], "x": ["ready"]}
    assert await bench.states(3) == {"mastodon": ["held"], "x": ["held"]}


async def test_send_names_a_post_of_a_colleague(bench: Bench) -> None:
    await bench.room("!post one", who="tom")
    assert (await bench.room("!send 1"))[-1] == "[1] goes out now"
    assert (await bench.audited())[-1][:3] == ("raj@example.org", "send", 1)


async def test_send_without_anything_held(bench: Bench) -> None:
    assert await bench.room("!send") == ["Nothing of yours is held here. Nothing was posted."]
    await bench.direct("\\one")
    assert await bench.room("!send") == ["Nothing of yours is held here. Nothing was posted."]


async def test_send_keeps_the_order_of_a_thread(bench: Bench) -> None:
    await bench.room(LONG)
    await bench.room("!send")
    assert await bench.states(1) == {"mastodon": ["ready", "held", "held"]}
    assert [one.held for one in await bench.deliveries(1)][1:] == [frozenset({"follows"})] * 2


async def test_send_under_panic_says_so(bench: Bench) -> None:
    await bench.room("!post one")
    await bench.room("!panic")
    assert (await bench.room("!send"))[-1] == (
        "[1] ready, but everything outgoing is frozen: an approver's `!resume` continues"
    )


async def test_send_of_what_is_sent(bench: Bench) -> None:
    await bench.room("!to x post one")
    await bench.become(1, State.SENT)
    assert await bench.room("!send 1") == ["[1] isn't held: x: https://x.example.org/1"]


async def test_undo_cancels_what_is_held(bench: Bench) -> None:
    await bench.room(LONG)
    lines = await bench.room("!undo")
    assert lines == ["[1] cancelled. Nothing was posted."] * 2
    assert await bench.states(1) == {"mastodon": ["cancelled"] * 3}
    assert {one.held for one in await bench.deliveries(1)} == {frozenset()}


async def test_undo_takes_the_newest_that_is_held(bench: Bench) -> None:
    await bench.room("!post one")
    await bench.room("!post two")
    await bench.room("!undo")
    assert await bench.states(2) == {"mastodon": ["cancelled"], "x": ["cancelled"]}
    await bench.room("!undo")
    assert await bench.states(1) == {"mastodon": ["cancelled"], "x": ["cancelled"]}


async def test_undo_deletes_ones_own_last_post(bench: Bench) -> None:
    await bench.room("!post one")
    await bench.become(1, State.SENT)
    lines = await bench.room("!undo")
    assert lines[-1] == "[1] mastodon: deleting · x: can't be deleted from here: https://x.example.org/2"
    assert lines[0] == "[1] mastodon deleting · x https://x.example.org/2"
    assert await bench.states(1) == {"mastodon": ["sent", "delete ready"], "x": ["sent"]}
    deletion = (await bench.deliveries(1))[-1]
    assert deletion.parent is not None
    assert deletion.parent.id == "p1"


async def test_undo_reaches_back_ten_minutes(bench: Bench, clock: FakeClock) -> None:
    await bench.room("!post one")
    await bench.become(1, State.SENT)
    await clock.advance(601)
    assert await bench.room("!undo") == [
        "You posted nothing here in the last 10 minutes: say which, with `!undo ID`. Nothing was changed."
    ]
    assert (await bench.room("!undo 1"))[-1].startswith("[1] mastodon: deleting")


async def test_undo_of_what_is_on_the_wire(bench: Bench) -> None:
    await bench.room("!post one")
    await bench.become(1, State.SENDING)
    lines = await bench.room("!undo")
    assert lines[-1] == (
        "[1] mastodon: is on its way, will be deleted once found · "
        "x: is on its way and can't be deleted there: look after it by hand"
    )
    made = await bench.deliveries(1)
    assert [(one.state, one.unwanted) for one in made] == [(State.SENDING, True)] * 2


async def test_undo_of_what_is_in_doubt(bench: Bench) -> None:
    await bench.room("!to mastodon post one")
    await bench.become(1, State.UNCERTAIN)
    await bench.room("!undo")
    made = await bench.deliveries(1)
    assert [(one.state, one.unwanted) for one in made] == [(State.UNCERTAIN, True)]


async def test_undo_of_what_only_people_can_settle(bench: Bench) -> None:
    await bench.room("!post one")
    await bench.become(1, State.ASKED, account="mastodon")
    await bench.become(1, State.DEAD, account="x")
    lines = await bench.room("!undo 1")
    assert lines[-1] == "[1] mastodon: left as it is; if it is there, delete it by hand · x: was not sent"
    assert lines[0] == "[1] mastodon left as it is (it may be there) · x cancelled"
    assert await bench.states(1) == {"mastodon": ["cancelled"], "x": ["cancelled"]}


async def test_undo_twice_deletes_once(bench: Bench) -> None:
    await bench.room("!to mastodon post one")
    await bench.become(1, State.SENT)
    await bench.room("!undo 1")
    assert (await bench.room("!undo 1"))[-1] == "[1] mastodon: deleting"
    assert await bench.states(1) == {"mastodon": ["sent", "delete ready"]}


async def test_undo_tries_a_failed_deletion_again(bench: Bench) -> None:
    await bench.room("!to mastodon post one")
    await bench.become(1, State.SENT)
    await bench.room("!undo 1")
    await bench.settle_deletions(1, State.DEAD)
    assert (await bench.receipt(1)) == "[1] mastodon NOT deleted: https://mastodon.example.org/1"
    assert (await bench.room("!undo 1"))[-1] == "[1] mastodon: deleting"
    assert await bench.states(1) == {"mastodon": ["sent", "delete ready"]}
    await bench.settle_deletions(1, State.SENT)
    assert (await bench.receipt(1)) == "[1] mastodon deleted"
    assert (await bench.room("!undo 1"))[-1] == "[1] mastodon: was deleted before"


async def test_a_thread_is_deleted_from_its_end(bench: Bench) -> None:
    await bench.room(LONG)
    await bench.become(1, State.SENT)
    await bench.room("!undo")
    deletions = [one for one in await bench.deliveries(1) if one.kind.value == "delete"]
    first = sorted(deletions, key=lambda one: one.position)
    assert [one.follows for one in first] == [3, 2, 1]


async def test_a_colleague_may_undo_by_id_and_the_audit_says_who(bench: Bench) -> None:
    await bench.room("!post one", who="tom")
    assert "posted nothing" in (await bench.room("!undo"))[0]
    assert (await bench.room("!undo 1"))[-1] == "[1] cancelled. Nothing was posted."
    assert [row[:4] for row in await bench.audited()][-2:] == [
        ("raj@example.org", "undo", 1, "mastodon"),
        ("raj@example.org", "undo", 1, "x"),
    ]


@pytest.mark.parametrize("state", [State.DEAD, State.ASKED])
async def test_retry_makes_it_ready_at_the_tail(bench: Bench, state: State) -> None:
    await bench.room("!to x post one")
    await bench.become(1, state, told=True)
    await bench.room("!to x post two")
    assert (await bench.room("!retry 1"))[-1] == "[1] x: trying again"
    (one,), (two,) = await bench.deliveries(1), await bench.deliveries(2)
    assert (one.state, one.doubt_since, one.told) == (State.READY, None, True)
    assert one.position > two.position


async def test_retry_of_what_needs_none_says_how_it_stands(bench: Bench) -> None:
    await bench.room("!post one")
    await bench.become(1, State.SENT, account="x")
    assert await bench.room("!retry 1") == ["[1] nothing to retry: mastodon: held · x: https://x.example.org/2"]


async def test_retry_leaves_the_other_accounts_alone(bench: Bench) -> None:
    await bench.room("!post one")
    await bench.become(1, State.SENT, account="mastodon")
    await bench.become(1, State.DEAD, account="x")
    assert (await bench.room("!retry 1"))[-1] == "[1] x: trying again"
    assert await bench.states(1) == {"mastodon": ["sent"], "x": ["ready"]}


async def test_found_believes_the_person(bench: Bench) -> None:
    await bench.room("!to x post one")
    await bench.become(1, State.ASKED)
    lines = await bench.room("!found 1 https://x.example.org/77")
    assert lines == ["[1] x https://x.example.org/77", "[1] x: taken as sent (https://x.example.org/77)"]
    (one,) = await bench.deliveries(1)
    assert (one.state, one.posted, one.posted_url, one.doubt_since) == (
        State.SENT,
        None,
        "https://x.example.org/77",
        None,
    )
    assert (await bench.room("!undo 1"))[-1] == "[1] x: can't be deleted from here: https://x.example.org/77"


async def test_found_without_a_link(bench: Bench) -> None:
    await bench.room("!to x post one")
    await bench.become(1, State.UNCERTAIN)
    assert await bench.room("!found 1") == ["[1] x sent", "[1] x: taken as sent"]


async def test_found_wakes_the_lane_that_it_blocked(bench: Bench) -> None:
    await bench.room("!to x post one")
    await bench.become(1, State.UNCERTAIN)
    event = bench.store.event(outbox.lane_topic("x"))
    event.clear()
    await bench.room("!found 1")
    assert event.is_set()


async def test_found_of_what_was_taken_back(bench: Bench) -> None:
    await bench.room("!to x post one")
    await bench.become(1, State.ASKED, unwanted=True)
    assert (await bench.room("!found 1"))[-1] == ("[1] x: taken as sent; it was taken back, so delete it there by hand")


async def test_found_in_the_middle_of_a_thread_ends_it(bench: Bench) -> None:
    await bench.room(LONG)
    await bench.room("!send")
    await bench.first_becomes(1, State.ASKED)
    lines = await bench.room("!found 1")
    assert lines[-1] == (
        "[1] mastodon: taken as sent; the 2 parts after it can't follow and were not sent: post them again"
    )
    assert await bench.states(1) == {"mastodon": ["sent", "cancelled", "cancelled"]}


async def test_a_link_belongs_to_the_account_of_its_host(bench: Bench) -> None:
    await bench.room("!post before")
    await bench.become(1, State.SENT)
    await bench.room("!post one")
    await bench.become(2, State.ASKED)
    assert (await bench.room("!found 2 https://x.example.org/77"))[-1] == (
        "[2] x: taken as sent (https://x.example.org/77)"
    )
    assert await bench.states(2) == {"mastodon": ["asked"], "x": ["sent"]}


async def test_a_link_that_may_belong_to_two_accounts_changes_nothing(bench: Bench) -> None:
    await bench.room("!post one")
    await bench.become(1, State.ASKED)
    assert await bench.room("!found 1 https://elsewhere.example.org/77") == [
        (
            "[1] is in doubt on mastodon, x, and I can't tell where that link belongs: `!found 1` without a link says "
            "that it is on all of them. Nothing was changed."
        )
    ]
    assert await bench.states(1) == {"mastodon": ["asked"], "x": ["asked"]}
    assert (await bench.room("!found 1"))[-1] == "[1] mastodon: taken as sent · x: taken as sent"


async def test_found_of_an_answer_settles_the_item(bench: Bench) -> None:
    (item,) = await bench.hears("any ETA?")
    await bench.room(f"!r {item.id:x} soon")
    await bench.become(2, State.ASKED)
    await bench.room("!found 2")
    stored = await bench.store.read(lambda tx: inbox.get(tx, item.id))
    assert stored is not None
    assert stored.state.value == "answered"


async def test_drop_gives_up(bench: Bench) -> None:
    await bench.room("!post one")
    await bench.become(1, State.ASKED, account="mastodon")
    await bench.become(1, State.DEAD, account="x")
    lines = await bench.room("!drop 1")
    assert lines[-1] == "[1] mastodon: left as it is; it may be there · x: dropped"
    assert await bench.states(1) == {"mastodon": ["cancelled"], "x": ["cancelled"]}


async def test_drop_of_a_part_drops_what_follows_it(bench: Bench) -> None:
    await bench.room(LONG)
    await bench.room("!send")
    await bench.first_becomes(1, State.DEAD)
    await bench.room("!drop 1")
    assert await bench.states(1) == {"mastodon": ["cancelled"] * 3}


async def test_drop_of_what_is_on_its_way(bench: Bench) -> None:
    await bench.room("!to x post one")
    await bench.room("!send")
    assert await bench.room("!drop 1") == ["[1] nothing to drop: x: on its way"]


@pytest.mark.parametrize("verb", ["send", "undo", "retry", "found", "drop"])
async def test_an_id_that_is_nobodys_or_an_items(bench: Bench, verb: str) -> None:
    (item,) = await bench.hears("any ETA?")
    nobodys = await bench.room(f"!{verb} 9a")
    assert len(nobodys) == 1
    assert nobodys[0].endswith("Nothing was posted.")
    items = await bench.room(f"!{verb} {item.id:x}")
    assert items == ["[1] is what somebody said to us, not a post of ours. Nothing was changed."]
    assert await bench.count("audit") == 0


async def test_a_deed_rechecks_what_the_lanes_did_meanwhile(bench: Bench) -> None:
    await bench.room("!to x post one")
    await bench.become(1, State.SENDING)
    assert await bench.room("!send 1") == ["[1] isn't held: x: on its way"]
    assert await bench.states(1) == {"x": ["sending"]}
