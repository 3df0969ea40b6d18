"""Boosts and favourites of what others wrote; each runs in the account's thread."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bridge.plugin import Posted, Ref, RefusedError, Visibility
from plugins.mastodon import translate
from plugins.mastodon.client import Client
from plugins.mastodon.publish import REPEATS
from plugins.mastodon.translate import Json, json_object

_OPEN: Final = frozenset({Visibility.PUBLIC.value, Visibility.UNLISTED.value})


def repeat(client: Client, item: Ref, account: str, host: str) -> Posted:
    """Boost a status, and return the boost; again, it is the same one, as Mastodon has it.

    What isn't public is refused before anything is sent, since some server might boost it. Where a second boost is
    refused, the first one is looked for.
    """
    visibility = item.memo.get("visibility") or str((client.status(item.id) or {}).get("visibility") or "")
    if visibility not in _OPEN:
        raise RefusedError(f"Only what is public can be boosted; this isn't, or {host} doesn't show it any more.")
    try:
        answer = client.repeat(item.id)
    except RefusedError:
        earlier = _earlier(client, item.id, account)
        if earlier is None:
            raise
        answer = earlier
    posted = translate.posted(answer)
    return replace(posted, memo={**posted.memo, REPEATS: item.id})


def _earlier(client: Client, identifier: str, account: str) -> Json | None:
    """Return the boost that is there already, from the newest page of the account's own."""
    if not (client.status(identifier) or {}).get("reblogged"):
        return None
    boosts = client.statuses(account, boosts=True)
    return next((one for one in boosts if str(json_object(one.get("reblog")).get("id")) == identifier), None)
