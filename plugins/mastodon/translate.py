"""Mastodon's answers as our values, and its failures as our errors: no I/O, and no decision by an error's text.

Sources: https://docs.joinmastodon.org/entities/ and https://docs.joinmastodon.org/api/rate-limits/.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from bridge.plugin import (
    Author,
    Item,
    Limits,
    Post,
    Posted,
    PostId,
    UncertainError,
    Visibility,
    clean_inbound,
    strip_leading_mentions,
    to_text,
)
from plugins.mastodon.attachments import Attachment, Room, remembered
from plugins.mastodon.place import Place

Json = Mapping[str, Any]

_CHARACTERS: Final = 500
_KEY_LIFETIME: Final = timedelta(minutes=50)
_SETTLE_AFTER: Final = timedelta(seconds=30)
_VERSION = re.compile(r"(\d+)\.\d+\.\d+(?:-[a-z]+[.\d]*)?(?:\+[\w.-]+)?", re.IGNORECASE)
_OLDEST_MASTODON: Final = 2
_KIN: Final = ("mastodon", "hometown")
_SAFE_KEY = re.compile(r"[A-Za-z0-9._~-]{1,100}")
_RAW_LIMIT: Final = 10_000
_NAME_LIMIT: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What a server tells about itself: /api/v2/instance, else /api/v1/instance, else nothing."""

    domain: str
    is_mastodon: bool
    characters: int
    characters_per_url: int | None
    room: Room

    @property
    def limits(self) -> Limits:
        """The limits of a post there."""
        return Limits(
            text=self.characters,
            media=self.room.count,
            media_bytes=self.room.most_bytes,
            media_types=self.room.types,
            key_lifetime=_KEY_LIFETIME if self.is_mastodon else timedelta(0),
            settle_after=_SETTLE_AFTER,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """The account that the token belongs to; `domain` is the server's own, `privacy` what it posts with by default."""

    id: str
    name: str
    domain: str
    privacy: Visibility | None

    @property
    def handle(self) -> str:
        """The complete handle, without a leading `@`."""
        return complete(self.name, self.domain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A post in the API's words (https://docs.joinmastodon.org/methods/statuses/#create)."""

    status: str
    idempotency_key: str
    in_reply_to_id: str | None
    visibility: str | None
    spoiler_text: str | None
    language: str | None
    media_ids: tuple[str, ...] = ()
    sensitive: bool | None = None


def server(instance: Json, host: str) -> Server:
    """Read what the server tells; with an empty mapping, the defaults of an unknown server at `host`."""
    statuses = _dig(instance, "configuration", "statuses")
    old = instance.get("max_toot_chars")
    return Server(
        domain=_domain(instance) or host,
        is_mastodon=is_mastodon(instance),
        characters=_count(_dig(statuses, "max_characters")) or _count(old) or _CHARACTERS,
        characters_per_url=_count(_dig(statuses, "characters_reserved_per_url")),
        room=_room(instance),
    )


def _room(instance: Json) -> Room:
    """Read what may be attached to a post there."""
    media = _dig(instance, "configuration", "media_attachments")
    types = _dig(media, "supported_mime_types")
    return Room(
        count=_count(_dig(instance, "configuration", "statuses", "max_media_attachments")) or Room().count,
        image_bytes=_count(_dig(media, "image_size_limit")),
        video_bytes=_count(_dig(media, "video_size_limit")),
        types=frozenset(str(kind).lower() for kind in cast("list[object]", types))
        if isinstance(types, list)
        else frozenset(),
        alt=_count(_dig(media, "description_limit")),
    )


def is_mastodon(instance: Json) -> bool:
    """Tell whether the server says that it is Mastodon, or a fork that keeps its Idempotency-Key (glitch, Hometown).

    Others name themselves in the version (`2.7.2 (compatible; ...)`, `0.16.0`) or in `source_url`. In doubt it is none.
    """
    version = _VERSION.fullmatch(str(instance.get("version") or ""))
    if version is None or int(version[1]) < _OLDEST_MASTODON:
        return False
    source = str(instance.get("source_url") or "").rstrip("/").rpartition("/")[2].lower()
    return not source or source.startswith(_KIN)


def instance_stream(instance: Json) -> str:
    """Return the address of the stream of events as the server tells it, in version 2 or 1; empty where it doesn't."""
    return _text(_dig(instance, "configuration", "urls", "streaming")) or _text(_dig(instance, "urls", "streaming_api"))


def me(account: Json, domain: str) -> Me | None:
    """Read the answer of verify_credentials; None where it isn't an account."""
    if account.get("id") is None:
        return None
    name = str(account.get("acct") or account.get("username") or "")
    return Me(
        id=str(account["id"]),
        name=name.partition("@")[0],
        domain=domain,
        privacy=_visibility(_dig(account, "source", "privacy")),
    )


def draft(
    post: Post, token: str, visibility: Visibility | None, language: str | None, media_ids: tuple[str, ...] = ()
) -> Draft:
    """Put a post into the API's words, with the account's visibility and language where it names none.

    Attachments behind a warning are marked as sensitive, as Mastodon's own pages do it.
    """
    return Draft(
        status=post.text,
        idempotency_key=idempotency_key(token),
        in_reply_to_id=post.in_reply_to.id if post.in_reply_to else None,
        visibility=_or_none(effective_visibility(post, visibility)),
        spoiler_text=post.warning or None,
        language=post.language or language,
        media_ids=media_ids,
        sensitive=True if media_ids and post.warning else None,
    )


def effective_visibility(post: Post, default: Visibility | None) -> Visibility | None:
    """Return whom a post is for: whom it says, else whom that is for which it answers, else the default."""
    answered = post.in_reply_to.memo.get("visibility") if post.in_reply_to else None
    return post.visibility or _visibility(answered) or default


def idempotency_key(token: str) -> str:
    """Return the key as a header may carry it: itself where it is plain, else its digest."""
    return token if _SAFE_KEY.fullmatch(token) else hashlib.sha256(token.encode()).hexdigest()


def posted(status: object) -> Posted:
    """Read a status of one's own; raises UncertainError for an answer that isn't one."""
    data = json_object(status)
    if not data.get("id"):
        raise UncertainError("The server took the post, but its answer can't be read.", answered=True)
    visibility = _visibility(data.get("visibility"))
    return Posted(
        id=PostId(str(data["id"])),
        url=_text(data.get("url")) or _text(data.get("uri")) or None,
        memo={
            **({"visibility": visibility.value} if visibility else {}),
            **remembered(tuple(Attachment(id=one, digest="") for one in attached_ids(data))),
        },
    )


def attached_ids(status: Json) -> tuple[str, ...]:
    """Return the ids of a status's attachments."""
    attachments = status.get("media_attachments")
    found = (_dig(one, "id") for one in cast("list[object]", attachments)) if isinstance(attachments, list) else ()
    return tuple(str(one) for one in found if one)


def item(notification: Json, account: Me, place: Place) -> Item | None:
    """Read a notification; None where nobody spoke to the account (another type, its own post, a deleted one).

    One that can't be read comes as an item with its source in `raw`, and its link where that can be found.
    """
    if notification.get("type") not in {"mention", None} or notification.get("status", {}) is None:
        return None
    try:
        author = notification["status"]["account"] or notification["account"]
        if str(author["id"]) == account.id:
            return None
        return _item(notification["status"], author, account, place)
    except (KeyError, TypeError, ValueError, AttributeError):
        return _unreadable(notification, account, place)


def version(notification: Json) -> str:
    """Return which edit of its status a notification shows: empty for the first."""
    return _text(_dig(notification, "status", "edited_at"))


def uri(notification: Json) -> str:
    """Return what a notification's status is called everywhere; empty where it isn't told."""
    return _text(_dig(notification, "status", "uri"))


def status_id(notification: Json) -> str:
    """Return the id of a notification's status; empty where it has none."""
    return _text(_dig(notification, "status", "id"))


def as_mention(status: Json) -> Json:
    """Return a status as the notification that would tell of it, so that both are read alike."""
    author, created_at = status.get("account"), status.get("created_at")
    return {"id": status.get("id"), "type": "mention", "account": author, "status": status, "created_at": created_at}


def _item(status: Json, author: Json, account: Me, place: Place) -> Item:
    handle = complete(_named(author["acct"]), account.domain)
    visibility = _visibility(status["visibility"]) or Visibility.DIRECT
    text = strip_leading_mentions(to_text(_content(status["content"])), (account.handle, account.name))
    parent = status.get("in_reply_to_id")
    return Item(
        id=PostId(_named(status["id"])),
        author=Author(
            id=_named(author["id"]),
            handle=handle,
            name=clean_inbound(_text(author.get("display_name")), _NAME_LIMIT),
            url=_text(author.get("url")) or None,
        ),
        text=text,
        created_at=moment(status["created_at"]),
        cursor=place.cursor,
        uri=_text(status.get("uri")),
        url=_text(status.get("url")) or _text(status.get("uri")) or None,
        in_reply_to=PostId(str(parent)) if parent else None,
        visibility=visibility,
        warning=clean_inbound(_text(status.get("spoiler_text"))) or None,
        language=_text(status.get("language")) or None,
        media=tuple(_attached(status.get("media_attachments"))),
        answer_prefix=f"@{handle}",
        memo={"visibility": visibility.value},
    )


def _unreadable(notification: Json, account: Me, place: Place) -> Item:
    status = _dig(notification, "status")
    author = _dig(notification, "account")
    acct = _text(_dig(author, "acct"))
    return Item(
        id=PostId(_text(_dig(status, "id")) or f"notification-{notification.get('id')}"),
        author=Author(
            id=_text(_dig(author, "id")),
            handle=complete(acct, account.domain) if acct else "",
            url=_text(_dig(author, "url")) or None,
        ),
        text="",
        created_at=_moment(notification.get("created_at")) or datetime.fromtimestamp(0, UTC),
        cursor=place.cursor,
        uri=_text(_dig(status, "uri")),
        url=_text(_dig(status, "url")) or _text(_dig(status, "uri")) or None,
        visibility=Visibility.DIRECT,
        raw=clean_inbound(json.dumps(notification, default=str, ensure_ascii=False), _RAW_LIMIT),
    )


def complete(acct: str, domain: str) -> str:
    """Return a handle with its domain, which the API leaves out for accounts of its own server."""
    return acct if "@" in acct else f"{acct}@{domain}"


def moment(value: object) -> datetime:
    """Read a time of the API's, in UTC; raises ValueError where it is none."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        raise ValueError("no time")  # noqa: TRY004 # what can't be read is one kind of error
    return value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)


def _moment(value: object) -> datetime | None:
    try:
        return moment(value)
    except ValueError:
        return None


def _attached(attachments: object) -> Iterator[str]:
    """Yield one line per picture or recording: what it shows, and where it is."""
    for attachment in cast("list[object]", attachments) if isinstance(attachments, list) else []:
        alt = clean_inbound(_text(_dig(attachment, "description")))
        url = _text(_dig(attachment, "url")) or _text(_dig(attachment, "remote_url"))
        if alt or url:
            yield f"{alt} {url}".strip()


def _domain(instance: Json) -> str:
    """Return the domain of handles: `domain` in version 2; `uri` in version 1, where some servers put a whole URL."""
    named = _text(instance.get("domain")) or _text(instance.get("uri"))
    return named.partition("://")[2].partition("/")[0] if "://" in named else named.partition("/")[0]


def _visibility(value: object) -> Visibility | None:
    """Read whom a status is for; other servers know more kinds, all of them narrower than public."""
    if not isinstance(value, str):
        return None
    known = {kind.value: kind for kind in Visibility}
    return known.get(value)


def _or_none(visibility: Visibility | None) -> str | None:
    return visibility.value if visibility else None


def json_object(value: object) -> Json:
    """Return a JSON object; anything else becomes an empty one."""
    return cast("Json", value) if isinstance(value, Mapping) else {}


def _dig(value: object, *path: str) -> Any:
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = cast("Json", value).get(name)
    return value


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _named(value: object) -> str:
    """Read what something can't be without; raises ValueError where it is none, since `None` is nobody's name."""
    if not (name := _text(value)):
        raise ValueError("no name")
    return name


def _content(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("no text")  # noqa: TRY004 # what can't be read is one kind of error
    return value


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
