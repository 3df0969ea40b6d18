"""Uploads to the stub of X, version 2: pictures at once, films in parts, and what they show."""

from __future__ import annotations

import base64
import dataclasses
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from tests.servers.x_faults import PROBLEMS, problem
from tests.servers.x_world import Picture

if TYPE_CHECKING:
    from tests.servers.x import X
    from tests.servers.x_calls import Call

IMAGE_BYTES: Final = 5 * 1024 * 1024
GIF_BYTES: Final = 15 * 1024 * 1024
PART_BYTES: Final = 5 * 1024 * 1024
_A_DAY: Final = 86_400
_MAGIC: Final = {
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"RIFF": "image/webp",
}
_FILMS: Final = frozenset({"video/mp4", "video/quicktime", "video/webm", "video/mp2t"})
_CATEGORIES: Final = frozenset(f"{place}_{kind}" for place in ("tweet", "dm") for kind in ("image", "gif", "video")) | {
    "amplify_video"
}


def ready(x: X, identifier: str) -> Picture | None:
    """Return something uploaded that can be shown, or None."""
    picture = x.pictures.get(identifier)
    return picture if picture and picture.finalized and not _pending(x, picture) else None


def _pending(x: X, picture: Picture) -> bool:
    return not picture.kind.startswith("image/") and (picture.looks < x.processing or x.processing_fails)


def _refused(detail: str) -> web.Response:
    return web.json_response(problem(400, detail, PROBLEMS + "invalid-request"), status=400)


def _upload(x: X, call: Call, _: str) -> web.Response:
    sent: dict[str, Any] = dict(call.form or call.json or {})
    unknown = sorted(set(sent) - {"media", "media_category", "media_type", "additional_owners", "shared"})
    category, data = sent.get("media_category"), sent.get("media")
    if unknown or category not in _CATEGORIES:
        return _refused(f"It has no good media_category, or something unknown: {unknown}.")
    if isinstance(data, str):
        data = base64.b64decode(data) if call.json else data.encode()
    kind = next((name for magic, name in _MAGIC.items() if data and data.startswith(magic)), None)
    if not data or kind is None:
        return _refused("This is no picture.")
    if len(data) > (GIF_BYTES if kind == "image/gif" else IMAGE_BYTES):
        return web.json_response(problem(413, "The picture is too large."), status=413)
    picture = Picture(id=x.next_id(), kind=kind, data=data, category=category, total=len(data), finalized=True)
    x.pictures[picture.id] = picture
    return web.json_response({"data": _shown(x, picture)})


def _initialize(x: X, call: Call, _: str) -> web.Response:
    body = call.json or {}
    kind, total, category = body.get("media_type"), body.get("total_bytes"), body.get("media_category")
    known = {"media_type", "total_bytes", "media_category", "additional_owners", "shared"}
    good = kind in {*_MAGIC.values(), *_FILMS} and isinstance(total, int) and category in _CATEGORIES
    if not good or set(body) - known:
        return _refused("media_type, total_bytes or media_category are no good.")
    picture = Picture(id=x.next_id(), kind=str(kind), category=str(category), total=int(total or 0))
    x.pictures[picture.id] = picture
    return web.json_response({"data": _shown(x, picture)})


def _append(x: X, call: Call, identifier: str) -> web.Response:
    picture = x.pictures.get(identifier)
    sent: dict[str, Any] = dict(call.form or call.json or {})
    data, index = sent.get("media"), sent.get("segment_index")
    if isinstance(data, str):
        data = base64.b64decode(data) if call.json else data.encode()
    if picture is None or picture.finalized or not data or not str(index).isdigit() or len(data) > PART_BYTES:
        return _refused("This part is no good.")
    parts = {**dict(picture.parts), int(str(index)): data}
    x.pictures[identifier] = dataclasses.replace(picture, parts=tuple(sorted(parts.items())))
    return web.json_response({"data": {"expires_at": int(x.clock.now().timestamp()) + _A_DAY}})


def _finalize(x: X, call: Call, identifier: str) -> web.Response:
    picture = x.pictures.get(identifier)
    if picture is None or picture.finalized:
        return _refused("There is no such upload.")
    data = b"".join(part for _, part in picture.parts)
    if len(data) != picture.total or [index for index, _ in picture.parts] != list(range(len(picture.parts))):
        return _refused("Parts are missing.")
    picture = dataclasses.replace(picture, data=data, finalized=True)
    x.pictures[identifier] = picture
    return web.json_response({"data": _shown(x, picture)})


def _status(x: X, call: Call, _: str) -> web.Response:
    picture = x.pictures.get(call.query.get("media_id", ""))
    if picture is None or not picture.finalized:
        return _refused("There is no such upload.")
    picture = dataclasses.replace(picture, looks=picture.looks + 1)
    x.pictures[picture.id] = picture
    return web.json_response({"data": _shown(x, picture)})


def _shown(x: X, picture: Picture) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": picture.id,
        "media_key": picture.key,
        "size": picture.total,
        "expires_after_secs": _A_DAY,
    }
    if picture.finalized and not picture.kind.startswith("image/"):
        shown["processing_info"] = _processing(x, picture)
    return shown


def _processing(x: X, picture: Picture) -> dict[str, Any]:
    if picture.looks < x.processing:
        state = "in_progress" if picture.looks else "pending"
        return {"state": state, "check_after_secs": 1, "progress_percent": 10 * picture.looks}
    if x.processing_fails:
        return {"state": "failed", "error": {"code": 1, "name": "InvalidMedia", "message": "Unsupported codec."}}
    return {"state": "succeeded", "progress_percent": 100}


def _describe(x: X, call: Call, _: str) -> web.Response:
    body = call.json or {}
    picture = x.pictures.get(str(body.get("id", "")))
    text = ((body.get("metadata") or {}).get("alt_text") or {}).get("text")
    if x.alt_fails or picture is None or not isinstance(text, str) or len(text) > 1000:
        return _refused("This description is no good.")
    x.pictures[picture.id] = dataclasses.replace(picture, alt=text)
    return web.json_response({"data": {"id": picture.id, "associated_metadata": {"alt_text": {"text": text}}}})


_NONE: Final[frozenset[str]] = frozenset()
ROUTES: Final = (
    ("POST", r"/2/media/upload", _NONE, _upload),
    ("GET", r"/2/media/upload", frozenset({"media_id", "command"}), _status),
    ("POST", r"/2/media/upload/initialize", _NONE, _initialize),
    ("POST", r"/2/media/upload/(\d+)/append", _NONE, _append),
    ("POST", r"/2/media/upload/(\d+)/finalize", _NONE, _finalize),
    ("POST", r"/2/media/metadata", _NONE, _describe),
)
