"""The routes of the stub of X: https://docs.x.com/x-api as far as a plugin for it needs them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from twitter_text import parse_tweet

from tests.servers import x_media, x_messages, x_search
from tests.servers.x_faults import PROBLEMS, problem
from tests.servers.x_world import Asked, Picture, Tweet, Words, includes, moment_of, show, show_person, tidy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.servers.x import X
    from tests.servers.x_calls import Call

Handler = Callable[["X", "Call", str], web.Response]

SHORT: Final = 280
LONG: Final = 25_000
_MENTIONS: Final = 800
_OWN: Final = 3_200
_EDITS: Final = 5
_EDITABLE: Final = timedelta(hours=1)
_REMEMBERED: Final = 20
_FIELDS: Final = frozenset(
    {"post.fields", "tweet.fields", "user.fields", "media.fields", "poll.fields", "place.fields", "expansions"}
)
_PAGED: Final = frozenset(
    {"max_results", "pagination_token", "since_id", "until_id", "start_time", "end_time"} | _FIELDS
)


def failure(status: int, detail: str, kind: str = "about:blank", headers: Mapping[str, str] | None = None) -> Any:
    """Return an error answer."""
    shown = problem(status, detail, kind)
    return web.json_response(shown, status=status, headers=dict(headers or {}), content_type="application/problem+json")


def invalid(detail: str, parameter: str = "", value: str = "") -> web.Response:
    """Return the answer to a request that isn't one."""
    errors = [{"message": detail, "parameters": {parameter: [value]}}]
    shown = problem(400, "The request has parameters that are no good.", PROBLEMS + "invalid-request", errors=errors)
    return web.json_response(shown, status=400)


def missing(parameter: str, value: str, kind: str = "tweet") -> dict[str, Any]:
    """Return the error, whole or partial, for what isn't there."""
    more = {"resource_type": kind, "parameter": parameter, "resource_id": value, "value": value}
    return problem(404, f"Could not find {kind} with {parameter}: [{value}].", PROBLEMS + "resource-not-found", **more)


def route(x: X, call: Call) -> web.Response:
    """Do what the request asks; 404 for whatever the stub doesn't speak."""
    for method, pattern, allowed, handler in _ROUTES:
        found = re.fullmatch(pattern, call.path) if method == call.method else None
        if found:
            other = {Words.POST: "tweet.fields", Words.TWEET: "post.fields"}[x.words]
            unknown = sorted(set(call.query) - (allowed - {other}))
            if unknown:
                return invalid(f"The query parameter [{unknown[0]}] is not known.", unknown[0], call.query[unknown[0]])
            answer = handler(x, call, found[1] if found.groups() else "")
            answer.headers["x-rate-limit-limit"] = "900"
            answer.headers["x-rate-limit-remaining"] = "899"
            answer.headers["x-rate-limit-reset"] = str(int(x.clock.now().timestamp()) + 900)
            return answer
    return failure(404, "There is nothing here.")


# --- posts ---------------------------------------------------------------------------------------------------------


def _create(x: X, call: Call, _: str) -> web.Response:
    body = call.json
    if body is None:
        return invalid("The body is no JSON.")
    known = {"text", "reply", "media", "edit_options", "quote_tweet_id", "reply_settings", "made_with_ai"}
    if unknown := sorted(set(body) - known):
        return invalid(f"$.{unknown[0]}: is not defined", unknown[0])
    text = tidy(str(body.get("text", "")))
    reply = (body.get("reply") or {}).get("in_reply_to_tweet_id")
    named = (body.get("media") or {}).get("media_ids", [])
    if not text and not named:
        return invalid("Text or media are needed.", "text", text)
    pictures = [picture for name in named if (picture := x_media.ready(x, str(name)))]
    if len(pictures) != len(named) or len(named) > 4:
        return invalid("The media ids are no good.", "media.media_ids", str(named))
    if text and (objection := _length(x, text)):
        return failure(403, objection)
    edited = (body.get("edit_options") or {}).get("previous_post_id")
    if edited is not None:
        return _edit(x, str(edited), text, pictures)
    if objection := _denied(x, text, reply, named):
        return failure(403, objection)
    parent = x.tweets.get(reply or "")
    if x.prefixes and parent and parent.author != x.me:
        text = f"@{parent.author.username} {text}"
    return _created(x, x.write(text, x.me, reply_to=reply, quotes=body.get("quote_tweet_id"), media=tuple(pictures)))


def _created(x: X, tweet: Tweet) -> web.Response:
    shown = show(tweet, Asked(fields=frozenset(), expansions=frozenset()), x.words, whole=False)
    return web.json_response({"data": shown}, status=201)


def _length(x: X, text: str) -> str | None:
    most = LONG if x.premium else SHORT
    parsed = parse_tweet(text)
    if parsed.weightedLength > most:
        return "The text of this post is too long."
    return None


def _denied(x: X, text: str, reply: str | None, media: Sequence[str]) -> str | None:
    parent = x.tweets.get(reply) if reply else None
    if reply and (parent is None or parent.id in x.deleted):
        return "The post to reply to is deleted or not visible to this account."
    if parent and x.rule and not _may_answer(x, parent):
        return "Reply to this conversation is not allowed: this account was not mentioned or otherwise engaged by it."
    recent = x.own[-_REMEMBERED:]
    if not media and any((one.text, one.reply_to) == (text, reply) and not one.media for one in recent):
        return "A post with duplicate content is not allowed."
    return None


def _may_answer(x: X, parent: Tweet) -> bool:
    if parent.author == x.me or x.me.username.lower() in parent.mentioned:
        return True
    spoken_to = {parent.reply_to, parent.quotes} - {None}
    return any(identifier in x.tweets and x.tweets[identifier].author == x.me for identifier in spoken_to if identifier)


def _edit(x: X, previous: str, text: str, pictures: Sequence[Picture]) -> web.Response:
    tweet = next((one for one in x.own if one.id == previous), None)
    if tweet is None:
        return failure(403, "The post to edit is not there, or isn't the newest version.")
    first = moment_of(tweet.history[0])
    if not x.premium or x.clock.now() - first > _EDITABLE or len(tweet.history) > _EDITS:
        return failure(403, "This post is not eligible to be edited.")
    x.replaced.add(tweet.id)
    edited = x.write(text, x.me, history=tweet.history, reply_to=tweet.reply_to, media=tuple(pictures))
    return _created(x, edited)


def _delete(x: X, call: Call, identifier: str) -> web.Response:
    tweet = x.tweets.get(identifier)
    if tweet is None or identifier in x.deleted:
        return web.json_response(missing("id", identifier), status=404)
    if tweet.author != x.me:
        return failure(403, "Only one's own posts can be deleted.")
    for version in tweet.history:
        x.remove(version)
    return web.json_response({"data": {"deleted": True}})


def _one(x: X, call: Call, identifier: str) -> web.Response:
    tweet = next((one for one in x.living if identifier in one.history), None)
    if tweet is None:
        return web.json_response({"errors": [missing("id", identifier)]})
    asked = Asked.of(call.query)
    return _told(x, [tweet], asked, {"data": show(tweet, asked, x.words, whole=x.whole)})


def _several(x: X, call: Call, _: str) -> web.Response:
    wanted = call.query.get("ids", "").split(",")
    if not 1 <= len(wanted) <= 100 or not all(name.isdigit() for name in wanted):
        return invalid("The ids are no good.", "ids", call.query.get("ids", ""))
    found = [one for one in x.living if set(one.history) & set(wanted)]
    absent = [missing("ids", name) for name in wanted if not any(name in one.history for one in found)]
    asked = Asked.of(call.query)
    shown: dict[str, Any] = {"errors": absent} if absent else {}
    if found:
        shown["data"] = [show(one, asked, x.words, whole=x.whole) for one in found]
    return _told(x, found, asked, shown)


def _told(x: X, tweets: Sequence[Tweet], asked: Asked, shown: dict[str, Any]) -> web.Response:
    referred = [name for one in tweets for name in (one.reply_to, one.quotes) if name]
    others = [x.tweets[name] for name in dict.fromkeys(referred) if name in x.tweets and name not in x.deleted]
    beside = includes(tweets, others, asked, x.words)
    return web.json_response({**shown, **({"includes": beside} if beside else {})})


# --- lists of posts ------------------------------------------------------------------------------------------------


def listing(x: X, call: Call, tweets: Iterable[Tweet], *, least: int, token: str = "pagination_token") -> web.Response:
    """Answer with a page of posts, newest first, and with the token of the next one."""
    query = call.query
    try:
        count = int(query.get("max_results", "10"))
        after, before = int(query.get("since_id", "0")), int(query.get("until_id", "0")) or None
    except ValueError:
        return invalid("A number is none.")
    if not least <= count <= 100:
        return invalid(f"max_results is not between {least} and 100", "max_results", str(count))
    page = query.get("pagination_token") or query.get("next_token")
    if page and not re.fullmatch(r"page\d+", page):
        return invalid("The token is no good.", token, page)
    below = int(page[4:]) if page else None
    fitting = [
        one
        for one in sorted(tweets, key=lambda one: int(one.id), reverse=True)
        if int(one.id) > after
        and (before is None or int(one.id) < before)
        and (below is None or int(one.id) < below)
        and _during(one, query)
    ]
    chosen = fitting[:count]
    meta: dict[str, Any] = {"result_count": len(chosen)}
    if chosen:
        meta |= {"newest_id": chosen[0].id, "oldest_id": chosen[-1].id}
    if len(fitting) > count:
        meta["next_token"] = f"page{chosen[-1].id}"
    asked = Asked.of(query)
    data = [
        {**show(one, asked, x.words, whole=x.whole), **({"text": None} if one.id in x.rubbish else {})}
        for one in chosen
    ]
    return _told(x, chosen, asked, {**({"data": data} if data else {}), "meta": meta})


def _during(tweet: Tweet, query: Mapping[str, str]) -> bool:
    start, end = query.get("start_time"), query.get("end_time")
    return (not start or tweet.at >= datetime.fromisoformat(start)) and (
        not end or tweet.at < datetime.fromisoformat(end)
    )


def _timeline(x: X, call: Call, user: str) -> web.Response:
    now, leave = x.clock.now(), call.query.get("exclude", "").split(",")
    shown = [
        one
        for one in x.living
        if one.author.id == user
        and (one.shown_from is None or one.shown_from <= now)
        and not ("replies" in leave and one.reply_to)
    ]
    return listing(x, call, shown[-_OWN:], least=5)


def _mentions(x: X, call: Call, user: str) -> web.Response:
    person = next((one for one in x.people.values() if one.id == user), None)
    if person is None:
        return web.json_response({"errors": [missing("id", user, "user")]})
    heard = [one for one in x.living if person.username.lower() in one.mentioned]
    return listing(x, call, heard[-_MENTIONS:], least=5)


def _search(x: X, call: Call, _: str) -> web.Response:
    query, since = call.query.get("query", ""), call.query.get("since_id", "")
    if objection := x_search.objection(query):
        return invalid(objection, "query", query)
    week = x.clock.now() - x_search.WEEK
    if since and since.isdigit() and moment_of(since) < week:
        return invalid("'since_id' must be of the last 7 days.", "since_id", since)
    found = [one for one in x.living if one.at >= week and x_search.matches(query, one)]
    return listing(x, call, found, least=10, token="next_token")


# --- people --------------------------------------------------------------------------------------------------------


def _me(x: X, call: Call, _: str) -> web.Response:
    return web.json_response({"data": show_person(x.me, Asked.of(call.query))})


def _users(x: X, call: Call, _: str) -> web.Response:
    wanted = call.query.get("ids", "").split(",")
    if not 1 <= len(wanted) <= 100 or not all(name.isdigit() for name in wanted):
        return invalid("The ids are no good.", "ids", call.query.get("ids", ""))
    found = [one for one in x.people.values() if one.id in wanted and one.username not in x.vanished]
    absent = [missing("ids", name, "user") for name in wanted if name not in {one.id for one in found}]
    shown: dict[str, Any] = {"errors": absent} if absent else {}
    if found:
        shown["data"] = [show_person(one, Asked.of(call.query)) for one in found]
    return web.json_response(shown)


def _username(x: X, call: Call, name: str) -> web.Response:
    person = next((one for one in x.people.values() if one.username.lower() == name.lower()), None)
    if person is None or person.username in x.vanished:
        return web.json_response({"errors": [missing("username", name, "user")]})
    return web.json_response({"data": show_person(person, Asked.of(call.query))})


def _repost(x: X, call: Call, user: str) -> web.Response:
    wanted = str((call.json or {}).get("tweet_id", ""))
    if wanted not in x.tweets or wanted in x.deleted:
        return web.json_response(missing("tweet_id", wanted), status=404)
    x.retweets.setdefault(wanted, x.next_id())
    return web.json_response({"data": {"retweeted": True, "rest_id": wanted}})


def _unrepost(x: X, call: Call, wanted: str) -> web.Response:
    x.retweets.pop(wanted, None)
    return web.json_response({"data": {"retweeted": False}})


def _like(x: X, call: Call, user: str) -> web.Response:
    wanted = str((call.json or {}).get("tweet_id", ""))
    if wanted not in x.tweets or wanted in x.deleted:
        return web.json_response(missing("tweet_id", wanted), status=404)
    x.likes.add(wanted)
    return web.json_response({"data": {"liked": True}})


_NONE: Final[frozenset[str]] = frozenset()
_PEOPLE: Final = frozenset({"user.fields", "post.fields", "tweet.fields", "expansions"})
_ROUTES: Final[Sequence[tuple[str, str, frozenset[str], Handler]]] = (
    ("POST", r"/2/tweets", _NONE, _create),
    ("GET", r"/2/tweets", _FIELDS | {"ids"}, _several),
    ("GET", r"/2/tweets/search/recent", _PAGED | {"query", "next_token", "sort_order"}, _search),
    ("GET", r"/2/tweets/(\d+)", _FIELDS, _one),
    ("DELETE", r"/2/tweets/(\d+)", _NONE, _delete),
    ("GET", r"/2/users/me", _PEOPLE, _me),
    ("GET", r"/2/users", _PEOPLE | {"ids"}, _users),
    ("GET", r"/2/users/by/username/(\w{1,15})", _PEOPLE, _username),
    ("GET", r"/2/users/(\d+)/tweets", _PAGED | {"exclude"}, _timeline),
    ("GET", r"/2/users/(\d+)/mentions", _PAGED, _mentions),
    ("POST", r"/2/users/(\d+)/retweets", _NONE, _repost),
    ("DELETE", r"/2/users/\d+/retweets/(\d+)", _NONE, _unrepost),
    ("POST", r"/2/users/(\d+)/likes", _NONE, _like),
    *x_media.ROUTES,
    *x_messages.ROUTES,
)
