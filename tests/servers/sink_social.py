"""What the account of the sink does with others: it boosts, marks, searches, and looks up people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.servers import sink_api as api

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.servers.sink import Sink

_DEED = re.compile(r"/api/v1/statuses/(\w+)/(reblog|unreblog|favourite)")
_TAG = re.compile(r"/api/v1/timelines/tag/([^/]+)")
_PERSON = re.compile(r"/api/v1/accounts/(\d+)")
_OPEN = frozenset({"public", "unlisted"})


def route(sink: Sink, request: web.Request, params: Mapping[str, Any]) -> web.Response | None:
    """Do what the request asks; None for whatever isn't of this kind."""
    path = api.path_of(request)
    if request.method == "POST":
        deed = _DEED.fullmatch(path)
        status = sink.known(deed[1]) if deed else None
        return _do(sink, deed[2], status) if deed and status else None
    if path == "/api/v2/search":
        return _search(sink, params)
    if tag := _TAG.fullmatch(path):
        tagged = (one for one in _public(sink) if f"#{tag[1]}".casefold() in one.text.casefold().split())
        return api.page(request, params, tagged, api.show)
    return _look_up(sink, path, params)


def _do(sink: Sink, deed: str, status: api.Status) -> web.Response:
    if deed == "favourite":
        sink.favourites.add(status.id)
        return web.json_response({**api.show(status), "favourited": True})
    if deed == "unreblog":
        sink.boosts.pop(status.id, None)
        return web.json_response(api.show(status))
    if status.visibility not in _OPEN:
        return api.failure(403, "This action is not allowed")
    boost = {"id": sink.boost(status), "account": api.account(sink.base_url, sink.account), "reblog": api.show(status)}
    return web.json_response({**api.show(status), **boost})


def _search(sink: Sink, params: Mapping[str, Any]) -> web.Response:
    """Find the statuses with all the words; `min_id` gives the newest above it, as the real platform's search does."""
    words = str(params.get("q", "")).casefold().split()
    found = (one for one in _public(sink) if all(word in one.text.casefold() for word in words))
    newest = {"since_id" if name == "min_id" else name: value for name, value in params.items()}
    statuses = [api.show(one) for one in api.pick(newest, found)]
    return web.json_response({"accounts": [], "hashtags": [], "statuses": statuses})


def _look_up(sink: Sink, path: str, params: Mapping[str, Any]) -> web.Response | None:
    """Answer with the account of that name or id, as far as it has written anything."""

    def person(fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
        names = dict.fromkeys([sink.account, *(status.account for status in sink.everything)])
        return next((one for name in names if fits(one := api.account(sink.base_url, name))), None)

    if path == "/api/v1/accounts/search":
        found = person(lambda one: one["acct"] == params.get("q"))
        return web.json_response([found] if found else [])
    if path == "/api/v1/accounts/lookup":
        found = person(lambda one: one["acct"] == params.get("acct"))
    elif number := _PERSON.fullmatch(path):
        found = person(lambda one: one["id"] == number[1])
    else:
        return None
    return web.json_response(found) if found else api.failure(404, "Record not found")


def _public(sink: Sink) -> list[api.Status]:
    return [one for one in sink.everything if one.visibility == "public"]
