from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element

import pytest

from bridge.chat.gate import direct_origin, speech
from bridge.chat.markers import MOST, Markers
from bridge.commands.incoming import Content, Incoming

if TYPE_CHECKING:
    from collections.abc import Callable

    Xml = Callable[[str], Element]

OWN, ANA = "status@example.org", "ana@example.org/phone"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
RECEIPT = "<request xmlns='urn:xmpp:receipts'/>"
MARKABLE = "<markable xmlns='urn:xmpp:chat-markers:0'/>"
OMEMO = "<encrypted xmlns='urn:xmpp:omemo:2'><payload>x</payload></encrypted>"


def stanza(asks: str = RECEIPT, *, identifier: str = "i1", type_: str = "chat") -> str:
    at = f" id='{identifier}'" if identifier else ""
    return f"<message from='{ANA}' to='{OWN}' type='{type_}'{at}><body>We are back</body>{asks}</message>"


def said(message: Element, position: str = "a1") -> Incoming:
    incoming = speech(message, direct_origin(message, OWN, NOW, position))
    assert incoming is not None
    return incoming


def sent(stream: Any) -> list[tuple[str, str]]:
    return [(one[0].tag.rpartition("}")[2], one[0].get("id", "")) for one in stream.sent]


@pytest.mark.parametrize(
    ("asks", "answers"),
    [
        ("", []),
        (RECEIPT, ["received"]),
        (MARKABLE, ["displayed"]),
        (RECEIPT + MARKABLE, ["received", "displayed"]),
    ],
)
def test_what_was_asked_for_is_answered_after_the_commit(xml: Xml, stream: Any, asks: str, answers: list[str]) -> None:
    message = xml(stanza(asks))
    markers, incoming = Markers(stream, NOW), said(message)
    markers.expect(message, incoming)
    assert stream.sent == []
    markers.committed(incoming)
    assert sent(stream) == [(answer, "i1") for answer in answers]
    for one in stream.sent:
        assert (one.get("to"), one.get("type"), len(one)) == (ANA, "chat", 1)
        assert one.get("id")
        assert speech(one, direct_origin(one, "other@example.org", NOW, None)) is None


def test_the_answer_has_the_type_of_what_it_answers(xml: Xml, stream: Any) -> None:
    message = xml(stanza(type_="normal"))
    markers = Markers(stream, NOW)
    markers.expect(message, said(message))
    markers.committed(said(message))
    assert stream.sent[0].get("type") == "normal"


def test_a_line_is_answered_once_however_often_it_comes(xml: Xml, stream: Any) -> None:
    message = xml(stanza())
    markers, incoming = Markers(stream, NOW), said(message)
    for _ in range(2):
        markers.expect(message, incoming)
        markers.expect(message, incoming)
        markers.committed(incoming)
        markers.committed(incoming)
    assert sent(stream) == [("received", "i1")]


def test_what_the_archive_alone_gave_is_not_answered(xml: Xml, stream: Any) -> None:
    Markers(stream, NOW).committed(said(xml(stanza())))
    assert stream.sent == []


@pytest.mark.parametrize(("seconds", "answered"), [(-1, False), (1, True)])
def test_what_was_said_before_we_came_may_have_been_answered(
    xml: Xml, stream: Any, seconds: int, answered: bool
) -> None:
    stamp = (NOW + timedelta(seconds=seconds)).isoformat()
    message = xml(stanza(f"{RECEIPT}<delay xmlns='urn:xmpp:delay' from='example.org' stamp='{stamp}'/>"))
    markers, incoming = Markers(stream, NOW), said(message)
    markers.expect(message, incoming)
    markers.committed(incoming)
    assert bool(stream.sent) is answered


def test_what_cannot_be_read_was_not_received(xml: Xml, stream: Any) -> None:
    message = xml(stanza(RECEIPT + MARKABLE + OMEMO))
    markers, incoming = Markers(stream, NOW), said(message)
    assert incoming.content is Content.ENCRYPTED
    markers.expect(message, incoming)
    markers.committed(incoming)
    assert stream.sent == []


def test_without_an_id_there_is_nothing_to_name(xml: Xml, stream: Any) -> None:
    message = xml(stanza(identifier=""))
    markers, incoming = Markers(stream, NOW), said(message)
    markers.expect(message, incoming)
    markers.committed(incoming)
    assert stream.sent == []


def test_what_waits_for_a_commit_is_not_remembered_without_end(xml: Xml, stream: Any) -> None:
    markers = Markers(stream, NOW)
    lines: list[Incoming] = []
    for number in range(MOST + 10):
        message = xml(stanza(identifier=f"i{number}"))
        lines.append(said(message, f"a{number}"))
        markers.expect(message, lines[-1])
    for line in lines:
        markers.committed(line)
    assert [identifier for _, identifier in sent(stream)] == [f"i{number}" for number in range(10, MOST + 10)]
