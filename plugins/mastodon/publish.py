"""Publishing and deleting, with a look at what the server really did; each runs in the account's thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from bridge.plugin import PluginError, Posted, RefusedError, UncertainError
from plugins.mastodon import translate
from plugins.mastodon.attachments import Attachment, remembered
from plugins.mastodon.client import Client
from plugins.mastodon.translate import Draft

REPEATS: Final = "repeats"
"""The name in a memo under which a boost remembers what it boosts."""


def publish(client: Client, draft: Draft, attachments: Sequence[Attachment]) -> Posted:
    """Publish, and refuse what became a post of its own instead of an answer."""
    status = client.publish(draft)
    posted = translate.posted(status)
    if draft.in_reply_to_id is not None and _lost_parent(client, status, draft.in_reply_to_id):
        try:
            client.delete(posted.id)
        except PluginError:
            raise RefusedError(
                "What it answers isn't there (any more), and the server published it as a post of its own: "
                f"delete {posted.url or posted.id} by hand."
            ) from None
        raise RefusedError("What it answers isn't there (any more).")
    return replace(posted, memo={**posted.memo, **remembered(attachments)})


def _lost_parent(client: Client, status: object, parent: str) -> bool:
    """Tell whether the server took an answer and dropped what it answers.

    Some say so in the answer; others repeat the id that they were given and know no author to it.
    """
    data = translate.json_object(status)
    if "in_reply_to_id" not in data or data.get("in_reply_to_account_id"):
        return False
    if not data["in_reply_to_id"]:
        return True
    if "in_reply_to_account_id" not in data:
        return False
    return _is_gone(client, parent)


def take_back(client: Client, posted: Posted, host: str) -> None:
    """Delete a status, or take a boost back, and look whether it is gone where the answer leaves room for doubt."""
    if boosted := posted.memo.get(REPEATS):
        client.unrepeat(boosted)
        return
    try:
        if client.delete(posted.id):
            return
    except UncertainError:
        succeeded = client.answer is not None and client.answer.status < HTTPStatus.MULTIPLE_CHOICES
        if succeeded and _is_gone(client, posted.id):
            return
        raise
    if client.exists(posted.id):
        raise RefusedError(f"{host} says that it knows no such post to delete, and still shows it.")


def _is_gone(client: Client, identifier: str) -> bool:
    """Tell whether a status surely isn't shown any more; a look that fails says nothing, and changes no outcome."""
    try:
        return not client.exists(identifier)
    except PluginError:
        return False
