"""Invitations to rooms: direct ones (XEP-0249) and those that a room passes on (XEP-0045, 7.8.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.chat.elements import DELAY, MUC_USER, bare, sender_of

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_CONFERENCE: Final = "{jabber:x:conference}x"


@dataclass(frozen=True, slots=True)
class Invitation:
    """Somebody, by the bare address, asks us into a room, by its bare address."""

    room: str
    inviter: str
    passed_on: bool = False
    """Whether a room says so, or what looks like one; only of a room that one knows is that worth anything."""


def invitation_of(message: Element) -> Invitation | None:
    """Return the invitation that a live message is; None for any other, and for one that was stored for us.

    The inviter of one that a room passes on is whom the room names, so it is as true as the room is.
    """
    if message.get("type") in {"error", "groupchat"} or message.find(DELAY + "delay") is not None:
        return None
    author = bare(sender_of(message))
    passed_on = message.find(f"{MUC_USER}x/{MUC_USER}invite")
    if passed_on is not None:
        return _invitation(author, passed_on.get("from", ""), passed_on=True)
    direct = message.find(_CONFERENCE)
    return None if direct is None else _invitation(direct.get("jid", ""), author)


def _invitation(room: str, inviter: str, *, passed_on: bool = False) -> Invitation | None:
    room, inviter = bare(room), bare(inviter)
    return Invitation(room, inviter, passed_on) if "@" in room and "@" in inviter else None
