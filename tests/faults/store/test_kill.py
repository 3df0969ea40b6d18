from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from bridge.domain.clock import SystemClock
from bridge.store import Store, Tx, audit
from bridge.store.schema import audit as deeds
from bridge.store.schema import notice, stanza

if TYPE_CHECKING:
    from asyncio.subprocess import Process

ROUNDS = 5
HERE = Path(__file__).parent


async def start(url: str, prefix: str) -> Process:
    command = [sys.executable, str(HERE / "child.py"), url, prefix]
    root = str(HERE.parents[2])
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, cwd=root, env={"PYTHONPATH": root}
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


async def killed_after(process: Process, lines: int) -> list[str]:
    """Kill the program when it has said so much, and return all that it said before its end."""
    assert process.stdout is not None
    said = [await process.stdout.readline() for _ in range(lines)]
    process.kill()
    rest = await process.stdout.read()
    await process.wait()
    whole = [line for line in (*said, *rest.splitlines(keepends=True)) if line.endswith(b"\n")]
    return [line.decode().strip() for line in whole]


async def test_what_was_said_to_be_committed_is_there_after_a_kill(store_url: str) -> None:
    promised: list[str] = []
    for number in range(ROUNDS):
        process = await start(store_url, f"round{number}")
        promised += await killed_after(process, random.randint(1, 150))

    def look(tx: Tx) -> list[list[str]]:
        columns = (stanza.c.key, notice.c.origin_id, deeds.c.content)
        return [sorted(tx.execute(select(column)).scalars().all()) for column in columns]

    async with Store.open(store_url, clock=SystemClock()) as store:
        keys, lines, contents = await store.read(look)
        assert keys == lines == contents
        assert set(promised) - set(keys) == set()
        assert len(promised) >= ROUNDS
        assert len(set(keys)) == len(keys)
        assert (await store.read(audit.verify)).holds
