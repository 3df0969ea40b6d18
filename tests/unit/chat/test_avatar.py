from __future__ import annotations

import base64
from typing import Any
from xml.etree.ElementTree import Element, SubElement

import pytest

from bridge.chat.avatar import DATA, METADATA, publish_avatar
from bridge.chat.errors import AnswerError, NoAnswer, Refused
from bridge.chat.vcard import picture

P = "{http://jabber.org/protocol/pubsub}"


def items(*ids: str) -> Element:
    answer = Element("{jabber:client}iq")
    found = SubElement(SubElement(answer, P + "pubsub"), P + "items", {"node": METADATA})
    for identifier in ids:
        SubElement(found, P + "item", {"id": identifier})
    return answer


def answers(stream: Any, first: Element | AnswerError) -> None:
    stream.answers = lambda asked: first if asked[0] == "get" else Element("{jabber:client}iq")


@pytest.mark.parametrize("first", [Refused("item-not-found"), items()])
async def test_where_there_is_no_picture_ours_is_published(stream: Any, first: Element | AnswerError) -> None:
    answers(stream, first)
    await publish_avatar(stream, picture(), "cafe")
    published = [payload.find(P + "publish") for kind, to, payload in stream.asked if kind == "set" and to is None]
    assert [one.get("node") for one in published] == [DATA, METADATA]
    assert [one[0].get("id") for one in published] == ["cafe", "cafe"]
    data, metadata = (one[0][0] for one in published)
    assert base64.b64decode(data.text) == picture()
    assert dict(metadata[0].attrib) == {
        "bytes": str(len(picture())),
        "height": "96",
        "id": "cafe",
        "type": "image/png",
        "width": "96",
    }


@pytest.mark.parametrize("first", [items("cafe"), items("the operator's")])
async def test_where_there_is_one_it_stays(stream: Any, first: Element) -> None:
    answers(stream, first)
    await publish_avatar(stream, picture(), "cafe")
    assert [kind for kind, _, _ in stream.asked] == ["get"]


@pytest.mark.parametrize("first", [Refused("feature-not-implemented"), NoAnswer("silence")])
async def test_without_personal_eventing_nothing_is_published(stream: Any, first: AnswerError) -> None:
    answers(stream, first)
    await publish_avatar(stream, picture(), "cafe")
    assert [kind for kind, _, _ in stream.asked] == ["get"]


async def test_a_server_that_refuses_does_no_harm(stream: Any) -> None:
    stream.answers = lambda asked: items() if asked[0] == "get" else Refused("not-allowed")
    await publish_avatar(stream, picture(), "cafe")
    assert len(stream.asked) == 2
