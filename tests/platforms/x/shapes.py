"""Every kind of request that the plugin makes, and what makes it do so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from bridge.plugin import Author, Cursor, Media, PluginError, Post, PostId, Ref
from bridge.testing import FakeClock
from bridge.testing.contract.kit import Ear
from plugins.x import PremiumXPlugin, XPlugin
from tests.platforms.x.shop import NOW, key, picture
from tests.servers import faults
from tests.servers.x import X

FILM: Final = Media(data=b"\x00\x00\x00\x18ftypmp42" + bytes(5_000_000), type="video/mp4", alt="A film")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One account that does something, on a server that plays X."""

    x: X
    shop: XPlugin
    clock: FakeClock

    async def hear(self, things: Any, count: int) -> Cursor:
        """Hear so many things, and return the last position."""
        async with Ear(things, self.clock, 60.0, 20.0) as ear:
            return [(await ear.next()).cursor for _ in range(count)][-1]

    def asked(self) -> Ref:
        """Return a mention to be answered."""
        return Ref(id=PostId(self.x.mention("are you open?").id))

    def private(self) -> Ref:
        """Return a message to be answered."""
        said = self.x.message("psst")
        return Ref(id=PostId(said.id), memo={"with": said.sender})


Act = Callable[[Scene], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What makes the plugin send some kind of request: its method and path, and what it `has` to have in it."""

    request: tuple[str, str]
    act: Act
    has: frozenset[str] = frozenset()
    server: dict[str, Any] = field(default_factory=dict[str, Any])
    settings: dict[str, Any] = field(default_factory=dict[str, Any])


async def _answer(scene: Scene) -> None:
    await scene.shop.post(Post(text="yes", in_reply_to=scene.asked()), key())


async def _edit(scene: Scene) -> None:
    posted = await scene.shop.post(Post(text="frist"), key())
    assert isinstance(scene.shop, PremiumXPlugin)
    await scene.shop.edit(posted, Post(text="first"), key("two"))


async def _edit_pictures(scene: Scene) -> None:
    posted = await scene.shop.post(Post(text="frist", media=(picture(),)), key())
    assert isinstance(scene.shop, PremiumXPlugin)
    await scene.shop.edit(posted, Post(text="first"), key("two"))


async def _film(scene: Scene) -> None:
    posting = asyncio.ensure_future(scene.shop.post(Post(text="look", media=(FILM,)), key()))
    await scene.clock.wait_for_wait(1)
    await scene.clock.advance(1)
    await posting


async def _delete(scene: Scene) -> None:
    await scene.shop.delete(await scene.shop.post(Post(text="hello"), key()))


async def _find(scene: Scene, ref: Ref | None = None) -> None:
    for number in range(105):
        scene.x.write(f"number {number}", scene.x.me)
    with suppress(PluginError):
        await scene.shop.find(Post(text="hello", in_reply_to=ref), key(), NOW, frozenset())


async def _find_message(scene: Scene) -> None:
    ref = scene.private()
    for number in range(12):
        scene.x.message(f"number {number}")
    with suppress(PluginError):
        await scene.shop.find(Post(text="hello", in_reply_to=ref), key(), NOW, frozenset())


async def _old(scene: Scene) -> None:
    """Let something be there that was said before anybody listened."""
    scene.x.mention("old")
    await scene.clock.advance(60)


async def _mentions(scene: Scene) -> None:
    await _old(scene)
    since = await scene.hear(scene.shop.items(None), 1)
    for number in range(105):
        scene.x.mention(f"number {number}", from_=f"kim{number % 3}")
    await scene.hear(scene.shop.items(since), 105)


async def _backlog(scene: Scene) -> None:
    """Read a page of a backlog, and the rest once the connection is there again."""
    await _old(scene)
    since = await scene.hear(scene.shop.items(None), 1)
    for number in range(105):
        scene.x.mention(f"number {number}")
    scene.x.decide = lambda call: faults.server_error() if "pagination_token" in call.query else None
    with suppress(PluginError):
        await scene.hear(scene.shop.items(since), 1)
    scene.x.decide = None
    await scene.hear(scene.shop.items(since), 1)


async def _messages(scene: Scene) -> None:
    since = await scene.hear(scene.shop.items(None), 2)
    for number in range(8):
        scene.x.message(f"number {number}")
    await scene.clock.advance(300)
    await scene.hear(scene.shop.items(since), 8)


async def _unrepost(scene: Scene) -> None:
    await scene.shop.delete(await scene.shop.repeat(scene.asked(), key()))


async def _conversation(scene: Scene) -> None:
    root = scene.x.remark("long ago")
    answer = scene.x.remark("and then", reply_to=root.id)
    await scene.clock.advance(8 * 86_400)
    last = scene.x.remark("now", reply_to=answer.id)
    await scene.shop.thread(Ref(id=PostId(last.id)))


async def _profile(scene: Scene) -> None:
    kim = scene.x.person("kim")
    await scene.shop.profile("kim")
    await scene.shop.profile(Author(id=kim.id, handle="kim"))


async def _send(scene: Scene) -> None:
    await scene.shop.post(Post(text="yes", in_reply_to=scene.private()), key())


async def _unsend(scene: Scene) -> None:
    await scene.shop.delete(await scene.shop.post(Post(text="yes", in_reply_to=scene.private()), key()))


async def _matches(scene: Scene) -> None:
    words = "teapot #open @kim from:raj"
    since = await scene.hear(scene.shop.matches(words, None), 1)
    for number in range(105):
        scene.x.remark(f'teapot {number} #open @kim "from:raj" from raj')
    await scene.hear(scene.shop.matches(words, since), 1)


DM: Final[dict[str, Any]] = {"direct_messages": True}
SHAPES: Final = {
    "who the account is": Shape(request=("GET", "/2/users/me"), act=lambda _: asyncio.sleep(0)),
    "a post": Shape(
        request=("POST", "/2/tweets"),
        act=lambda scene: scene.shop.post(Post(text="hello"), key()),
        has=frozenset({"text"}),
    ),
    "an answer": Shape(request=("POST", "/2/tweets"), act=_answer, has=frozenset({"text", "reply"})),
    "a post with pictures": Shape(
        request=("POST", "/2/tweets"),
        act=lambda scene: scene.shop.post(Post(text="look", media=(picture(alt="A dot"), picture())), key()),
        has=frozenset({"text", "media"}),
    ),
    "a picture alone": Shape(
        request=("POST", "/2/tweets"),
        act=lambda scene: scene.shop.post(Post(text="", media=(picture(),)), key()),
        has=frozenset({"media"}),
    ),
    "a picture's bytes": Shape(
        request=("POST", "/2/media/upload"),
        act=lambda scene: scene.shop.post(Post(text="look", media=(picture(),)), key()),
        has=frozenset({"media", "media_category"}),
    ),
    "a picture's description": Shape(
        request=("POST", "/2/media/metadata"),
        act=lambda scene: scene.shop.post(Post(text="look", media=(picture(alt="A dot"),)), key()),
        has=frozenset({"id", "metadata"}),
    ),
    **{
        f"a film: {name}": Shape(request=(method, path), act=_film, has=has)
        for name, method, path, has in (
            (
                "begin",
                "POST",
                "/2/media/upload/initialize",
                frozenset({"media_type", "total_bytes", "media_category"}),
            ),
            ("part", "POST", "/2/media/upload/{id}/append", frozenset({"media", "segment_index"})),
            ("end", "POST", "/2/media/upload/{id}/finalize", frozenset[str]()),
            ("look", "GET", "/2/media/upload", frozenset({"media_id"})),
        )
    },
    "an own post, to edit it": Shape(
        request=("GET", "/2/tweets/{id}"),
        act=_edit,
        has=frozenset({"post.fields"}),
        settings={"premium": True},
        server={"premium": True},
    ),
    "an edit": Shape(
        request=("POST", "/2/tweets"),
        act=_edit,
        has=frozenset({"text", "edit_options"}),
        settings={"premium": True},
        server={"premium": True},
    ),
    "an edit of a post with pictures": Shape(
        request=("POST", "/2/tweets"),
        act=_edit_pictures,
        has=frozenset({"text", "edit_options", "media"}),
        settings={"premium": True},
        server={"premium": True},
    ),
    "a deletion": Shape(request=("DELETE", "/2/tweets/{id}"), act=_delete),
    "a look for what may have arrived": Shape(
        request=("GET", "/2/users/{id}/tweets"), act=_find, has=frozenset({"start_time", "max_results", "post.fields"})
    ),
    "its next page": Shape(request=("GET", "/2/users/{id}/tweets"), act=_find, has=frozenset({"pagination_token"})),
    "a look for an answer": Shape(
        request=("GET", "/2/users/{id}/tweets"),
        act=lambda scene: _find(scene, Ref(id=PostId("7"))),
        has=frozenset({"expansions"}),
    ),
    "the newest mention": Shape(
        request=("GET", "/2/users/{id}/mentions"), act=_mentions, has=frozenset({"max_results", "post.fields"})
    ),
    "mentions since one": Shape(
        request=("GET", "/2/users/{id}/mentions"),
        act=_mentions,
        has=frozenset({"since_id"}),
    ),
    "their next page": Shape(
        request=("GET", "/2/users/{id}/mentions"), act=_mentions, has=frozenset({"since_id", "pagination_token"})
    ),
    "mentions before one": Shape(
        request=("GET", "/2/users/{id}/mentions"), act=_backlog, has=frozenset({"since_id", "until_id"})
    ),
    "mentions with their authors": Shape(
        request=("GET", "/2/users/{id}/mentions"),
        act=_mentions,
        has=frozenset({"expansions"}),
        server={"whole": False},
    ),
    "people": Shape(request=("GET", "/2/users"), act=_mentions, has=frozenset({"ids"})),
    "the newest message": Shape(
        request=("GET", "/2/dm_events"), act=_messages, has=frozenset({"event_types", "max_results"}), settings=DM
    ),
    "messages, the next page": Shape(
        request=("GET", "/2/dm_events"), act=_messages, has=frozenset({"pagination_token"}), settings=DM
    ),
    "messages with their senders": Shape(
        request=("GET", "/2/dm_events"),
        act=_messages,
        has=frozenset({"expansions"}),
        server={"whole": False},
        settings=DM,
    ),
    "a message": Shape(
        request=("POST", "/2/dm_conversations/with/{id}/messages"), act=_send, has=frozenset({"text"}), settings=DM
    ),
    "a look for a message": Shape(
        request=("GET", "/2/dm_conversations/with/{id}/dm_events"),
        act=_find_message,
        has=frozenset({"expansions", "pagination_token"}),
        settings=DM,
    ),
    "a message taken back": Shape(request=("DELETE", "/2/dm_events/{id}"), act=_unsend, settings=DM),
    "a repost": Shape(
        request=("POST", "/2/users/{id}/retweets"),
        act=lambda scene: scene.shop.repeat(scene.asked(), key()),
        has=frozenset({"tweet_id"}),
    ),
    "a repost taken back": Shape(request=("DELETE", "/2/users/{id}/retweets/{id}"), act=_unrepost),
    "a like": Shape(
        request=("POST", "/2/users/{id}/likes"),
        act=lambda scene: scene.shop.favour(scene.asked()),
        has=frozenset({"tweet_id"}),
    ),
    "posts": Shape(request=("GET", "/2/tweets"), act=_conversation, has=frozenset({"ids", "post.fields"})),
    "a conversation": Shape(request=("GET", "/2/tweets/search/recent"), act=_conversation, has=frozenset({"query"})),
    "somebody by name": Shape(
        request=("GET", "/2/users/by/username/{name}"), act=_profile, has=frozenset({"user.fields"})
    ),
    "somebody by id": Shape(request=("GET", "/2/users"), act=_profile, has=frozenset({"ids", "user.fields"})),
    "what matches": Shape(
        request=("GET", "/2/tweets/search/recent"), act=_matches, has=frozenset({"query", "max_results", "since_id"})
    ),
    "its next matches": Shape(
        request=("GET", "/2/tweets/search/recent"), act=_matches, has=frozenset({"query", "next_token"})
    ),
}
"""All kinds of requests that the plugin makes."""
