"""A position in a list: how far it has been read, and what of it is watched for being taken back."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from bridge.plugin import Cursor, RefusedError, by_age

WATCHED: Final = 40
NOWHERE: Final = "0"
"""The position before anything."""


class Watched(NamedTuple):
    """An entry of the list that was told, and the status in it."""

    entry: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A position in a list: the newest entry met, and the newest one of the very first look.

    What is not newer than `start` was said before anybody listened, and is never relayed. `recent` are the newest
    entries that were told, at most 40: one of them that is no longer listed may have been deleted, also while nobody
    looked. `gap` says that it was told that something may be missing right after `at`.
    """

    start: str
    at: str
    recent: tuple[Watched, ...] = ()
    gap: bool = False

    @property
    def cursor(self) -> Cursor:
        """The position as the core stores it."""
        more = {"recent": self.recent, "gap": self.gap}
        given = {name: value for name, value in more.items() if value}
        return Cursor(json.dumps({"start": self.start, "at": self.at, **given}))

    def past(self, entry: str) -> Place:
        """Return the position after one more entry; it never goes back."""
        at = max(self.at, entry, key=by_age)
        return replace(self, at=at, gap=self.gap and at == self.at)

    def behind_gap(self) -> Place:
        """Return the position, with the note that the gap after it was told of."""
        return replace(self, gap=True)

    def watching(self, entry: str, status: str) -> Place:
        """Return the position with one more entry watched, or with its status as it is called now."""
        if (entry, status) in self.recent:
            return self
        others = (one for one in self.recent if one.entry != entry)
        watched = sorted((*others, Watched(entry, status)), key=lambda one: by_age(one.entry))
        return replace(self, recent=tuple(watched[-WATCHED:]))

    def without(self, entry: str) -> Place:
        """Return the position with one entry watched no longer."""
        return replace(self, recent=tuple(one for one in self.recent if one.entry != entry))

    @classmethod
    def read(cls, cursor: Cursor) -> Place:
        """Read what `cursor` made, of earlier versions too; raises RefusedError for anything else."""
        try:
            data: Any = json.loads(cursor)
            recent = tuple(Watched(str(entry), str(status)) for entry, status in data.get("recent", ()))
            return cls(
                start=str(data["start"]), at=str(data["at"]), recent=recent[-WATCHED:], gap=bool(data.get("gap"))
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            raise RefusedError("The stored position in the notifications can't be read.") from None
