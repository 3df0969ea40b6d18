"""The older words of X's API, for where it doesn't know the newer ones.

X's OpenAPI document calls a post a post, tweepy and the servers before it call it a tweet: other names for the same
query parameters, and other places for some fields (https://docs.x.com/x-api/fundamentals/data-dictionary).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NEWER: Final = "post.fields"
_OLDER: Final = "tweet.fields"
_FIELDS: Final = {"note_post": "note_tweet"}
_BECOME_FIELDS: Final = {
    "author_id": "author_id",
    "edit_history_post_ids": "edit_history_tweet_ids",
    "in_reply_to_user_id": "in_reply_to_user_id",
    "referenced_posts": "referenced_tweets",
}
"""What is had by expansions in the newer words is a field in the older ones, and then brings no other posts."""


def older(params: Mapping[str, str]) -> dict[str, str]:
    """Return a query in the older words; what has the same name in both stays as it is."""
    changed = dict(params)
    fields = [_FIELDS.get(name, name) for name in _split(changed.pop(NEWER, ""))]
    expansions: list[str] = []
    for name in _split(changed.pop("expansions", "")):
        if name in _BECOME_FIELDS:
            fields.append(_BECOME_FIELDS[name])
        else:
            expansions.append(name)
    if fields:
        changed[_OLDER] = ",".join(dict.fromkeys(fields))
    if expansions:
        changed["expansions"] = ",".join(expansions)
    return changed


def _split(text: str) -> list[str]:
    return [name for name in text.split(",") if name]
