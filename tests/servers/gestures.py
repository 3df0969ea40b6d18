"""What a client does with other messages (XEP-0444, 0461, 0424, 0308), in a room or a direct chat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from tests.servers.watch import PATIENCE, Watch

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


class Deeds:
    """What others do to messages, as a person sees it: where, a reaction or a retraction, of which, and the emojis."""

    def __init__(self, person: Person) -> None:
        """Begin to watch; it ends with the person's session."""
        self.seen: list[tuple[str, str, str, tuple[str, ...]]] = []
        self._watch = Watch()
        for kind, tag in _DEEDS.items():
            matcher = MatchXPath(f"{{jabber:client}}message/{tag}")
            handler = Callback(f"deed {kind}", matcher, lambda stanza, kind=kind, tag=tag: self._see(stanza, kind, tag))
            person.client.register_handler(handler)

    async def has(self, where: str, kind: str, about: str, *emojis: str) -> None:
        """Wait until this was done to a message."""
        wanted = (where, kind, about, emojis)
        await self._watch.until(
            lambda: wanted in self.seen, timeout=PATIENCE, otherwise=lambda: f"{wanted} is not among {self.seen}"
        )

    def _see(self, stanza: Any, kind: str, tag: str) -> None:
        element = stanza.xml.find(tag)
        emojis = tuple(one.text or "" for one in element)
        self.seen.append((stanza["from"].bare, kind, element.get("id", ""), emojis))
        self._watch.changed()


_DEEDS = {"reaction": "{urn:xmpp:reactions:0}reactions", "retraction": "{urn:xmpp:message-retract:1}retract"}
