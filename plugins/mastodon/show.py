"""Conversations and profiles, read on demand; each runs in the account's reading thread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, cast

from bridge.plugin import Author, Cursor, Item, Profile, Ref, RefusedError, by_age, clean_inbound, to_text
from plugins.mastodon import translate
from plugins.mastodon.client import Client
from plugins.mastodon.translate import Json, Me, Place, json_object

ABOVE: Final = 20
BELOW: Final = 40
"""How much of a conversation is shown before and after the status: what is nearest to it."""

_ABOUT: Final = 2_000
_FACT: Final = 300
_NAME: Final = 100
_NOWHERE: Final = Place(start="0", at="0")


def thread(client: Client, item: Ref, me: Me, host: str) -> tuple[Item, ...]:
    """Return a status with what it answers and what answers it, oldest first."""
    status = client.status(item.id)
    context = client.context(item.id) if status is not None else None
    if status is None or context is None:
        raise RefusedError(f"{host} doesn't show it (any more).")
    above = list(_items(context.get("ancestors"), me))[-ABOVE:]
    below = sorted(_items(context.get("descendants"), me), key=lambda one: (one.created_at, by_age(one.id)))[:BELOW]
    return (*above, *_items([status], me), *below)


def _items(statuses: object, me: Me) -> Iterator[Item]:
    """Read statuses as items, the account's own too; what can't be read comes with its source."""
    nobody = replace(me, id="")
    for status in cast("list[object]", statuses) if isinstance(statuses, list) else []:
        data = json_object(status)
        entry = {"id": data.get("id"), "account": data.get("account"), "status": data}
        if (item := translate.item(entry, nobody, _NOWHERE)) is not None:
            yield replace(item, cursor=Cursor(""))


def profile(client: Client, who: Author | str, domain: str, host: str) -> Profile:
    """Return what an account says about itself, by its id, or by its handle with the domain."""
    if isinstance(who, Author):
        account = client.account(who.id)
        named = who.handle
    else:
        named = who.strip().removeprefix("@")
        name, _, there = named.partition("@")
        account = client.lookup(name if there.casefold() == domain.casefold() else named)
    if not account or not account.get("id"):
        raise RefusedError(f"{host} knows no account {named}.")
    return read(account, domain)


def read(account: Json, domain: str) -> Profile:
    """Read an account (https://docs.joinmastodon.org/entities/Account/)."""
    return Profile(
        author=Author(
            id=str(account["id"]),
            handle=translate.complete(str(account.get("acct") or account.get("username") or ""), domain),
            name=clean_inbound(str(account.get("display_name") or ""), _NAME),
            url=str(account["url"]) if account.get("url") else None,
        ),
        about=_plain(account.get("note"), _ABOUT),
        facts=tuple(_facts(account.get("fields"))),
        posts=_number(account.get("statuses_count")),
        followers=_number(account.get("followers_count")),
        following=_number(account.get("following_count")),
        since=_when(account.get("created_at")),
        bot=account.get("bot") is True,
    )


def _facts(fields: object) -> Iterator[tuple[str, str]]:
    for one in cast("list[object]", fields) if isinstance(fields, list) else []:
        name, value = _plain(json_object(one).get("name"), _NAME), _plain(json_object(one).get("value"), _FACT)
        if name or value:
            yield name, value


def _plain(html: Any, limit: int) -> str:
    return clean_inbound(to_text(str(html or "")), limit)


def _number(value: object) -> int | None:
    """Return a count; some servers write -1 for what they don't tell."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _when(value: object) -> datetime | None:
    try:
        return translate.moment(value)
    except ValueError:
        return None
