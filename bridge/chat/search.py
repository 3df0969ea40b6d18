"""Looking for one's own messages in an archive, by the ids they were sent with."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element

from bridge.chat.archive import Archived, Archives, NoArchive
from bridge.chat.elements import PING, bare, origin_ids, sender_of
from bridge.chat.errors import NoAnswer, Refused
from bridge.chat.gate import archived_author
from bridge.domain.people import Place

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bridge.chat.rooms import Room
    from bridge.chat.stream import Stream
    from bridge.domain.notices import Notice

SKEW: Final = timedelta(minutes=30)
"""How far the server's clock may differ from ours: the search goes that far before the first sending."""

_BARRIER_SECONDS: Final = 10.0


class Search:
    """Finds out whether what was sent has arrived."""

    def __init__(self, stream: Stream, archives: Archives) -> None:
        """Take the session and its archives."""
        self._stream = stream
        self._archives = archives

    async def passed(self, room: Room | None) -> bool:
        """Ask something whose answer comes behind everything sent before, to a room or (None) to the server.

        False where no answer comes: then what was sent may still be under way.
        """
        to = f"{room.jid}/{room.nick}" if room is not None else self._stream.own.partition("@")[2]
        try:
            await self._stream.ask("get", to, Element(PING + "ping"), _BARRIER_SECONDS)
        except Refused:
            return True
        except NoAnswer:
            return False
        return True

    async def find(self, open_: Sequence[Notice]) -> dict[str, str]:
        """Return which notices, all to one room or all to people, arrived: origin ids with the archive's ids.

        Pages back from the newest message, since what is looked for was sent last. Where there is no archive nothing
        is found. Raises AnswerError where it can't be asked now.
        """
        place = open_[0].target.place
        archive = open_[0].target.jid if place is Place.ROOM else self._stream.own
        wanted = {notice.origin_id for notice in open_}
        since = min(notice.first_sent_at or notice.created_at for notice in open_) - SKEW
        found: dict[str, str] = {}
        before = ""
        while True:
            try:
                page = await self._archives.page(archive, before=before)
            except NoArchive:
                return {}
            found |= ours_in(page.messages, wanted, self._stream.own, place)
            oldest = page.messages[0].stamp if page.messages else since
            if page.complete or not page.first or len(found) == len(wanted) or oldest < since:
                return found
            before = page.first


def ours_in(messages: Sequence[Archived], wanted: Collection[str], own: str, place: Place) -> dict[str, str]:
    """Return which of the wanted origin ids are among archived messages of ours, with the archive's ids."""
    found: dict[str, str] = {}
    for archived in messages:
        author = archived_author(archived.message) if place is Place.ROOM else bare(sender_of(archived.message))
        if author not in {own, None}:
            continue
        for identifier in origin_ids(archived.message):
            if identifier in wanted:
                found.setdefault(identifier, archived.id)
    return found
