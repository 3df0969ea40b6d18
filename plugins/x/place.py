"""A position in what an account hears: how far each list has been read, and which notice was told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final, cast

from bridge.plugin import Cursor, RefusedError, by_age
from plugins.x.snowflakes import moment_of

NOWHERE: Final = "0"
"""The position before anything."""
_BEHIND: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A position in one list.

    What is not newer than `start` was said before anybody listened, and is never told. Everything up to `at` has been
    read, and nothing of it can show up any more. `gap` says that it was told that something may be missing after `at`.
    """

    start: str
    at: str
    gap: bool = False

    def whole(self, settled: str) -> Place:
        """Return the position after a look that left nothing out; it follows the time, a day behind at most."""
        behind = moment_of(settled) - moment_of(self.at) > _BEHIND
        return replace(self, gap=False, at=max(self.at, settled, key=by_age) if behind else self.at)

    def past(self, entry: str, settled: str) -> Place:
        """Return the position after one more entry; it goes no further than `settled`, and never back."""
        return replace(self, at=max(self.at, min(entry, settled, key=by_age), key=by_age))


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The positions in all lists, by their names; `told` are the marks of the notices that count still."""

    lists: Mapping[str, Place] = field(default_factory=dict[str, Place])
    told: tuple[str, ...] = ()

    @property
    def cursor(self) -> Cursor:
        """The position as the core stores it."""
        lists = {
            name: {"start": place.start, "at": place.at, **({"gap": True} if place.gap else {})}
            for name, place in self.lists.items()
        }
        return Cursor(json.dumps({"lists": lists, **({"told": list(self.told)} if self.told else {})}))

    def having(self, name: str, place: Place) -> Places:
        """Return the positions with one list at another."""
        return replace(self, lists={**self.lists, name: place})

    @classmethod
    def read(cls, cursor: Cursor) -> Places:
        """Read what `cursor` made; raises RefusedError for anything else."""
        try:
            data: Any = json.loads(cursor)
            lists = {
                name: Place(start=_number(one["start"]), at=_number(one["at"]), gap=bool(one.get("gap")))
                for name, one in cast("dict[str, Any]", data["lists"]).items()
            }
            return cls(lists=lists, told=tuple(str(mark) for mark in data.get("told", ())))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise RefusedError("The stored position in the mentions can't be read.") from None


def _number(value: object) -> str:
    if not isinstance(value, str) or not value.isdecimal():
        raise ValueError("no id")
    return value
