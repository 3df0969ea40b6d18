"""Looking for a post of which nobody knows whether it arrived, in the account's own list."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, cast
from urllib.parse import unquote, urlsplit

from bridge.plugin import Clock, Post, PostId, UnavailableError, UncertainError, clean_inbound
from plugins.x.answers import Json
from plugins.x.api import Api, Purse
from plugins.x.prices import Kind

PAGE: Final = 100
_PAGES: Final = 32
"""X lists 3,200 posts of an account at most."""
_MARGIN: Final = timedelta(minutes=1)
_BLIND_MARGIN: Final = timedelta(minutes=5)
_FIELDS: Final = "created_at,conversation_id,entities,note_post,attachments"
_LINK = re.compile(r"https?://\S+", re.IGNORECASE)
_DOT = re.compile(r"\w\.\w")
_LEADING = re.compile(r"^(?:@\w{1,20}\s+)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is looked for: the post, when it was first tried, and the ids that belong to others."""

    account: str
    post: Post
    since: datetime
    known: AbstractSet[PostId]


class Verdict(Enum):
    """Whether a post is the one that is looked for."""

    YES = "yes"
    NO = "no"
    PERHAPS = "perhaps"


async def look(api: Api, purse: Purse, wanted: Wanted, clock: Clock) -> str | None:
    """Return the id of the post, or None where the account's list hasn't got it (yet).

    Raises UncertainError where the list doesn't reach back to the first attempt, or holds what may be the post, or
    has the post twice.
    """
    verdicts = await listed(api, purse, wanted, clock)
    found = [identifier for identifier, verdict in verdicts.items() if verdict is Verdict.YES]
    if len(found) > 1:
        raise UncertainError("It is there more than once, and it can't be told which one it is.")
    if found:
        return found[0]
    if Verdict.PERHAPS in verdicts.values():
        raise UncertainError("A very similar post is there, and it can't be told whether it is this one.")
    return None


async def listed(api: Api, purse: Purse, wanted: Wanted, clock: Clock) -> dict[str, Verdict]:
    """Read the account's own posts back to `since`, and return what each of them is, by its id.

    Raises UncertainError where the list doesn't reach back so far.
    """
    if wanted.since > clock.now():
        raise UncertainError("The clock was set back since the first attempt, so that times can't be compared.")
    begin = wanted.since - _BLIND_MARGIN if api.skew is None else wanted.since + api.skew - _MARGIN
    verdicts: dict[str, Verdict] = {}
    token: str | None = None
    for _ in range(_PAGES):
        page, token = await _page(api, purse, wanted, begin, token)
        verdicts |= {str(one.get("id")): judge(one, wanted, begin) for one in page}
        if token is None or (page and _before(page[-1], begin)):
            return verdicts
    raise UncertainError("The account's own posts can't be listed back to the first attempt.")


async def _page(
    api: Api, purse: Purse, wanted: Wanted, begin: datetime, token: str | None
) -> tuple[list[Json], str | None]:
    """Return a page of the account's own posts, newest first, and the way to the next one."""
    params = {"max_results": str(PAGE), "start_time": f"{begin:%Y-%m-%dT%H:%M:%SZ}", "post.fields": _FIELDS}
    if wanted.post.in_reply_to is not None:
        # Only then: for what is referred to X wants money, too.
        params["expansions"] = "referenced_posts"
    if token is not None:
        params["pagination_token"] = token
    answer = await api.call("GET", f"/2/users/{wanted.account}/tweets", params=params)
    meta, data = answer.get("meta"), answer.get("data", [])
    if not isinstance(meta, dict) or not isinstance(data, list):
        raise UnavailableError("X gave something else for a list.")
    page = [cast("Json", one) for one in cast("list[object]", data) if isinstance(one, dict)]
    await purse.charge(Kind.LOOK, len(page) + len(_included(answer)))
    following = cast("Json", meta).get("next_token")
    return page, str(following) if following else None


def _included(answer: Json) -> list[object]:
    included = answer.get("includes")
    posts = cast("Json", included).get("posts") or cast("Json", included).get("tweets") if included else None
    return cast("list[object]", posts) if isinstance(posts, list) else []


def judge(status: Json, wanted: Wanted, begin: datetime) -> Verdict:
    """Tell whether a post is the one: not older than `begin`, nobody else's, the same text at the same place.

    A text that differs in nothing but its links is a perhaps, for X changes links.
    """
    if wanted.known & {PostId(one) for one in versions(status)} or _before(status, begin):
        return Verdict.NO
    parents = dict(_references(status))
    here = _is_here(status, parents, wanted.post)
    if "retweeted" in parents or here is False:
        return Verdict.NO
    if (count := len(media_of(status))) != len(wanted.post.media) and wanted.post.media:
        # Whoever looks may not have the pictures at hand; whoever has them knows how many there are.
        return Verdict.NO if not count else Verdict.PERHAPS
    ours = canonical(wanted.post.text)
    texts = [canonical(text) for text in shown(status, is_reply=wanted.post.in_reply_to is not None)]
    if ours in texts:
        return Verdict.YES if here else Verdict.PERHAPS
    bare = _without_links(ours)
    if len(bare) == len(ours.split()):
        return Verdict.NO
    similar = any(_without_links(text) == bare and len(text.split()) > len(bare) for text in texts)
    return Verdict.PERHAPS if similar else Verdict.NO


def _without_links(text: str) -> list[str]:
    """Return the words of a text that surely hold no link."""
    return [word for word in text.split() if "://" not in word and not _DOT.search(word)]


def _is_here(status: Json, parents: Mapping[str, str], post: Post) -> bool | None:
    """Tell whether a post stands where the one that is looked for would; None where X doesn't say what it answers."""
    root = str(status.get("conversation_id") or "")
    answers, begins = parents.get("replied_to"), root in versions(status)
    if post.in_reply_to is None:
        return answers is None and (root == "" or begins)
    if answers is None:
        return False if begins else None
    return answers == str(post.in_reply_to.id)


def versions(status: Json) -> tuple[str, ...]:
    """Return all ids of a post, oldest first: each edit gives it a new one."""
    for name in ("edit_history_post_ids", "edit_history_tweet_ids"):
        history = status.get(name)
        if isinstance(history, list) and history:
            return tuple(str(one) for one in cast("list[object]", history))
    return (str(status.get("id")),)


def media_of(status: Json) -> tuple[str, ...]:
    """Return the ids of a post's attachments: what follows the kind in their keys."""
    attached = status.get("attachments")
    keys = cast("Json", attached).get("media_keys") if isinstance(attached, dict) else None
    listed = cast("list[object]", keys) if isinstance(keys, list) else []
    return tuple(str(key).rpartition("_")[2] for key in listed)


def _references(status: Json) -> Iterator[tuple[str, str]]:
    for name in ("referenced_posts", "referenced_tweets"):
        listed = status.get(name)
        for one in cast("list[object]", listed) if isinstance(listed, list) else []:
            if isinstance(one, dict):
                reference = cast("Json", one)
                yield str(reference.get("type")), str(reference.get("id"))


def _before(status: Json, begin: datetime) -> bool:
    try:
        return datetime.fromisoformat(str(status.get("created_at"))) < begin
    except (ValueError, TypeError):
        return False


def shown(status: Json, *, is_reply: bool = False) -> tuple[str, ...]:
    """Return what a post's text may have been when it was written: with its links, without what X put before it."""
    long = next((status[name] for name in ("note_post", "note_tweet") if isinstance(status.get(name), dict)), None)
    source = cast("Json", long or status)
    text = str(source.get("text") or status.get("text") or "")
    for link in _links(source) or _links(status):
        short, full = str(link.get("url") or ""), str(link.get("expanded_url") or "")
        if short:
            text = text.replace(short, "" if link.get("media_key") or _is_attached(full, status) else full or short)
    texts = [html.unescape(text), text]
    if is_reply:
        texts += [_LEADING.sub("", one) for one in texts]
    return tuple(dict.fromkeys(texts))


def _links(source: Json) -> list[Json]:
    entities = source.get("entities")
    urls = cast("Json", entities).get("urls") if isinstance(entities, dict) else None
    return (
        [cast("Json", one) for one in cast("list[object]", urls) if isinstance(one, dict)]
        if isinstance(urls, list)
        else []
    )


def _is_attached(address: str, status: Json) -> bool:
    """Tell whether a link leads to the post's own picture or film, which X adds to its text."""
    return any(f"/status/{one}/{kind}/" in address for one in versions(status) for kind in ("photo", "video"))


def canonical(text: str) -> str:
    """Return a text without what X changes: forms of characters, white space, and how links are written."""
    plain = unicodedata.normalize("NFC", clean_inbound(text, None))
    plain = "".join(sign for sign in plain if unicodedata.category(sign) != "Cf")
    return " ".join(_LINK.sub(lambda match: _link(match[0]), plain).split())


def _link(address: str) -> str:
    """Return a link without its scheme and the slash at its end, its host in lower case, and nothing encoded."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    rest = address[len(parts.scheme) + len("://") + len(parts.netloc) :]
    return unquote(f"{parts.netloc.lower()}{rest}").removesuffix("/")
