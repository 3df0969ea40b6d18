"""What a person has heard, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Container

ORIGIN_ID = "{urn:xmpp:sid:0}origin-id"
STANZA_ID = "{urn:xmpp:sid:0}stanza-id"
REPLACE = "{urn:xmpp:message-correct:0}replace"
DELAY = "{urn:xmpp:delay}delay"
REPLY = "{urn:xmpp:reply:0}reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One message with a body.

    `where` is the room's or the other person's bare JID, `nick` the sender's in the room or "" in a direct chat,
    `sender` the bare real JID where it is known. `stanza_id` counts only where the room or the own account gave it.
    `replaces` and `reply_to` are ids of XEP-0308 and XEP-0461. `delayed` tells history from live.
    """

    where: str
    nick: str
    sender: str | None
    body: str
    type: str
    id: str
    stanza_id: str | None
    origin_id: str | None
    replaces: str | None
    reply_to: str | None
    delayed: bool
    at: datetime
    own: bool

    def __str__(self) -> str:
        """One line for a failed test."""
        marks = f" replaces {self.replaces}" if self.replaces else ""
        return f"{self.where}/{self.nick} ({self.type} {self.id}{marks}): {self.body!r}"


def read(
    stanza: Any,
    *,
    jid: str,
    rooms: Container[str],
    own: Container[str],
    real: Callable[..., Any],
) -> Heard | None:
    """Build a value from slixmpp's message stanza; None when it has no body.

    `jid` is the listener's bare JID, `own` the ids that the listener has sent, `real(room, nick, "jid")` looks up an
    occupant's JID as it is now.
    """
    body = stanza.xml.findtext("{jabber:client}body")
    if body is None:
        return None
    where, nick = stanza["from"].bare, ""
    sender: str | None = where
    if where in rooms:
        nick = stanza["from"].resource
        sender = str(real(where, nick, "jid") or "").partition("/")[0] or None
    stamp = _attribute(stanza, DELAY, "stamp")
    trusted = where if stanza["type"] == "groupchat" else jid
    stanza_id = next((e.get("id") for e in stanza.xml.iterfind(STANZA_ID) if e.get("by") == trusted), None)
    return Heard(
        where=where,
        nick=nick,
        sender=sender,
        body=body,
        type=stanza["type"],
        id=stanza["id"],
        stanza_id=stanza_id,
        origin_id=_attribute(stanza, ORIGIN_ID, "id"),
        replaces=_attribute(stanza, REPLACE, "id"),
        reply_to=_attribute(stanza, REPLY, "id"),
        delayed=stamp is not None,
        at=datetime.fromisoformat(stamp) if stamp else datetime.now(UTC),
        own=stanza["id"] in own,
    )


def _attribute(stanza: Any, tag: str, name: str) -> str | None:
    element = stanza.xml.find(tag)
    return None if element is None else element.get(name)
