"""Files by way of the server's own upload service, against a real Prosody: the bot's, and those that people share."""

from __future__ import annotations

import io
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, tostring

import aiohttp
import pytest
from PIL import Image

from bridge.chat.uploads import UploadError, Uploads
from tests.servers.heard import STANZA_ID
from tests.servers.person import Person
from tests.servers.sharing import ATTACH, CLIENT, Shape, body_of, fetch, share
from tests.servers.watch import PATIENCE, Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.xmpp import Login, XmppServer

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]

NAME = "two words \N{BLACK SUN WITH RAYS} 100%.png"
MESSAGES = {Shape.DINO: 3, Shape.KAIDAN: 2}
"""How many messages a shape makes of a file with a caption; others make one, or two where they can't take captions."""


def picture(kind: str = "JPEG") -> bytes:
    kept = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(kept, kind)
    return kept.getvalue()


async def get(xmpp: XmppServer, url: str) -> tuple[bytes, str]:
    """Return what is there, and its media type."""
    context = ssl.create_default_context(cafile=str(xmpp.ca_file))
    async with (
        aiohttp.ClientSession(raise_for_status=True) as session,
        session.get(url, ssl=context) as answer,
    ):
        return await answer.read(), answer.content_type


async def test_what_the_bot_uploads_can_be_had_by_everybody(
    xmpp: XmppServer, new_login: Callable[[str], Login], new_bot: Callable[..., Any]
) -> None:
    bot = new_bot(new_login("bot"))
    await bot.start()
    small, large = picture("PNG"), bytes(range(256)) * 8192
    first = await bot.chat.upload(small, name=NAME, type="image/png")
    second = await bot.chat.upload(large, name="large.png", type="image/png")
    assert await get(xmpp, first) == (small, "image/png")
    assert await get(xmpp, second) == (large, "image/png")
    ports = {"prosody": ("https", getattr(xmpp, "https_port", 0)), "ejabberd": ("http", xmpp.http_port)}
    for url in (first, second):
        parts = urlsplit(url)
        assert (parts.scheme, parts.port) == ports[xmpp.name]
        assert parts.hostname == xmpp.host


async def test_what_is_too_large_is_refused_by_its_announced_limit(
    xmpp: XmppServer, new_login: Callable[[str], Login], new_bot: Callable[..., Any]
) -> None:
    bot = new_bot(new_login("bot"))
    await bot.start()
    uploads = Uploads(bot.chat._session, xmpp.domain, ca_file=xmpp.ca_file)
    await uploads.upload(b"small", name="a.txt", type="text/plain")
    assert uploads._service is not None
    limit = uploads._service.limit
    assert limit is not None
    with pytest.raises(UploadError, match=f"takes {limit} at most: make it smaller"):
        await uploads.upload(bytes(limit + 1), name="a.bin", type="application/octet-stream")


async def test_a_session_that_is_gone_gives_no_place(
    xmpp: XmppServer, new_login: Callable[[str], Login], new_bot: Callable[..., Any]
) -> None:
    bot = new_bot(new_login("bot"))
    await bot.start()
    uploads = Uploads(bot.chat._session, xmpp.domain, ca_file=xmpp.ca_file)
    await uploads.upload(b"small", name="a.txt", type="text/plain")
    await bot.stop()
    with pytest.raises(UploadError, match=r"there is no session"):
        await uploads.upload(b"small", name="a.txt", type="text/plain")


class Wire:
    """The messages that come off a person's stream, with or without a body."""

    def __init__(self, person: Person) -> None:
        self.messages: list[Element] = []
        self._watch = Watch()
        person.client.add_filter("in", self._note)

    def _note(self, stanza: Any) -> Any:
        if stanza.xml.tag == CLIENT + "message" and stanza.xml.find(CLIENT + "subject") is None:
            self.messages.append(stanza.xml)
            self._watch.changed()
        return stanza

    async def brings(self, count: int) -> list[Element]:
        """Wait for so many more messages, and take them."""
        await self._watch.until(
            lambda: len(self.messages) >= count,
            timeout=PATIENCE,
            otherwise=lambda: f"came: {[tostring(one) for one in self.messages]}",
        )
        taken, self.messages[:] = self.messages[:], []
        assert len(taken) == count
        return taken


def urls_of(messages: list[Element]) -> set[str]:
    """Return every URL of a file that is somewhere in these messages."""
    texts = [text for one in messages for part in one.iter() for text in (part.text or "", *part.attrib.values())]
    return {text[text.index("http") :] for text in texts if text.endswith("photo.jpg") and "http" in text}


@pytest.mark.parametrize("room", [False, True])
async def test_what_somebody_shares_can_be_had_by_others(
    new_login: Callable[[str], Login], new_room: Callable[..., str], room: bool
) -> None:
    ana, raj = new_login("ana"), new_login("raj")
    where = new_room(members=[ana.jid, raj.jid]) if room else raj.jid
    data, seen = picture(), set[str]()
    async with Person.of(ana) as person, Person.of(raj) as other:
        if room:
            await person.join(where)
            await other.join(where)
        wire = Wire(other)
        for shape in Shape:
            identifier = await share(person, where, data, caption="look", room=room, shape=shape)
            messages = await wire.brings(MESSAGES.get(shape, 1 if shape.takes_caption else 2))
            (message,) = [one for one in messages if one.get("id") == identifier]
            (url,) = urls_of(messages)
            assert urls_of([message]) == {url}
            assert await fetch(other, url) == data
            body, caption = message.findtext(CLIENT + "body"), "look" if shape.takes_caption else None
            assert body == body_of(shape, url, caption)
            assert any("look" in (one.findtext(CLIENT + "body") or "") for one in messages)
            seen.add(url)
            if room:
                (own,) = [one for one in person.inbox if one.id == identifier]
                assert own.own
                assert own.stanza_id is not None
    assert len(seen) == len(Shape)


async def test_dino_refers_to_its_announcement_by_the_name_that_the_room_gave_it(
    new_login: Callable[[str], Login], new_room: Callable[..., str]
) -> None:
    ana, raj = new_login("ana"), new_login("raj")
    room = new_room(members=[ana.jid, raj.jid])
    async with Person.of(ana) as person, Person.of(raj) as other:
        await person.join(room)
        await other.join(room)
        wire = Wire(other)
        await share(person, room, picture(), room=True, shape=Shape.DINO)
        first, second = await wire.brings(2)
    assert first.find(CLIENT + "body") is None
    (name,) = [one.get("id") for one in first.iterfind(STANZA_ID) if one.get("by") == room]
    attached = second.find(ATTACH + "attach-to")
    assert attached is not None
    assert attached.get("id") == name
