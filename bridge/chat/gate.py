"""The gate: which stanzas are somebody speaking, who says so, and under which key each is known.

Nothing here does I/O. What isn't certain to be speech is none: in a direct chat a stray line would be published.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element

from bridge.chat.elements import (
    CLIENT,
    DELAY,
    FORWARD,
    MAM,
    MUC_USER,
    SID,
    XML_LANG,
    bare,
    items_of,
    origin_ids,
    sender_of,
    stamp_of,
)
from bridge.chat.encrypted import is_encrypted, only_changes_keys, without_offers
from bridge.chat.files import shared
from bridge.chat.gestures import gesture_of
from bridge.chat.positions import Position
from bridge.commands.incoming import Content, GestureKind, Incoming
from bridge.domain.people import Place, Target
from bridge.domain.text import xml_safe

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from bridge.chat.files import Shared
    from bridge.commands.incoming import Gesture

LONGEST: Final = 32_768
"""Characters of one body that are kept: far more than any platform takes, so a longer one is refused all the same."""

_REPLY: Final = "urn:xmpp:reply:0"
_FALLBACK: Final = "{urn:xmpp:fallback:0}"
_HEADER: Final = "{http://jabber.org/protocol/shim}"

_NOT_SPEECH: Final = (
    "{urn:xmpp:message-retract:0}retract",
    "{urn:xmpp:message-moderate:1}moderate",
    "{urn:xmpp:message-moderate:0}moderated",
    "{urn:xmpp:fasten:0}apply-to",
    "{urn:xmpp:carbons:2}sent",
    "{urn:xmpp:carbons:2}received",
    "{urn:xmpp:jingle-message:0}propose",
    "{jabber:x:conference}x",
    "{http://jabber.org/protocol/pubsub#event}event",
    f"{FORWARD}forwarded",
    f"{CLIENT}error",
)
"""Elements whose message may have a body for those who don't know them, but says nothing with it."""

_WORDLESS: Final = frozenset({GestureKind.RETRACTION, GestureKind.REACTIONS})


class Kind(Enum):
    """What a message is, by its envelope."""

    ROOM = "room"
    DIRECT = "direct"
    PRIVATE = "private"
    BOUNCE = "bounce"
    RESULT = "result"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a message stands: its archive and position there, and who sent it, taken as it came off the stream.

    `archived` means that it came out of the archive, whose id of it `position` then is.
    """

    archive: str
    source: Target
    sender: str
    nick: str
    affiliation: str
    said_at: datetime
    position: str | None
    archived: bool = False

    @property
    def place_in_archive(self) -> str | None:
        """What the archive's cursor is to be moved to; None for what the archive doesn't keep."""
        return None if self.position is None else str(Position(id=self.position, stamp=self.said_at))


def kind_of(message: Element, own: str, rooms: Collection[str]) -> Kind:
    """Tell what a message is; `own` is our bare address, `rooms` those of the rooms.

    A private message through a room comes from `room/nick`, and is never a direct chat, whatever its type says.
    """
    author, type_ = bare(sender_of(message)), message.get("type", "normal")
    if message.find(MAM + "result") is not None:
        return Kind.RESULT
    if type_ == "error":
        return Kind.BOUNCE
    if author in rooms:
        return Kind.ROOM if type_ == "groupchat" else Kind.PRIVATE
    if type_ not in {"chat", "normal"} or "@" not in author or author == own:
        return Kind.OTHER
    if message.find(MUC_USER + "x") is not None:
        return Kind.PRIVATE
    return Kind.DIRECT


def speech(message: Element, origin: Origin) -> Incoming | None:
    """Return what somebody said or did with a message, or None where nobody did anything with it.

    Subjects, chat states, markers and receipts say nothing, and neither does an empty body without a gesture, nor what
    a machine says that it wrote by itself.
    """
    gesture = gesture_of(message)
    wordless = gesture is not None and gesture.kind in _WORDLESS
    if _is_automatic(message) or (not wordless and any(message.find(tag) is not None for tag in _NOT_SPEECH)):
        return None
    if message.find(f"{FORWARD}forwarded") is not None or message.find(f"{CLIENT}error") is not None:
        return None
    # Clients add a body to a wordless gesture for those that don't know it.
    text = "" if wordless else _text(message)
    files = None if wordless else shared(message, text)
    content = Content.TEXT if wordless else _content(message, files)
    spoken = bool(text.strip()) or (files is not None and files.urls)
    if content is None or not (spoken or wordless or content is Content.ENCRYPTED):
        return None
    return Incoming(
        archive=origin.archive,
        key=origin.position or fallback_key(message, origin, text if gesture is None else _deed(gesture) + text),
        position=origin.place_in_archive,
        place=origin.source.place,
        source=origin.source,
        sender=origin.sender,
        nick=origin.nick,
        affiliation=origin.affiliation,
        text=text if files is None else files.caption,
        said_at=origin.said_at,
        content=content,
        caught_up=not origin.archived,
        gesture=gesture,
        names=origin_ids(message),
        files=files.urls if files is not None and content is Content.FILE else (),
        described=xml_safe(files.described)[:LONGEST] if files is not None else "",
    )


def direct_origin(message: Element, own: str, now: datetime, position: str | None) -> Origin:
    """Return the origin of a message that came live in a direct chat."""
    author = bare(sender_of(message))
    return Origin(
        archive=own,
        source=Target(author, Place.DIRECT),
        sender=author,
        nick=author.partition("@")[0],
        affiliation="none",
        said_at=min(now, stamp_of(message.find(DELAY + "delay")) or now),
        position=position,
    )


def is_history(message: Element, room: str) -> bool:
    """Tell whether a room replays a message of earlier: nobody may be taken for its author by the nick they have now.

    What the stream's own server repeats after a resume is delayed by our account's server, not by the room.
    """
    return any(bare(delay.get("from", room)) == room for delay in message.iterfind(DELAY + "delay"))


def archived_author(message: Element) -> str | None:
    """Return the real bare address that a room's archive names as the author; None where that isn't beyond doubt.

    The archive adds an item to what the author sent, so a second one is forged, and then none counts.
    """
    items = list(items_of(message))
    address = items[0].get("jid") if len(items) == 1 else None
    return bare(address) if address else None


def fallback_key(message: Element, origin: Origin, text: str) -> str:
    """Return the key of a message to which no archive gave an id: its sender, its own id, and a hash of its body.

    Without an id of its own, the time it came makes it different from an equal line of later.
    """
    own = message.find(SID + "origin-id")
    identifier = (own.get("id") if own is not None else None) or message.get("id") or origin.said_at.isoformat()
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return "fallback:" + hashlib.sha256(json.dumps([origin.sender, identifier, digest]).encode()).hexdigest()


def _deed(gesture: Gesture) -> str:
    return json.dumps([gesture.kind.value, gesture.about, sorted(gesture.emojis)])


def _content(message: Element, files: Shared | None) -> Content | None:
    if only_changes_keys(message):
        return None
    if is_encrypted(message, _body(message) or ""):
        return Content.ENCRYPTED
    if files is not None:
        return Content.FILE
    return Content.TEXT if _understood(message) else None


def _is_automatic(message: Element) -> bool:
    """Tell whether a machine says that it wrote this (RFC 3834, 5, as a header of XEP-0131): it isn't answered."""
    return any(
        header.get("name", "").casefold() == "auto-submitted" and (header.text or "").strip().casefold() != "no"
        for header in message.iterfind(f"{_HEADER}headers/{_HEADER}header")
    )


def _understood(message: Element) -> bool:
    """Tell whether the body isn't as a whole a stand-in for something else (XEP-0428)."""
    return not any(
        mark.get("for") != _REPLY and (len(mark) == 0 or any(not part.attrib for part in mark))
        for mark in message.iterfind(_FALLBACK + "fallback")
    )


def _body(message: Element) -> str | None:
    bodies = message.findall(CLIENT + "body")
    plain = [body for body in bodies if body.get(XML_LANG) is None]
    chosen = (plain or bodies)[:1]
    return (chosen[0].text or "") if chosen else None


def _text(message: Element) -> str:
    text = _body(message) or ""
    parts = [
        (int(part.get("start", "0")), int(part.get("end", str(len(text)))))
        for mark in message.iterfind(f"{_FALLBACK}fallback[@for='{_REPLY}']")
        for part in mark.iterfind(_FALLBACK + "body")
        if part.get("start", "0").isdecimal() and part.get("end", "0").isdecimal()
    ]
    # From the end on, since the ranges are those of the whole text.
    for start, end in sorted(parts, reverse=True):
        text = text[:start] + text[end:]
    return without_offers(xml_safe(text))[:LONGEST]
