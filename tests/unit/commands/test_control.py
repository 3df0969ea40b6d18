from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.domain.deliveries import State
from bridge.store import accounts, outbox

if TYPE_CHECKING:
    from bridge.testing.clock import FakeClock
    from tests.unit.commands.conftest import Bench

ROOM = "ops@rooms.example.org"
SECOND_ROOM = "sales@rooms.example.org"


async def test_panic_tells_every_room_and_the_admins(bench: Bench) -> None:
    await bench.room("!to x post on the wire")
    await bench.become(1, State.SENDING)
    await bench.room("!post held")
    await bench.room("!to x post ready")
    await bench.room("!send")
    await bench.desk.handle(bench.incoming("!panic", room=ROOM))
    told = await bench.told()
    state = "everything outgoing is frozen (deletions still work), 2 held, 1 already on the wire: 1 to x. "
    assert [(one.to, one.body) for one in told] == [
        (ROOM, f"{state}An approver's `!resume` continues"),
        (SECOND_ROOM, f"raj says panic: {state}An approver's `!resume` continues"),
        ("ana@example.org", f"raj says panic: {state}An approver's `resume` continues"),
    ]
    panic = await bench.store.read(accounts.panic)
    assert panic is not None
    assert panic.actor == "raj@example.org"
    assert (await bench.audited())[-1][:2] == ("raj@example.org", "panic")


async def test_a_second_panic_says_who_was_first(bench: Bench, clock: FakeClock) -> None:
    await bench.room("!panic")
    await clock.advance(300)
    assert await bench.direct("panic", who="tom") == [
        "everything outgoing is frozen already, by raj 5 min ago. An approver's `resume` continues"
    ]
    assert [row[1] for row in await bench.audited()] == ["panic"]


async def test_panic_works_in_a_direct_chat(bench: Bench) -> None:
    await bench.desk.handle(bench.incoming("panic"))
    assert [one.to for one in await bench.told()] == ["raj@example.org", ROOM, SECOND_ROOM, "ana@example.org"]


async def test_an_admin_who_panics_is_told_once(bench: Bench) -> None:
    await bench.desk.handle(bench.incoming("panic", who="ana"))
    assert [one.to for one in await bench.told()] == ["ana@example.org", ROOM, SECOND_ROOM]


async def test_resume_wakes_the_lanes(bench: Bench, clock: FakeClock) -> None:
    await bench.room("!panic")
    await bench.room("!post one", room=SECOND_ROOM)
    await bench.room("!resume", who="tom")
    await clock.advance(2)
    events = [bench.store.event(outbox.lane_topic(name)) for name in ("mastodon", "x")]
    for event in events:
        event.clear()
    lines = await bench.room("!resume", who="tom")
    assert lines == [
        "everything outgoing continues, 1 message to go",
        "tom says resume: everything outgoing continues, 1 message to go",
        "tom says resume: everything outgoing continues, 1 message to go",
    ]
    assert all(event.is_set() for event in events)
    assert await bench.store.read(accounts.panic) is None
    assert await bench.room("!resume", who="tom") == ["nothing is frozen"]


async def test_resume_is_for_approvers(bench: Bench) -> None:
    await bench.room("!panic")
    lines = await bench.room("!resume")
    assert lines == ["`!resume` needs the role approver; you are staff. Nothing was posted."]
    assert await bench.store.read(accounts.panic) is not None


async def test_undo_works_under_panic(bench: Bench) -> None:
    await bench.room("!to mastodon post one")
    await bench.become(1, State.SENT)
    await bench.room("!panic")
    assert (await bench.room("!undo"))[-1] == "[1] mastodon: deleting"
