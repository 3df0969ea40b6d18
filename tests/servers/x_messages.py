"""Direct messages on the stub of X."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from tests.servers.x_faults import PROBLEMS, problem
from tests.servers.x_world import Asked, Message, Words, show_person, when, written

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.servers.x import X
    from tests.servers.x_calls import Call

_KEPT: Final = timedelta(days=30)


def conversation(x: X, message: Message) -> str:
    """Return what X calls the conversation of two people: their ids, the smaller one first."""
    return "-".join(sorted((message.sender, message.other), key=int))


def _list(x: X, call: Call, other: str, messages: Iterable[Message] | None = None) -> web.Response:
    query = call.query
    wanted = query.get("event_types", "MessageCreate,ParticipantsLeave,ParticipantsJoin").split(",")
    count, page = int(query.get("max_results", "100")), query.get("pagination_token", "")
    if x.words is Words.POST and "sender_id" in query.get("dm_event.fields", "").split(","):
        return web.json_response(problem(400, "No such field: sender_id.", PROBLEMS + "invalid-request"), status=400)
    if not 1 <= count <= 100 or (page and not page[4:].isdigit()):
        return web.json_response(problem(400, "A number is no good.", PROBLEMS + "invalid-request"), status=400)
    fitting = [
        one
        for one in sorted(x.messages, key=lambda one: int(one.id), reverse=True)
        if one.kind in wanted
        and one.at > x.clock.now() - _KEPT
        and (not other or other in {one.sender, one.other})
        and (not page or int(one.id) < int(page[4:]))
    ]
    chosen = fitting[:count]
    meta: dict[str, Any] = {"result_count": len(chosen)}
    if len(fitting) > count:
        meta["next_token"] = f"page{chosen[-1].id}"
    shown: dict[str, Any] = {"meta": meta}
    if chosen:
        shown["data"] = [_show(x, call, one) for one in chosen]
        senders = {one.sender for one in chosen}
        if "sender_id" in query.get("expansions", "").split(","):
            asked = Asked.of(query)
            shown["includes"] = {"users": [show_person(p, asked) for p in x.people.values() if p.id in senders]}
    return web.json_response(shown)


def _show(x: X, call: Call, message: Message) -> dict[str, Any]:
    fields = {"id", "event_type", *call.query.get("dm_event.fields", "").split(",")}
    text, entities = written(message.text, (), "")
    everything: dict[str, Any] = {
        "id": message.id,
        "event_type": message.kind,
        "text": text,
        "entities": entities,
        "created_at": when(message.at),
        "dm_conversation_id": conversation(x, message),
    }
    shown = {name: value for name, value in everything.items() if value and name in {*fields, "text"}}
    if x.whole or "sender_id" in {*fields, *call.query.get("expansions", "").split(",")}:
        shown["sender_id"] = message.sender
    return shown


def _send(x: X, call: Call, other: str) -> web.Response:
    text = (call.json or {}).get("text")
    if not isinstance(text, str) or not text.strip() or set(call.json or {}) - {"text", "attachments"}:
        return web.json_response(problem(400, "There is no text.", PROBLEMS + "invalid-request"), status=400)
    if not any(person.id == other for person in x.people.values()):
        return web.json_response(problem(403, "This person can't be written to."), status=403)
    message = x.tell(text, sender=x.me.id, other=other)
    told = {"dm_conversation_id": conversation(x, message), "dm_event_id": message.id}
    return web.json_response({"data": told}, status=201)


def _one(x: X, call: Call, identifier: str) -> web.Response:
    message = next((one for one in x.messages if one.id == identifier), None)
    if message is None:
        return web.json_response({"errors": [problem(404, "Not found.", PROBLEMS + "resource-not-found")]})
    return web.json_response({"data": _show(x, call, message)})


def _delete(x: X, call: Call, identifier: str) -> web.Response:
    before = len(x.messages)
    x.messages = [one for one in x.messages if one.id != identifier or one.sender != x.me.id]
    if len(x.messages) == before:
        return web.json_response(problem(404, "Not found.", PROBLEMS + "resource-not-found"), status=404)
    return web.json_response({"data": {"deleted": True}})


_NONE: Final[frozenset[str]] = frozenset()
_FIELDS: Final = frozenset(
    {"dm_event.fields", "user.fields", "post.fields", "tweet.fields", "media.fields", "expansions"}
)
_PAGED: Final = _FIELDS | {"max_results", "pagination_token", "event_types"}
ROUTES: Final = (
    ("GET", r"/2/dm_events", _PAGED, lambda x, call, _: _list(x, call, "")),
    ("GET", r"/2/dm_conversations/with/(\d+)/dm_events", _PAGED, _list),
    ("POST", r"/2/dm_conversations/with/(\d+)/messages", _NONE, _send),
    ("GET", r"/2/dm_events/(\d+)", _FIELDS, _one),
    ("DELETE", r"/2/dm_events/(\d+)", _NONE, _delete),
)
