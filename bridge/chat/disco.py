"""What others may know of our client: what it is and speaks (XEP-0030, XEP-0115), its name and version (XEP-0092)."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, SubElement

from bridge.chat.elements import CAPS, DISCO_INFO, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable

NAME: Final = "Statusbridge"
NODE: Final = "urn:statusbridge"
"""What our capabilities are known by; the hash of all below is added to it."""

IDENTITY: Final = ("client", "bot")
FEATURES: Final = (
    "http://jabber.org/protocol/caps",
    "http://jabber.org/protocol/commands",
    "http://jabber.org/protocol/disco#info",
    "http://jabber.org/protocol/disco#items",
    "http://jabber.org/protocol/muc",
    "jabber:iq:version",
    "jabber:x:data",
    "urn:xmpp:chat-markers:0",
    "urn:xmpp:fallback:0",
    "urn:xmpp:message-correct:0",
    "urn:xmpp:message-retract:1",
    "urn:xmpp:ping",
    "urn:xmpp:reactions:0",
    "urn:xmpp:receipts",
    "urn:xmpp:reply:0",
)
"""What is really done. Clients offer reactions in a direct chat only to those who say that they know them."""


def verification(category: str, type_: str, name: str, features: Iterable[str]) -> str:
    """Return the hash by which others know, without asking, what a client with one identity speaks (XEP-0115, 5.1)."""
    text = f"{category}/{type_}//{name}<" + "".join(f"{feature}<" for feature in sorted(features))
    return base64.b64encode(hashlib.sha1(text.encode(), usedforsecurity=False).digest()).decode()


@cache
def our_hash() -> str:
    """Return the hash of our own."""
    return verification(*IDENTITY, NAME, FEATURES)


def caps() -> Element:
    """Build the element that tells in a presence what we speak."""
    return Element(CAPS + "c", {"hash": "sha-1", "node": NODE, "ver": our_hash()})


def answer(request: Element) -> Element | None:
    """Return the payload that answers a request (`iq`) about our client; None for every other request."""
    if request.get("type") != "get":
        return None
    info = request.find(DISCO_INFO + "query")
    if info is not None and info.get("node") in {None, "", f"{NODE}#{our_hash()}"}:
        return _info(info.get("node"))
    if request.find(VERSION + "query") is not None:
        return _version()
    return None


def _info(node: str | None) -> Element:
    query = Element(DISCO_INFO + "query", {"node": node} if node else {})
    category, type_ = IDENTITY
    SubElement(query, DISCO_INFO + "identity", {"category": category, "type": type_, "name": NAME})
    for feature in FEATURES:
        SubElement(query, DISCO_INFO + "feature", {"var": feature})
    return query


def _version() -> Element:
    # No operating system: it helps nobody but those who look for a way in.
    query = Element(VERSION + "query")
    SubElement(query, VERSION + "name").text = NAME
    try:
        number = version("statusbridge")
    except PackageNotFoundError:  # run from a folder of sources
        number = "unknown"
    SubElement(query, VERSION + "version").text = number
    return query
