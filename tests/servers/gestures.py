"""What a client does with other messages (XEP-0444, 0461, 0424, 0308), in a room or a direct chat."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from tests.servers.heard import Heard
    from tests.servers.person import Person

_STORE = "<store xmlns='urn:xmpp:hints'/>"


def name_of(heard: Heard, *, room: bool) -> str:
    """Return the id by which a client refers to a message: in a room the room's own, elsewhere its sender's."""
    if not room:
        return heard.origin_id or heard.id
    assert heard.stanza_id is not None, heard
    return heard.stanza_id


def react(person: Person, where: str, about: str, *emojis: str, room: bool) -> None:
    """Have these reactions on a message from now on."""
    inner = "".join(f"<reaction>{escape(emoji)}</reaction>" for emoji in emojis)
    element = f"<reactions xmlns='urn:xmpp:reactions:0' id={quoteattr(about)}>{inner}</reactions>"
    _send(person, where, element + _STORE, room=room)


def retract(person: Person, where: str, about: str, *, room: bool) -> None:
    """Take a message back."""
    element = f"<retract xmlns='urn:xmpp:message-retract:1' id={quoteattr(about)}/>"
    fallback = "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:message-retract:1'/>"
    _send(person, where, f"<body>/me retracted a message</body>{element}{fallback}{_STORE}", room=room)


def reply(person: Person, where: str, about: str, quoted: str, text: str, *, room: bool) -> None:
    """Reply to a message, with its quotation for clients that don't know replies."""
    lead = f"> {quoted}\n"
    element = f"<reply xmlns='urn:xmpp:reply:0' id={quoteattr(about)} to={quoteattr(where)}/>"
    part = f"<body start='0' end='{len(lead)}'/>"
    fallback = f"<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'>{part}</fallback>"
    _send(person, where, f"<body>{escape(lead + text)}</body>{element}{fallback}", room=room)


def forge(person: Person, where: str, replaces: str, text: str, *, room: bool) -> None:
    """Send a correction of a message that need not be one's own."""
    element = f"<replace xmlns='urn:xmpp:message-correct:0' id={quoteattr(replaces)}/>"
    _send(person, where, f"<body>{escape(text)}</body>{element}", room=room)


def _send(person: Person, where: str, inner: str, *, room: bool) -> None:
    kind, identifier = "groupchat" if room else "chat", person.client.new_id()
    person.client.send_raw(f"<message to={quoteattr(where)} type='{kind}' id='{identifier}'>{inner}</message>")
