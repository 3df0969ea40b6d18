"""The XML of the chat: names, reading, and the few stanzas that the bot makes.

Everything works on plain elements, so that what is decided about a stanza can be tested without a stream.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, SubElement

from bridge.domain.text import xml_safe

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENT: Final = "{jabber:client}"
MUC: Final = "{http://jabber.org/protocol/muc}"
MUC_USER: Final = "{http://jabber.org/protocol/muc#user}"
MUC_ADMIN: Final = "{http://jabber.org/protocol/muc#admin}"
MUC_OWNER: Final = "{http://jabber.org/protocol/muc#owner}"
SID: Final = "{urn:xmpp:sid:0}"
DELAY: Final = "{urn:xmpp:delay}"
MAM: Final = "{urn:xmpp:mam:2}"
FORWARD: Final = "{urn:xmpp:forward:0}"
RSM: Final = "{http://jabber.org/protocol/rsm}"
DATA: Final = "{jabber:x:data}"
REPLACE: Final = "{urn:xmpp:message-correct:0}"
PING: Final = "{urn:xmpp:ping}"
DISCO_INFO: Final = "{http://jabber.org/protocol/disco#info}"
DISCO_ITEMS: Final = "{http://jabber.org/protocol/disco#items}"
COMMANDS: Final = "{http://jabber.org/protocol/commands}"
CAPS: Final = "{http://jabber.org/protocol/caps}"
VERSION: Final = "{jabber:iq:version}"
ROSTER: Final = "{jabber:iq:roster}"
PUBSUB: Final = "{http://jabber.org/protocol/pubsub}"
VCARD: Final = "{vcard-temp}"
VCARD_UPDATE: Final = "{vcard-temp:x:update}"
RECEIPTS: Final = "{urn:xmpp:receipts}"
MARKERS: Final = "{urn:xmpp:chat-markers:0}"
HINTS: Final = "{urn:xmpp:hints}"
STANZA_ERRORS: Final = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
XML_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"

IQ: Final = CLIENT + "iq"
MESSAGE: Final = CLIENT + "message"
PRESENCE: Final = CLIENT + "presence"


def bare(jid: str) -> str:
    """Return an address without its resource, in the case that addresses are compared in."""
    return jid.partition("/")[0].casefold()


def resource(jid: str) -> str:
    """Return the resource of an address (in a room: the nick), or nothing."""
    return jid.partition("/")[2]


def sender_of(stanza: Element) -> str:
    """Return the full address that a stanza comes from, or nothing (then the server of our own account)."""
    return stanza.get("from", "")


def namespace_of(element: Element) -> str:
    """Return the namespace of an element."""
    return element.tag.partition("}")[0].removeprefix("{")


def error_of(stanza: Element) -> tuple[str, str]:
    """Return the condition and the text of an error stanza (RFC 6120, 8.3)."""
    error = stanza.find(CLIENT + "error")
    condition, text = "undefined-condition", ""
    for child in error if error is not None else ():
        name = child.tag.removeprefix(STANZA_ERRORS)
        if name == child.tag:
            continue
        if name == "text":
            text = (child.text or "").strip()
        else:
            condition = name
    return condition, text


def statuses(stanza: Element) -> frozenset[str]:
    """Return the status codes of a room's presence or message (XEP-0045, 15.6)."""
    return frozenset(
        code for status in stanza.iterfind(f"{MUC_USER}x/{MUC_USER}status") if (code := status.get("code")) is not None
    )


def stamp_of(delay: Element | None) -> datetime | None:
    """Return the time of a delay element (XEP-0203); None where it has none that can be read."""
    text = delay.get("stamp", "") if delay is not None else ""
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        return None
    return stamp.astimezone(UTC) if stamp.tzinfo is not None else None


def timestamp(moment: datetime) -> str:
    """Return a time as XEP-0082 writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stanza_id(message: Element, archive: str) -> str | None:
    """Return the id that an archive gave a message; None where it gave none, or where more than one is claimed."""
    ids = [
        identifier
        for element in message.iterfind(SID + "stanza-id")
        if bare(element.get("by", "")) == archive and (identifier := element.get("id"))
    ]
    return ids[0] if len(ids) == 1 else None


def origin_ids(message: Element) -> frozenset[str]:
    """Return the ids that the sender gave a message: its origin-id and its `id`."""
    origin = message.find(SID + "origin-id")
    both = (origin.get("id") if origin is not None else None, message.get("id"))
    return frozenset(identifier for identifier in both if identifier)


def items_of(stanza: Element) -> Iterator[Element]:
    """Give the occupant items of a room's presence or message."""
    return stanza.iterfind(f"{MUC_USER}x/{MUC_USER}item")


def text_message(*, to: str, room: bool, body: str, identifier: str, corrects: str | None) -> Element:
    """Build a line: its id is its origin id, too (XEP-0359), and `corrects` the id of what it replaces (XEP-0308)."""
    message = Element(MESSAGE, {"to": to, "type": "groupchat" if room else "chat", "id": identifier})
    SubElement(message, CLIENT + "body").text = xml_safe(body)
    SubElement(message, SID + "origin-id", {"id": identifier})
    if corrects is not None:
        SubElement(message, REPLACE + "replace", {"id": corrects})
    return message


def presence(
    *, to: str | None = None, kind: str | None = None, status: str | None = None, busy: bool = False
) -> Element:
    """Build a presence; `busy` asks people not to expect anything now."""
    attributes = {name: value for name, value in (("to", to), ("type", kind)) if value is not None}
    element = Element(PRESENCE, attributes)
    if busy:
        SubElement(element, CLIENT + "show").text = "dnd"
    if status is not None:
        SubElement(element, CLIENT + "status").text = xml_safe(status)
    return element


def join_presence(room: str, nick: str) -> Element:
    """Build the presence that enters a room and asks for none of its history (XEP-0045, 7.2)."""
    element = presence(to=f"{room}/{nick}")
    SubElement(SubElement(element, MUC + "x"), MUC + "history", {"maxstanzas": "0"})
    return element
