"""The configuration as it is now, for whoever outlives a reload; and what a newer one changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import BaseModel

    from bridge.settings.root import Settings

_FIXED: Final = ("xmpp", "store", "web")
"""Sections that are read once, when the bridge starts."""

_TOLD_APART: Final = frozenset({*_FIXED, "accounts", "rooms", "posting"})
"""Sections of which more is said than that they have changed."""


class Current:
    """Holds the configuration that is in force. Ask it at each use: what one keeps may be out of date."""

    def __init__(self, settings: Settings) -> None:
        """Begin with one."""
        self._settings = settings

    @property
    def settings(self) -> Settings:
        """The configuration in force."""
        return self._settings

    def swap(self, settings: Settings) -> None:
        """Put another one in force, whole."""
        self._settings = settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What differs between two configurations, by the names of accounts and rooms, or by keys.

    `fixed` are keys that can't change while the bridge runs, `others` are keys, or sections, that have changed besides.
    """

    fixed: tuple[str, ...] = ()
    new_accounts: tuple[str, ...] = ()
    changed_accounts: tuple[str, ...] = ()
    gone_accounts: tuple[str, ...] = ()
    new_rooms: tuple[str, ...] = ()
    changed_rooms: tuple[str, ...] = ()
    gone_rooms: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


def changes(old: Settings, new: Settings) -> Changes:
    """Compare two configurations."""
    rooms, former = ({room.jid: room for room in one.rooms} for one in (new, old))
    return Changes(
        fixed=tuple(key for name in _FIXED for key in _keys(name, getattr(old, name), getattr(new, name))),
        new_accounts=_new(old.accounts, new.accounts),
        changed_accounts=_changed(old.accounts, new.accounts),
        gone_accounts=_new(new.accounts, old.accounts),
        new_rooms=_new(former, rooms),
        changed_rooms=_changed(former, rooms),
        gone_rooms=_new(rooms, former),
        others=(*_keys("posting", old.posting, new.posting), *_others(old, new)),
    )


def effective(old: Settings, new: Settings) -> Settings:
    """Return the newer configuration with what can't change while the bridge runs as it was."""
    return new.model_copy(update={name: getattr(old, name) for name in _FIXED})


def _new(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(name for name in new if name not in old)


def _changed(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(name for name in new if name in old and new[name] != old[name])


def _others(old: Settings, new: Settings) -> tuple[str, ...]:
    return tuple(
        name for name in type(new).model_fields if name not in _TOLD_APART and getattr(old, name) != getattr(new, name)
    )


def _keys(section: str, old: BaseModel | None, new: BaseModel | None) -> Iterator[str]:
    """Yield the keys of a section that differ; the section alone where it came or went."""
    if old is None or new is None:
        if old is not new:
            yield section
        return
    for name in type(new).model_fields:
        if getattr(old, name) != getattr(new, name):
            yield f"{section}.{name}"
