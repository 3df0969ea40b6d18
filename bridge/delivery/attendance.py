"""Which conversations hear the bot now: an undo window runs only where somebody could still say `undo`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.domain.people import Place, Target

if TYPE_CHECKING:
    from collections.abc import Callable

DIRECT = "direct"
"""The name of all direct chats together: they are read from the one own archive."""


def conversation(target: Target) -> str:
    """Return the name under which a conversation attends: the room's JID, or `DIRECT`."""
    return target.jid if target.place is Place.ROOM else DIRECT


class Attendance:
    """The conversations that are joined and caught up, kept by the chat and read by the lanes."""

    def __init__(self, awake: Callable[[], bool] = lambda: True) -> None:
        """Begin with nobody there; `awake` tells whether the program runs as it should, see `Pulse`."""
        self._awake = awake
        self._present: frozenset[str] = frozenset()
        self._watchers: list[Callable[[], None]] = []

    @property
    def present(self) -> frozenset[str]:
        """The conversations that hear the bot now."""
        return self._present

    @property
    def hearing(self) -> frozenset[str]:
        """Those of them that really do: nobody, right after the program stood still."""
        return self._present if self._awake() else frozenset()

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call something after every change."""
        self._watchers.append(watcher)

    def arrive(self, name: str) -> None:
        """A conversation is joined and its archive read to the end."""
        self._set(self._present | {name})

    def leave(self, name: str | None = None) -> None:
        """A conversation, or (None) every one, hears the bot no more."""
        self._set(frozenset() if name is None else self._present - {name})

    def _set(self, present: frozenset[str]) -> None:
        if present != self._present:
            self._present = present
            for watcher in self._watchers:
                watcher()
