"""Encrypted messages as the clients that are in use send them, live and out of an archive."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.chat.encrypted import is_encrypted, without_offers
from bridge.chat.gate import Kind, Origin, kind_of, speech
from bridge.commands.incoming import Content
from bridge.domain.people import Place, Target

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    Xml = Callable[[str], Element]

OWN = "status@example.org"
ANA = "ana@example.org"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TAG = " \t  \t\t\t\t \t \t \t  "
V1, V2, V3 = " \t \t  \t ", "  \t\t  \t ", "  \t\t  \t\t"
SHIM = "http://jabber.org/protocol/shim"
AXOLOTL = "eu.siacs.conversations.axolotl"
HEADER = "<header sid='179781'><key rid='69725' prekey='true'>MwohBcJz</key><iv>8/pXK3Y8</iv></header>"
STORE = "<store xmlns='urn:xmpp:hints'/>"
EME = "<encryption xmlns='urn:xmpp:eme:0' namespace='{}' name='{}'/>"


def origin(*, archived: bool = False) -> Origin:
    return Origin(
        archive=OWN,
        source=Target(ANA, Place.DIRECT),
        sender=ANA,
        nick="ana",
        affiliation="none",
        said_at=NOW,
        position="1a2b",
        archived=archived,
    )


def direct(body: str | None, extra: str = "", attributes: str = "type='chat'") -> str:
    text = "" if body is None else f"<body>{body}</body>"
    return f"<message from='{ANA}/phone' to='{OWN}' id='i1' {attributes}>{text}{extra}</message>"


ENCRYPTED = {
    "the first OMEMO": direct(
        "I sent you an OMEMO encrypted message but your client doesn't seem to support that.",
        f"<encrypted xmlns='{AXOLOTL}'>{HEADER}<payload>c2VjcmV0</payload></encrypted>"
        f"{EME.format(AXOLOTL, 'OMEMO')}{STORE}<request xmlns='urn:xmpp:receipts'/>"
        "<markable xmlns='urn:xmpp:chat-markers:0'/><origin-id xmlns='urn:xmpp:sid:0' id='i1'/>",
    ),
    "OMEMO without a body": direct(
        None, f"<encrypted xmlns='{AXOLOTL}'>{HEADER}<payload>c2VjcmV0</payload></encrypted>{STORE}"
    ),
    "OMEMO 2": direct(
        None,
        "<encrypted xmlns='urn:xmpp:omemo:2'><header sid='27183'><keys jid='status@example.org'>"
        "<key rid='31415'>b64</key></keys></header><payload>b64</payload></encrypted>"
        + EME.format("urn:xmpp:omemo:2", "OMEMO"),
    ),
    "OMEMO of a version to come": direct(
        "hidden", "<encrypted xmlns='urn:xmpp:omemo:7'><header/><payload>b64</payload></encrypted>"
    ),
    "OX": direct(
        "This message is encrypted using OpenPGP.", "<openpgp xmlns='urn:xmpp:openpgp:0'>LS0tLS1CRUdJTg==</openpgp>"
    ),
    "PGP": direct(
        "[This message is *encrypted* (See XEP-0027)]", "<x xmlns='jabber:x:encrypted'>hQEMA1ja5p1QgJbDAQgA</x>"
    ),
    "a named method of which nobody has heard": direct("?", EME.format("urn:example:secret:1", "Secret")),
    "an encrypted session": direct(
        None, "<c xmlns='http://www.xmpp.org/extensions/xep-0200.html#ns'><data>b64</data><mac>b64</mac></c>"
    ),
    "S/MIME": direct(None, "<e2e xmlns='urn:ietf:params:xml:ns:xmpp-e2e'>Content-type: multipart/signed</e2e>"),
    "an OTR query": direct("?OTRv23?\nana has requested an Off-the-Record private conversation."),
    "an OTR query of old": direct("?OTR?v2?"),
    "an OTR query of version 4": direct("?OTRv34?"),
    "OTR data": direct("?OTR:AAMDJ+MVmSfjFZcAAAAAAQAAAAIAAADA1g5IjD1ZGLDVQEyCgCyn9hbrL3KAbGDdzE2ZkMyTKl7X.", STORE),
    "a fragment of OTR": direct("?OTR|5a73a599|27e31597,00001,00003,?OTR:AAMDJ+MVmSfjFZcAAAAA,"),
    "a fragment of OTR 2": direct(
        "?OTR,1,3,?OTR:AAEDAAAAAQAAAAEAAADAVf3Ei72ZgFeKqWvLMnuVPVCwxktsOZ1QdjeLp6jn6mCVtlY9,"
    ),
    "an error of OTR": direct("?OTR Error: You sent encrypted data to somebody who wasn't expecting it."),
    "OTR with hints": direct(
        "?OTR:AAMD.",
        "<no-copy xmlns='urn:xmpp:hints'/><no-permanent-store xmlns='urn:xmpp:hints'/>"
        "<private xmlns='urn:xmpp:carbons:2'/>" + EME.format("urn:xmpp:otr:0", "OTR"),
    ),
    "armoured text": direct("-----BEGIN PGP MESSAGE-----\n\nhQEMA1ja5p1QgJbD\n-----END PGP MESSAGE-----"),
    "a stand-in alone": direct("[This message is OMEMO encrypted]"),
    "another one": direct("You received a message encrypted with OMEMO but your client doesn't support OMEMO."),
    "and another one": direct("This is an OMEMO encrypted message which your client doesn't seem to support."),
    "a correction": direct(
        "I sent you an OMEMO encrypted message",
        "<replace xmlns='urn:xmpp:message-correct:0' id='i0'/>"
        f"<encrypted xmlns='{AXOLOTL}'>{HEADER}<payload>x</payload></encrypted>",
    ),
    "a file": direct(
        "aesgcm://example.org/a#0011",
        "<x xmlns='jabber:x:oob'><url>aesgcm://example.org/a#0011</url></x>" + EME.format(AXOLOTL, "OMEMO"),
    ),
}

PLAIN = {
    "talk about it": "Our new app can send OMEMO encrypted messages",
    "a question about it": "Is this message encrypted?",
    "OTR by name": "OTR is off the record",
    "a bare word": "?OTR",
    "this message": "This message is for everybody: we are back",
    "encrypted": "This is how your backups are encrypted: with your own key",
    "a key": "-----BEGIN PGP PUBLIC KEY BLOCK-----",
}


@pytest.mark.parametrize("archived", [False, True], ids=["live", "archived"])
@pytest.mark.parametrize("stanza", ENCRYPTED.values(), ids=ENCRYPTED)
def test_an_encrypted_message_is_known_as_one(xml: Xml, stanza: str, archived: bool) -> None:
    message = xml(stanza)
    incoming = speech(message, origin(archived=archived))
    assert kind_of(message, OWN, ()) is Kind.DIRECT
    assert incoming is not None
    assert incoming.content is Content.ENCRYPTED


@pytest.mark.parametrize("body", PLAIN.values(), ids=PLAIN)
def test_a_status_about_encryption_is_a_status(xml: Xml, body: str) -> None:
    incoming = speech(xml(direct(body)), origin())
    assert incoming is not None
    assert (incoming.content, incoming.text) == (Content.TEXT, body)


@pytest.mark.parametrize("namespace", [AXOLOTL, "urn:xmpp:omemo:1", "urn:xmpp:omemo:2", "urn:xmpp:omemo:7"])
def test_where_only_keys_change_hands_nothing_is_said(xml: Xml, namespace: str) -> None:
    keys = f"<encrypted xmlns='{namespace}'>{HEADER}</encrypted>{EME.format(namespace, 'OMEMO')}{STORE}"
    assert speech(xml(direct(None, keys)), origin()) is None
    assert speech(xml(direct("I sent you an OMEMO encrypted message", keys)), origin()) is None


@pytest.mark.parametrize(
    "extra",
    [
        "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
        f"<headers xmlns='{SHIM}'><header name='Auto-Submitted'>auto-replied</header></headers>",
        f"<headers xmlns='{SHIM}'><header name='auto-submitted'>auto-generated; x=y</header></headers>",
    ],
)
def test_what_a_machine_says_that_it_wrote_is_no_speech(xml: Xml, extra: str) -> None:
    assert speech(xml(direct("I am on holiday", extra)), origin()) is None
    assert speech(xml(direct("I am on holiday", extra)), origin(archived=True)) is None


def test_what_a_person_is_said_to_have_written_is_speech(xml: Xml) -> None:
    header = f"<headers xmlns='{SHIM}'><header name='Auto-Submitted'>no</header></headers>"
    assert speech(xml(direct("We are back", header)), origin()) is not None


@pytest.mark.parametrize("type_", ["error", "headline", "groupchat"])
def test_what_came_back_is_nobodys_speech(xml: Xml, type_: str) -> None:
    stanza = direct("We are back", "", f"type='{type_}'")
    assert kind_of(xml(stanza), OWN, ()) in {Kind.BOUNCE, Kind.OTHER}


@pytest.mark.parametrize("hint", ["no-copy", "no-store", "no-permanent-store", "store"])
def test_a_chat_state_is_no_speech_and_a_hint_makes_none_of_a_line(xml: Xml, hint: str) -> None:
    hints = f"<{hint} xmlns='urn:xmpp:hints'/>"
    state = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
    assert speech(xml(direct(None, state + hints)), origin()) is None
    assert speech(xml(direct("", state + hints)), origin()) is None
    assert speech(xml(direct("We are back", hints)), origin()) is not None


@pytest.mark.parametrize("versions", ["", V1, V2, V3, V2 + V3, V1 + V2 + V3])
@pytest.mark.parametrize("text", ["We are back", "!post We are back", "two\nlines"])
def test_white_space_that_offers_otr_is_no_part_of_what_was_said(xml: Xml, text: str, versions: str) -> None:
    message = Element("{jabber:client}message", {"from": f"{ANA}/pidgin", "type": "chat"})
    body = Element("{jabber:client}body")
    body.text = text + TAG + versions
    message.append(body)
    incoming = speech(message, origin())
    assert incoming is not None
    assert (incoming.content, incoming.text) == (Content.TEXT, text)


def test_an_offer_alone_says_nothing(xml: Xml) -> None:
    assert speech(xml(direct(TAG + V2)), origin()) is None


@given(st.text(alphabet="ab\n"), st.lists(st.sampled_from([V1, V2, V3])), st.text(alphabet="ab\n"))
def test_an_offer_goes_wherever_it_stands(before: str, versions: list[str], after: str) -> None:
    assert without_offers(before + TAG + "".join(versions) + after) == before + after


@given(st.text(alphabet=" \tab\n"))
def test_whatever_goes_nothing_that_can_be_read_goes(text: str) -> None:
    assert without_offers(text).split() == text.split()


BESIDES = [
    ("{urn:xmpp:message-correct:0}replace", {"id": "i0"}),
    ("{urn:xmpp:reply:0}reply", {"id": "1", "to": ANA}),
    ("{urn:xmpp:sfs:0}file-sharing", {}),
    ("{urn:xmpp:hints}store", {}),
    ("{urn:xmpp:receipts}request", {}),
    ("{urn:xmpp:fallback:0}fallback", {"for": "urn:xmpp:omemo:2"}),
]
METHODS = [
    f"{{{AXOLOTL}}}encrypted",
    "{urn:xmpp:omemo:2}encrypted",
    "{urn:xmpp:eme:0}encryption",
    "{urn:xmpp:openpgp:0}openpgp",
    "{jabber:x:encrypted}x",
]


@given(st.text(), st.sampled_from(METHODS), st.lists(st.sampled_from(BESIDES)), st.randoms())
def test_nothing_beside_it_makes_a_status_of_what_is_encrypted(
    body: str, method: str, besides: list[tuple[str, dict[str, str]]], order: Random
) -> None:
    secret = Element(method)
    SubElement(secret, method.partition("}")[0] + "}payload")
    children = [secret, *(Element(tag, attributes) for tag, attributes in besides), Element("{jabber:client}body")]
    children[-1].text = body
    order.shuffle(children)
    message = Element("{jabber:client}message", {"from": f"{ANA}/phone", "type": "chat", "id": "i1"})
    message.extend(children)
    incoming = speech(message, origin())
    assert incoming is not None
    assert incoming.content is Content.ENCRYPTED


@given(st.text())
def test_data_of_otr_is_known_wherever_it_stands(text: str) -> None:
    assert is_encrypted(Element("{jabber:client}message"), f"{text}?OTR:AAMD{text}")
