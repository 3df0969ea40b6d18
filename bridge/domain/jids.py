"""Addresses on XMPP (RFC 7622), as far as the configuration and commands name them: bare ones, in one spelling."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_LOCAL_REFUSED = re.compile(r"[\s\"&'/:<>@\x00-\x1f\x7f]")
_DOMAIN = re.compile(r"[^\s@/:<>\"'&\x00-\x1f\x7f]+\Z")
_LONGEST: Final = 1023
"""RFC 7622, 3.2 and 3.3: octets in each part."""


def bare_jid(text: str) -> str:
    """Return `name@domain` in the one spelling that addresses are compared by (case folded, NFKC).

    Raises ValueError with a sentence that doesn't repeat the text.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).strip()
    address, slash, _ = folded.partition("/")
    if slash:
        raise ValueError("must have no resource: leave out the slash and what follows it")
    local, at, domain = address.partition("@")
    domain = domain.rstrip(".")
    if not at or not local or not domain:
        raise ValueError("must be an XMPP address, as name@example.org")
    if _LOCAL_REFUSED.search(local) or not _DOMAIN.match(domain) or ".." in domain or domain.startswith("."):
        raise ValueError("must be an XMPP address, as name@example.org; this one has a character that none may have")
    if max(len(local.encode()), len(domain.encode())) > _LONGEST:
        raise ValueError("is too long for an XMPP address")
    return f"{local}@{domain}"
