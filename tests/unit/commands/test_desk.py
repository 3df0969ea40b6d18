from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text as sql

from bridge.commands import dispatch, posting
from bridge.commands.incoming import Content
from bridge.domain.people import Role
from bridge.store import NotCommitted, OutageError, Store, cursors

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.commands.context import Context, Deed, Turn
    from bridge.store import Tx
    from bridge.testing.clock import FakeClock
    from tests.unit.commands.conftest import Bench

ROOM = "ops@rooms.example.org"
BOT = "status@example.org"


async def cursor(bench: Bench, archive: str) -> str | None:
    return await bench.store.read(lambda tx: cursors.get(tx, f"archive:{archive}"))


async def statuses(bench: Bench) -> list[str]:
    def look(tx: Tx) -> list[str]:
        return [str(row[0]) for row in tx.rows(sql("SELECT status FROM stanza ORDER BY id"))]

    return await bench.store.read(look)


async def test_the_same_stanza_counts_once(bench: Bench) -> None:
    said = bench.incoming("!post hello", room=ROOM)
    first = await bench.hand_in(said)
    again = await bench.hand_in(replace(said, position="position-later"))
    assert len(first) == 1
    assert again == []
    assert await bench.count("post") == 1
    assert await bench.count("delivery") == 2
    assert await bench.count("audit") == 1
    assert await cursor(bench, ROOM) == "position-later"


async def test_the_same_key_in_another_archive_is_another_stanza(bench: Bench) -> None:
    await bench.room("!post hello", key="same")
    await bench.direct("hello", key="same")
    assert await bench.count("post") == 2


async def test_a_command_moves_the_cursor_in_its_own_commit(bench: Bench) -> None:
    await bench.room("!me", position="here")
    assert await cursor(bench, ROOM) == "here"


async def test_without_a_position_the_cursor_stays(bench: Bench) -> None:
    await bench.room("!me", position=None)
    await bench.room("talk", position=None)
    await bench.desk.settle()
    assert await cursor(bench, ROOM) is None


async def test_talk_moves_the_cursor_and_leaves_nothing_else(bench: Bench) -> None:
    assert await bench.room("is it the cache again?") == []
    assert await bench.room("post mortem at three", position="last") == []
    await bench.desk.settle()
    assert await cursor(bench, ROOM) == "last"
    for table in ("stanza", "post", "delivery", "notice", "audit"):
        assert await bench.count(table) == 0


async def test_talk_never_moves_the_cursor_behind_a_command(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    units: list[Callable[[Tx], Any]] = []
    write = Store.write

    async def slow(self: Store, unit: Callable[[Tx], Any], *, bulk: bool = False) -> Any:
        if bulk:
            units.append(unit)
            return None
        return await write(self, unit)

    monkeypatch.setattr(Store, "write", slow)
    await bench.desk.handle(bench.incoming("talk", room=ROOM, position="talk"))
    await bench.desk.settle()
    await bench.desk.handle(bench.incoming("!me", room=ROOM, position="command"))
    assert len(units) == 1
    await write(bench.store, units[0], bulk=True)
    assert await cursor(bench, ROOM) == "command"


async def test_much_talk_is_few_writes(bench: Bench) -> None:
    for number in range(200):
        await bench.desk.handle(bench.incoming(f"talk {number}", room=ROOM, position=f"talk-{number}"))
    await bench.desk.settle()
    assert await cursor(bench, ROOM) == "talk-199"


async def test_a_cursor_that_cannot_be_moved_does_no_harm(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Store.write

    async def broken(self: Store, unit: Callable[[Tx], Any], *, bulk: bool = False) -> Any:
        if bulk:
            raise NotCommitted("no")
        return await write(self, unit)

    monkeypatch.setattr(Store, "write", broken)
    await bench.desk.handle(bench.incoming("talk", room=ROOM))
    await bench.desk.settle()
    assert len(await bench.room("!me")) == 1


async def test_old_talk_is_no_matter(bench: Bench, clock: FakeClock) -> None:
    assert await bench.room("hi", said_at=clock.now() - timedelta(hours=3)) == []


async def test_a_command_within_max_age_is_done(bench: Bench, clock: FakeClock) -> None:
    await bench.room("!post hello", said_at=clock.now() - timedelta(minutes=59), caught_up=False)
    assert await bench.count("post") == 1


@pytest.mark.parametrize("where", ["before the writer", "in the unit"])
async def test_a_bug_in_a_command_is_told_recorded_and_passed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def broken(context: Context, *_: object) -> Deed:
        if where == "before the writer":
            raise RuntimeError("oops")

        def deed(turn: Turn) -> None:
            turn.say("this must not be seen")
            turn.audit("oops")
            raise RuntimeError("oops")

        return deed

    monkeypatch.setitem(dispatch._MAKERS, "inbox", broken)
    assert await bench.room("!inbox", position="p") == [
        "something went wrong in me with that line; it was logged. Nothing was posted."
    ]
    assert await statuses(bench) == ["failed"]
    assert await cursor(bench, ROOM) == "p"
    assert await bench.count("audit") == 0
    assert len(await bench.room("!me")) == 1


async def test_a_unit_that_breaks_in_the_middle_leaves_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(turn: Turn, made: object) -> None:
        write(turn, made)  # pyright: ignore[reportArgumentType]
        raise NotCommitted("the disk is full")

    write = posting.write
    monkeypatch.setattr(posting, "write", broken)
    said = bench.incoming("!post hello", room=ROOM)
    with pytest.raises(NotCommitted):
        await bench.desk.handle(said)
    for table in ("stanza", "post", "delivery", "notice", "audit", "cursor"):
        assert await bench.count(table) == 0
    monkeypatch.undo()
    assert len(await bench.hand_in(said)) == 1
    assert await bench.count("delivery") == 2


async def test_one_stanza_that_the_store_always_refuses_does_not_block_the_room(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(turn: Turn, made: object) -> None:
        raise NotCommitted("a constraint")

    monkeypatch.setattr(posting, "write", refused)
    said = bench.incoming("!post hello", room=ROOM)
    for _ in range(3):
        with pytest.raises(NotCommitted):
            await bench.desk.handle(said)
    assert await bench.hand_in(said) == [
        "something went wrong in me with that line; it was logged. Nothing was posted."
    ]
    assert await statuses(bench) == ["failed"]


async def test_a_store_that_refuses_everything_is_asked_for_ever(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(self: Store, unit: object, *, bulk: bool = False) -> None:
        raise NotCommitted("the disk is full")

    monkeypatch.setattr(Store, "write", refused)
    said = bench.incoming("!post hello", room=ROOM)
    for _ in range(10):
        with pytest.raises(NotCommitted):
            await bench.desk.handle(said)


async def test_what_no_line_is_to_blame_for_is_never_held_against_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(turn: Turn, made: object) -> None:
        raise OutageError("the disk is full")  # which a shorter transaction might still fit on

    said = bench.incoming("!post hello", room=ROOM)
    with monkeypatch.context() as patch:
        patch.setattr(posting, "write", refused)
        for _ in range(10):
            with pytest.raises(OutageError):
                await bench.desk.handle(said)
    assert len(await bench.hand_in(said)) == 1
    assert await statuses(bench) == ["done"]
    assert await bench.count("delivery") == 2


async def test_a_unit_that_runs_twice_writes_the_same(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Store.write
    seen: list[list[tuple[object, ...]]] = []

    def rows(tx: Tx) -> None:
        for table, column in (("notice", "origin_id, body"), ("delivery", "key_token, text"), ("audit", "salt, hash")):
            seen.append([tuple(row) for row in tx.rows(sql(f"SELECT {column} FROM {table} ORDER BY id"))])

    async def twice(self: Store, unit: Callable[[Tx], Any], *, bulk: bool = False) -> Any:
        def undone(tx: Tx) -> None:
            unit(tx)
            rows(tx)
            raise InterruptedError

        def done(tx: Tx) -> Any:
            result = unit(tx)
            rows(tx)
            return result

        with suppress(InterruptedError):
            await write(self, undone)
        return await write(self, done, bulk=bulk)

    monkeypatch.setattr(Store, "write", twice)
    await bench.desk.handle(bench.incoming("fav", who="raj"))
    assert seen[:3] == seen[3:]
    assert [len(table) for table in seen[:3]] == [1, 2, 1]


async def test_somebody_without_a_role_in_a_room_gets_one_line(bench: Bench) -> None:
    lines = await bench.room("!post free watches", who="eve")
    assert lines == ["eve: you have no role here, so I can't do that: ask an admin. Nothing was posted."]
    assert await bench.count("post") == 0
    assert await bench.room("just talking", who="eve") == []


async def test_a_member_of_the_room_has_the_rooms_role(bench: Bench) -> None:
    await bench.room("!post hello", who="eve", affiliation="member")
    assert await bench.count("post") == 1
    lines = await bench.direct("hello", who="eve", affiliation="member")
    assert "aren't in" in lines[0]
    assert await bench.count("post") == 1


async def test_a_verb_needs_its_role(bench: Bench) -> None:
    assert await bench.room("!resume", who="raj") == [
        "`!resume` needs the role approver; you are staff. Nothing was posted."
    ]
    assert await bench.room("!resume", who="tom") == ["nothing is frozen"]
    lines = await bench.direct("roles", who="tom")
    assert lines == ["`roles` needs the role admin; you are an approver. Nothing was posted."]


async def test_what_is_not_built_says_so(bench: Bench) -> None:
    assert await bench.direct("!tracks") == ["`tracks` is not in this version. Nothing was posted."]
    assert await bench.room("!untrack outage") == ["`!untrack` is not in this version. Nothing was posted."]
    assert await bench.count("delivery") == 0


async def test_administration_works_in_direct_chats_only(bench: Bench) -> None:
    lines = await bench.room("!reload", who="ana")
    assert len(lines) == 1
    assert "direct chat" in lines[0]
    assert lines[0].endswith("Nothing was posted.")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (Content.FILE, "I can't fetch a file that is shared that way"),
        (Content.ENCRYPTED, "I can't read encrypted messages"),
    ],
)
async def test_what_is_no_plain_text_is_never_published(bench: Bench, content: Content, says: str) -> None:
    direct = await bench.direct("https://files.example.org/a.png", content=content)
    assert len(direct) == 1
    assert direct[0].startswith(says)
    assert direct[0].endswith(("Nothing was posted.", "Nothing was changed."))
    addressed = await bench.room("!post look", content=content)
    assert len(addressed) == 1
    assert addressed[0].startswith(says)
    by_nick = await bench.room("status: post look", content=content)
    assert len(by_nick) == 1
    assert await bench.count("post") == 0


async def test_a_file_for_nobody_is_talk(bench: Bench) -> None:
    assert await bench.room("https://files.example.org/a.png", content=Content.FILE) == []


@pytest.mark.parametrize("text", ["", "   ", "\u200b", "\\", "!"])
async def test_a_direct_line_with_nothing_in_it_is_answered(bench: Bench, text: str) -> None:
    lines = await bench.direct(text)
    assert len(lines) == 1
    assert lines[0].endswith("Nothing was posted.")
    assert await bench.count("post") == 0


async def test_roles_are_those_of_now(bench: Bench) -> None:
    bench.configure(people={"raj@example.org": (Role.APPROVER,)})
    assert await bench.room("!resume") == ["nothing is frozen"]


async def test_a_nick_is_one_harmless_line(bench: Bench) -> None:
    lines = await bench.room("!post spam", who="eve", nick="raj:\n[4f] sent\u202e" + "x" * 500)
    assert len(lines[0].splitlines()) == 1
    assert "\u202e" not in lines[0]
    assert len(lines[0]) < 160
