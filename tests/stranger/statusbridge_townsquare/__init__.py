"""Accounts on Townsquare."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Any, ClassVar, Self

import aiohttp
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from bridge.plugin import (
    Key,
    Limits,
    Plugin,
    Post,
    Posted,
    PostId,
    RefusedError,
    UnauthorizedError,
    UnavailableError,
    UncertainError,
    Visibility,
)


class TownsquareSettings(BaseModel):
    """The keys of one account on Townsquare."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    base_url: str = Field(description="Where the server is.", examples=["https://square.example.org"])
    access_token: SecretStr | None = Field(default=None, description="A token, from Settings on the server.")


class TownsquarePlugin(Plugin[TownsquareSettings]):
    """One account: it can post, and nothing else."""

    Settings: ClassVar = TownsquareSettings
    _session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        """Check the token and learn what fits."""
        if self.settings.access_token is None:
            raise UnauthorizedError("Townsquare has no token yet: set its access_token.")
        token = self.settings.access_token.get_secret_value()
        self._session = aiohttp.ClientSession(self.settings.base_url, headers={"Authorization": f"Bearer {token}"})
        try:
            me = await self._ask("GET", "/me")
        except BaseException:
            await self._session.close()
            raise
        self.limits = Limits(text=int(me["max_length"]), key_lifetime=timedelta(hours=24))
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Let go of the connections."""
        await self._session.close()

    async def post(self, post: Post, key: Key) -> Posted:
        """Publish; Townsquare answers the same key with the same note for a day."""
        if post.visibility not in {None, Visibility.PUBLIC}:
            raise RefusedError("Townsquare shows everything to everybody.")
        if post.warning or post.media:
            raise RefusedError("Townsquare knows neither warnings nor pictures.")
        body = {"text": post.text, "in_reply_to": post.in_reply_to.id if post.in_reply_to else None}
        note = await self._ask("POST", "/notes", json=body, headers={"Idempotency-Key": key.token})
        return Posted(id=PostId(str(note["id"])), url=str(note["url"]))

    async def _ask(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        if self._session.closed:
            raise UnavailableError("The account was closed.")
        try:
            async with self._session.request(method, path, **how) as answer:
                _check(answer)
                return dict(await answer.json())
        except aiohttp.ClientConnectorError:
            raise UnavailableError("Townsquare can't be reached.") from None
        except (aiohttp.ClientError, TimeoutError, ValueError):
            raise UncertainError("The answer of Townsquare was lost.") from None


def _check(answer: aiohttp.ClientResponse) -> None:
    """Raise what a status means for what happens next."""
    said = f"Townsquare says {answer.status} {answer.reason}."
    if answer.status == HTTPStatus.UNAUTHORIZED:
        raise UnauthorizedError("Townsquare doesn't know this token any more: make a new one.")
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        seconds = answer.headers.get("Retry-After", "")
        raise UnavailableError(said, retry_after=timedelta(seconds=int(seconds)) if seconds.isdigit() else None)
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise UncertainError(said, answered=True)
    if not answer.ok:
        raise RefusedError(said)
