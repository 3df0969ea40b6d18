"""Stores that are copied and put back."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.domain.clock import SystemClock
from bridge.domain.deliveries import Delivery
from bridge.domain.outbox import Draft, Part, StoredPost
from bridge.domain.people import Place, Target
from bridge.domain.posts import Key
from bridge.store import Store, Tx, accounts, notices, outbox, posts

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Collection

    Restore = Callable[[], None]

ROOT = Path(__file__).resolve().parents[3]
ROOM = Target("ops@rooms.example.org", Place.ROOM)
ANA = Target("ana@example.org", Place.DIRECT)
BOTH = (ROOM, ANA)


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[Store]:
    async with Store.open(url, clock=SystemClock(), told=BOTH) as store:
        yield store


async def is_restored(url: str) -> bool:
    async with opened(url) as store:
        frozen = await store.read(accounts.panic) is not None
        told = [one for one in await store.read(notices.pending) if "restored backup" in one.body]
        assert (frozen, len(told)) == ((True, len(BOTH)) if store.restored else (False, 0))
        return store.restored


def write(
    tx: Tx, now: datetime, *, held: Collection[str] = (), parts: int = 1, born: bool = False
) -> tuple[StoredPost, tuple[Delivery, ...]]:
    draft = Draft(author="raj@example.org", nick="raj", source=ROOM, text="hi", hold=timedelta(), created_at=now)
    stored = posts.add(tx, draft, stanza=None)
    made = [
        Part(account="a", text="hi", key=Key(token=f"{stored.id}.{part}", minted_at=now), part=part, parts=parts)
        for part in range(parts)
    ]
    born_for = ("a",) if born else ()
    return stored, outbox.add(tx, stored, made, held=frozenset(held), now=now, born_for=born_for, epoch="former")


async def run_once(url: str, now: datetime, count: int = 1) -> None:
    """Be a run of the bridge that is not restored, in which so many posts are owed."""
    async with opened(url) as store:
        assert not store.restored
        for _ in range(count):
            await store.write(lambda tx: write(tx, now))


def backup(path: Path, to: Path) -> None:
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def put_back(copy: Path, path: Path) -> None:
    for name in (f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)
    shutil.copy(copy, path)
