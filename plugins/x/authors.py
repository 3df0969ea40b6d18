"""Who is who: people are asked for once a month, since each answer costs ten times what their mention does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, cast

from bridge.plugin import Author, Clock, Keep, RefusedError
from plugins.x import translate
from plugins.x.answers import Json
from plugins.x.ledger import Ledger
from plugins.x.prices import Kind
from plugins.x.reading import Ask, StoppedError

ROUTE: Final = "/2/users"
LIFETIME: Final = timedelta(days=30)
"""After that somebody is asked for anew: people change their names."""
KNOWN: Final = 1000
"""How many are kept, those who were learned last."""
_AT_ONCE: Final = 100
_NAME: Final = "authors"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    author: Author
    since: date


class Authors:
    """The people whom one account has heard, kept over restarts."""

    def __init__(self, ask: Ask, keep: Keep, clock: Clock, ledger: Ledger) -> None:
        """Take what asks, remembers and pays; nothing is read yet."""
        self._ask = ask
        self._keep = keep
        self._clock = clock
        self._ledger = ledger
        self._known: dict[str, _Known] = {}
        self._learning = asyncio.Lock()
        self._loaded = False
        self._unsaved = False

    def of(self, identifier: str) -> Author:
        """Return somebody who was learned; of whom X tells nothing has the id for a name."""
        found = self._known.get(identifier)
        return found.author if found else translate.nobody(identifier)

    def meet(self, answer: Json) -> None:
        """Remember the people who came with an answer."""
        self._unsaved = self._remember(translate.included(answer, "users")) or self._unsaved

    async def learn(self, identifiers: Iterable[str]) -> None:
        """Get to know people, by asking for those who aren't known.

        Raises StoppedError where a budget doesn't allow to ask for all, and a PluginError.
        """
        async with self._learning:
            await self._learn(identifiers)

    async def _learn(self, identifiers: Iterable[str]) -> None:
        if not self._loaded:
            self._known = {**_read(await self._keep.load(_NAME)), **self._known}
            self._loaded = True
        wanted = [one for one in dict.fromkeys(identifiers) if one and not self._is_known(one)]
        try:
            while wanted:
                asked, wanted = self._affordable(wanted)
                await self._fetch(asked)
        finally:
            if self._unsaved:
                # Nobody is kept for longer than they count: what is needed no more is nobody's business.
                lasting = {name: one for name, one in self._known.items() if self._is_known(name)}
                await self._keep.save(_NAME, _write(lasting))
                self._unsaved = False

    def _affordable(self, wanted: list[str]) -> tuple[list[str], list[str]]:
        """Return whom to ask for at once, and the rest."""
        if (stop := self._ledger.stop(Kind.READ_USER)) is not None:
            raise StoppedError(stop)
        room = self._ledger.room(Kind.READ_USER)
        count = _AT_ONCE if room is None else min(_AT_ONCE, room)
        return wanted[:count], wanted[count:]

    async def _fetch(self, wanted: list[str]) -> None:
        try:
            # `name` and `username` come anyway, in both vocabularies.
            people = translate.listed(await self._ask("GET", ROUTE, params={"ids": ",".join(wanted)}))
        except RefusedError:
            people = []  # gone, suspended, or not to be seen: what they said is heard all the same
        if people:
            await self._ledger.charge(Kind.READ_USER, len(people))
        self._unsaved = self._remember(people) or self._unsaved
        for gone in wanted:
            if not self._is_known(gone):
                self._put(translate.nobody(gone))

    def _remember(self, people: Iterable[Json]) -> bool:
        authors = [author for one in people if (author := translate.author(one))]
        for author in authors:
            self._put(author)
        return bool(authors)

    def _put(self, author: Author) -> None:
        self._known.pop(author.id, None)
        self._known[author.id] = _Known(author=author, since=self._today)
        while len(self._known) > KNOWN:
            del self._known[next(iter(self._known))]

    def _is_known(self, identifier: str) -> bool:
        found = self._known.get(identifier)
        return found is not None and timedelta(0) <= self._today - found.since < LIFETIME

    @property
    def _today(self) -> date:
        return self._clock.now().date()


def _write(known: dict[str, _Known]) -> str:
    people = {
        name: [one.author.handle, one.author.name, one.since.isoformat()]
        for name, one in known.items()
        if one.author != translate.nobody(name)  # who was suspended may come back, and is asked for after a restart
    }
    return json.dumps(people, ensure_ascii=False)


def _read(saved: str | None) -> dict[str, _Known]:
    """Return who was written down; what can't be made sense of is nobody, and costs to be learned anew."""
    try:
        people = cast("dict[str, Any]", json.loads(saved or "{}"))
        return {
            name: _Known(
                author=translate.author({"id": name, "username": str(handle), "name": str(shown)})
                or translate.nobody(name),
                since=date.fromisoformat(since),
            )
            for name, (handle, shown, since) in people.items()
        }
    except (ValueError, TypeError, AttributeError):
        return {}
