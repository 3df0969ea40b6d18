"""Changing a published status without wiping what the change doesn't speak of.

On Mastodon an edit is the whole status anew: warning, attachments and poll are gone where they aren't sent again
(https://docs.joinmastodon.org/methods/statuses/#edit). So the status is read first, and sent back with the change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, cast

from bridge.plugin import Media, Post, Posted, RefusedError, UncertainError
from plugins.mastodon import translate
from plugins.mastodon.attachments import Attachment, digest, recalled, remembered
from plugins.mastodon.client import Client
from plugins.mastodon.failures import server_time
from plugins.mastodon.translate import Json, json_object

_SHORTEST_POLL: Final = timedelta(minutes=5)
_GONE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_NO_EDITS: Final = _GONE | {HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What shall be different: the text, and what else isn't None. `attachments` are all that it shall have then."""

    text: str
    warning: str | None = None
    language: str | None = None
    attachments: tuple[Attachment, ...] | None = None


def change_of(post: Post, attachments: Sequence[Attachment]) -> Change:
    """Return the change that a post asks for, once its media are on the server."""
    return Change(
        text=post.text,
        warning=post.warning,
        language=post.language,
        attachments=tuple(attachments) if post.media else None,
    )


def kept(posted: Posted, media: Sequence[Media]) -> tuple[Attachment | None, ...]:
    """Return for each of the media what it already is on the server; None where it must be uploaded.

    They are known again by a digest of their bytes. Each attachment serves once, as pictures may be equal.
    """
    there = list(recalled(posted.memo))
    found: list[Attachment | None] = []
    for one in media:
        wanted = digest(one.data) if there else ""
        match = next((known for known in there if known.digest and known.digest == wanted), None)
        if match is not None:
            there.remove(match)
        found.append(match and replace(match, alt=one.alt))
    return tuple(found)


def edit(client: Client, posted: Posted, change: Change, host: str, now: datetime) -> Posted:
    """Change a status, and return it as the server has it then; its id may be a new one.

    Raises RefusedError where it isn't there any more, or where the server has no editing.
    """
    shown = client.status(posted.id)
    if shown is None:
        raise RefusedError(_gone(host))
    now = (server_time(client.answer) if client.answer else None) or now
    body = request(shown, client.original(posted.id), change, now)
    try:
        answer = translate.posted(client.edit(posted.id, body))
    except (RefusedError, UncertainError):
        status = client.answer.status if client.answer else None
        if status not in _NO_EDITS:
            raise
        if status in _GONE and not client.exists(posted.id):
            raise RefusedError(_gone(host)) from None
        raise RefusedError(f"{host} can't edit what is published: delete it and post anew, or answer it.") from None
    known = {one.id: one for one in (*recalled(posted.memo), *(change.attachments or ()))}
    attachments = [known.get(one.id, one) for one in recalled(answer.memo)]
    return replace(answer, memo={**answer.memo, **remembered(attachments)})


def request(shown: Json, original: Json, change: Change, now: datetime) -> dict[str, Any]:
    """Return the body of an edit: the change, and all the rest as it is.

    `shown` is the status, `original` its source (https://docs.joinmastodon.org/entities/StatusSource/), where the
    server keeps one. Raises RefusedError for a poll that can't be sent again as it is.
    """
    before = str(original.get("spoiler_text") or shown.get("spoiler_text") or "")
    warning = before if change.warning is None else change.warning
    body: dict[str, Any] = {
        "status": change.text,
        "spoiler_text": warning,
        # One that was sensitive for its warning alone isn't any more without.
        "sensitive": bool(warning) or (bool(shown.get("sensitive")) and not before),
        "media_ids": [],
    }
    if language := change.language or shown.get("language"):
        body["language"] = str(language)
    attributes = _shown_media(shown) if change.attachments is None else [_told(one) for one in change.attachments]
    if attributes:
        body |= {"media_ids": [one["id"] for one in attributes], "media_attributes": attributes}
    if poll := json_object(shown.get("poll")):
        body["poll"] = _poll(poll, now)
    return body


def _told(one: Attachment) -> dict[str, str]:
    return {"id": one.id, "description": one.alt}


def _shown_media(shown: Json) -> list[dict[str, str]]:
    """Return the attachments as they are, with description and focus."""
    return [
        _as_it_is(json_object(one)) for one in _objects(shown.get("media_attachments")) if json_object(one).get("id")
    ]


def _as_it_is(one: Json) -> dict[str, str]:
    told = _told(Attachment(id=str(one["id"]), digest="", alt=str(one.get("description") or "")))
    focus = json_object(json_object(one.get("meta")).get("focus"))
    return {**told, "focus": f"{focus['x']},{focus['y']}"} if {"x", "y"} <= focus.keys() else told


def _poll(poll: Json, now: datetime) -> dict[str, Any]:
    """Return a poll so that its votes stay: the same options, and its end as far from now as it is.

    The API takes a length of time, and none below five minutes: a poll that is nearer to its end would be prolonged.
    """
    options = [json_object(option) for option in _objects(poll.get("options"))]
    body: dict[str, Any] = {
        "options": [str(option.get("title") or "") for option in options],
        "multiple": bool(poll.get("multiple")),
        "hide_totals": any(option.get("votes_count", 0) is None for option in options),
    }
    if poll.get("expires_at"):
        left = translate.moment(poll["expires_at"]) - now
        if poll.get("expired") or left < _SHORTEST_POLL:
            raise RefusedError("Its poll has ended or ends within 5 minutes, and an edit would open it again.")
        body["expires_in"] = round(left.total_seconds())
    return body


def _objects(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _gone(host: str) -> str:
    return f"It isn't on {host} any more, so it can't be edited."
