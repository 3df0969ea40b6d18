"""The platforms' process as the bench sees it: what has arrived there, what hangs, what customers say."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import aiohttp

from tests.servers.bridge import ROOT
from tests.servers.faults import judge
from tests.servers.process import mortal


class VoidError(Exception):
    """Something was lost, doubled or out of order: the figure is void."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What one platform has: the time (monotonic, of this machine) at which each text's request was complete."""

    times: dict[str, float]


class Platforms:
    """So many platforms in a process of their own, which ends with this one."""

    def __init__(self, count: int) -> None:
        """Nothing is started yet."""
        self._count = count
        self.sinks: list[str] = []
        self.control = ""
        self._process: asyncio.subprocess.Process
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *mortal([sys.executable, "-m", "tests.bench.platform", str(self._count)]),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        where = json.loads(await self._process.stdout.readline())
        self.control, self.sinks = where["control"], where["sinks"]
        self._session = aiohttp.ClientSession(self.control, timeout=aiohttp.ClientTimeout(total=None))
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._session.close()
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 5.0)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def stream(self, sink: int) -> str:
        """Return where what customers say on a platform comes from."""
        return f"{self.control}/stream/{sink}"

    async def reset(self) -> None:
        """Forget what was published so far."""
        await self._post("/reset")

    async def hang(self, sink: int) -> None:
        """Let a platform answer no post until `heal`."""
        await self._post(f"/hang/{sink}")

    async def heal(self, sink: int) -> None:
        """Let it answer again."""
        await self._post(f"/heal/{sink}")

    async def mention(self, sink: int, texts: Sequence[str]) -> float:
        """Let a customer say this, and return the time (monotonic) from which it was there."""
        said = await self._post(f"/mention/{sink}", list(texts))
        return said["at"]

    async def arrived(self, sink: int, expected: Sequence[str], *, patience: float = 60.0) -> Arrivals:
        """Wait until a platform has all the expected texts, and return when each came.

        Raises VoidError unless it has exactly those, once each, in their order.
        """
        params = {"count": str(len(expected)), "patience": str(patience)}
        async with self._session.get(f"/arrived/{sink}", params=params) as answer:
            found = await answer.json()
        verdict = judge(found["texts"], expected)
        if not verdict.clean:
            counts = {name: len(getattr(verdict, name)) for name in ("lost", "doubled", "out_of_order", "unexpected")}
            raise VoidError(f"of {len(expected)} posts: {counts}")
        times: dict[str, float] = {}
        for text, at in found["attempts"]:
            times.setdefault(text, at)
        return Arrivals(times)

    async def arrived_everywhere(self, sinks: Sequence[int], expected: Sequence[str]) -> list[Arrivals]:
        """As `arrived`, on several platforms."""
        return list(await asyncio.gather(*(self.arrived(sink, expected) for sink in sinks)))

    async def _post(self, path: str, body: object = None) -> dict[str, float]:
        async with self._session.post(path, json=body) as answer:
            answer.raise_for_status()
            return await answer.json()
