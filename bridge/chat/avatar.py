"""Our picture for clients that look for it in personal eventing (XEP-0084), unless the server has one already."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, SubElement

import structlog

from bridge.chat.elements import PUBSUB
from bridge.chat.errors import AnswerError, Refused

if TYPE_CHECKING:
    from bridge.chat.stream import Stream

_log = structlog.stdlib.get_logger(__name__)

DATA: Final = "urn:xmpp:avatar:data"
METADATA: Final = "urn:xmpp:avatar:metadata"
_HEADER: Final = 24
"""Octets of a PNG that end with its width and height, 4 each."""


async def publish_avatar(stream: Stream, png: bytes, digest: str) -> None:
    """See to it that there is a picture: the given PNG, known by its hash, unless there is any. A refusal is logged."""
    try:
        if await _has_one(stream):
            return
        data = Element(f"{{{DATA}}}data")
        data.text = base64.b64encode(png).decode()
        await stream.ask("set", None, _publication(DATA, digest, data))
        await stream.ask("set", None, _publication(METADATA, digest, _description(png, digest)))
    except AnswerError as error:
        _log.info("our picture couldn't be published", cause=str(error))


async def _has_one(stream: Stream) -> bool:
    request = Element(PUBSUB + "pubsub")
    SubElement(request, PUBSUB + "items", {"node": METADATA, "max_items": "1"})
    try:
        answer = await stream.ask("get", None, request)
    except Refused as refusal:
        if refusal.condition == "item-not-found":
            return False
        raise
    return answer.find(f"{PUBSUB}pubsub/{PUBSUB}items/{PUBSUB}item") is not None


def _description(png: bytes, digest: str) -> Element:
    metadata = Element(f"{{{METADATA}}}metadata")
    width, height = (int.from_bytes(png[end - 4 : end], "big") for end in (_HEADER - 4, _HEADER))
    about = {"bytes": str(len(png)), "height": str(height), "id": digest, "type": "image/png", "width": str(width)}
    SubElement(metadata, f"{{{METADATA}}}info", about)
    return metadata


def _publication(node: str, identifier: str, payload: Element) -> Element:
    request = Element(PUBSUB + "pubsub")
    publish = SubElement(request, PUBSUB + "publish", {"node": node})
    SubElement(publish, PUBSUB + "item", {"id": identifier}).append(payload)
    return request
