"""What a phone does with a photo: upload it (XEP-0363), then send a message about it in the shape of some client.

Where each shape is from:

- `CONVERSATIONS`: the URL as the body and again out of band (XEP-0066); a body that is anything else is no file to
  Conversations (its `MessageGenerator.generateChat`, and its author in issue 166 of Dino). Gajim, Monal and older Dino
  send the same. It asks for a receipt and a marker in a direct chat, as with any message.
- `CONVERSE`: the same with a chat state and an origin id (Converse's `createMessageStanza`).
- `DINO`: newer Dino sends two messages (`HttpFileSender.send_file`). The first has no body and says what is to come:
  XEP-0447 without a source, and XEP-0446 with name, size, dimensions and hash. The second, after the upload, has the
  URL as its body and out of band, and the source for the first: `<sources/>` beside the `<attach-to/>` of XEP-0367.
- `KAIDAN`: XEP-0447 with its source (Kaidan's `Message::toQXmpp`). Without a caption, the URL is body and out of band,
  the whole body being a fallback for XEP-0447 (XEP-0428). With one, the body is the caption alone, and a second
  message, attached to the first, has the URL in that way (`Message::fileFallbackMessages`).
- `MOVIM`: the URL as the body and out of band, and SIMS (XEP-0385, but with version 4 of XEP-0234, and without a hash;
  Movim's `Moxl\\Stanza\\Message` and its issue 968).
- `SIMS`: XEP-0385 0.2.1 by its own example: nothing out of band, the reference about the words of the body. Psi+ sends
  it so, with the URL as the body (its issue 798).
- `CHEOGRAM`: the caption and directly behind it the URL, that part being a fallback for the URL out of band; without a
  caption, the whole body is. (`MessageGenerator.generateChat` of Cheogram and what is made from it; the range counts
  code points, XEP-0426.)
- `BESIDE`: the caption as the body, the URL only out of band: the example of XEP-0066, 3; so do gateways and bots.
- `TYPED`: the caption, a line end and the URL as plain text, as people paste it; nothing says that it's a file.

A caption where a client can't send one goes before the file, as a message of its own; what its people do.
"""

from __future__ import annotations

import base64
import hashlib
import io
import ssl
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, SubElement

import aiohttp
from PIL import Image, UnidentifiedImageError
from slixmpp import JID
from slixmpp.stanza import Message

from tests.servers.person import PersonError
from tests.servers.watch import PATIENCE, Watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.person import Person

CLIENT = "{jabber:client}"
OOB = "{jabber:x:oob}"
SFS = "{urn:xmpp:sfs:0}"
METADATA = "{urn:xmpp:file:metadata:0}"
HASHES = "{urn:xmpp:hashes:2}"
URL_DATA = "{http://jabber.org/protocol/url-data}"
FALLBACK = "{urn:xmpp:fallback:0}"
ATTACH = "{urn:xmpp:message-attaching:1}"
REFERENCE = "{urn:xmpp:reference:0}"
MEDIA_SHARING = "{urn:xmpp:sims:1}"
FILE_4 = "{urn:xmpp:jingle:apps:file-transfer:4}"
FILE_5 = "{urn:xmpp:jingle:apps:file-transfer:5}"
RECEIPTS = "{urn:xmpp:receipts}"
MARKERS = "{urn:xmpp:chat-markers:0}"
STATES = "{http://jabber.org/protocol/chatstates}"
SID = "{urn:xmpp:sid:0}"
HINTS = "{urn:xmpp:hints}"


class Shape(Enum):
    """Whose way of telling of a file it is; see above."""

    CONVERSATIONS = "Conversations"
    CONVERSE = "Converse"
    DINO = "Dino"
    KAIDAN = "Kaidan"
    MOVIM = "Movim"
    SIMS = "SIMS"
    CHEOGRAM = "Cheogram"
    BESIDE = "beside"
    TYPED = "typed"

    @property
    def takes_caption(self) -> bool:
        """Whether a caption goes into the same message."""
        return self in {Shape.KAIDAN, Shape.SIMS, Shape.CHEOGRAM, Shape.BESIDE, Shape.TYPED}


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """What a client tells of a file."""

    name: str = "photo.jpg"
    type: str = "image/jpeg"
    data: bytes = b""
    id: str = "file-1"

    @property
    def dimensions(self) -> tuple[int, int] | None:
        """Width and height in pixels; None where it's no picture that can be read."""
        try:
            with Image.open(io.BytesIO(self.data)) as image:
                return image.size
        except UnidentifiedImageError:
            return None

    @property
    def hash(self) -> str:
        """Its SHA-256 as XEP-0300 writes it."""
        return base64.b64encode(hashlib.sha256(self.data).digest()).decode()


# --- the messages --------------------------------------------------------------------------------------------------


def message_xml(
    shape: Shape,
    url: str,
    caption: str | None = None,
    *,
    file: File | None = None,
    to: str = "status@example.org",
    identifier: str = "share-1",
    room: bool = False,
    announced: str = "announced-1",
) -> Element:
    """Build the message that tells of the file at `url`; for Dino the second one, about the message `announced`.

    A caption is left out where the shape has no room for one.
    """
    file, caption = file or File(), caption if shape.takes_caption else None
    message = Element(CLIENT + "message", {"to": to, "type": "groupchat" if room else "chat", "id": identifier})
    if not room and shape in {Shape.CONVERSATIONS, Shape.CHEOGRAM, Shape.KAIDAN}:
        SubElement(message, RECEIPTS + "request")
        SubElement(message, MARKERS + "markable")
    if shape in {Shape.CONVERSE, Shape.MOVIM}:
        SubElement(message, STATES + "active")
    SubElement(message, CLIENT + "body").text = body_of(shape, url, caption)
    if shape not in {Shape.SIMS, Shape.TYPED} and not (shape is Shape.KAIDAN and caption):
        message.append(_oob(url))
    message.extend(_more(shape, url, caption, file, announced))
    if shape not in {Shape.CONVERSATIONS, Shape.CHEOGRAM, Shape.DINO}:
        SubElement(message, SID + "origin-id", {"id": identifier})
    return message


def body_of(shape: Shape, url: str, caption: str | None) -> str:
    """Return the body of the message about the file."""
    if not caption or not shape.takes_caption:
        return url
    return {Shape.CHEOGRAM: f"{caption}{url}", Shape.TYPED: f"{caption}\n{url}"}.get(shape, caption)


def announcement_xml(
    file: File | None = None, *, to: str = "status@example.org", identifier: str = "announced-1", room: bool = False
) -> Element:
    """Build what Dino says before it uploads: a message without a body, and a share without a source."""
    message = Element(CLIENT + "message", {"to": to, "type": "groupchat" if room else "chat", "id": identifier})
    message.append(_file_sharing(file or File(), None))
    SubElement(message, HINTS + "store")
    SubElement(message, SID + "origin-id", {"id": identifier})
    return message


def repetition_xml(
    url: str,
    *,
    about: str = "share-1",
    to: str = "status@example.org",
    identifier: str = "share-1_1",
    room: bool = False,
) -> Element:
    """Build what Kaidan says after a message with a caption, for those who don't know XEP-0447."""
    message = Element(CLIENT + "message", {"to": to, "type": "groupchat" if room else "chat", "id": identifier})
    SubElement(message, CLIENT + "body").text = url
    message.extend((_oob(url), _fallback(SFS)))
    SubElement(message, ATTACH + "attach-to", {"id": about})
    SubElement(message, SID + "origin-id", {"id": identifier})
    return message


def _more(shape: Shape, url: str, caption: str | None, file: File, announced: str) -> Iterator[Element]:
    """Give what a shape has beside the body and the URL out of band."""
    match shape:
        case Shape.DINO:
            yield Element(ATTACH + "attach-to", {"id": announced})
            yield _sources(url, id=file.id)
        case Shape.KAIDAN:
            yield _file_sharing(file, url)
            if not caption:
                yield _fallback(SFS)
        case Shape.MOVIM:
            yield _sims(_metadata(FILE_4, file), url)
        case Shape.SIMS:
            yield _sims(_metadata(FILE_5, file), url, begin="0", end=str(len(body_of(shape, url, caption))))
        case Shape.CHEOGRAM if caption:
            yield _fallback(OOB, start=str(len(caption)), end=str(len(caption) + len(url)))
        case Shape.CHEOGRAM:
            yield _fallback(OOB)
        case _:
            pass


def _oob(url: str) -> Element:
    element = Element(OOB + "x")
    SubElement(element, OOB + "url").text = url
    return element


def _fallback(namespace: str, **part: str) -> Element:
    element = Element(FALLBACK + "fallback", {"for": namespace.strip("{}")})
    SubElement(element, FALLBACK + "body", part)
    return element


def _file_sharing(file: File, url: str | None) -> Element:
    element = Element(SFS + "file-sharing", {"id": file.id, "disposition": "inline"})
    element.append(_metadata(METADATA, file))
    if url is not None:
        element.append(_sources(url))
    return element


def _sources(url: str, **about: str) -> Element:
    element = Element(SFS + "sources", about)
    SubElement(element, URL_DATA + "url-data", {"target": url})
    return element


def _sims(described: Element, url: str, **about: str) -> Element:
    reference = Element(REFERENCE + "reference", {"type": "data", **about})
    media = SubElement(reference, MEDIA_SHARING + "media-sharing")
    media.append(described)
    sources = SubElement(media, MEDIA_SHARING + "sources")
    SubElement(sources, REFERENCE + "reference", {"type": "data", "uri": url})
    return reference


def _metadata(namespace: str, file: File) -> Element:
    element = Element(namespace + "file")
    values = {"media-type": file.type, "name": file.name, "size": str(len(file.data))}
    if namespace == METADATA and (dimensions := file.dimensions) is not None:
        values |= {"width": str(dimensions[0]), "height": str(dimensions[1])}
    for name, value in values.items():
        SubElement(element, namespace + name).text = value
    if namespace != FILE_4:
        SubElement(element, HASHES + "hash", {"algo": "sha-256"}).text = file.hash
    return element


# --- the person ----------------------------------------------------------------------------------------------------


async def share(
    person: Person,
    to: str,
    data: bytes,
    *,
    name: str = "photo.jpg",
    type: str = "image/jpeg",  # noqa: A002 - the field's own term
    caption: str | None = None,
    room: bool = False,
    shape: Shape = Shape.CONVERSATIONS,
) -> str:
    """Upload a file and tell `to` of it; returns the id of the message that has its URL or its caption.

    In a room (which the person has joined) it returns after the echo; PersonError when the room or the server refuses,
    AssertionError when no echo comes. Other messages that the shape wants are sent, too.
    """
    file = File(name=name, type=type, data=data, id=person.client.new_id())
    if caption and not shape.takes_caption:
        await (person.say(to, caption) if room else person.tell(to, caption))
    announced, identifier = person.client.new_id(), person.client.new_id()
    if shape is Shape.DINO:
        announced = await _announce(person, announcement_xml(file, to=to, identifier=announced, room=room), room=room)
    url = await upload(person, file)
    message = message_xml(shape, url, caption, file=file, to=to, identifier=identifier, room=room, announced=announced)
    await _send(person, message, room=room)
    if shape is Shape.KAIDAN and caption:
        again = repetition_xml(url, about=identifier, to=to, identifier=f"{identifier}_1", room=room)
        await _send(person, again, room=room)
    return identifier


async def upload(person: Person, file: File) -> str:
    """Put a file where the person's server wants it, and return the URL to get it at; PersonError where it won't."""
    client = person.client
    client.register_plugin("xep_0363")
    plugin: Any = client.plugin["xep_0363"]
    found = await plugin.find_upload_service(domain=JID(client.boundjid.host), timeout=PATIENCE)
    if found is None:
        msg = f"the server of {person.jid} offers no upload"
        raise PersonError(msg)
    answer = await plugin.request_slot(found["from"], file.name, len(file.data), file.type, timeout=PATIENCE)
    put = answer["http_upload_slot"]["put"]
    headers = {"Content-Type": file.type, **{header["name"]: header["value"] for header in put["headers"]}}
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as session,
        session.put(put["url"], data=io.BytesIO(file.data), headers=headers, ssl=_trust(person)) as stored,
    ):
        if not stored.ok:
            msg = f"{put['url']} answers {stored.status} to {person.jid}"
            raise PersonError(msg)
    return str(answer["http_upload_slot"]["get"]["url"])


async def fetch(person: Person, url: str) -> bytes:
    """Get what somebody shared."""
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE), raise_for_status=True) as session,
        session.get(url, ssl=_trust(person)) as answer,
    ):
        return await answer.read()


def _trust(person: Person) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(person._ca_file))


async def _announce(person: Person, stanza: Element, *, room: bool) -> str:
    """Send a message without a body; returns the id to refer to it by: in a room the room's own, which it waits for."""
    identifier, where = stanza.get("id", ""), stanza.get("to", "")
    if not room:
        Message(person.client, xml=stanza).send()
        return identifier
    watch, ids = Watch(), dict[str, str]()

    def note(echo: Any) -> Any:
        for given in echo.xml.iterfind(SID + "stanza-id"):
            if given.get("by") == where:
                ids[echo.xml.get("id", "")] = given.get("id", "")
                watch.changed()
        return echo

    # No event of slixmpp tells of a message without a body.
    person.client.add_filter("in", note)
    try:
        Message(person.client, xml=stanza).send()
        return await watch.until(
            lambda: ids.get(identifier), timeout=PATIENCE, otherwise=lambda: f"{where} echoed nothing of {person.jid}"
        )
    finally:
        person.client.del_filter("in", note)


async def _send(person: Person, stanza: Element, *, room: bool) -> None:
    """Send a message as the person's own, and in a room wait for its echo."""
    identifier, where = stanza.get("id", ""), stanza.get("to", "")
    person._own.add(identifier)
    Message(person.client, xml=stanza).send()
    if room:
        problem = await person._watch.until(
            lambda: person._answer_to(identifier),
            timeout=PATIENCE,
            otherwise=lambda: f"{where} didn't echo the file of {person.jid} within {PATIENCE:g} s",
        )
        if problem:
            msg = f"{where} refused the file of {person.jid}: {problem}"
            raise PersonError(msg)
