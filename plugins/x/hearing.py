"""What an account reads, put together: who reads, who is known, and when it is time to look."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from datetime import datetime, timedelta

from bridge.plugin import Author, Clock, Cursor, Heard, Item, Keep, Profile, Ref, RefusedError
from plugins.x import show
from plugins.x.api import Api
from plugins.x.authors import Authors
from plugins.x.ear import Ear, Rhythm
from plugins.x.ledger import Ledger
from plugins.x.listen import Mentions, Messages, Source
from plugins.x.pace import Pulse
from plugins.x.prices import Kind
from plugins.x.reading import Reader, StoppedError
from plugins.x.track import Matches
from plugins.x.translate import Me


class Hearing:
    """The ears of one account; its `pulse` is to be told of what is published."""

    def __init__(self, api: Api, keep: Keep, clock: Clock, ledger: Ledger, *, fixed: timedelta | None) -> None:
        """Take what asks, remembers and pays, and how often to look, if that is fixed; nothing is read yet."""
        self.pulse = Pulse(clock, fixed)
        self._api = api
        self._clock = clock
        self._ledger = ledger
        self._reader = Reader(api.call, ledger)
        self._ledger = ledger
        self._authors = Authors(api.call, keep, clock, ledger)
        self._sources: tuple[Source, ...] = ()

    def items(self, me: Me, since: Cursor | None, *, messages: bool) -> AsyncGenerator[Heard]:
        """Yield mentions and their edits, and with `messages` direct messages, for ever; see `Listens.items`."""
        if not self._sources:
            mentions = Mentions(self._reader, self._authors, me)
            self._sources = (mentions, Messages(self._reader, self._authors, me)) if messages else (mentions,)
        rhythm = self._rhythm(self.pulse.beat)
        telling = replace(rhythm, stops=self._ledger.stops, spent=self._ledger.spent_more)
        return Ear(self._sources, telling).hear(since)

    def matches(self, me: Me, query: str, since: Cursor | None) -> AsyncGenerator[Heard]:
        """Yield what matches; raises RefusedError at once where X can't search for it. See `Tracks.matches`."""
        matches = Matches(self._reader, self._authors, me, query)
        return Ear((matches,), self._rhythm(lambda: None)).hear(since)

    async def thread(self, me: Me, item: Ref) -> tuple[Item, ...]:
        """Return a conversation; raises RefusedError where a budget doesn't allow to read it. See `Shows.thread`."""
        try:
            return await show.thread(self._reader, self._authors, me, item)
        except StoppedError as stopped:
            raise RefusedError(stopped.stop.why) from None

    async def profile(self, who: Author | str) -> Profile:
        """Return what an account says about itself; see `Shows.profile`."""
        if (why_not := self._ledger.may(Kind.READ_USER)) is not None:
            raise RefusedError(why_not)
        return await show.profile(self._api.call, self._ledger, who)

    def _rhythm(self, beat: Callable[[], None]) -> Rhythm:
        return Rhythm(clock=self._clock, now=self._there, rest=self.pulse.rest, beat=beat)

    def _there(self) -> datetime:
        """Return X's own time, as far as it is known."""
        return self._clock.now() + (self._api.skew or timedelta(0))
