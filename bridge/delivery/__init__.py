"""Delivery: one lane per account takes what the outbox owes to the platforms."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bridge.delivery.attendance import DIRECT, Attendance, conversation
from bridge.delivery.lane import Account, Lane
from bridge.delivery.pulse import Pulse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.domain.deliveries import Delivery

__all__ = ["DIRECT", "Account", "Attendance", "Lane", "Lanes", "Pulse", "conversation"]


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

    @property
    def born_for(self) -> frozenset[str]:
        """The accounts whose idle lane would attempt a delivery at once."""
        return frozenset(name for name, lane in self._lanes.items() if lane.takes_born)

    def begin(self, born: Delivery) -> None:
        """Have its lane begin with a delivery that was born `sending` and is committed."""
        self._lanes[born.account].begin(born)

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
        """Run every lane until stopped; one that fails by a bug of ours ends the program, since it can't be trusted."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._stopped.wait(), name="lanes")
            if self._pulse is not None:
                group.create_task(self._pulse.run(self._stopped, self._stood_still), name="pulse")
            for lane in self._lanes.values():
                group.create_task(lane.run(), name=f"lane {lane.name}")

    def stop(self) -> None:
        """Begin nothing new; `run` returns once what is on the wire is settled."""
        for lane in self._lanes.values():
            lane.stop()
        self._started.set()
        self._stopped.set()
