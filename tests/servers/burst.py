"""A burst of posts through the whole program while something goes wrong, and what the room is told of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.servers.heard import Heard
    from tests.servers.scene import Scene
    from tests.servers.sink import Sink

PATIENCE = 90.0


@dataclass(frozen=True, kw_only=True)
class Burst:
    """So many posts, said by Raj in the scene's room in one or several goes; the scene's first ones."""

    scene: Scene
    sink: Sink
    lines: int = 50

    @property
    def texts(self) -> list[str]:
        """What is said, in order."""
        return [f"status {number} of {self.lines}" for number in range(1, self.lines + 1)]

    async def say(self, first: int, last: int) -> None:
        """Say the lines from the `first` to the `last` one, each as soon as the room has echoed the one before."""
        for text in self.texts[first - 1 : last]:
            await self.scene.raj.say(self.scene.room, f"!post {text}", patience=PATIENCE)

    async def arrives(self) -> None:
        """Wait until everything is published and told; fail unless each line arrived once and in order."""
        await self.sink.has_committed(self.lines, patience=PATIENCE)
        await self.is_told()
        verdict = self.sink.audit(self.texts)
        assert verdict.clean, verdict

    async def is_told(self) -> None:
        """Wait until the room's receipts show as many posts as sent as there are lines."""
        await self.scene.raj.hears(
            lambda _: self.shown_as_sent() >= self.lines, where=self.scene.room, patience=PATIENCE
        )

    def shown_as_sent(self) -> int:
        """Return how many posts the receipts in the room, in their newest forms, show as sent."""
        said = [heard for heard in self.scene.raj.heard(self.scene.room) if heard.nick == "status"]
        forms = {heard.replaces or heard.id: heard.body for heard in said}
        return sum(_sent(body) for body in forms.values())

    def told(self, words: str) -> list[Heard]:
        """Return the lines of the bot's in the room that say so, its corrections left aside."""
        said = self.scene.raj.heard(self.scene.room)
        return [heard for heard in said if words in heard.body and heard.replaces is None and heard.nick == "status"]


def _sent(receipt: str) -> int:
    many = re.search(r"(\d+) sent", receipt)
    return int(many[1]) if many else int(re.match(r"\[\w+\] mastodon http", receipt) is not None)


def complaints(scene: Scene, *, after: int = 0) -> list[str]:
    """Return the events that the program logged as more than ordinary, in order; no traceback is among them."""
    log = scene.bridge.log_path.read_text(encoding="utf-8")
    assert "Traceback" not in log, log
    return [str(line["event"]) for line in scene.bridge.lines[after:] if line["level"] not in {"debug", "info"}]
