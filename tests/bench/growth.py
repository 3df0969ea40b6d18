"""What years of posts and items in the store cost a line of today."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from tests.bench.figures import Figure, alternate
from tests.bench.filling import fill
from tests.bench.posting import one_by_one
from tests.bench.stage import Database, Kind, Scale, Stage

if TYPE_CHECKING:
    from tests.bench.stage import Contender

GOAL = 1.2


async def growth(stage: Stage, scale: Scale) -> list[Figure]:
    """From the line to the platform, with a full store and with an empty one."""
    figures: list[Figure] = []
    for database in Database:
        async with AsyncExitStack() as stack:
            url = stage.new_store(database)
            await fill(url, posts=scale.stored_posts, items=scale.stored_items)
            running: dict[str, Contender] = {
                "full": await stack.enter_async_context(stage.bridge(Kind.PLAIN, database, store_url=url)),
                "empty": await stack.enter_async_context(stage.bridge(Kind.PLAIN, database)),
            }
            taken = await alternate(scale.rounds, running, lambda one: one_by_one(stage, one, scale.lines))
        figures.append(
            Figure(
                what=f"line to platform beside {scale.stored_posts} posts and {scale.stored_items} items, p50",
                how=f"{Kind.PLAIN}, {database}",
                ours=tuple(taken["full"]),
                base=tuple(taken["empty"]),
                goal=GOAL,
            )
        )
    return figures
