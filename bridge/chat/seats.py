"""The rooms that we sit in, which may change while we are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Iterable, Sequence
    from typing import Any

    from bridge.chat.conversation import Conversation
    from bridge.chat.keeper import Keeper
    from bridge.chat.rooms import Room


class Seats:
    """Sits in the rooms of a session, and in others from then on when they change.

    `rooms` and `conversations` are shared with whoever looks a stanza's room up.
    """

    def __init__(
        self,
        rooms: dict[str, Room],
        conversations: dict[str, Conversation],
        *,
        keeper: Keeper,
        begin: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        room: Callable[[str], Room],
        conversation: Callable[[str, Room], Conversation],
    ) -> None:
        """Take what a room needs; `begin` has something done until the session ends, the last two make new ones."""
        self._rooms = rooms
        self._conversations = conversations
        self._keeper = keeper
        self._begin = begin
        self._room = room
        self._conversation = conversation
        self._keeping: dict[str, asyncio.Task[None]] = {}
        self._taken = False

    def take(self, names: Iterable[str]) -> None:
        """Be in these rooms until the session ends."""
        self._taken = True
        for jid in names:
            self._keeping[jid] = self._begin(self._keeper.keep_room(self._rooms[jid], self._conversations[jid]))

    def change(self, names: Sequence[str]) -> None:
        """Sit in these rooms from now on; new ones are entered at once where there was a session already."""
        for jid in [jid for jid in self._rooms if jid not in names]:
            self._leave(jid)
        for jid in [jid for jid in names if jid not in self._rooms]:
            self._rooms[jid] = self._room(jid)
            self._conversations[jid] = self._conversation(jid, self._rooms[jid])
            if self._taken:
                self.take([jid])

    def _leave(self, jid: str) -> None:
        """Leave a room; what it is owed still goes to the admins."""
        if (task := self._keeping.pop(jid, None)) is not None:
            task.cancel()
        self._begin(self._keeper.give_up(self._rooms.pop(jid), self._conversations.pop(jid)))
