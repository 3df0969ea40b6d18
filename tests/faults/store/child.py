"""A program to be killed: it writes for ever, eight units at a time, and says which of them were committed.

`python child.py URL ROUND` prints `ready`, then `ROUND.N` for each committed unit.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bridge.domain.clock import SystemClock
from bridge.domain.people import Place, Target
from bridge.store import Store, audit, notices, stanzas

if TYPE_CHECKING:
    from bridge.store import Tx

ROOM = Target("ops@rooms.example.org", Place.ROOM)


def unit(tx: Tx, name: str, at: datetime) -> None:
    """Write three rows that stand or fall together."""
    stanzas.admit(tx, archive=ROOM.jid, key=name, sender="ana@example.org", at=at)
    notices.add_line(tx, target=ROOM, body=name, origin_id=name, at=at)
    audit.append(tx, at=at, actor="ana@example.org", verb="post", content=name, salt=name)


async def write(store: Store, names: itertools.count[int], prefix: str) -> None:
    """Write one unit after another."""
    for number in names:
        name, at = f"{prefix}.{number}", datetime.now(UTC)
        await store.write(lambda tx, name=name, at=at: unit(tx, name, at))
        print(name, flush=True)


async def main(url: str, prefix: str) -> None:
    """Write until killed."""
    async with Store.open(url, clock=SystemClock()) as store:
        print("ready", flush=True)
        names = itertools.count()
        await asyncio.gather(*(write(store, names, prefix) for _ in range(8)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
