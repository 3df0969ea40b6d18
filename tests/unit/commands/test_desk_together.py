"""Lines of a burst that share one commit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from bridge.commands import posting
from bridge.commands.incoming import Incoming
from bridge.store import NotCommitted, Store, Tx, cursors
from tests.unit.commands.conftest import ROOM, SECOND_ROOM

if TYPE_CHECKING:
    from bridge.commands.context import Turn
    from tests.unit.commands.conftest import Bench


def said(bench: Bench, *texts: str, **values: Any) -> list[Incoming]:
    return [bench.incoming(text, room=SECOND_ROOM, position=f"at {text}", **values) for text in texts]


async def cursor(bench: Bench) -> str | None:
    return await bench.store.read(lambda tx: cursors.get(tx, f"archive:{SECOND_ROOM}"))


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The units that the store was given."""
    units: list[object] = []
    write = Store.write

    async def counted(self: Store, unit: Callable[[Tx], Any], *, bulk: bool = False) -> Any:
        units.append(unit)
        return await write(self, unit, bulk=bulk)

    monkeypatch.setattr(Store, "write", counted)
    return units


async def test_they_are_stored_in_their_order_by_one_write(bench: Bench, writes: list[object]) -> None:
    bench.born_for = frozenset({"x"})
    assert await bench.desk.together(said(bench, "!post one", "!post two", "!me", "!post three")) == 4
    assert len(writes) == 1
    texts = [(await bench.deliveries(number))[0].text for number in (1, 2, 3)]
    assert texts == ["one", "two", "three"]
    assert [await bench.states(number) for number in (1, 2, 3)] == [
        {"x": ["sending"]},
        {"x": ["ready"]},
        {"x": ["ready"]},
    ]
    assert bench.born == await bench.deliveries(1)
    assert await cursor(bench) == "at !post three"
    assert await bench.count("stanza") == 4


async def test_a_line_whose_meaning_depends_on_the_others_waits_for_them(bench: Bench) -> None:
    lines = said(bench, "!post one", "!post two", "!r 1 more", "!post three")
    assert await bench.desk.together(lines) == 2
    assert await cursor(bench) == "at !post two"
    assert await bench.count("stanza") == 2
    assert await bench.desk.together(lines[2:]) == 2
    assert await bench.count("stanza") == 4


async def test_talk_ends_them_and_moves_no_cursor_before_they_are_stored(bench: Bench) -> None:
    assert await bench.desk.together(said(bench, "!post one", "just talking", "!post two")) == 1
    await bench.desk.settle()
    assert await cursor(bench) == "at !post one"
    assert await bench.desk.together(said(bench, "just talking", "!post two")) == 0
    assert await cursor(bench) == "at !post one"


async def test_each_counts_once_however_often_they_are_handed_in(bench: Bench) -> None:
    lines = said(bench, "!post one", "!post two")
    assert await bench.desk.together(lines) == 2
    assert await bench.desk.together(lines) == 2
    await bench.desk.handle(lines[0])
    assert (await bench.count("stanza"), await bench.count("delivery")) == (2, 2)


async def test_where_one_fails_nothing_of_any_is_stored(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    write = posting.write

    def refused(turn: Turn, made: Any) -> Any:
        if made.draft.text == "two":
            raise NotCommitted("a constraint")
        return write(turn, made)

    monkeypatch.setattr(posting, "write", refused)
    assert await bench.desk.together(said(bench, "!post one", "!post two")) == 0
    for table in ("stanza", "post", "delivery", "notice", "audit", "cursor"):
        assert await bench.count(table) == 0


async def test_one_that_cannot_be_judged_is_left_for_later(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    order = posting.order

    def broken(context: Any, wish: Any) -> Any:
        if wish.text == "two":
            raise RuntimeError("a bug")
        return order(context, wish)

    monkeypatch.setattr(posting, "order", broken)
    assert await bench.desk.together(said(bench, "!post one", "!post two", "!post three")) == 1
    assert await bench.count("stanza") == 1


async def test_lines_of_several_rooms_move_each_rooms_cursor(bench: Bench) -> None:
    lines = [*said(bench, "!post one"), bench.incoming("!post two", room=ROOM, position="there")]
    assert await bench.desk.together(lines) == 2
    assert await cursor(bench) == "at !post one"
    assert await bench.store.read(lambda tx: cursors.get(tx, f"archive:{ROOM}")) == "there"
