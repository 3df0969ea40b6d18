"""Posts, people, pictures and messages on the stub of X, and how its JSON shows them in either vocabulary."""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from twitter_text import extract_urls_with_indices

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

EPOCH: Final = 1_288_834_974_657
"""The millisecond from which X counts its ids."""

_SHOWN: Final = 280
_HASHTAG: Final = re.compile(r"(?<!\w)#(\w+)")
_MENTION: Final = re.compile(r"(?<![\w@])@(\w{1,15})")


class Words(Enum):
    """The two vocabularies of X: its answers have said `tweet`, and its own description says `post`."""

    TWEET = "tweet"
    POST = "post"

    @property
    def plural(self) -> str:
        """The word for several."""
        return f"{self.value}s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with an account."""

    id: str
    username: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Something that was uploaded, or is being uploaded in `parts`."""

    id: str
    kind: str
    data: bytes = b""
    alt: str = ""
    category: str = ""
    total: int = 0
    parts: tuple[tuple[int, bytes], ...] = ()
    finalized: bool = False
    looks: int = 0

    @property
    def key(self) -> str:
        """What X calls it in a post."""
        return f"{3 if self.kind.startswith('image/') else 13}_{self.id}"

    @property
    def type(self) -> str:
        """What kind of thing it is to X."""
        if self.kind == "image/gif":
            return "animated_gif"
        return "photo" if self.kind.startswith("image/") else "video"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tweet:
    """One version of a post; `text` is what was written, `history` the ids of its versions, the first one first."""

    id: str
    text: str
    author: Person
    at: datetime
    reply_to: str | None = None
    reply_to_user: str | None = None
    quotes: str | None = None
    media: tuple[Picture, ...] = ()
    history: tuple[str, ...] = ()
    shown_from: datetime | None = None
    root: str = ""

    @property
    def url(self) -> str:
        """The address for people."""
        return f"https://x.com/{self.author.username}/status/{self.id}"

    @property
    def mentioned(self) -> frozenset[str]:
        """The names in the text, in lower case."""
        return frozenset(name.lower() for name in _MENTION.findall(self.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One direct message."""

    id: str
    text: str
    sender: str
    other: str
    at: datetime
    kind: str = "MessageCreate"


def snowflake(moment: datetime, last: int) -> str:
    """Return an id of that moment, above the last one."""
    milliseconds = int(moment.timestamp() * 1000) - EPOCH
    return str(max(milliseconds << 22, last + 1))


def moment_of(identifier: str) -> datetime:
    """Return when an id was given out."""
    return datetime.fromtimestamp(((int(identifier) >> 22) + EPOCH) / 1000, UTC)


def tidy(text: str) -> str:
    """Return a text as X keeps it."""
    return unicodedata.normalize("NFC", text).strip()


def when(moment: datetime) -> str:
    """Return a time as X writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def short_link(url: str) -> str:
    """Return the t.co link of an address."""
    return f"https://t.co/{hashlib.sha256(url.encode()).hexdigest()[:10]}"


def written(text: str, media: Sequence[Picture], address: str) -> tuple[str, dict[str, Any]]:
    """Return a text with its links shortened and its markup escaped, as X answers with it, and the entities in it.

    The places of entities count code points of the text as it is answered.
    """
    parts: list[str] = []
    urls: list[dict[str, Any]] = []
    done = 0
    for found in extract_urls_with_indices(text):
        start, end = found["indices"]
        parts.append(html.escape(text[done:start], quote=False))
        begin = sum(map(len, parts))
        link = short_link(found["url"])
        parts.append(link)
        full = found["url"] if "://" in found["url"] else f"http://{found['url']}"
        urls.append(_url(link, begin, full, display_url=re.sub("https?://", "", full)[:26]))
        done = end
    parts.append(html.escape(text[done:], quote=False))
    if media:
        parts.append(" " if text else "")
        begin, link = sum(map(len, parts)), short_link(address + media[0].id)
        parts.append(link)
        photo = f"{address}/photo/1"
        urls += [_url(link, begin, photo, display_url=f"pic.x.com/{link[-10:]}", media_key=one.key) for one in media]
    answered = "".join(parts)
    entities: dict[str, Any] = {"urls": urls} if urls else {}
    for name, key, pattern in (("hashtags", "tag", _HASHTAG), ("mentions", "username", _MENTION)):
        found = [{"start": m.start(), "end": m.end(), key: m[1]} for m in pattern.finditer(answered)]
        if found:
            entities[name] = found
    return answered, entities


def _url(link: str, start: int, full: str, **more: str) -> dict[str, Any]:
    return {"start": start, "end": start + len(link), "url": link, "expanded_url": full, **more}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request wants to see of posts and people."""

    fields: frozenset[str]
    expansions: frozenset[str]
    user_fields: frozenset[str] = frozenset()

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Asked:
        """Read it from a query, in either vocabulary."""

        def words(*names: str) -> frozenset[str]:
            return frozenset(word for name in names for word in query.get(name, "").split(",") if word)

        return cls(
            fields=words("post.fields", "tweet.fields"),
            expansions=words("expansions"),
            user_fields=words("user.fields"),
        )

    def wants(self, *names: str) -> bool:
        """Whether any of the fields was asked for; what is a reference can be asked for as an expansion too."""
        return bool(self.fields.intersection(names) or self.expansions.intersection(names))


def show(tweet: Tweet, asked: Asked, words: Words, *, whole: bool = True) -> dict[str, Any]:
    """Return a post as JSON; what wasn't asked for is left out, but for references where `whole`."""
    return {**_said(tweet, asked, words), **_told(tweet, asked), **_references(tweet, asked, words, whole=whole)}


def _said(tweet: Tweet, asked: Asked, words: Words) -> dict[str, Any]:
    answered, entities = written(tweet.text, tweet.media, tweet.url)
    shown: dict[str, Any] = {"id": tweet.id, "text": answered, f"edit_history_{words.value}_ids": list(tweet.history)}
    if len(tweet.text) > _SHOWN:
        shown["text"] = f"{answered[: _SHOWN - 30]}… {short_link(tweet.url)}"
        if asked.wants(f"note_{words.value}"):
            shown[f"note_{words.value}"] = {"text": answered, **({"entities": entities} if entities else {})}
    elif asked.wants("entities") and entities:
        shown["entities"] = entities
    return shown


def _told(tweet: Tweet, asked: Asked) -> dict[str, Any]:
    everything: dict[str, Any] = {
        "created_at": when(tweet.at),
        "conversation_id": tweet.root or tweet.id,
        "lang": "en",
    }
    if tweet.media:
        everything["attachments"] = {"media_keys": [one.key for one in tweet.media]}
    return {name: value for name, value in everything.items() if asked.wants(name)}


def _references(tweet: Tweet, asked: Asked, words: Words, *, whole: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if whole or asked.wants("author_id"):
        shown["author_id"] = tweet.author.id
    if tweet.reply_to_user and (whole or asked.wants("in_reply_to_user_id")):
        shown["in_reply_to_user_id"] = tweet.reply_to_user
    if whole or asked.wants(f"referenced_{words.plural}", f"referenced_{words.plural}.id"):
        refers = [("replied_to", tweet.reply_to), ("quoted", tweet.quotes)]
        references = [{"type": kind, "id": identifier} for kind, identifier in refers if identifier]
        shown |= {f"referenced_{words.plural}": references} if references else {}
    return shown


def show_person(person: Person, asked: Asked) -> dict[str, Any]:
    """Return somebody as JSON."""
    shown: dict[str, Any] = {"id": person.id, "name": person.name, "username": person.username}
    more = {
        "description": f"I am {person.name}.",
        "created_at": "2020-01-01T00:00:00.000Z",
        "verified": False,
        "public_metrics": {"followers_count": 7, "following_count": 3, "post_count": 12, "listed_count": 0},
    }
    return {**shown, **{name: value for name, value in more.items() if name in asked.user_fields}}


def show_picture(picture: Picture) -> dict[str, Any]:
    """Return a picture as a post includes it."""
    address = f"https://media.example.org/{picture.id}"
    return {"media_key": picture.key, "type": picture.type, "url": address, "alt_text": picture.alt}


def includes(tweets: Iterable[Tweet], others: Iterable[Tweet], asked: Asked, words: Words) -> dict[str, Any]:
    """Return what belongs to posts and was asked for beside them."""
    tweets = list(tweets)
    found: dict[str, Any] = {}
    if "author_id" in asked.expansions:
        people = {tweet.author.id: tweet.author for tweet in tweets}
        found["users"] = [show_person(person, asked) for person in people.values()]
    if "attachments.media_keys" in asked.expansions:
        found["media"] = [show_picture(one) for tweet in tweets for one in tweet.media]
    if {f"referenced_{words.plural}", "referenced_tweets.id"} & asked.expansions:
        found[words.plural] = [show(one, asked, words) for one in others]
    return {name: value for name, value in found.items() if value}
