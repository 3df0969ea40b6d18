"""Files in the shapes of real clients, as `tests.servers.sharing` builds them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import fromstring

import pytest

from bridge.chat.gate import speech
from bridge.commands.incoming import Content, Incoming
from tests.servers.sharing import Shape, message_xml
from tests.unit.chat.test_gate import HERE as ORIGIN

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

URL = "https://upload.example.org/1/photo.jpg"


def said(body: str, extra: str = "") -> Element:
    return fromstring(
        f"<message xmlns='jabber:client' from='raj@example.org/phone' type='chat' id='a'><body>{body}</body>{extra}"
        "</message>"
    )


def heard(message: Element) -> Incoming:
    incoming = speech(message, ORIGIN)
    assert incoming is not None
    return incoming


@pytest.mark.parametrize("shape", [shape for shape in Shape if shape not in {Shape.TYPED, Shape.BESIDE}])
def test_a_picture_alone_is_a_file_without_words(shape: Shape) -> None:
    incoming = heard(message_xml(shape, URL))
    assert (incoming.content, incoming.files, incoming.text) == (Content.FILE, (URL,), "")


@pytest.mark.parametrize("shape", [shape for shape in Shape if shape.takes_caption and shape is not Shape.TYPED])
def test_a_caption_is_the_text(shape: Shape) -> None:
    incoming = heard(message_xml(shape, URL, "The lift is out of order"))
    assert (incoming.content, incoming.files) == (Content.FILE, (URL,))
    assert incoming.text == "The lift is out of order"


def test_a_link_that_is_only_typed_is_text() -> None:
    incoming = heard(message_xml(Shape.TYPED, URL, "Look"))
    assert (incoming.content, incoming.files) == (Content.TEXT, ())
    assert incoming.text == f"Look\n{URL}"


def test_the_link_of_an_encrypted_file_is_a_file() -> None:
    url = "aesgcm://upload.example.org/1/photo.jpg#" + "0" * 88
    assert (heard(said(url)).content, heard(said(url)).files) == (Content.FILE, (url,))
    assert heard(said(f"see {url}")).content is Content.TEXT


def test_a_description_comes_along() -> None:
    sharing = (
        "<file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'><desc> A shut door </desc></file>"
        f"<sources><url-data xmlns='http://jabber.org/protocol/url-data' target='{URL}'/></sources></file-sharing>"
    )
    assert heard(said(URL, sharing)).described == "A shut door"


def test_the_announcement_of_a_file_that_is_still_to_come_says_nothing() -> None:
    announced = fromstring(
        "<message xmlns='jabber:client' from='raj@example.org/phone' type='chat' id='a'>"
        "<file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'><name>a.jpg</name></file>"
        "</file-sharing></message>"
    )
    assert speech(announced, ORIGIN) is None


def test_a_file_that_is_shared_in_another_way_has_no_link() -> None:
    incoming = heard(said("a.jpg", "<file-sharing xmlns='urn:xmpp:sfs:0'/>"))
    assert (incoming.content, incoming.files) == (Content.FILE, ())


def test_links_are_bounded_in_number_and_length() -> None:
    many = "".join(f"<x xmlns='jabber:x:oob'><url>{URL}?{number}</url></x>" for number in range(50))
    assert len(heard(said("all", many)).files) == 10
    endless = f"<x xmlns='jabber:x:oob'><url>{URL}?{'x' * 3_000}</url></x>"
    assert heard(said("one", endless)).content is Content.TEXT
