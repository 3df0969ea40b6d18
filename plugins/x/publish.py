"""Publishing, deleting and editing: what is sent to X, and what is made of its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from bridge.plugin import (
    Post,
    Posted,
    PostId,
    RefusedError,
    UnavailableError,
    UncertainError,
    Visibility,
    by_age,
)
from plugins.x.answers import Json, Meaning
from plugins.x.api import Api, Purse
from plugins.x.failures import LAG, meaning
from plugins.x.find import canonical, media_of, shown, versions
from plugins.x.prices import Kind

OWN: Final = "own"
"""The name in a memo that tells the account's own posts from those of others."""

_EDITABLE: Final = timedelta(hours=1)
_FOLLOW: Final = "answer it with a follow-up instead"
_SITE: Final = "https://x.com"
_FIELDS: Final = "created_at,edit_controls,entities,note_post,attachments"


def check(post: Post, length: int, limit: int) -> None:
    """Raise RefusedError, with a sentence for people, for what X has no place for."""
    if post.visibility not in {None, Visibility.PUBLIC}:
        raise RefusedError("X shows every post of an account to all who may see any: only public posts go there.")
    if post.warning:
        raise RefusedError("X has no warnings before a post: say it in the text.")
    if length > limit:
        raise RefusedError(f"X takes {limit} characters in a post, and this one has {length}.")
    if not post.text.strip() and not post.media:
        raise RefusedError("X takes no post without text or pictures.")


def is_summoned(post: Post) -> bool:
    """Tell whether a post answers somebody else: what the account hears has called on it."""
    return post.in_reply_to is not None and OWN not in post.in_reply_to.memo


def body(post: Post, media: Sequence[str]) -> Json:
    """Return what creates a post (https://docs.x.com/x-api/posts/create-post)."""
    made: Json = {"text": post.text} if post.text else {}
    if post.in_reply_to is not None:
        made["reply"] = {"in_reply_to_tweet_id": str(post.in_reply_to.id)}
    if media:
        made["media"] = {"media_ids": list(media)}
    return made


def posted(identifier: str, username: str) -> Posted:
    """Return what is there now, as the contract says it."""
    return Posted(id=PostId(identifier), url=f"{_SITE}/{username}/status/{identifier}", memo={OWN: "yes"})


async def publish(api: Api, made: Json, username: str) -> Posted:
    """Create a post, and return it; raises UncertainError where the answer doesn't name it."""
    answer = await api.call("POST", "/2/tweets", json=made, publishes=True)
    identifier = str(answer["data"].get("id") or "")
    if not identifier.isdigit():
        raise UncertainError("X gave an answer that can't be read.", answered=True, retry_after=LAG)
    return posted(identifier, username)


async def delete(api: Api, identifier: str) -> bool:
    """Delete a post; False where X knew of none by that id."""
    try:
        answer = await api.call("DELETE", f"/2/tweets/{identifier}", publishes=True)
    except (RefusedError, UncertainError) as error:
        if meaning(error) is Meaning.ABSENT:
            return False
        raise
    if answer["data"].get("deleted") is False:
        raise UnavailableError("X says that it hasn't deleted the post.")
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The newest version of an own post: its id, how its text may have been written, its media, until when it changes.

    `why_not` is a sentence that says why it can't be edited any more; None: it can.
    """

    id: str
    texts: tuple[str, ...]
    media: tuple[str, ...]
    why_not: str | None

    def is_already(self, post: Post) -> bool:
        """Tell whether it is as an edit would make it."""
        ours = canonical(post.text)
        return not post.media and any(canonical(text) == ours for text in self.texts)


async def newest(api: Api, purse: Purse, identifier: str, now: datetime) -> Version:
    """Read the newest version of an own post; `now` is X's time.

    Raises RefusedError where it isn't there any more.
    """
    status = await _own(api, purse, identifier)
    last = max(versions(status), key=by_age)
    if last not in {identifier, str(status.get("id"))}:
        status = await _own(api, purse, last)
    return Version(id=last, texts=shown(status), media=media_of(status), why_not=_why_not(status, now))


async def _own(api: Api, purse: Purse, identifier: str) -> Json:
    try:
        answer = await api.call("GET", f"/2/tweets/{identifier}", params={"post.fields": _FIELDS})
    except RefusedError as error:
        if meaning(error) is Meaning.ABSENT:
            raise RefusedError("It isn't on X any more, so it can't be edited.") from None
        raise
    await purse.charge(Kind.LOOK)
    data: Any = answer.get("data")
    if not isinstance(data, dict):
        raise UnavailableError("X gave something else for a post.")
    return cast("Json", data)


def _why_not(status: Json, now: datetime) -> str | None:
    told = status.get("edit_controls")
    controls: Json = cast("Json", told) if isinstance(told, dict) else {}
    if controls.get("is_edit_eligible") is False:
        return f"X doesn't let this post be edited: {_FOLLOW}."
    if controls.get("edits_remaining") == 0:
        return f"X doesn't let a post be edited more than five times: {_FOLLOW}."
    until = _time(controls.get("editable_until"))
    if until is None and (made := _time(status.get("created_at"))) is not None and not controls:
        until = made + _EDITABLE
    if until is not None and until <= now:
        return f"X lets a post be edited for an hour, and that is over: {_FOLLOW}."
    return None


def _time(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return at if at.tzinfo else None


def edit_body(post: Post, version: Version, media: Sequence[str]) -> Json:
    """Return what edits a post: the new text, with the media that it has unless others are given."""
    kept = list(media) or list(version.media)
    made: Json = {"text": post.text, "edit_options": {"previous_post_id": version.id}}
    return {**made, "media": {"media_ids": kept}} if kept else made
