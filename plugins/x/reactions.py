"""Reposts and likes of what others wrote: both are harmless twice, and X names neither by an id of its own."""

from __future__ import annotations

from typing import Final

from bridge.plugin import Posted, PostId, Ref, RefusedError
from plugins.x.answers import Meaning
from plugins.x.api import Api
from plugins.x.failures import meaning
from plugins.x.translate import SITE, WITH

REPOSTS: Final = "reposts"
"""The name in a memo under which a repost has the id of what it repeats."""


def check(item: Ref) -> None:
    """Raise RefusedError for what nobody else may see."""
    if WITH in item.memo:
        raise RefusedError("A direct message can be neither reposted nor liked: it is nobody else's to see.")


async def repost(api: Api, account: str, item: Ref) -> Posted:
    """Repost a post; again, it is the same repost."""
    await api.call("POST", f"/2/users/{account}/retweets", json={"tweet_id": str(item.id)}, publishes=True)
    name = PostId(f"{REPOSTS}-{item.id}")
    return Posted(id=name, url=f"{SITE}/i/status/{item.id}", memo={REPOSTS: str(item.id)})


async def take_back(api: Api, account: str, identifier: str) -> bool:
    """Take a repost back; False where X knew of none."""
    try:
        await api.call("DELETE", f"/2/users/{account}/retweets/{identifier}", publishes=True)
    except RefusedError as error:
        if meaning(error) is Meaning.ABSENT:
            return False
        raise
    return True


async def like(api: Api, account: str, item: Ref) -> None:
    """Like a post."""
    await api.call("POST", f"/2/users/{account}/likes", json={"tweet_id": str(item.id)}, publishes=True)
