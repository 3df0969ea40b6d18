"""A server of Mastodon's API that is as strict as the real ones: the parts in which the sandbox can't be believed.

An edit wipes what it leaves out; attachments are processed after they were uploaded, and attached once; what isn't
public can't be boosted.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web

from tests.servers.html import markup
from tests.servers.ports import HOST, claim_port, release_port

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN = "token-of-shop"
STATUSES = "/api/v1/statuses"
TYPES = ("image/png", "image/jpeg", "video/mp4")


@dataclass(slots=True)
class Picture:
    """Something uploaded: `looks` is how often it still says that it is being processed."""

    id: str
    data: bytes
    type: str
    name: str
    alt: str | None
    looks: int
    path: str
    focus: str | None = None
    status: str | None = None

    def show(self) -> dict[str, Any]:
        """Return the attachment's JSON."""
        meta = {"focus": dict(zip("xy", map(float, self.focus.split(",")), strict=True))} if self.focus else {}
        url = None if self.looks else f"https://files.example.org/{self.id}"
        return {"id": self.id, "type": "image", "url": url, "description": self.alt, "meta": meta}


@dataclass(slots=True)
class Town:
    """The server; what it was asked is in `asked` (method and path), what it has in `statuses` and `pictures`.

    `looks` is how often a new attachment says that it is being processed. `old` leaves out the newer address for
    uploads. `no_edits` is the status with which edits are refused, `moves` gives a status a new id with each edit. What
    `answers` holds for a method and path is answered there, once each, instead of what would be right.
    """

    looks: int = 0
    old: bool = False
    no_edits: int | None = None
    moves: bool = False
    statuses: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    pictures: dict[str, Picture] = field(default_factory=dict[str, Picture])
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    bodies: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    answers: dict[tuple[str, str], list[web.Response | None]] = field(
        default_factory=dict[tuple[str, str], list[web.Response | None]]
    )
    hangs: tuple[str, str] | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = field(default_factory=claim_port)
    _keys: dict[str, str] = field(default_factory=dict[str, str])
    _number: int = 100
    _runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.port}"

    def count(self, method: str, path: str) -> int:
        """Return how often something was asked."""
        return self.asked.count((method, path))

    def fails(self, method: str, path: str, *statuses: int) -> None:
        """Let the next requests fail with these statuses; 0 cuts the connection, and nothing is done."""
        made = [web.json_response({"error": "no"}, status=one) if one else None for one in statuses]
        self.answers.setdefault((method, path), []).extend(made)

    def write(self, text: str, *, who: str = "kim", visibility: str = "public", **values: Any) -> dict[str, Any]:
        """Let somebody publish a status, and return it."""
        return self._make(text, who=who, visibility=visibility, **values)

    async def __aenter__(self) -> Self:
        """Listen."""
        app = web.Application(client_max_size=64 << 20)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self.port, reuse_address=True).start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close."""
        if self._runner is not None:
            await self._runner.cleanup()
        release_port(self.port)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path.rstrip("/")
        here = (request.method, path)
        body = await self._body(request)
        self.asked.append(here)
        if self.hangs == here:
            self.arrived.set()
            await asyncio.Event().wait()
        if waiting := self.answers.get(here):
            if (answer := waiting.pop(0)) is not None:
                return answer
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return self._route(path)(request, body)

    async def _body(self, request: web.Request) -> dict[str, Any]:
        if request.content_type == "application/json":
            return dict(await request.json())
        form = await request.post()
        body: dict[str, Any] = {}
        for name, value in form.items():
            if isinstance(value, web.FileField):
                with value.file as file:
                    body[name] = (file.read(), value.content_type, value.filename)
            else:
                body[name.removesuffix("[]")] = form.getall(name) if name.endswith("[]") else value
        return body

    def _route(self, path: str) -> Callable[[web.Request, dict[str, Any]], web.Response]:
        kind, _, rest = path.removeprefix("/api/v1/").partition("/")
        if path == "/api/v2/media" and not self.old:
            return self._upload
        named: dict[str, Callable[[web.Request, dict[str, Any]], web.Response]] = {
            "/api/v2/instance": lambda *_: web.json_response(self._instance()),
            "/api/v1/accounts/verify_credentials": lambda *_: web.json_response(person("shop")),
            "/api/v1/accounts/1/statuses": self._list,
            STATUSES: self._post,
            "/api/v1/media": self._upload,
        }
        if path in named:
            return named[path]
        if kind == "media" and rest in self.pictures:
            return lambda *_: self._look(self.pictures[rest])
        identifier, _, verb = rest.partition("/")
        if kind == "statuses" and identifier in self.statuses:
            status = self.statuses[identifier]
            return lambda request, body: self._one(request.method, verb, status, body)
        return lambda *_: failure(404)

    def _upload(self, request: web.Request, body: dict[str, Any]) -> web.Response:
        data, kind, name = body["file"]
        made = Picture(
            id=self._next(),
            data=data,
            type=kind,
            name=name,
            alt=body.get("description"),
            looks=self.looks,
            path=request.path,
        )
        self.pictures[made.id] = made
        return web.json_response(made.show(), status=202 if made.looks else 200)

    def _look(self, picture: Picture) -> web.Response:
        if picture.status is not None:
            return failure(404)
        picture.looks = max(0, picture.looks - 1)
        return web.json_response(picture.show(), status=206 if picture.looks else 200)

    def _post(self, request: web.Request, body: dict[str, Any]) -> web.Response:
        self.bodies.append(body)
        key = request.headers.get("Idempotency-Key", "")
        if (before := self._keys.get(key)) in self.statuses:
            return web.json_response(self.statuses[before or ""])
        wanted = [self.pictures.get(str(one)) for one in body.get("media_ids", [])]
        if any(one is None or one.looks or one.status for one in wanted):
            return failure(422)
        made = self._make(str(body["status"]), visibility=body.get("visibility", "public"))
        made |= {"language": body.get("language"), "spoiler_text": body.get("spoiler_text", "")}
        made["sensitive"] = body.get("sensitive") == "1"
        self._attach(made, [one for one in wanted if one])
        if key:
            self._keys[key] = made["id"]
        return web.json_response(made)

    def _list(self, request: web.Request, _: dict[str, Any]) -> web.Response:
        """List the account's own, boosts whether asked for or not, all on the first page."""
        own = [one for one in self.statuses.values() if one["account"]["id"] == "1"]
        return web.json_response([] if "max_id" in request.query else own[::-1])

    def _one(self, method: str, verb: str, status: dict[str, Any], body: dict[str, Any]) -> web.Response:
        if (method, verb) == ("POST", "reblog"):
            return self._boost(status)
        if (method, verb) in {("POST", "favourite"), ("POST", "unreblog"), ("GET", "")}:
            status["favourited"] = status.get("favourited") or verb == "favourite"
            if verb == "unreblog":
                self._unboost(status)
            return web.json_response(status)
        if (method, verb) == ("GET", "source"):
            return web.json_response({key: status[key] for key in ("id", "text", "spoiler_text")})
        if (method, verb) == ("GET", "context"):
            return web.json_response(self._context(status))
        if (method, verb) == ("DELETE", ""):
            return web.json_response(self.statuses.pop(status["id"]))
        if (method, verb) == ("PUT", "") and self.no_edits is None:
            self.bodies.append(body)
            return self._edit(status, body)
        return failure(self.no_edits or 405)

    def _edit(self, status: dict[str, Any], body: dict[str, Any]) -> web.Response:
        """Do what Mastodon's UpdateStatusService does: what isn't said is gone."""
        wanted = [self.pictures[str(one)] for one in body.get("media_ids") or []]
        for one in body.get("media_attributes") or []:
            picture = self.pictures[str(one["id"])]
            picture.alt, picture.focus = one.get("description"), one.get("focus")
        status |= {"text": body["status"], "content": markup(body["status"])}
        status |= {"spoiler_text": body.get("spoiler_text") or "", "poll": self._polled(status, body.get("poll"))}
        status["sensitive"] = bool(body.get("sensitive")) or bool(status["spoiler_text"])
        status["language"] = body.get("language") or "en"
        self._attach(status, wanted)
        if self.moves:
            del self.statuses[status["id"]]
            status["id"] = f"e{self._next()}"
            self.statuses[status["id"]] = status
        return web.json_response(status)

    @staticmethod
    def _polled(status: dict[str, Any], poll: dict[str, Any] | None) -> dict[str, Any] | None:
        if not poll:
            return None
        same = [one["title"] for one in (status["poll"] or {}).get("options", [])] == poll["options"]
        votes = status["poll"]["votes_count"] if same else 0
        options = [{"title": title, "votes_count": None if poll["hide_totals"] else 0} for title in poll["options"]]
        return {**(status["poll"] or {}), **poll, "options": options, "votes_count": votes}

    def _boost(self, status: dict[str, Any]) -> web.Response:
        if status["visibility"] not in {"public", "unlisted"}:
            return failure(404)
        boosts = (one for one in self.statuses.values() if (one.get("reblog") or {}).get("id") == status["id"])
        made = next(boosts, None) or self._make(status["text"], reblog=status)
        status["reblogged"] = True
        return web.json_response(made)

    def _unboost(self, status: dict[str, Any]) -> None:
        boosts = [name for name, one in self.statuses.items() if (one.get("reblog") or {}).get("id") == status["id"]]
        for name in boosts:
            del self.statuses[name]

    def _context(self, status: dict[str, Any]) -> dict[str, Any]:
        above: list[dict[str, Any]] = []
        while (parent := self.statuses.get((above[0] if above else status)["in_reply_to_id"])) is not None:
            above.insert(0, parent)
        below: list[dict[str, Any]] = []
        for one in self.statuses.values():
            if one["in_reply_to_id"] in {status["id"], *(other["id"] for other in below)}:
                below.append(one)
        return {"ancestors": above, "descendants": below}

    def _attach(self, status: dict[str, Any], pictures: list[Picture]) -> None:
        for one in pictures:
            one.status = status["id"]
        status["media_attachments"] = [one.show() for one in pictures]

    def _make(self, text: str, *, who: str = "shop", visibility: str = "public", **more: Any) -> dict[str, Any]:
        name = self._next()
        made: dict[str, Any] = {
            "id": name,
            "uri": f"https://town.example.org/{name}",
            "url": f"https://town.example.org/@{who}/{name}",
            "created_at": datetime.now(UTC).isoformat(),
            "account": person(who),
            "text": text,
            "content": markup(text),
            "visibility": visibility,
            "sensitive": False,
            "spoiler_text": "",
            "language": None,
            "in_reply_to_id": None,
            "in_reply_to_account_id": None,
            "media_attachments": [],
            "poll": None,
            "reblog": None,
        }
        made.update(more)
        self.statuses[name] = made
        return made

    def _instance(self) -> dict[str, Any]:
        media = {"supported_mime_types": list(TYPES), "image_size_limit": 1000, "video_size_limit": 4000}
        statuses = {"max_characters": 500, "max_media_attachments": 2, "characters_reserved_per_url": 23}
        return {
            "domain": "town.example.org",
            "version": "4.4.1",
            "configuration": {"statuses": statuses, "media_attachments": {**media, "description_limit": 50}},
        }

    def _next(self) -> str:
        self._number += 1
        return str(self._number)


def person(name: str) -> dict[str, Any]:
    """Return an account's JSON; the shop's id is 1."""
    return {"id": "1" if name == "shop" else f"of-{name}", "username": name, "acct": name, "display_name": name.title()}


def failure(status: int) -> web.Response:
    """Return an error answer, as the API has it."""
    return web.Response(status=status, text=json.dumps({"error": "no"}), content_type="application/json")
