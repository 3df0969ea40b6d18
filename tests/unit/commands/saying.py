"""What several tests of roles say and look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.domain.people import Role
    from tests.unit.commands.conftest import Bench


async def says(bench: Bench, text: str, *, who: str = "ana", **values: Any) -> dict[str, str]:
    """Say something, and return what each hears upon it."""
    await bench.desk.handle(bench.incoming(text, who=who, **values))
    told = await bench.told()
    assert len({one.to for one in told}) == len(told), "told twice"
    return {one.to.partition("@")[0]: one.body for one in told}


async def deeds(bench: Bench) -> list[tuple[Any, ...]]:
    return [(who.partition("@")[0], verb, content) for who, verb, _, _, content in await bench.audited()]


async def role(bench: Bench, who: str) -> Role:
    await bench.desk._people.learn()
    return bench.desk._people.role_of(f"{who}@example.org")
