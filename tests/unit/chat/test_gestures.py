"""Gestures as clients write them, and as nobody should."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

import pytest

from bridge.chat.gate import Origin, speech
from bridge.commands.incoming import Gesture, GestureKind
from bridge.domain.people import Place, Target

Xml = Callable[[str], Element]

ROOM = "ops@rooms.example.org"
HERE = Origin(
    archive=ROOM,
    source=Target(ROOM, Place.ROOM),
    sender="ana@example.org",
    nick="ana",
    affiliation="member",
    said_at=datetime(2026, 1, 2, tzinfo=UTC),
    position="1a2b",
)
STORE = "<store xmlns='urn:xmpp:hints'/>"
REACTIONS = "<reactions xmlns='urn:xmpp:reactions:0' id='{}'>{}</reactions>"


def message(inner: str, body: str | None = None) -> str:
    spoken = "" if body is None else f"<body>{body}</body>"
    return f"<message from='{ROOM}/ana' type='groupchat' id='m1'>{spoken}{inner}</message>"


def reactions(*emojis: str, about: str = "i0") -> str:
    return REACTIONS.format(about, "".join(f"<reaction>{emoji}</reaction>" for emoji in emojis))


SHAPES: dict[str, tuple[str, GestureKind, str, frozenset[str], str]] = {
    "reactions with a hint to store them": (
        message(reactions("👀", "👍") + STORE),
        GestureKind.REACTIONS, "i0", frozenset({"👀", "👍"}), "",
    ),
    "reactions with a body for other clients": (
        message(
            reactions("👀") + "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reactions:0'><body/></fallback>",
            "&gt; any ETA?\n👀",
        ),
        GestureKind.REACTIONS, "i0", frozenset({"👀"}), "",
    ),
    "the last reaction taken away": (message(reactions() + STORE), GestureKind.REACTIONS, "i0", frozenset(), ""),
    "a retraction": (
        message(
            "<retract xmlns='urn:xmpp:message-retract:1' id='i0'/>"
            "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:message-retract:1'/>" + STORE,
            "/me retracted a message",
        ),
        GestureKind.RETRACTION, "i0", frozenset(), "",
    ),
    "a retraction of the older form": (
        message(
            "<apply-to xmlns='urn:xmpp:fasten:0' id='i0'><retract xmlns='urn:xmpp:message-retract:0'/></apply-to>"
            "<fallback xmlns='urn:xmpp:fallback:0'/>" + STORE,
            "This person attempted to retract a previous message",
        ),
        GestureKind.RETRACTION, "i0", frozenset(), "",
    ),
    "a correction": (
        message(
            "<replace xmlns='urn:xmpp:message-correct:0' id='i0'/><origin-id xmlns='urn:xmpp:sid:0' id='m1'/>",
            "!post We are down",
        ),
        GestureKind.CORRECTION, "i0", frozenset(), "!post We are down",
    ),
    "a reply with the quotation for other clients": (
        message(
            "<reply xmlns='urn:xmpp:reply:0' id='i0' to='ops@rooms.example.org/status'/>"
            "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='11'/></fallback>",
            "&gt; any ETA?\nin 20 minutes",
        ),
        GestureKind.REPLY, "i0", frozenset(), "in 20 minutes",
    ),
    "a reply without any": (
        message("<reply xmlns='urn:xmpp:reply:0' id='i0'/>", "in 20 minutes"),
        GestureKind.REPLY, "i0", frozenset(), "in 20 minutes",
    ),
    "a corrected reply is a correction": (
        message(
            "<replace xmlns='urn:xmpp:message-correct:0' id='i0'/><reply xmlns='urn:xmpp:reply:0' id='i9'/>"
            "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='4'/></fallback>",
            "&gt; a\nin 30 minutes",
        ),
        GestureKind.CORRECTION, "i0", frozenset(), "in 30 minutes",
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_shapes_in_use(xml: Xml, shape: tuple[str, GestureKind, str, frozenset[str], str]) -> None:
    stanza, kind, about, emojis, text = shape
    incoming = speech(xml(stanza), HERE)
    assert incoming is not None
    corrected_reply = kind is GestureKind.CORRECTION and "urn:xmpp:reply:0" in stanza
    assert incoming.gesture == Gesture(kind=kind, about=about, emojis=emojis, replies=corrected_reply)
    assert incoming.text == text
    assert incoming.names == {"m1"}


@pytest.mark.parametrize(
    "stanza",
    [
        message(reactions("👀", about="")),
        message("<reactions xmlns='urn:xmpp:reactions:0'><reaction>👀</reaction></reactions>"),
        message("<retract xmlns='urn:xmpp:message-retract:1'/>"),
        message("<apply-to xmlns='urn:xmpp:fasten:0'><retract xmlns='urn:xmpp:message-retract:0'/></apply-to>"),
        message("<replace xmlns='urn:xmpp:message-correct:0' id='i0'/>"),
        message("<reply xmlns='urn:xmpp:reply:0' id='i0'/>", "  "),
        message(f"<retract xmlns='urn:xmpp:message-retract:1' id='{'i' * 1001}'/>"),
        message(f"<error type='cancel'/>{reactions('👀')}"),
        message(f"{reactions('👀')}<forwarded xmlns='urn:xmpp:forward:0'><message/></forwarded>"),
    ],
)
def test_what_names_nothing_or_says_nothing_is_nothing(xml: Xml, stanza: str) -> None:
    assert speech(xml(stanza), HERE) is None


def test_of_reactions_no_more_is_taken_than_anybody_has(xml: Xml) -> None:
    incoming = speech(xml(message(reactions(*(chr(0x1F600 + number) for number in range(60)), "x" * 33, " 👀 "))), HERE)
    assert incoming is not None
    assert incoming.gesture is not None
    assert len(incoming.gesture.emojis) == 20


def test_two_gestures_without_an_id_in_the_archive_are_two(xml: Xml) -> None:
    origin = replace(HERE, position=None)
    stanzas = [message(reactions("👀")), message(reactions("👀", about="i1")), message(reactions())]
    keys = [incoming.key for stanza in stanzas if (incoming := speech(xml(stanza), origin)) is not None]
    assert len(set(keys)) == 3
    again = speech(xml(stanzas[0]), origin)
    assert again is not None
    assert again.key == keys[0]
