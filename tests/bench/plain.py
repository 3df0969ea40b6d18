"""A plugin that is as thin as can be: one request to publish, one stream to listen to, by aiohttp alone.

With it the core is compared with a bare script, without an SDK in between.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Self

import aiohttp
from pydantic import BaseModel, SecretStr

from bridge.plugin import (
    Author,
    Cursor,
    Item,
    Key,
    Limits,
    Listens,
    Plugin,
    PluginError,
    Post,
    Posted,
    PostId,
    Seen,
    UnavailableError,
    UncertainError,
)


class PlainSettings(BaseModel):
    """The keys of one account; `stream_url` is where what customers say comes from."""

    base_url: str
    stream_url: str
    access_token: SecretStr


class PlainPlugin(Plugin[PlainSettings], Listens):
    """One account on a platform of the bench."""

    Settings: ClassVar = PlainSettings
    _session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        """Open the session."""
        token = self.settings.access_token.get_secret_value()
        self._session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"})
        self.limits = Limits(text=500, key_lifetime=timedelta(hours=1), settle_after=timedelta(0))
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Let go of the connections."""
        await self._session.close()

    async def post(self, post: Post, key: Key) -> Posted:
        """Publish once; the platform remembers keys."""
        url = f"{self.settings.base_url}/api/v1/statuses"
        try:
            async with self._session.post(
                url, json={"status": post.text}, headers={"Idempotency-Key": key.token}
            ) as answer:
                answer.raise_for_status()
                status = await answer.json()
        except aiohttp.ClientConnectorError as error:
            raise UnavailableError(str(error)) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UncertainError(str(error)) from None
        return Posted(id=PostId(status["id"]), url=status["url"])

    async def items(self, since: Cursor | None) -> AsyncGenerator[Item | Seen]:
        """Yield what comes down the stream."""
        query = {} if since is None else {"after": since}
        try:
            async with self._session.get(
                self.settings.stream_url, params=query, timeout=aiohttp.ClientTimeout(total=None)
            ) as stream:
                async for line in stream.content:
                    said = json.loads(line)
                    cursor = Cursor(str(said["number"]))
                    yield _item(said, cursor) if "id" in said else Seen(cursor=cursor)
        except aiohttp.ClientError as error:
            raise UnavailableError(str(error)) from None
        raise PluginError("The stream has ended.")


def _item(said: dict[str, str], cursor: Cursor) -> Item:
    return Item(
        id=PostId(said["id"]),
        author=Author(id=said["author"], handle=f"{said['author']}@example.org"),
        text=said["text"],
        created_at=datetime.fromtimestamp(float(said["at"]), UTC),
        cursor=cursor,
    )
