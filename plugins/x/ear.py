"""What lists tell, as news: each entry once, gaps, and why nothing is read while a budget is used up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Final

from bridge.plugin import Clock, Cursor, Gap, Heard, Notice, Seen, by_age
from plugins.x import translate
from plugins.x.budget import Stop, lasting
from plugins.x.failures import LAG
from plugins.x.listen import Source, settled
from plugins.x.place import Place, Places
from plugins.x.reading import StoppedError
from plugins.x.snowflakes import before, first_of

_MEMORY: Final = 2000
_NAP: Final = timedelta(hours=1)


async def _never() -> None:
    await asyncio.Event().wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """When to look: X's time, what returns when it is time for the next look, and what is told of each thing heard.

    `stops` returns what is stopped now and is to be told, and `spent` returns when that may have changed.
    """

    clock: Clock
    now: Callable[[], datetime]
    rest: Callable[[], Awaitable[None]]
    beat: Callable[[], None]
    stops: Callable[[], Sequence[Stop]] = tuple
    spent: Callable[[], Awaitable[object]] = _never


class Ear:
    """Hears some lists for an account, and remembers for a while what it has told of them.

    A look goes back to the end of what was surely complete at the last one: what X lists some seconds late is heard,
    and only what was heard within those seconds is read, and paid for, a second time.
    """

    def __init__(self, sources: Sequence[Source], rhythm: Rhythm) -> None:
        """Begin with nothing met."""
        self._sources = sources
        self._rhythm = rhythm
        self._places = Places()
        self._met: dict[str, None] = {}

    async def hear(self, since: Cursor | None) -> AsyncGenerator[Heard]:
        """Yield the news for ever; the first look of all yields nothing but its position. Raises a PluginError."""
        self._places = Places() if since is None else Places.read(since)
        while True:
            try:
                async with aclosing(self._round()) as heard:
                    async for thing in heard:
                        yield thing
            except StoppedError as stopped:
                self._begin_here()
                for notice in self._tell(stopped.stop):
                    yield notice
                rest = partial(self._wait_for, stopped.stop)
            else:
                rest = self._rhythm.rest
            async with aclosing(self._meanwhile(rest)) as notices:
                async for notice in notices:
                    yield notice

    async def _round(self) -> AsyncGenerator[Heard]:
        for source in self._sources:
            place = self._places.lists.get(source.name)
            if place is None:
                newest = await source.newest()
                at = min(newest, settled(self._rhythm.now(), LAG.total_seconds()), key=by_age)
                self._places = self._places.having(source.name, Place(start=newest, at=at))
                yield Seen(cursor=self._places.cursor)
            else:
                async with aclosing(self._look(source, place)) as heard:
                    async for thing in heard:
                        yield thing

    async def _look(self, source: Source, place: Place) -> AsyncGenerator[Heard]:
        now, told = self._rhythm.now(), self._places
        end = settled(now, LAG.total_seconds())
        found = await source.look(place, now)
        if found.gap is not None and not place.gap:
            # Told once, also if the bridge is killed before it has read any further.
            self._places = told = self._places.having(source.name, replace(place, at=found.gap, gap=True))
            yield Gap(cursor=told.cursor)
        for entry in found.entries:
            name = translate.identifier(entry)
            self._places = self._places.having(source.name, self._places.lists[source.name].past(name, end))
            if name in self._met or by_age(name) <= by_age(place.start):
                continue
            thing = source.thing(entry, self._places.cursor)
            if thing is not None:
                told = self._places
                self._rhythm.beat()
                yield thing
            self._remember(name)
        self._places = self._places.having(source.name, self._places.lists[source.name].whole(end))
        if self._places != told:
            yield Seen(cursor=self._places.cursor)

    async def _meanwhile(self, rest: Callable[[], Awaitable[None]]) -> AsyncGenerator[Notice]:
        """Yield what has to be told of budgets, until `rest` is over."""
        resting = asyncio.ensure_future(rest())
        spent: asyncio.Future[object] | None = None
        try:
            while True:
                while told := self._tell(*self._rhythm.stops()):
                    for notice in told:
                        yield notice
                spent = asyncio.ensure_future(self._rhythm.spent())
                await asyncio.wait({resting, spent}, return_when=asyncio.FIRST_COMPLETED)
                if resting.done():
                    await resting
                    return
        finally:
            ended = {one for one in (resting, spent) if one is not None}
            for one in ended:
                one.cancel()
            await asyncio.wait(ended)

    def _tell(self, *stops: Stop) -> list[Notice]:
        """Return the notices of what is stopped and was not told, with the positions after them."""
        told: list[Notice] = []
        for stop in stops:
            if stop.mark not in self._places.told:
                marks = lasting(self._places.told, self._rhythm.clock.now().date())
                self._places = replace(self._places, told=(*marks, stop.mark))
                told.append(Notice(text=stop.why, cursor=self._places.cursor))
        return told

    def _begin_here(self) -> None:
        """Begin at now where nothing was read before."""
        for source in self._sources:
            if source.name not in self._places.lists:
                here = before(first_of(self._rhythm.now()))
                self._places = self._places.having(source.name, Place(start=here, at=here))

    async def _wait_for(self, stop: Stop) -> None:
        """Return when the stop is over; a clock that is set meanwhile is noticed within the hour."""
        end = datetime.combine(stop.until, time(), tzinfo=UTC)
        left = end - self._rhythm.clock.now()
        while left > timedelta(0):
            await self._rhythm.clock.sleep(min(left, _NAP).total_seconds())
            left = end - self._rhythm.clock.now()

    def _remember(self, name: str) -> None:
        self._met.pop(name, None)
        self._met[name] = None
        while len(self._met) > _MEMORY:
            del self._met[next(iter(self._met))]
