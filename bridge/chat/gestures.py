"""What a message does with another one: reply, correct, take back, react; read from its XML, in every form in use."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bridge.chat.elements import REPLACE
from bridge.commands.incoming import Gesture, GestureKind

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

REPLY: Final = "{urn:xmpp:reply:0}reply"
REACTIONS: Final = "{urn:xmpp:reactions:0}"
RETRACT: Final = "{urn:xmpp:message-retract:1}retract"
_FASTENED: Final = "{urn:xmpp:fasten:0}apply-to"
_RETRACT_FASTENED: Final = "{urn:xmpp:message-retract:0}retract"

_MOST_EMOJIS: Final = 20
_LONGEST_EMOJI: Final = 32
_LONGEST_ID: Final = 1_000


def gesture_of(message: Element) -> Gesture | None:
    """Return the gesture of a message, or None.

    Reactions are those of XEP-0444, all that the sender has on that message from now on; retractions are those of
    XEP-0424, and of its older form, in which they are fastened to a message (XEP-0422); corrections and replies are
    those of XEP-0308 and XEP-0461. A message that claims to be several things is the first of these, and one that
    names nothing is none.
    """
    reactions = message.find(REACTIONS + "reactions")
    if reactions is not None:
        return _about(reactions, GestureKind.REACTIONS, _emojis(reactions))
    retraction = message.find(RETRACT)
    if retraction is not None:
        return _about(retraction, GestureKind.RETRACTION)
    fastened = message.find(_FASTENED)
    if fastened is not None and fastened.find(_RETRACT_FASTENED) is not None:
        return _about(fastened, GestureKind.RETRACTION)
    correction, reply = message.find(REPLACE + "replace"), message.find(REPLY)
    if correction is not None:
        made = _about(correction, GestureKind.CORRECTION)
        return made if made is None or reply is None else replace(made, replies=True)
    return _about(reply, GestureKind.REPLY) if reply is not None else None


def _about(element: Element, kind: GestureKind, emojis: frozenset[str] = frozenset()) -> Gesture | None:
    name = element.get("id", "")
    return Gesture(kind=kind, about=name, emojis=emojis) if 0 < len(name) <= _LONGEST_ID else None


def _emojis(reactions: Element) -> frozenset[str]:
    texts = [(one.text or "").strip() for one in reactions.iterfind(REACTIONS + "reaction")]
    return frozenset(text for text in texts[:_MOST_EMOJIS] if 0 < len(text) <= _LONGEST_EMOJI)
