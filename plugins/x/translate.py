"""X's posts, messages and people as our values, in either of its vocabularies: no I/O.

Sources: X's OpenAPI document, and https://docs.x.com/x-api/fundamentals/data-dictionary for the older words. A link in
a text is one to t.co, with the real one among the entities; `&`, `<` and `>` are written as HTML; what is attached is a
link at the end of the text.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, cast

from bridge.plugin import Author, Cursor, Item, PostId, Visibility, clean_inbound, strip_leading_mentions
from plugins.x.answers import Json
from plugins.x.snowflakes import moment_of

SITE: Final = "https://x.com"
WITH: Final = "with"
"""The name in an item's memo under which a direct message has the id of the person to be answered."""

_RAW_LIMIT: Final = 10_000
_NAME_LIMIT: Final = 100
_ATTACHED: Final = re.compile(r"https?://(?:www\.)?(?:x|twitter)\.com/[^/]+/status/\d+/(?:photo|video)/\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """The account that the login belongs to."""

    id: str
    username: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One post or message as it was read; `history` are the ids of a post's versions, the first one first.

    `text` is plain: links as they were written or lead, markup and attached links taken away.
    """

    id: str
    author: str
    text: str
    created_at: datetime
    history: tuple[str, ...] = ()
    answers: str | None = None
    repeats: bool = False
    language: str | None = None
    media: tuple[str, ...] = ()

    @property
    def first(self) -> str:
        """The id that it had first, which is the one it is known by."""
        return self.history[0] if self.history else self.id


def identifier(post: Json) -> str:
    """Return the id of a post or a message; empty where it has none that is a number."""
    name = _text(post.get("id"))
    return name if name.isdecimal() else ""


def author_id(post: Json) -> str:
    """Return whose a post or a message is; empty where X doesn't tell."""
    return _text(post.get("author_id")) or _text(post.get("sender_id"))


def first(post: Json) -> str:
    """Return the id that a post had first."""
    return next(_history(post), "") or identifier(post)


def answers(post: Json) -> str | None:
    """Return the id of what a post answers."""
    return dict(_references(post)).get("replied_to")


def said(post: Json) -> Said:
    """Read a post or a message; raises ValueError for what can't be read."""
    whole = _object(post.get("note_post")) or _object(post.get("note_tweet")) or post
    text, media = plain(whole, post)
    references = dict(_references(post))
    return Said(
        id=_needed(identifier(post)),
        author=_needed(author_id(post)),
        text=text,
        created_at=_moment(post),
        history=tuple(_history(post)),
        answers=references.get("replied_to"),
        repeats="retweeted" in references,
        language=_text(post.get("lang")) or None,
        media=media,
    )


def plain(whole: Json, post: Json) -> tuple[str, tuple[str, ...]]:
    """Return a text as it was written, and the links to what is attached to it; raises ValueError where there is none.

    `whole` is what has the complete text and its entities: of a long post its note, which names nothing attached.
    """
    text = whole.get("text")
    if not isinstance(text, str):
        raise ValueError("no text")  # noqa: TRY004 # what can't be read is one kind of error
    links = {**dict(_links(post)), **dict(_links(whole))}
    attached = tuple(dict.fromkeys(full for full in links.values() if _ATTACHED.fullmatch(full)))
    if not links:
        return html.unescape(text), ()
    pattern = "|".join(re.escape(short) for short in sorted(links, key=len, reverse=True))
    parts = re.split(f"({pattern})", text)
    parts[0::2] = [html.unescape(part) for part in parts[0::2]]
    parts[1::2] = ["" if links[short] in attached else links[short] for short in parts[1::2]]
    written = "".join(parts)
    return written.rstrip() if attached else written, attached


def author(user: Json) -> Author | None:
    """Read somebody; None where it isn't anybody."""
    name, username = _text(user.get("id")), _text(user.get("username"))
    if not name or not username:
        return None
    shown = clean_inbound(_text(user.get("name")), _NAME_LIMIT)
    return Author(id=name, handle=username, name=shown, url=f"{SITE}/{username}")


def nobody(name: str) -> Author:
    """Return an author of whom X tells nothing but the id: suspended, or gone."""
    return Author(id=name, handle=name, name="", url=f"{SITE}/i/user/{name}" if name else None)


def address(name: str, who: Author) -> str:
    """Return the link to a post, for people."""
    return f"{SITE}/{who.handle if who.handle != who.id else 'i'}/status/{name}"


def item(post: Said, who: Author, me: Me, cursor: Cursor) -> Item:
    """Return a public post as an item; an edited one keeps the id that it had first."""
    return Item(
        id=PostId(post.first),
        author=who,
        text=strip_leading_mentions(clean_inbound(post.text), (me.username,)),
        created_at=post.created_at,
        cursor=cursor,
        uri=address(post.first, who),
        url=address(post.id, who),
        in_reply_to=PostId(post.answers) if post.answers else None,
        visibility=Visibility.PUBLIC,
        language=post.language,
        media=post.media,
    )


def message(event: Said, who: Author, cursor: Cursor) -> Item:
    """Return a direct message as an item, which remembers to whom an answer goes."""
    return Item(
        id=PostId(event.id),
        author=who,
        text=clean_inbound(event.text),
        created_at=event.created_at,
        cursor=cursor,
        url=f"{SITE}/messages",
        visibility=Visibility.DIRECT,
        media=event.media,
        memo={WITH: event.author},
    )


def read(post: Json, who: Author, me: Me, cursor: Cursor) -> Item:
    """Return a public post as an item, also one that can't be read, which then comes with its source."""
    try:
        return item(said(post), who, me, cursor)
    except ValueError:
        return unreadable(post, who, cursor, Visibility.PUBLIC)


def unreadable(post: Json, who: Author, cursor: Cursor, visibility: Visibility) -> Item:
    """Return what can't be read as an item with its source, and the link to it as far as it can be known."""
    name = identifier(post)
    return Item(
        id=PostId(name),
        author=who,
        text="",
        created_at=moment_of(name),
        cursor=cursor,
        url=address(name, who) if visibility is Visibility.PUBLIC else f"{SITE}/messages",
        visibility=visibility,
        raw=clean_inbound(json.dumps(post, default=str, ensure_ascii=False), _RAW_LIMIT),
    )


def listed(answer: Json, name: str = "data") -> list[Json]:
    """Return the objects of a list in an answer; whatever else is in it is left out."""
    return [cast("Json", one) for one in _list(answer.get(name)) if isinstance(one, dict)]


def included(answer: Json, *names: str) -> list[Json]:
    """Return what came beside an answer's data under any of the names."""
    beside = _object(answer.get("includes"))
    return [one for name in names for one in listed(beside, name)]


def next_page(answer: Json) -> str | None:
    """Return the token of the next page, or None where this was the last."""
    return _text(_object(answer.get("meta")).get("next_token")) or None


def _links(part: Json) -> Iterator[tuple[str, str]]:
    for one in listed(_object(part.get("entities")), "urls"):
        short, full = _text(one.get("url")), _text(one.get("unwound_url")) or _text(one.get("expanded_url"))
        if short and full:
            yield short, full


def _references(post: Json) -> Iterator[tuple[str, str]]:
    for one in (*listed(post, "referenced_posts"), *listed(post, "referenced_tweets")):
        name = _text(one.get("id"))
        if name:
            yield _text(one.get("type")), name


def _history(post: Json) -> Iterator[str]:
    for name in ("edit_history_post_ids", "edit_history_tweet_ids"):
        yield from filter(None, map(_text, _list(post.get(name))))


def moment(value: object) -> datetime | None:
    """Read a time of the API's, in UTC; None where it is none."""
    try:
        told = datetime.fromisoformat(_text(value))
    except ValueError:
        return None
    return told.replace(tzinfo=told.tzinfo or UTC).astimezone(UTC)


def inner(part: Json, name: str) -> Json:
    """Return an object in another one; an empty one where there is none."""
    return _object(part.get(name))


def _moment(post: Json) -> datetime:
    """Return when something was said: as it is told, else by its id."""
    return moment(post.get("created_at")) or moment_of(_needed(identifier(post)))


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _object(value: object) -> Json:
    return cast("Json", value) if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _needed(value: str) -> str:
    if not value:
        raise ValueError("no id")
    return value
