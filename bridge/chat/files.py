"""Files that a message shares, in every form in use: links beside its body, or in its place.

XEP-0066 (out of band data), XEP-0447 (stateless file sharing), XEP-0385 (stateless inline media sharing); and a body
that is nothing but a link to a file that is encrypted end to end (XEP-0454).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

ENCRYPTED: Final = "aesgcm:"

_OOB: Final = "{jabber:x:oob}"
_SFS: Final = "{urn:xmpp:sfs:0}"
_URL_DATA: Final = "{http://jabber.org/protocol/url-data}url-data"
_METADATA: Final = "{urn:xmpp:file:metadata:0}"
_REFERENCE: Final = "{urn:xmpp:reference:0}reference"
_SIMS: Final = "{urn:xmpp:sims:1}"
_TRANSFER: Final = "{urn:xmpp:jingle:apps:file-transfer:5}"

_MOST: Final = 10
_LONGEST: Final = 2_000


@dataclass(frozen=True, slots=True)
class Shared:
    """The links of some files, what was written with them, and what they are said to show."""

    urls: tuple[str, ...]
    caption: str
    described: str = ""


def shared(message: Element, text: str) -> Shared | None:
    """Return what a message with this text shares, or None; a link that its text only mentions shares nothing.

    There are no links where it shares a file in a way that isn't known here: its text may then be a stand-in.
    """
    urls = tuple(dict.fromkeys(_links(message, text.strip())))[:_MOST]
    if not urls and message.find(f"{_SFS}file-sharing") is None:
        return None
    caption = text
    for url in urls:
        caption = caption.replace(url, " ")
    return Shared(urls, caption.strip(), _described(message))


def _links(message: Element, text: str) -> Iterator[str]:
    for found in (*_out_of_band(message), *_stateless(message), *_inline(message)):
        url = (found or "").strip()
        if url and len(url) <= _LONGEST:
            yield url
    if text.lower().startswith(ENCRYPTED) and not any(character.isspace() for character in text):
        yield text[:_LONGEST]


def _out_of_band(message: Element) -> Iterator[str | None]:
    for url in message.iterfind(f"{_OOB}x/{_OOB}url"):
        yield url.text


def _stateless(message: Element) -> Iterator[str | None]:
    for sharing in message.iterfind(f"{_SFS}file-sharing"):
        source = sharing.find(f"{_SFS}sources/{_URL_DATA}")
        yield None if source is None else source.get("target")


def _inline(message: Element) -> Iterator[str | None]:
    for reference in message.iterfind(_REFERENCE):
        sources = reference.iterfind(f"{_SIMS}media-sharing/{_SIMS}sources/{_REFERENCE}")
        links = (source.get("uri", "") for source in sources)
        yield next((link for link in links if link.startswith(("http:", "https:", ENCRYPTED))), None)


def _described(message: Element) -> str:
    files = (
        *message.iterfind(f"{_SFS}file-sharing/{_METADATA}file/{_METADATA}desc"),
        *message.iterfind(f"{_REFERENCE}/{_SIMS}media-sharing/{_TRANSFER}file/{_TRANSFER}desc"),
    )
    return next((text for one in files if (text := (one.text or "").strip())), "")
