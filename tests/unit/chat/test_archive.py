from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element

import pytest

from bridge.chat.archive import Archives, NoArchive, UnknownPosition
from bridge.chat.errors import NoAnswer, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    Xml = Callable[[str], Element]

ROOM = "ops@rooms.example.org"
OWN = "status@example.org"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def result(query: str, identifier: str, *, author: str | None = ROOM, stamp: str = "2026-01-02T03:04:05Z") -> str:
    who = f" from='{author}'" if author else ""
    return (
        f"<message{who}><result xmlns='urn:xmpp:mam:2' queryid='{query}' id='{identifier}'>"
        f"<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='{stamp}'/>"
        f"<message xmlns='jabber:client' from='{ROOM}/ana'><body>{identifier}</body></message>"
        "</forwarded></result></message>"
    )


def fin(complete: str = "true", last: str = "2") -> str:
    ends = f"<set xmlns='http://jabber.org/protocol/rsm'><first>1</first><last>{last}</last></set>"
    return f"<iq type='result'><fin xmlns='urn:xmpp:mam:2' complete='{complete}'>{ends}</fin></iq>"


async def test_only_results_of_the_archive_and_the_query_that_were_asked_count(stream: Any, xml: Xml) -> None:
    archives = Archives(stream)

    def answers(asked: tuple[str, str | None, Element]) -> Element:
        query = asked[2].get("queryid") or ""
        for forged in (
            result("another", "x1"),
            result(query, "x2", author="eve@example.org"),
            result(query, "x3", author=None),
            result(query, "x4", stamp="once"),
            f"<message from='{ROOM}'><result xmlns='urn:xmpp:mam:2' queryid='{query}' id='x5'/></message>",
        ):
            archives.collect(xml(forged))
        archives.collect(xml(result(query, "1")))
        archives.collect(xml(result(query, "2")))
        return xml(fin())

    stream.answers = answers
    page = await archives.page(ROOM, after="0")
    assert [(one.id, one.stamp) for one in page.messages] == [("1", NOW), ("2", NOW)]
    assert (page.complete, page.first, page.last) == (True, "1", "2")
    (asked,) = stream.asked
    assert asked[:2] == ("set", ROOM)
    archives.collect(xml(result(asked[2].get("queryid"), "late")))
    assert len(page.messages) == 2


@pytest.mark.parametrize("author", [None, OWN, f"{OWN.upper()}"])
async def test_our_own_archive_answers_in_our_name_or_in_none(stream: Any, xml: Xml, author: str | None) -> None:
    archives = Archives(stream)

    def answers(asked: tuple[str, str | None, Element]) -> Element:
        archives.collect(xml(result(asked[2].get("queryid") or "", "1", author=author)))
        return xml(fin("false"))

    stream.answers = answers
    page = await archives.page(OWN, before="", size=1)
    assert [one.id for one in page.messages] == ["1"]
    assert not page.complete
    assert stream.asked[0][1] is None


async def test_a_query_says_where_to_go_on_from(stream: Any, xml: Xml) -> None:
    archives = Archives(stream)
    stream.answers = lambda _: xml(fin())
    await archives.page(ROOM, after="7", start=NOW, size=5)
    query = stream.asked[0][2]
    rsm = "{http://jabber.org/protocol/rsm}set/{http://jabber.org/protocol/rsm}"
    assert (query.findtext(rsm + "after"), query.findtext(rsm + "max"), query.find(rsm + "before")) == ("7", "5", None)
    fields = {field.get("var"): field.findtext("{jabber:x:data}value") for field in query.iter("{jabber:x:data}field")}
    assert fields == {"FORM_TYPE": "urn:xmpp:mam:2", "start": "2026-01-02T03:04:05Z"}


@pytest.mark.parametrize(
    ("answer", "after", "error"),
    [
        (Refused("item-not-found"), "gone", UnknownPosition),
        (Refused("item-not-found"), None, Refused),
        (Refused("service-unavailable"), "1", NoArchive),
        (Refused("feature-not-implemented"), None, NoArchive),
        (Refused("forbidden"), None, NoArchive),
        (Refused("internal-server-error"), "1", Refused),
        (NoAnswer("silence"), "1", NoAnswer),
        (Element("iq"), "1", NoAnswer),
    ],
)
async def test_ways_to_fail_are_told_apart(stream: Any, answer: Any, after: str | None, error: type[Exception]) -> None:
    stream.answers = lambda _: answer
    with pytest.raises(error):
        await Archives(stream).page(ROOM, after=after)


@pytest.mark.parametrize(
    ("answer", "exists"),
    [("urn:xmpp:mam:2", True), ("urn:xmpp:mam:1", False), ("http://jabber.org/protocol/muc", False)],
)
async def test_an_archive_is_one_that_says_so(stream: Any, xml: Xml, answer: str, exists: bool) -> None:
    query = f"<query xmlns='http://jabber.org/protocol/disco#info'><feature var='{answer}'/></query>"
    stream.answers = lambda _: xml(f"<iq type='result'>{query}</iq>")
    assert await Archives(stream).exists(ROOM) is exists


async def test_where_nobody_can_tell_of_an_archive_it_is_an_error(stream: Any) -> None:
    stream.answers = lambda _: Refused("service-unavailable")
    assert await Archives(stream).exists(ROOM) is False
    stream.answers = lambda _: NoAnswer("silence")
    with pytest.raises(NoAnswer):
        await Archives(stream).exists(ROOM)
