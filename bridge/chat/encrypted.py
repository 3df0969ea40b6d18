"""Which messages are encrypted end to end, by what the clients that send them put into their stanzas and bodies.

The body of such a message is a stand-in that its author never wrote, or gibberish.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_OMEMO: Final = re.compile(r"\{(eu\.siacs\.conversations\.axolotl|urn:xmpp:omemo:[^}]*)\}encrypted\Z")
"""XEP-0384, in its first form and in those since."""

_OTHERS: Final = (
    "{urn:xmpp:eme:0}encryption",  # XEP-0380, beside any method
    "{urn:xmpp:openpgp:0}openpgp",  # XEP-0373 and XEP-0374
    "{jabber:x:encrypted}x",  # XEP-0027
    "{http://www.xmpp.org/extensions/xep-0200.html#ns}c",  # XEP-0200
    "{urn:ietf:params:xml:ns:xmpp-e2e}e2e",  # RFC 3923
)

_OTR: Final = re.compile(r"\?OTR(?:[:,|?]|v[0-9a-zA-Z]*\?| Error:)")
"""OTR data, fragments, queries and errors: they have no elements, and may stand anywhere in a body."""

_OTR_TAG: Final = re.compile(r" \t  \t\t\t\t \t \t \t  (?:[ \t]{8})*")
"""The white space by which a client offers OTR within a plain message: 16 characters, and 8 for each version."""

_ARMOUR: Final = re.compile(r"\s*-----BEGIN PGP MESSAGE-----")

_STAND_IN: Final = re.compile(
    r"\W*(?:I sent you|You(?: have)? received|This(?: message)? (?:is|was))\b[^.\n]{0,30}?encrypt", re.IGNORECASE
)
_METHOD: Final = re.compile(r"\b(?:OMEMO|OpenPGP|PGP|OX|OTR)\b|XEP\W{0,3}(?:0027|27|0373|0374|0384)\b", re.IGNORECASE)
"""How clients begin what those see who can't decrypt, and what they name in it; some servers and gateways pass on
nothing else of such a message."""


def is_encrypted(message: Element, body: str) -> bool:
    """Tell whether a message can't be read without its recipient's keys."""
    if any(_OMEMO.match(child.tag) or child.tag in _OTHERS for child in message):
        return True
    if _OTR.search(body) or _ARMOUR.match(body):
        return True
    return _STAND_IN.match(body) is not None and _METHOD.search(body) is not None


def only_changes_keys(message: Element) -> bool:
    """Tell whether an OMEMO message says nothing: without a payload only keys change hands."""
    return any(
        _OMEMO.match(child.tag) and not any(part.tag.endswith("}payload") for part in child) for child in message
    )


def without_offers(text: str) -> str:
    """Return a plain text without the white space that offers OTR."""
    return _OTR_TAG.sub("", text)
