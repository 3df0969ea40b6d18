"""Conversations and profiles, read on demand: a post costs five mentions, a profile ten."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from bridge.plugin import Author, Cursor, Item, Profile, Ref, RefusedError, by_age, clean_inbound
from plugins.x import translate
from plugins.x.answers import Json
from plugins.x.authors import Authors
from plugins.x.ledger import Ledger
from plugins.x.prices import Kind
from plugins.x.reading import POSTS, Ask, Listing, Reader
from plugins.x.translate import Me

ABOVE: Final = 20
BELOW: Final = 40
"""How much of a conversation is shown before and after a post: what is nearest to it."""

_PARENTS: Final = 5
_ABOUT: Final = 2_000
_USERNAME: Final = re.compile(r"\w{1,15}", re.ASCII)
_FIELDS: Final = "created_at,description,public_metrics"


def _with_conversation(wording: Mapping[str, str]) -> dict[str, str]:
    return {name: f"{value},conversation_id" if name.endswith(".fields") else value for name, value in wording.items()}


_WORDINGS: Final = tuple(_with_conversation(wording) for wording in POSTS)
_ONES: Final = Listing(route="/2/tweets", kind=Kind.READ_POST, wordings=_WORDINGS)
_SEARCH: Final = Listing(
    route="/2/tweets/search/recent",
    kind=Kind.READ_POST,
    wordings=_WORDINGS,
    least=10,
    token="next_token",  # noqa: S106 # the name of a parameter
)


async def thread(reader: Reader, authors: Authors, me: Me, item: Ref) -> tuple[Item, ...]:
    """Return a post with what it answers, and what of its conversation X's search of seven days finds; oldest first.

    Raises RefusedError where it isn't there, StoppedError where a budget doesn't allow it.
    """
    posts = await _fetch(reader, authors, [str(item.id)])
    if not posts:
        raise RefusedError("X doesn't show it (any more).")
    conversation = str(next(iter(posts.values())).get("conversation_id") or item.id)
    query = {"query": f"conversation_id:{conversation}"}
    async with aclosing(reader.pages(replace(_SEARCH, query=query), size=ABOVE + BELOW)) as pages:
        async for answer in pages:
            authors.meet(answer)
            posts = _by_first(translate.listed(answer)) | posts
            break
    posts = await _parents(reader, authors, posts, str(item.id), conversation)
    await authors.learn(author for one in posts.values() if (author := translate.author_id(one)) != me.id)
    names = sorted(posts, key=by_age)
    place = names.index(str(item.id)) if str(item.id) in posts else 0
    nearest = names[max(0, place - ABOVE) : place + 1 + BELOW]
    return tuple(_item(posts[name], authors, me) for name in nearest)


async def _parents(
    reader: Reader, authors: Authors, posts: dict[str, Json], item: str, conversation: str
) -> dict[str, Json]:
    """Return the posts with those that one of them answers, some steps up, and with the first one of all."""
    for _ in range(_PARENTS):
        answered = {parent for one in posts.values() if (parent := translate.answers(one))}
        absent = [name for name in {*answered, conversation, item} - posts.keys() if name.isdecimal()]
        found = await _fetch(reader, authors, sorted(absent, key=by_age)[-ABOVE:]) if absent else {}
        if not found:
            break
        posts = found | posts
    return posts


async def _fetch(reader: Reader, authors: Authors, names: list[str]) -> dict[str, Json]:
    try:
        answer = await reader.once(_ONES, {"ids": ",".join(names)}, len(names))
    except RefusedError:
        return {}  # all of them gone, or not to be seen
    authors.meet(answer)
    return _by_first(translate.listed(answer))


def _by_first(posts: Iterable[Json]) -> dict[str, Json]:
    """Return posts by the id that each had first, the last version of each."""
    ordered = sorted(posts, key=lambda one: by_age(translate.identifier(one)))
    return {translate.first(one): one for one in ordered if translate.identifier(one)}


def _item(post: Json, authors: Authors, me: Me) -> Item:
    author = translate.author_id(post)
    who = Author(id=me.id, handle=me.username, url=f"{translate.SITE}/{me.username}") if author == me.id else None
    return translate.read(post, who or authors.of(author), me, Cursor(""))


async def profile(ask: Ask, ledger: Ledger, who: Author | str) -> Profile:
    """Return what an account says about itself; raises RefusedError where there is none."""
    params = {"user.fields": _FIELDS}
    if isinstance(who, Author):
        answer = await ask("GET", "/2/users", params={**params, "ids": who.id})
        people = translate.listed(answer)
        found = people[0] if people else Json()
    else:
        name = who.strip().removeprefix("@")
        if not _USERNAME.fullmatch(name):
            raise RefusedError(f"{name} is no name of an account on X.")
        answer = await ask("GET", f"/2/users/by/username/{name}", params=params)
        found = translate.inner(answer, "data")
    author = translate.author(found)
    if author is None:
        raise RefusedError(f"X knows no account {who.handle if isinstance(who, Author) else who}.")
    await ledger.charge(Kind.READ_USER)
    metrics = translate.inner(found, "public_metrics")
    return Profile(
        author=author,
        about=clean_inbound(str(found.get("description") or ""), _ABOUT),
        posts=_number(metrics.get("post_count", metrics.get("tweet_count"))),
        followers=_number(metrics.get("followers_count")),
        following=_number(metrics.get("following_count")),
        since=translate.moment(found.get("created_at")),
    )


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
