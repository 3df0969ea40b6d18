from __future__ import annotations

import base64
import hashlib
import importlib.util
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, SubElement, tostring

import pytest

from bridge.chat.errors import NoAnswer, Refused
from bridge.chat.vcard import NAME, is_ours, our_card, photo_hash, picture, publish

if TYPE_CHECKING:
    from collections.abc import Callable

    Xml = Callable[[str], Element]

V = "{vcard-temp}"
HASH = hashlib.sha1(picture(), usedforsecurity=False).hexdigest()


class Server:
    """Keeps a card as servers do: it answers with what it was given last."""

    def __init__(self, stream: Any, card: Element | None = None) -> None:
        self.card = card
        self.stream = stream
        stream.answers = self._answer

    def _answer(self, asked: tuple[str, str | None, Element]) -> Element | Refused:
        kind, to, payload = asked
        assert to is None
        answer = Element("{jabber:client}iq")
        if kind == "set":
            self.card = payload
        elif self.card is None:
            return Refused("item-not-found")
        else:
            answer.append(self.card)
        return answer

    @property
    def sets(self) -> int:
        return sum(kind == "set" for kind, _, _ in self.stream.asked)


def card(**texts: str) -> Element:
    made = Element(V + "vCard")
    for name, text in texts.items():
        SubElement(made, V + name).text = text
    return made


def dots(png: bytes) -> bytes:
    start = png.index(b"IDAT")
    (length,) = struct.unpack(">I", png[start - 4 : start])
    return zlib.decompress(png[start + 4 : start + 4 + length])


def test_the_picture_is_a_small_png() -> None:
    data = picture()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(data) < 4096
    width, height = struct.unpack(">II", data[16:24])
    assert (width, height) == (96, 96)
    assert len(dots(data)) == height * (1 + width // 2)
    assert len(set(dots(data))) > 2


def test_the_picture_is_what_the_script_draws() -> None:
    spec = importlib.util.spec_from_file_location("picture", Path(__file__).parents[3] / "scripts" / "picture.py")
    assert spec is not None
    assert spec.loader is not None
    script: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    # Another zlib may pack the same dots in another way.
    assert dots(script.drawn()) == dots(picture())


async def test_our_card_is_set_once(stream: Any) -> None:
    server = Server(stream)
    assert await publish(stream, "status") == HASH
    assert await publish(stream, "status") == HASH
    assert server.sets == 1
    assert server.card is not None
    assert base64.b64decode(server.card.findtext(f"{V}PHOTO/{V}BINVAL") or "") == picture()
    assert server.card.findtext(V + "NICKNAME") == "status"


async def test_a_server_may_answer_with_an_empty_card(stream: Any) -> None:
    server = Server(stream, Element(V + "vCard"))
    assert await publish(stream, "status") == HASH
    assert server.sets == 1


async def test_an_older_card_of_ours_is_replaced(stream: Any) -> None:
    server = Server(stream, our_card("former"))
    assert await publish(stream, "status") == HASH
    assert server.sets == 1


async def test_what_a_server_makes_of_our_card_is_still_our_card(stream: Any) -> None:
    kept = our_card("status")
    for part in kept.findall(V + "DESC"):
        kept.remove(part)
    SubElement(kept, V + "N")
    binary = kept.find(f"{V}PHOTO/{V}BINVAL")
    assert binary is not None
    binary.text = "\n".join((binary.text or "")[i : i + 60] for i in range(0, len(binary.text or ""), 60))
    server = Server(stream, kept)
    assert await publish(stream, "status") == HASH
    assert server.sets == 0


async def test_what_the_operator_has_set_stays(stream: Any) -> None:
    kept = card(FN="Ops desk")
    photo = SubElement(kept, V + "PHOTO")
    SubElement(photo, V + "BINVAL").text = base64.b64encode(b"a logo").decode()
    before = tostring(kept)
    server = Server(stream, kept)
    assert await publish(stream, "status") == hashlib.sha1(b"a logo", usedforsecurity=False).hexdigest()
    assert server.sets == 0
    assert tostring(kept) == before


@pytest.mark.parametrize("answer", [Refused("feature-not-implemented"), NoAnswer("silence"), Refused("not-allowed")])
async def test_without_vcards_nothing_is_known_of_our_picture(stream: Any, answer: Exception) -> None:
    stream.answers = lambda _: answer
    assert await publish(stream, "status") is None


async def test_an_answer_without_a_card_is_none(stream: Any) -> None:
    stream.answers = lambda _: Element("{jabber:client}iq")
    assert await publish(stream, "status") == HASH


@pytest.mark.parametrize(
    ("texts", "ours"),
    [({}, True), ({"FN": ""}, True), ({"FN": NAME}, True), ({"FN": "Ops"}, False), ({"NICKNAME": "x"}, True)],
)
def test_a_card_is_ours_by_its_name(texts: dict[str, str], ours: bool) -> None:
    assert is_ours(card(**texts)) is ours


def test_a_picture_that_cannot_be_read_is_none(xml: Xml) -> None:
    made = card()
    photo = SubElement(made, V + "PHOTO")
    SubElement(photo, V + "BINVAL").text = "no base64!"
    assert not photo_hash(made)
    assert not photo_hash(card())
