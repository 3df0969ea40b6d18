"""What several tests of approval say and look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.commands.incoming import Gesture, GestureKind
from bridge.domain.ids import EntryId
from bridge.store import posts, reviews

if TYPE_CHECKING:
    from tests.unit.commands.conftest import Bench

ROOM = "ops@rooms.example.org"
SECOND_ROOM = "sales@rooms.example.org"
ANA, TOM, RAJ = "ana@example.org", "tom@example.org", "raj@example.org"


async def tell(bench: Bench, text: str, *, who: str = "raj", room: str | None = ROOM, **values: Any) -> dict[str, str]:
    """Say something, and return what each conversation gets upon it."""
    await bench.desk.handle(bench.incoming(text, who=who, room=room, **values))
    found: dict[str, str] = {}
    for one in await bench.told():
        found[one.to] = f"{found[one.to]}\n{one.body}" if one.to in found else one.body
    return found


async def react(bench: Bench, emoji: str, words: str, where: str = ROOM, **values: Any) -> dict[str, str]:
    """React to the last line of ours there that has these words."""
    gesture = Gesture(kind=GestureKind.REACTIONS, about=bench.name_of(words, where), emojis=frozenset({emoji}))
    room = where if where in {ROOM, SECOND_ROOM} else None
    return await tell(bench, "", room=room, gesture=gesture, **values)


async def reasons(bench: Bench, post: int = 1) -> list[set[str]]:
    return [set(one.held) for one in await bench.deliveries(post)]


async def state(bench: Bench, post: int = 1) -> str | None:
    one = await bench.store.read(lambda tx: reviews.get(tx, EntryId(post)))
    return None if one is None else one.state.value


async def text_of(bench: Bench, post: int) -> str:
    stored = await bench.store.read(lambda tx: posts.get(tx, EntryId(post)))
    assert stored is not None
    return stored.text
