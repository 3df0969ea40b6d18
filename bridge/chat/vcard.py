"""Our vCard (XEP-0054): name, what we do, and a picture; its hash is what a presence tells of it (XEP-0153)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, SubElement

import structlog

from bridge.chat.elements import VCARD
from bridge.chat.errors import AnswerError, Refused

if TYPE_CHECKING:
    from bridge.chat.stream import Stream

_log = structlog.stdlib.get_logger(__name__)

NAME: Final = "Statusbridge"
DESCRIPTION: Final = (
    "I publish what staff tell me to, and bring back what customers answer. Say !help in a room or to me alone."
)
_TYPE: Final = "image/png"


def picture() -> bytes:
    """Return our picture, a small PNG."""
    return files("bridge.chat").joinpath("picture.png").read_bytes()


def our_hash() -> str:
    """Return the hash of our picture."""
    return hashlib.sha1(picture(), usedforsecurity=False).hexdigest()


def photo_hash(card: Element) -> str:
    """Return the hash of a card's picture as a presence tells it; nothing where it has none that can be read."""
    encoded = "".join((card.findtext(f"{VCARD}PHOTO/{VCARD}BINVAL") or "").split())
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest() if data else ""


def our_card(nick: str) -> Element:
    """Build the card of a bot with this nick."""
    card = Element(VCARD + "vCard")
    # Clients show DESC; a server that keeps the card in the newer form (XEP-0292) knows NOTE alone.
    for name, text in (("FN", NAME), ("NICKNAME", nick), ("NOTE", DESCRIPTION), ("DESC", DESCRIPTION)):
        SubElement(card, VCARD + name).text = text
    photo = SubElement(card, VCARD + "PHOTO")
    SubElement(photo, VCARD + "TYPE").text = _TYPE
    SubElement(photo, VCARD + "BINVAL").text = base64.b64encode(picture()).decode()
    return card


def is_ours(card: Element) -> bool:
    """Tell whether we may replace a card: it is empty, or bears our name. Any other is what its operator wants."""
    name = card.findtext(VCARD + "FN") or ""
    return name == NAME or (not name and not photo_hash(card))


def says(card: Element, other: Element) -> bool:
    """Tell whether a card says all that another one does; servers keep cards in forms of their own."""
    texts = ("FN", "NICKNAME", "NOTE")
    return photo_hash(card) == photo_hash(other) and all(
        (card.findtext(VCARD + name) or "") == (other.findtext(VCARD + name) or "") for name in texts
    )


async def publish(stream: Stream, nick: str) -> str | None:
    """See to it that our server has our card, and return the hash of the picture that it shows of us.

    It is set only where it isn't there, or is an older one of ours. What the server refuses is logged; then None is
    returned.
    """
    ours = our_card(nick)
    try:
        kept = await _kept(stream)
        if not is_ours(kept) or says(kept, ours):
            return photo_hash(kept)
        await stream.ask("set", None, ours)
    except AnswerError as error:
        _log.info("our vCard couldn't be set", cause=str(error))
        return None
    _log.info("set our vCard", name=NAME, nick=nick)
    return photo_hash(ours)


async def _kept(stream: Stream) -> Element:
    try:
        answer = await stream.ask("get", None, Element(VCARD + "vCard"))
    except Refused as refusal:
        if refusal.condition == "item-not-found":
            return Element(VCARD + "vCard")
        raise
    found = answer.find(VCARD + "vCard")
    return Element(VCARD + "vCard") if found is None else found
