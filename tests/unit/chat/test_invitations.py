from __future__ import annotations

from xml.etree.ElementTree import Element, fromstring

import pytest

from bridge.chat.invitations import Invitation, invitation_of

ROOM, ANA = "ops@rooms.example.org", "ana@example.org"


def message(inner: str, sender: str = f"{ANA}/phone", type_: str = "normal") -> Element:
    return fromstring(f'<message xmlns="jabber:client" from="{sender}" type="{type_}">{inner}</message>')


DIRECT = f'<x xmlns="jabber:x:conference" jid="{ROOM}" reason="come in"/>'
PASSED_ON = (
    f'<x xmlns="http://jabber.org/protocol/muc#user"><invite from="{ANA}/phone"><reason>come in</reason></invite></x>'
)
DELAYED = '<delay xmlns="urn:xmpp:delay" stamp="2026-01-02T03:04:05Z"/>'


def test_a_direct_invitation_is_its_senders() -> None:
    assert invitation_of(message(f"<body>come in</body>{DIRECT}")) == Invitation(ROOM, ANA)


def test_one_that_a_room_passes_on_is_whom_the_room_names() -> None:
    assert invitation_of(message(PASSED_ON, sender=ROOM)) == Invitation(ROOM, ANA, passed_on=True)
    # Clients add the older element for clients that know only that one.
    both = PASSED_ON + f'<x xmlns="jabber:x:conference" jid="{ROOM}"/>'
    assert invitation_of(message(both, sender=ROOM)) == Invitation(ROOM, ANA, passed_on=True)


@pytest.mark.parametrize(
    "other",
    [
        message("<body>hello</body>"),
        message(f"{DIRECT}{DELAYED}"),
        message(DIRECT, type_="groupchat"),
        message(DIRECT, type_="error"),
        message('<x xmlns="jabber:x:conference" jid="rooms.example.org"/>'),
        message('<x xmlns="jabber:x:conference"/>'),
        message(PASSED_ON.replace(f"{ANA}/phone", "")),
        message('<x xmlns="http://jabber.org/protocol/muc#user"><status code="104"/></x>', sender=ROOM),
    ],
)
def test_anything_else_is_none(other: Element) -> None:
    assert invitation_of(other) is None
