"""The commands with forms that are being filled in: few, each its requester's alone, each for a while."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.chat.elements import bare
from bridge.chat.forms import Problem, bad, later

if TYPE_CHECKING:
    from bridge.commands.menu import Way
    from bridge.domain.clock import Clock

LIFETIME: Final = 600.0
"""Seconds that a form may lie about between two steps."""

MOST_EACH: Final = 8
"""Dialogs of one person, on all their devices; one more ends their oldest."""

MOST: Final = 256
"""Dialogs of all people together."""

_REMEMBERED: Final = 256
"""Dialogs that ended, of which it is known that they were there."""


@dataclass(slots=True)
class Dialog:
    """One command on its way: who fills it in (full address), which way to say the verb was chosen, whether it runs."""

    id: str
    owner: str
    node: str
    until: float
    way: Way | None = None
    busy: bool = False


class Dialogs:
    """All of them, in the order in which they were last touched."""

    def __init__(self, clock: Clock) -> None:
        """Begin with none."""
        self._clock = clock
        self._open: dict[str, Dialog] = {}
        self._ended: dict[str, str] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._open)

    def begin(self, owner: str, node: str) -> Dialog:
        """Open one, under a name that can't be guessed; raises Problem where too many of the person's are running."""
        self._expire()
        mine = [one for one in self._open.values() if bare(one.owner) == bare(owner)]
        if len(mine) >= MOST_EACH:
            self._make_room(mine)
        if len(self._open) >= MOST:
            self._make_room(list(self._open.values()))
        made = Dialog(secrets.token_urlsafe(24), owner, node, self._clock.monotonic() + LIFETIME)
        self._open[made.id] = made
        return made

    def find(self, owner: str, node: str, name: str) -> Dialog:
        """Return one by its name, for its owner alone, and let it live on; raises Problem."""
        self._expire()
        found = self._open.get(name)
        if found is None and self._ended.get(name) == owner:
            text = "That form is over: it was done, given up, or lay about for too long. Begin again."
            raise Problem("cancel", "not-allowed", text, "session-expired")
        if found is None or found.owner != owner or found.node != node:
            raise bad("bad-sessionid", "There is no such form. Nothing was changed.")
        if found.busy:
            raise later("That is being done at this moment.")
        found.until = self._clock.monotonic() + LIFETIME
        self._open[name] = self._open.pop(name)
        return found

    def end(self, dialog: Dialog) -> None:
        """Forget one."""
        if self._open.pop(dialog.id, None) is None:
            return
        self._ended[dialog.id] = dialog.owner
        if len(self._ended) > _REMEMBERED:
            del self._ended[next(iter(self._ended))]

    def _expire(self) -> None:
        now = self._clock.monotonic()
        for one in [one for one in self._open.values() if one.until <= now and not one.busy]:
            self.end(one)

    def _make_room(self, among: list[Dialog]) -> None:
        oldest = next((one for one in among if not one.busy), None)
        if oldest is None:
            raise later("Too many commands are being done at this moment. Nothing was changed.")
        self.end(oldest)
