"""Lines said while the bridge is killed again and again, and what the platform and the room make of it."""

from __future__ import annotations

import asyncio
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.servers.faults import Verdict
    from tests.servers.scene import Scene
    from tests.servers.sink import Sink


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it: the platform's verdict, and how often the bridge was killed."""

    verdict: Verdict
    kills: int
    attempts: int

    def __str__(self) -> str:
        """Return the figures in one line."""
        verdict = self.verdict
        return (
            f"{self.kills} kills, {self.attempts} attempts: {len(verdict.lost)} lost, {len(verdict.doubled)} doubled, "
            f"{len(verdict.out_of_order)} out of order, {len(verdict.unexpected)} unexpected"
        )


async def ordeal(scene: Scene, sink: Sink, *, lines: int, kills: int, seed: int, patience: float = 240.0) -> Outcome:
    """Say so many lines while the bridge is killed so often, at random instants of its work; then let it finish.

    The instants are counted in what the platform has seen, so that kills fall into the work however fast it is.
    """
    chance = random.Random(seed)
    texts = [f"status {number} of {lines}" for number in range(1, lines + 1)]
    talk = asyncio.create_task(_talk(scene, texts))
    try:
        for number in range(kills):
            await sink.has_seen(_after(sink, lines, kills, number, chance), patience=patience)
            for _ in range(chance.randrange(400)):
                await asyncio.sleep(0)
            await scene.bridge.kill()
            await scene.bridge.start()
        await talk
        await sink.has_committed(lines, patience=patience)
        await _told(scene, lines, patience)
    finally:
        talk.cancel()
    return Outcome(verdict=sink.audit(texts), kills=kills, attempts=sum(attempt.posts for attempt in sink.attempts))


def _after(sink: Sink, lines: int, kills: int, number: int, chance: random.Random) -> int:
    """Return how many attempts the platform shall have seen before the next kill."""
    seen = sum(attempt.posts for attempt in sink.attempts)
    share = lines * (number + 1) // (kills + 1)
    return max(seen + 1, share - chance.randrange(max(1, lines // (2 * kills))))


async def _talk(scene: Scene, texts: list[str]) -> None:
    for text in texts:
        await scene.raj.say(scene.room, f"!post {text}", patience=60.0)


_STATE = re.compile(r"mastodon (?:\d+ sent|http)")


async def _told(scene: Scene, lines: int, patience: float) -> None:
    """Wait until the outbox is empty and the room was told of the last line."""
    last = f"{lines:x}"
    await scene.raj.hears(
        lambda heard: f"[{last}]" in heard.body and _STATE.search(heard.body), where=scene.room, patience=patience
    )
