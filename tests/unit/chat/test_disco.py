from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

import pytest

from bridge.chat import disco
from bridge.chat.disco import FEATURES, NAME, NODE, answer, caps, our_hash, verification

if TYPE_CHECKING:
    from collections.abc import Callable

    Xml = Callable[[str], Element]

INFO = "{http://jabber.org/protocol/disco#info}"


def test_the_hash_is_the_one_that_others_compute() -> None:
    features = ["http://jabber.org/protocol/disco#items", "http://jabber.org/protocol/caps"]
    features += ["http://jabber.org/protocol/muc", "http://jabber.org/protocol/disco#info"]
    # The example of XEP-0115, 5.2.
    assert verification("client", "pc", "Exodus 0.9.1", features) == "QgayPKawpkPSDYmwT/WM94uAlu0="


@pytest.mark.parametrize("node", [None, f"{NODE}#{our_hash()}"])
def test_we_are_a_bot_and_speak_what_we_say(xml: Xml, node: str | None) -> None:
    at = f" node='{node}'" if node else ""
    info = answer(xml(f"<iq type='get'><query xmlns='http://jabber.org/protocol/disco#info'{at}/></iq>"))
    assert info is not None
    assert info.get("node") == node
    assert [dict(one.attrib) for one in info.iter(INFO + "identity")] == [
        {"category": "client", "type": "bot", "name": NAME}
    ]
    assert [one.get("var") for one in info.iter(INFO + "feature")] == list(FEATURES)
    assert dict(caps().attrib) == {"hash": "sha-1", "node": NODE, "ver": our_hash()}


def test_nothing_tells_of_the_operating_system(xml: Xml, monkeypatch: pytest.MonkeyPatch) -> None:
    request = xml("<iq type='get'><query xmlns='jabber:iq:version'/></iq>")
    told = answer(request)
    assert told is not None
    assert [one.tag.rpartition("}")[2] for one in told] == ["name", "version"]
    assert told.findtext("{jabber:iq:version}version")

    def nowhere(_: str) -> str:
        raise PackageNotFoundError

    monkeypatch.setattr(disco, "version", nowhere)
    told = answer(request)
    assert told is not None
    assert told.findtext("{jabber:iq:version}version") == "unknown"


@pytest.mark.parametrize(
    "request_",
    [
        "<iq type='set'><query xmlns='jabber:iq:version'/></iq>",
        "<iq type='result'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
        "<iq type='get'><query xmlns='http://jabber.org/protocol/disco#info' node='elsewhere'/></iq>",
        "<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq type='get'/>",
    ],
)
def test_other_requests_are_others_matter(xml: Xml, request_: str) -> None:
    assert answer(xml(request_)) is None
