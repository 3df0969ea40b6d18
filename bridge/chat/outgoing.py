"""What the bot says, decided: whether a receipt corrects its first message, and what became of what was sent."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, SubElement

from bridge.chat.elements import HINTS, MESSAGE, SID, text_message
from bridge.chat.gestures import REACTIONS, REPLY, RETRACT
from bridge.domain.notices import NoticeKind
from bridge.domain.people import Place

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.chat.claims import Claim
    from bridge.domain.notices import Notice
    from bridge.store.notices import Root

CORRECTABLE: Final = timedelta(minutes=10)
"""A later correction would change a line that has scrolled away."""

BOUNCES: Final = 3
"""How often a line may come back before it is given up, or given to the admins."""

_FIRST_PAUSE: Final = 2.0


def corrects(root: Root | None, nick: str | None, now: datetime) -> str | None:
    """Return the id of the message to correct (XEP-0308), or None where a new line is due.

    Only under the nick that the first message was sent under, as clients refuse others, and within 10 minutes of it.
    """
    if root is None or root.nick != nick or not timedelta(0) <= now - root.sent_at < CORRECTABLE:
        return None
    return root.origin_id


def stanza_of(claim: Claim, own: str = "") -> Element:
    """Build the message of a notice, as a reply to one of `own` that is above it, where that can be named.

    In a room a message is named by the room's own id of it (XEP-0461, 3.1).
    """
    notice, body, replaces, below = claim.notice, claim.body, claim.replaces, claim.below
    if claim.about is not None:
        return _deed(notice, claim.about, body)
    room = notice.target.place is Place.ROOM
    message = text_message(to=notice.target.jid, room=room, body=body, identifier=notice.origin_id, corrects=replaces)
    name = None if below is None else below.stanza_id if room else below.origin_id
    if below is not None and name is not None:
        author = f"{notice.target.jid}/{below.nick}" if room else own
        SubElement(message, REPLY, {"id": name, "to": author})
    return message


def _deed(notice: Notice, about: str, emoji: str) -> Element:
    """Build what is done to a line of ours: its retraction (XEP-0424), or the reactions that it has now (XEP-0444).

    It has no body, not even for clients that don't know it: whatever matters is told in lines of its own.
    """
    kind = "groupchat" if notice.target.place is Place.ROOM else "chat"
    message = Element(MESSAGE, {"to": notice.target.jid, "type": kind, "id": notice.origin_id})
    SubElement(message, SID + "origin-id", {"id": notice.origin_id})
    if notice.kind is NoticeKind.RETRACTION:
        SubElement(message, RETRACT, {"id": about})
    else:
        reactions = SubElement(message, REACTIONS + "reactions", {"id": about})
        if emoji:
            SubElement(reactions, REACTIONS + "reaction").text = emoji
    # Without a body an archive would not keep it, and nobody is to be offered it as something to read.
    SubElement(message, HINTS + "store")
    return message


def bounce_pause(bounces: int) -> float:
    """Return the seconds until a line that came back so many times goes out again."""
    return _FIRST_PAUSE * 2.0 ** (bounces - 1)
