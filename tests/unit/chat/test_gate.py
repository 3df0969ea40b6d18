from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

import pytest

from bridge.chat.elements import stanza_id
from bridge.chat.gate import LONGEST, Kind, Origin, archived_author, direct_origin, is_history, kind_of, speech
from bridge.chat.positions import Position
from bridge.commands.incoming import Content
from bridge.domain.people import Place, Target

if TYPE_CHECKING:
    from collections.abc import Callable

    Xml = Callable[[str], Element]

OWN = "status@example.org"
ROOM = "ops@rooms.example.org"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HERE = Origin(
    archive=ROOM,
    source=Target(ROOM, Place.ROOM),
    sender="ana@example.org",
    nick="ana",
    affiliation="member",
    said_at=NOW,
    position="1a2b",
)


def said(body: str = "!post hi", extra: str = "", attributes: str = "type='groupchat'") -> str:
    return f"<message from='{ROOM}/ana' id='i1' {attributes}><body>{body}</body>{extra}</message>"


@pytest.mark.parametrize(
    ("stanza", "kind"),
    [
        (f"<message from='{ROOM}/ana' type='groupchat'><body>hi</body></message>", Kind.ROOM),
        (f"<message from='{ROOM.upper()}/ana' type='groupchat'><body>hi</body></message>", Kind.ROOM),
        ("<message from='ana@example.org/phone' type='chat'><body>hi</body></message>", Kind.DIRECT),
        ("<message from='ana@example.org/phone'><body>hi</body></message>", Kind.DIRECT),
        (f"<message from='{ROOM}/ana' type='chat'><body>hi</body></message>", Kind.PRIVATE),
        (f"<message from='{ROOM}/ana'><body>hi</body></message>", Kind.PRIVATE),
        (
            (
                "<message from='other@rooms.example.org/eve' type='chat'><body>hi</body>"
                "<x xmlns='http://jabber.org/protocol/muc#user'/></message>"
            ),
            Kind.PRIVATE,
        ),
        (f"<message from='{ROOM}/ana' type='error'><body>hi</body><error type='cancel'/></message>", Kind.BOUNCE),
        ("<message from='ana@example.org' type='error'><body>hi</body></message>", Kind.BOUNCE),
        (f"<message from='{OWN}/laptop' type='chat'><body>!post mine</body></message>", Kind.OTHER),
        ("<message from='example.org' type='normal'><body>maintenance tonight</body></message>", Kind.OTHER),
        ("<message type='chat'><body>from our server</body></message>", Kind.OTHER),
        ("<message from='news@example.org' type='headline'><body>news</body></message>", Kind.OTHER),
        ("<message from='x@rooms.example.org/eve' type='groupchat'><body>hi</body></message>", Kind.OTHER),
        (
            f"<message from='{ROOM}'><result xmlns='urn:xmpp:mam:2' queryid='q' id='1'/></message>",
            Kind.RESULT,
        ),
        ("<message from='eve@example.org'><result xmlns='urn:xmpp:mam:2'/><body>x</body></message>", Kind.RESULT),
    ],
)
def test_a_message_is_known_by_its_envelope(xml: Xml, stanza: str, kind: Kind) -> None:
    assert kind_of(xml(stanza), OWN, {ROOM}) is kind


@pytest.mark.parametrize(
    ("stanza", "content", "text"),
    [
        (said("!post hi"), Content.TEXT, "!post hi"),
        (said("", "<body xml:lang='de'>hallo</body>"), None, ""),
        (said("plain", "<body xml:lang='de'>hallo</body>"), Content.TEXT, "plain"),
        (said("two", "<replace xmlns='urn:xmpp:message-correct:0' id='i0'/>"), Content.TEXT, "two"),
        (
            said("https://example.org/a.png", "<x xmlns='jabber:x:oob'><url>https://example.org/a.png</url></x>"),
            Content.FILE,
            "",
        ),
        (
            said("see this", "<x xmlns='jabber:x:oob'><url>https://example.org/a.png</url></x>"),
            Content.FILE,
            "see this",
        ),
        (said("a.png", "<file-sharing xmlns='urn:xmpp:sfs:0'/>"), Content.FILE, "a.png"),
        (
            said(
                "I sent you an OMEMO encrypted message",
                "<encrypted xmlns='eu.siacs.conversations.axolotl'><header/><payload>x</payload></encrypted>"
                "<encryption xmlns='urn:xmpp:eme:0' namespace='eu.siacs.conversations.axolotl'/>",
            ),
            Content.ENCRYPTED,
            "I sent you an OMEMO encrypted message",
        ),
        (
            "<message from='a@b.c'><encrypted xmlns='urn:xmpp:omemo:2'><payload>x</payload></encrypted></message>",
            Content.ENCRYPTED,
            "",
        ),
        (said("?", "<encryption xmlns='urn:xmpp:eme:0' namespace='x'/>"), Content.ENCRYPTED, "?"),
        (said("gone", "<x xmlns='jabber:x:encrypted'>abc</x>"), Content.ENCRYPTED, "gone"),
        (
            said(
                "two",
                "<replace xmlns='urn:xmpp:message-correct:0' id='i0'/>"
                "<encrypted xmlns='urn:xmpp:omemo:2'><payload>x</payload></encrypted>",
            ),
            Content.ENCRYPTED,
            "two",
        ),
        (
            said(
                "&gt; what?\nabout 20 minutes",
                "<reply xmlns='urn:xmpp:reply:0' id='1' to='x'/><fallback xmlns='urn:xmpp:fallback:0' "
                "for='urn:xmpp:reply:0'><body start='0' end='8'/></fallback>",
            ),
            Content.TEXT,
            "about 20 minutes",
        ),
        (
            said("hi", "<active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/>"),
            Content.TEXT,
            "hi",
        ),
    ],
)
def test_what_is_said_is_what_the_sender_wrote(xml: Xml, stanza: str, content: Content | None, text: str) -> None:
    incoming = speech(xml(stanza), HERE)
    assert (incoming and incoming.content, incoming.text if incoming else "") == (content, text)


@pytest.mark.parametrize(
    "stanza",
    [
        f"<message from='{ROOM}/ana' type='groupchat'><subject>news</subject></message>",
        f"<message from='{ROOM}/ana'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>",
        f"<message from='{ROOM}/ana'><displayed xmlns='urn:xmpp:chat-markers:0' id='1'/></message>",
        f"<message from='{ROOM}/ana'><received xmlns='urn:xmpp:receipts' id='1'/></message>",
        said(""),
        said("  \n "),
        said("/me attempted to retract", "<retract xmlns='urn:xmpp:message-retract:0'/>"),
        said("fastened", "<apply-to xmlns='urn:xmpp:fasten:0' id='i0'><x xmlns='urn:example:other'/></apply-to>"),
        said("Please vote", "<fallback xmlns='urn:xmpp:fallback:0' for='urn:example:votes'/>"),
        said("Please vote", "<fallback xmlns='urn:xmpp:fallback:0' for='urn:example:votes'><body/></fallback>"),
        said("join us", "<x xmlns='jabber:x:conference' jid='x@rooms.example.org'/>"),
        said("item", "<event xmlns='http://jabber.org/protocol/pubsub#event'/>"),
        said(
            "copy",
            "<sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message/></forwarded></sent>",
        ),
        said("copy", "<received xmlns='urn:xmpp:carbons:2'/>"),
        f"<message from='{ROOM}/ana'><encrypted xmlns='eu.siacs.conversations.axolotl'><header/></encrypted></message>",
    ],
)
def test_what_says_nothing_is_nothing(xml: Xml, stanza: str) -> None:
    assert speech(xml(stanza), HERE) is None


def test_an_archived_message_has_the_archives_id_as_key(xml: Xml) -> None:
    incoming = speech(xml(said()), HERE)
    assert incoming is not None
    assert incoming.key == "1a2b"
    assert Position.read(incoming.position or "") == Position(id="1a2b", stamp=NOW)
    assert (incoming.sender, incoming.affiliation, incoming.source) == (
        "ana@example.org",
        "member",
        Target(ROOM, Place.ROOM),
    )


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ("", None),
        (f"<stanza-id xmlns='urn:xmpp:sid:0' by='{ROOM}' id='good'/>", "good"),
        ("<stanza-id xmlns='urn:xmpp:sid:0' by='eve@example.org' id='forged'/>", None),
        (f"<stanza-id xmlns='urn:xmpp:sid:0' by='{ROOM}.example.org' id='forged'/>", None),
        (
            (
                "<stanza-id xmlns='urn:xmpp:sid:0' by='eve@example.org' id='forged'/>"
                f"<stanza-id xmlns='urn:xmpp:sid:0' by='{ROOM}' id='good'/>"
            ),
            "good",
        ),
        (
            (
                f"<stanza-id xmlns='urn:xmpp:sid:0' by='{ROOM}' id='one'/>"
                f"<stanza-id xmlns='urn:xmpp:sid:0' by='{ROOM}' id='two'/>"
            ),
            None,
        ),
        (f"<stanza-id xmlns='urn:example:other' by='{ROOM}' id='forged'/>", None),
    ],
)
def test_only_the_archives_own_stanza_id_counts(xml: Xml, ids: str, expected: str | None) -> None:
    assert stanza_id(xml(said(extra=ids)), ROOM) == expected


def test_without_an_archive_the_key_is_sender_id_and_body(xml: Xml) -> None:
    here = Origin(
        archive=ROOM,
        source=HERE.source,
        sender="ana@example.org",
        nick="ana",
        affiliation="none",
        said_at=NOW,
        position=None,
    )

    def key(stanza: str, origin: Origin = here) -> str:
        incoming = speech(xml(stanza), origin)
        assert incoming is not None
        assert incoming.position is None
        return incoming.key

    first = key(said())
    assert first.startswith("fallback:")
    assert key(said()) == first
    assert key(said("!post other")) != first
    assert key(said(extra="<origin-id xmlns='urn:xmpp:sid:0' id='o1'/>")) != first
    eve = Origin(
        archive=ROOM,
        source=HERE.source,
        sender="eve@example.org",
        nick="ana",
        affiliation="none",
        said_at=NOW,
        position=None,
    )
    assert key(said(), eve) != first
    later = Origin(
        archive=ROOM,
        source=HERE.source,
        sender="ana@example.org",
        nick="ana",
        affiliation="none",
        said_at=NOW + timedelta(seconds=1),
        position=None,
    )
    assert key(said(), later) == first
    nameless = f"<message from='{ROOM}/ana' type='groupchat'><body>!post hi</body></message>"
    assert key(nameless) != key(nameless, later)


def test_a_body_is_capped_and_stripped_of_what_xml_forbids(xml: Xml) -> None:
    message = xml(said())
    body = message.find("{jabber:client}body")
    assert body is not None
    body.text = "a\x00b\ufffec" + "x" * LONGEST
    incoming = speech(message, HERE)
    assert incoming is not None
    assert incoming.text.startswith("abcx")
    assert len(incoming.text) == LONGEST


@pytest.mark.parametrize(
    ("delay", "history"),
    [
        ("", False),
        (f"<delay xmlns='urn:xmpp:delay' from='{ROOM}' stamp='2026-01-01T00:00:00Z'/>", True),
        ("<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>", True),
        (f"<delay xmlns='urn:xmpp:delay' from='{OWN}' stamp='2026-01-01T00:00:00Z'/>", False),
    ],
)
def test_what_a_room_replays_is_told_from_what_a_resume_repeats(xml: Xml, delay: str, history: bool) -> None:
    assert is_history(xml(said(extra=delay)), ROOM) is history


@pytest.mark.parametrize(
    ("items", "author"),
    [
        ("", None),
        ("<item affiliation='member' jid='Ana@Example.org/phone'/>", "ana@example.org"),
        ("<item affiliation='member'/>", None),
        ("<item jid='boss@example.org'/><item jid='eve@example.org'/>", None),
        (
            "</x><x xmlns='http://jabber.org/protocol/muc#user'><item jid='boss@example.org'/><item jid='eve@x.y'/>",
            None,
        ),
    ],
)
def test_an_archive_names_an_author_only_beyond_doubt(xml: Xml, items: str, author: str | None) -> None:
    message = xml(said(extra=f"<x xmlns='http://jabber.org/protocol/muc#user'>{items}</x>"))
    assert archived_author(message) == author


@pytest.mark.parametrize(
    ("delay", "said_at"),
    [
        ("", NOW),
        ("<delay xmlns='urn:xmpp:delay' stamp='2026-01-02T01:00:00Z'/>", datetime(2026, 1, 2, 1, tzinfo=UTC)),
        ("<delay xmlns='urn:xmpp:delay' stamp='2030-01-01T00:00:00Z'/>", NOW),
        ("<delay xmlns='urn:xmpp:delay' stamp='yesterday'/>", NOW),
    ],
)
def test_a_direct_message_was_said_when_the_server_got_it(xml: Xml, delay: str, said_at: datetime) -> None:
    message = xml(f"<message from='Ana@example.org/phone' type='chat'><body>hi</body>{delay}</message>")
    origin = direct_origin(message, OWN, NOW, None)
    assert origin.said_at == said_at
    assert (origin.sender, origin.nick, origin.archive) == ("ana@example.org", "ana", OWN)
    assert origin.source == Target("ana@example.org", Place.DIRECT)
