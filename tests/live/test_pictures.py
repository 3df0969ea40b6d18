"""A picture's way from a phone to the platform, on both servers, also around a restart; and what goes nowhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from PIL import Image

from tests.servers.mastodon import MastodonMock, Toot
from tests.servers.pictures import SECRETS, colours_of, corners, phone_jpeg
from tests.servers.scene import Scene, mastodon_account
from tests.servers.sharing import Shape, share
from tests.servers.xmpp import XmppServer

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]

SERVERS = ["prosody", pytest.param("ejabberd", marks=pytest.mark.servers)]
TURNED = colours_of(corners().transpose(Image.Transpose.ROTATE_270))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A picture as the platform gives it to everybody."""

    data: bytes
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    scene: Scene
    mock: MastodonMock

    async def share(self, **options: Any) -> str:
        where = self.scene.room if options.get("room") else self.scene.bot.jid
        return await share(self.scene.raj, where, phone_jpeg(), **options)

    async def tell(self, text: str) -> None:
        await self.scene.raj.tell(self.scene.bot.jid, text)

    async def hears(self, what: str, *, room: bool = False) -> None:
        await self.scene.raj.hears(what, where=self.scene.room if room else self.scene.bot.jid)

    async def shown(self, toot: Toot) -> list[Shown]:
        """Return the pictures of a status."""
        data = cast("dict[str, Any]", await self.mock.call("GET", f"/api/v1/statuses/{toot.id}", self.mock.shop))
        found: list[Shown] = []
        async with aiohttp.ClientSession(raise_for_status=True) as session:
            for one in data["media_attachments"]:
                async with session.get(one["url"]) as answer:
                    found.append(Shown(data=await answer.read(), alt=one["description"] or ""))
        return found

    async def published(self, *texts: str) -> list[Shown]:
        """Wait until just these statuses are there, and return the pictures of the last one."""
        toots = await self.mock.has_statuses(len(texts))
        assert [toot.text for toot in toots] == list(texts)
        return await self.shown(toots[-1])


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> XmppServer:
    return request.getfixturevalue(request.param)


@pytest.fixture
async def stage(
    server: XmppServer, mastodon_mock: MastodonMock, new_name: Callable[[str], str], tmp_path: Path
) -> AsyncIterator[Stage]:
    account = mastodon_account(mastodon_mock.base_url, mastodon_mock.token(mastodon_mock.shop))
    async with Scene(
        server=server,
        new_name=new_name,
        folder=tmp_path,
        accounts={"mastodon": account},
        overrides={
            "xmpp": {"upload_host": f"{server.host}:{server.upload_port}"},
            "posting": {"hold": "1s"},
            "store": {"media": str(tmp_path / "media")},
        },
        raj_roles=["staff"],
    ) as scene:
        yield Stage(scene=scene, mock=mastodon_mock)


def is_clean(picture: Shown) -> bool:
    return not any(secret in picture.data for secret in SECRETS)


async def test_a_picture_its_description_and_its_words(stage: Stage) -> None:
    await stage.share()
    await stage.hears(r"^I have your picture \(JPEG, 32 x 48, 1 kB\), without its metadata\. Your next line")
    await stage.tell("alt A door with a note on it")
    await stage.hears(r"^Described\.")
    await stage.tell("The lift is out of order")
    await stage.hears(r"^\[1\] 24 characters, 1 picture: mastodon ok\. Sending in 1 s")
    (picture,) = await stage.published("The lift is out of order")
    assert picture.alt == "A door with a note on it"
    assert is_clean(picture)
    await stage.hears(r"^\[1\] mastodon http")
    assert not is_clean(Shown(data=phone_jpeg(), alt=""))


@pytest.mark.parametrize("shape", [Shape.KAIDAN, Shape.CHEOGRAM, Shape.BESIDE], ids=lambda shape: shape.value)
async def test_words_that_come_with_it_in_a_direct_chat(stage: Stage, shape: Shape) -> None:
    await stage.share(shape=shape, caption="The lift is out of order")
    await stage.hears(r"^\[1\] 24 characters, 1 picture: mastodon ok\. Sending in 1 s")
    (picture,) = await stage.published("The lift is out of order")
    assert picture.alt == "The lift is out of order"
    assert is_clean(picture)


async def test_in_a_room_it_is_talk_until_its_author_says_otherwise(stage: Stage) -> None:
    raj, room = stage.scene.raj, stage.scene.room
    await stage.share(room=True)
    await stage.share(room=True, shape=Shape.BESIDE, caption="look at that")
    await stage.share(room=True, shape=Shape.BESIDE, caption="!post With a picture")
    await stage.hears(r"^\[1\] 14 characters, 1 picture", room=True)
    await stage.share(room=True)
    await raj.say(room, "!post Without one")
    await stage.hears(r"^\[2\] 11 characters: mastodon ok", room=True)
    await raj.say(room, "!alt A door")
    await stage.hears(r"^I have your picture", room=True)
    await raj.say(room, "!post With another one")
    await stage.hears(r"^\[3\] 16 characters, 1 picture", room=True)
    texts = ("With a picture", "Without one", "With another one")
    (last,) = await stage.published(*texts)
    first, second, _ = await stage.mock.statuses()
    assert [one.alt for one in await stage.shown(first)] == ["With a picture"]
    assert await stage.shown(second) == []
    assert last.alt == "A door"


async def test_what_is_shared_while_the_bot_is_away_is_published_once(stage: Stage) -> None:
    await stage.share()
    await stage.hears(r"^I have your picture")
    await stage.scene.bridge.stop()
    await stage.tell("Said while it was away")
    await stage.share(shape=Shape.BESIDE, caption="Shared while it was away")
    await stage.scene.bridge.start()
    pictures = await stage.published("Said while it was away", "Shared while it was away")
    assert [one.alt for one in pictures] == ["Shared while it was away"]
    await stage.scene.kill()
    await stage.tell("After a kill")
    assert await stage.published("Said while it was away", "Shared while it was away", "After a kill") == []


async def test_what_is_no_picture_leaves_the_words_to_their_author(stage: Stage) -> None:
    raj, bot = stage.scene.raj, stage.scene.bot.jid
    await share(raj, bot, b"<svg xmlns='http://www.w3.org/2000/svg'/>", caption="The lift", shape=Shape.BESIDE)
    await stage.hears(r"^\[1\] I can't take its picture: it is an SVG drawing.*`send 1` posts the words without it")
    await stage.tell("send 1")
    assert await stage.published("The lift") == []
