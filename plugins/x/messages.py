"""Direct messages that the account sends: answers to those that it heard."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from bridge.plugin import Memo, Post, Posted, PostId, RefusedError, UncertainError
from plugins.x import translate
from plugins.x.answers import Json, Meaning
from plugins.x.api import Api, Purse
from plugins.x.failures import LAG, meaning
from plugins.x.find import Wanted, canonical
from plugins.x.prices import Kind
from plugins.x.snowflakes import moment_of
from plugins.x.translate import WITH

ROUTE: Final = "/2/dm_conversations/with/{id}/messages"
EVENTS: Final = "/2/dm_conversations/with/{id}/dm_events"
LONGEST: Final = 10_000
"""Characters of a message."""

_MARGIN: Final = timedelta(minutes=5)
_PAGE: Final = 10


def addressee(post: Post) -> str | None:
    """Return the id of the person whose message a post answers, or None where it is a public one."""
    return post.in_reply_to.memo.get(WITH) if post.in_reply_to is not None else None


def is_message(memo: Memo) -> bool:
    """Tell by its memo whether what was sent is a direct message."""
    return WITH in memo


def check(post: Post) -> None:
    """Raise RefusedError, with a sentence for people, for what can't be a message."""
    if post.media:
        raise RefusedError("An answer to a direct message on X can be a text alone: send its pictures on x.com.")
    if post.warning:
        raise RefusedError("X has no warnings before a message: say it in the text.")
    if not post.text.strip():
        raise RefusedError("X sends no message without a text.")
    if len(post.text) > LONGEST:
        raise RefusedError(f"X takes {LONGEST} characters in a message, and this one has {len(post.text)}.")


async def send(api: Api, person: str, text: str) -> Posted:
    """Send a message, and return it; raises UncertainError where the answer doesn't name it."""
    answer = await api.call("POST", ROUTE.format(id=person), json={"text": text}, publishes=True)
    name = str(answer["data"].get("dm_event_id") or "")
    if not name.isdigit():
        raise UncertainError("X gave an answer that can't be read.", answered=True, retry_after=LAG)
    return sent(name, person)


def sent(name: str, person: str) -> Posted:
    """Return a message as the contract says it; X has no links to single ones."""
    return Posted(id=PostId(name), memo={WITH: person})


async def delete(api: Api, name: str) -> bool:
    """Delete a message of one's own; False where X knew of none by that id."""
    try:
        await api.call("DELETE", f"/2/dm_events/{name}", publishes=True)
    except (RefusedError, UncertainError) as error:
        if meaning(error) is Meaning.ABSENT:
            return False
        raise
    return True


async def look(api: Api, purse: Purse, wanted: Wanted, person: str) -> str | None:
    """Return the id of a message that may have been sent, or None where the conversation hasn't got it (yet).

    Raises UncertainError where it is there twice.
    """
    begin = wanted.since - _MARGIN
    found: list[str] = []
    params = {
        "max_results": str(_PAGE),
        "event_types": "MessageCreate",
        "dm_event.fields": "created_at,entities,event_type,id,text",
        "expansions": "sender_id",
    }
    while True:
        answer = await api.call("GET", EVENTS.format(id=person), params=params)
        events = translate.listed(answer)
        await purse.charge(Kind.READ_MESSAGE, len(events))
        await purse.charge(Kind.READ_USER, len(translate.included(answer, "users")))
        found += [translate.identifier(one) for one in events if _is_it(one, wanted, begin)]
        token = translate.next_page(answer)
        if token is None or (events and moment_of(translate.identifier(events[-1])) < begin):
            break
        params["pagination_token"] = token
    if len(found) > 1:
        raise UncertainError("It was sent more than once, and it can't be told which one it is.")
    return found[0] if found else None


def _is_it(event: Json, wanted: Wanted, begin: datetime) -> bool:
    if translate.author_id(event) != wanted.account or PostId(translate.identifier(event)) in wanted.known:
        return False
    try:
        said = translate.said(event)
    except ValueError:
        return False
    return said.created_at >= begin and canonical(said.text) == canonical(wanted.post.text)
