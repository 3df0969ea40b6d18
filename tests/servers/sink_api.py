"""The routes and the JSON of the sink: https://docs.joinmastodon.org/methods/ as far as a posting plugin needs it.

What is done with others' posts and with people is in `sink_social`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

import regex
from aiohttp import web

from tests.servers.html import markup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.servers.sink import Sink

OPEN_PATHS = frozenset({"/api/v1/instance", "/api/v2/instance"})

_OWN = "101"
NOTIFICATIONS = "/api/v1/notifications"

_ONE = re.compile(r"/api/v1/statuses/(\w+)(/source|/context)?")
_LINK = re.compile(r"https?://[^\s()]+")
_MENTION = re.compile(r"(?<![\w/])(@\w+)@[\w.-]+\w")
_PAGE = 20
_MAX_PAGE = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One published status; `at` is `time.time()`."""

    id: str
    text: str
    account: str
    base_url: str
    at: float
    key: str | None = None
    in_reply_to: str | None = None
    visibility: str = "public"
    warning: str = ""
    language: str | None = None

    @property
    def url(self) -> str:
        """The address for people."""
        return f"{self.base_url}/@{self.account}/{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One entry of the account's notifications."""

    id: str
    type: str
    status: Status


Entry = TypeVar("Entry", Status, Notification)


def path_of(request: web.Request) -> str:
    """Return the path without a trailing slash, which the real platform ignores too."""
    return request.path.rstrip("/")


async def parameters(request: web.Request) -> dict[str, Any]:
    """Return the parameters of a request, from its query, form or JSON; unreadable JSON is none."""
    found: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json" and request.can_read_body:
        try:
            body = await request.json()
        except ValueError:
            body = None
        return {**found, **body} if isinstance(body, dict) else found
    return {**found, **(await request.post())}


def failure(status: int, error: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return the platform's error answer."""
    return web.json_response({"error": error}, status=status, headers=dict(headers or {}))


def key_of(request: web.Request) -> str | None:
    """Return the Idempotency-Key of a request."""
    return request.headers.get("Idempotency-Key")


def route(sink: Sink, request: web.Request, params: Mapping[str, Any], before: Status | None) -> web.Response:
    """Do what the request asks; 404 for whatever the sink doesn't speak.

    `before` is the status that was made with the request's key before it arrived.
    """
    path = path_of(request)
    where = (request.method, path)
    if where == ("POST", "/api/v1/statuses"):
        return _post(sink, params, key_of(request), before)
    if request.method == "GET" and path in OPEN_PATHS:
        return web.json_response(_instance(sink, int(path[6])))
    if where == ("GET", "/api/v1/accounts/verify_credentials"):
        own = account(sink.base_url, sink.account)
        return web.json_response({**own, "source": {"privacy": "public", "sensitive": False, "language": None}})
    if where == ("GET", f"/api/v1/accounts/{_OWN}/statuses") and sink.searchable:
        return page(request, params, sink.living, show)
    if where == ("GET", NOTIFICATIONS):
        return page(request, params, sink.notified, _notification)
    if (found := _ONE.fullmatch(path)) and (status := sink.known(found[1])):
        return _one(sink, request.method, found[2] or "", status, params)
    return failure(404, "Record not found")


def _post(sink: Sink, params: Mapping[str, Any], key: str | None, before: Status | None) -> web.Response:
    if before is not None:
        return web.json_response(show(before))
    text = str(params.get("status", ""))
    if not text.strip():
        return failure(422, "Validation failed: Text can't be blank")
    if _length(text) > sink.max_characters:
        return failure(422, f"Validation failed: Text character limit of {sink.max_characters} exceeded")
    parent = params.get("in_reply_to_id")
    if parent and sink.known(str(parent)) is None:
        return failure(404, "The post you are trying to reply to does not appear to exist.")
    return web.json_response(show(sink.publish(params, key)))


def _length(text: str) -> int:
    """Count as the platform does: grapheme clusters, a link as 23, a mention without its domain."""
    shortened = _MENTION.sub(r"\1", _LINK.sub("x" * 23, text))
    return len(regex.findall(r"\X", shortened))


def _one(sink: Sink, method: str, part: str, status: Status, params: Mapping[str, Any]) -> web.Response:
    if method == "GET" and part == "/source":
        return web.json_response({"id": status.id, "text": status.text, "spoiler_text": status.warning})
    if method == "GET" and part == "/context":
        return web.json_response(_context(sink, status))
    if method == "GET":
        return web.json_response(show(status))
    if status not in sink.living:
        return failure(403, "This action is not allowed")
    if method == "PUT":
        return web.json_response(show(sink.replace(status, params)))
    if method == "DELETE":
        sink.remove(status)
        return web.json_response({**show(status), "text": status.text})
    return failure(404, "Record not found")


def _context(sink: Sink, status: Status) -> dict[str, Any]:
    above: list[Status] = []
    parent = sink.known(status.in_reply_to) if status.in_reply_to else None
    while parent is not None:
        above.insert(0, parent)
        parent = sink.known(parent.in_reply_to) if parent.in_reply_to else None
    below: list[Status] = []
    for other in sorted(sink.everything, key=lambda other: int(other.id)):
        if other.in_reply_to in {status.id, *(one.id for one in below)}:
            below.append(other)
    return {"ancestors": [show(other) for other in above], "descendants": [show(other) for other in below]}


def page(request: web.Request, params: Mapping[str, Any], entries: Iterable[Entry], render: Any) -> web.Response:
    """Answer with a page and the links to the next ones."""
    chosen = pick(params, entries)
    headers: dict[str, str] = {}
    if chosen:
        here, limit = f"http://{request.host}{path_of(request)}", _limit(params)
        older, newer = (
            urlencode({"limit": limit, "max_id": chosen[-1].id}),
            urlencode({"limit": limit, "min_id": chosen[0].id}),
        )
        headers["Link"] = f'<{here}?{older}>; rel="next", <{here}?{newer}>; rel="prev"'
    return web.json_response([render(entry) for entry in chosen], headers=headers)


def pick(params: Mapping[str, Any], entries: Iterable[Entry]) -> list[Entry]:
    """Return a page, newest first; `min_id` gives the page just above it, `since_id` the newest above it."""
    limit = _limit(params)
    fitting = sorted((entry for entry in entries if _within(entry.id, params)), key=lambda entry: int(entry.id))
    return (fitting[:limit] if params.get("min_id") else fitting[-limit:])[::-1]


def _limit(params: Mapping[str, Any]) -> int:
    return min(int(params.get("limit") or _PAGE), _MAX_PAGE)


def _within(entry_id: str, params: Mapping[str, Any]) -> bool:
    below, above = params.get("max_id"), params.get("min_id") or params.get("since_id")
    return (not below or int(entry_id) < int(below)) and (not above or int(entry_id) > int(above))


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def account(base_url: str, name: str) -> dict[str, Any]:
    """Return an account's JSON."""
    return {
        "id": _OWN if name == "shop" else str(200 + sum(name.encode())),
        "username": name,
        "acct": name,
        "display_name": name.title(),
        "url": f"{base_url}/@{name}",
        "uri": f"{base_url}/users/{name}",
        "note": "",
        "bot": False,
        "locked": False,
        "created_at": "2024-01-01T00:00:00.000Z",
        "emojis": [],
        "fields": [],
    }


def show(status: Status) -> dict[str, Any]:
    """Return a status's JSON."""
    parent = status.in_reply_to
    return {
        "id": status.id,
        "uri": f"{status.base_url}/users/{status.account}/statuses/{status.id}",
        "url": status.url,
        "created_at": _when(status.at),
        "edited_at": None,
        "account": account(status.base_url, status.account),
        "content": markup(status.text),
        "visibility": status.visibility,
        "sensitive": bool(status.warning),
        "spoiler_text": status.warning,
        "language": status.language,
        "in_reply_to_id": parent,
        "in_reply_to_account_id": _OWN if parent else None,
        "reblog": None,
        "media_attachments": [],
        "mentions": [
            {
                "id": account(status.base_url, name)["id"],
                "username": name,
                "acct": name,
                "url": f"{status.base_url}/@{name}",
            }
            for name in dict.fromkeys(re.findall(r"(?<!\S)@(\w+)", status.text))
        ],
        "tags": [],
        "emojis": [],
        "poll": None,
        "card": None,
        "reblogs_count": 0,
        "favourites_count": 0,
        "replies_count": 0,
    }


def _notification(item: Notification) -> dict[str, Any]:
    status = item.status
    return {
        "id": item.id,
        "type": item.type,
        "created_at": _when(status.at),
        "account": account(status.base_url, status.account),
        "status": show(status),
    }


def _instance(sink: Sink, version: int) -> dict[str, Any]:
    name = "mastodon" if sink.is_mastodon else "otherserver"
    shared: dict[str, Any] = {
        "title": "Sink",
        "version": "4.4.3" if sink.is_mastodon else "4.2.1 (compatible; Otherserver 1.0.0)",
        "description": "",
        "languages": ["en"],
        "rules": [],
        "configuration": {
            "urls": {},
            "statuses": {
                "max_characters": sink.max_characters,
                "max_media_attachments": 4,
                "characters_reserved_per_url": 23,
            },
            "media_attachments": {"supported_mime_types": ["image/png", "image/jpeg"], "image_size_limit": 16_777_216},
        },
    }
    if version == 1:
        return {**shared, "uri": sink.base_url.partition("//")[2], "urls": {}, "stats": {}}
    api_versions = {"api_versions": {name: 6}} if sink.is_mastodon else {}
    source = f"https://source.example.org/{name}/{name}"
    return {**shared, **api_versions, "domain": sink.base_url.partition("//")[2], "source_url": source}
