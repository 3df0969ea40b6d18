"""Delivery: one lane per account takes what the outbox owes to the platforms."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bridge.delivery.attendance import DIRECT, Attendance, conversation
from bridge.delivery.lane import Account, House, Lane
from bridge.delivery.pulse import Pulse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.domain.deliveries import Delivery

__all__ = ["DIRECT", "Account", "Attendance", "House", "Lane", "Lanes", "Pulse", "conversation"]


class Lanes:
    """All lanes; independent of each other, so that a platform that hangs delays nobody else."""

    def __init__(
        self, lanes: Sequence[Lane], attendance: Attendance, started: asyncio.Event, pulse: Pulse | None = None
    ) -> None:
        """Take the lanes, which share `started`."""
        self._lanes = {lane.name: lane for lane in lanes}
        self._attendance = attendance
        self._started = started
        self._pulse = pulse
        self._stopped = asyncio.Event()
        attendance.watch(self.poke)

    def put(self, lane: Lane) -> None:
        """Have another lane do an account's work."""
        self._lanes[lane.name] = lane

    @property
    def born_for(self) -> frozenset[str]:
        """The accounts whose idle lane would attempt a delivery at once."""
        return frozenset(name for name, lane in self._lanes.items() if lane.takes_born)

    def begin(self, born: Delivery) -> None:
        """Have its lane begin with a delivery that was born `sending` and is committed."""
        if (lane := self._lanes.get(born.account)) is not None:
            lane.begin(born)

    def start(self) -> None:
        """Let the work begin: every room is caught up, or was waited for long enough."""
        self._started.set()

    def poke(self) -> None:
        """Have every lane look again."""
        for lane in self._lanes.values():
            lane.poke()

    async def arrive(self, name: str) -> None:
        """A conversation hears the bot again: its undo windows begin anew, and then run."""
        for lane in self._lanes.values():
            await lane.restart_holds(name)
        self._attendance.arrive(name)

    async def _stood_still(self) -> None:
        """Begin every undo window anew: what was said meanwhile is still to be read."""
        for name in sorted(self._attendance.present):
            for lane in self._lanes.values():
                await lane.restart_holds(name)

    async def run(self) -> None:
        """Beat for all lanes until stopped; each of them is run by itself."""
        if self._pulse is not None:
            await self._pulse.run(self._stopped, self._stood_still)
        await self._stopped.wait()

    def stop(self) -> None:
        """Begin nothing new: every lane ends once what it has on the wire is settled."""
        for lane in self._lanes.values():
            lane.stop()
        self._started.set()
        self._stopped.set()
