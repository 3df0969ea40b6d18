from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import canonicalize, tostring

import pytest

from bridge.chat.claims import Claim
from bridge.chat.outgoing import CORRECTABLE, bounce_pause, corrects, stanza_of
from bridge.domain.notices import Notice, NoticeKind, NoticeState
from bridge.domain.people import Place, Target
from bridge.store.notices import Root

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("root", "nick", "expected"),
    [
        (None, "status", None),
        (Root("r1", "status", NOW, "shown"), "status", "r1"),
        (Root("r1", "status", NOW - CORRECTABLE + timedelta(seconds=1), "shown"), "status", "r1"),
        (Root("r1", "status", NOW - CORRECTABLE, "shown"), "status", None),
        (Root("r1", "status", NOW + timedelta(seconds=1), "shown"), "status", None),
        (Root("r1", "status", NOW, "shown"), "status_", None),
        (Root("r1", None, NOW, "shown"), None, "r1"),
    ],
)
def test_a_receipt_corrects_only_under_the_same_nick_and_within_ten_minutes(
    root: Root | None, nick: str | None, expected: str | None
) -> None:
    assert corrects(root, nick, NOW) == expected


@pytest.mark.parametrize(
    ("place", "replaces", "kind"), [(Place.ROOM, None, "groupchat"), (Place.DIRECT, "root", "chat")]
)
def test_a_line_carries_its_own_id_twice_and_what_it_replaces(place: Place, replaces: str | None, kind: str) -> None:
    notice = Notice(
        id=1,
        target=Target("x@example.org", place),
        kind=NoticeKind.LINE,
        state=NoticeState.READY,
        origin_id="o1",
        body="",
        created_at=NOW,
    )
    stanza = stanza_of(Claim(notice, "he\x00llo", replaces))
    assert (stanza.get("type"), stanza.get("to"), stanza.get("id")) == (kind, "x@example.org", "o1")
    assert stanza.findtext("{jabber:client}body") == "hello"
    origin = stanza.find("{urn:xmpp:sid:0}origin-id")
    replace = stanza.find("{urn:xmpp:message-correct:0}replace")
    assert origin is not None
    assert origin.get("id") == "o1"
    assert (replace.get("id") if replace is not None else None) == replaces


@pytest.mark.parametrize(("place", "kind"), [(Place.ROOM, "groupchat"), (Place.DIRECT, "chat")])
@pytest.mark.parametrize(
    ("deed", "emoji", "expected"),
    [
        (NoticeKind.REACTION, "👀", "<r:reactions id='a1'><r:reaction>👀</r:reaction></r:reactions>"),
        (NoticeKind.REACTION, "", "<r:reactions id='a1'/>"),
        (NoticeKind.RETRACTION, "", "<t:retract id='a1'/>"),
    ],
)
def test_what_is_done_to_a_line_names_it_and_says_nothing(
    place: Place, kind: str, deed: NoticeKind, emoji: str, expected: str
) -> None:
    notice = Notice(
        id=1,
        target=Target("x@example.org", place),
        kind=deed,
        state=NoticeState.READY,
        origin_id="o1",
        body=emoji,
        created_at=NOW,
        about="o0",
    )
    stanza = stanza_of(Claim(notice, emoji, None, about="a1"))
    spaces = "xmlns:r='urn:xmpp:reactions:0' xmlns:t='urn:xmpp:message-retract:1' xmlns:s='urn:xmpp:sid:0'"
    whole = (
        f"<message xmlns='jabber:client' {spaces} to='x@example.org' type='{kind}' id='o1'><s:origin-id id='o1'/>"
        f"{expected}<store xmlns='urn:xmpp:hints'/></message>"
    )
    assert canonicalize(tostring(stanza), rewrite_prefixes=True) == canonicalize(whole, rewrite_prefixes=True)


def test_what_comes_back_waits_longer_each_time() -> None:
    assert [bounce_pause(count) for count in (1, 2, 3)] == [2.0, 4.0, 8.0]
