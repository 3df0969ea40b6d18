"""A sandbox Mastodon: mastodon-mock as a process, and what customers and judges do there."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import aiohttp

from tests.servers.html import plain
from tests.servers.ports import HOST, is_listening
from tests.servers.process import Server
from tests.servers.watch import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PAGE = 40
_POLL = 0.05
_POSTS = "/api/v1/statuses"


@dataclass(frozen=True, slots=True, kw_only=True)
class Toot:
    """One status as the platform shows it; `text` is its content without markup."""

    id: str
    account: str
    text: str
    url: str
    visibility: str
    in_reply_to: str | None
    warning: str
    language: str | None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Toot:
        """Build a value from the platform's JSON."""
        return cls(
            id=str(data["id"]),
            account=data["account"]["acct"],
            text=plain(data["content"]),
            url=data["url"] or "",
            visibility=data["visibility"],
            in_reply_to=str(data["in_reply_to_id"]) if data["in_reply_to_id"] is not None else None,
            warning=data["spoiler_text"],
            language=data["language"],
        )


class MastodonMock(Server):
    """mastodon-mock on a free loopback port; the first of `accounts` is the shop's own.

    Its access tokens are `token(NAME)`. It bears at most 8 requests at a time, and isn't to be believed for privacy,
    lengths, mutes, wiping edits, HTML and asynchronous media.
    """

    name = "mastodon-mock"
    # It has nothing to save, and SIGTERM would wait for what `hang` left behind.
    stop_signal = signal.SIGKILL

    def __init__(self, accounts: Sequence[str] = ("shop", "kim", "lee")) -> None:
        """Take the user names; nothing is started yet."""
        super().__init__()
        self.accounts = tuple(accounts)
        self.shop = self.accounts[0]
        self.port = self._port()
        self.base_url = f"http://{HOST}:{self.port}"

    @staticmethod
    def token(account: str) -> str:
        """Return the access token of `account`."""
        return f"token-of-{account}"

    def _prepare(self) -> None:
        lines = ['url_scheme = "http"', f'domain = "{HOST}:{self.port}"']
        for account in self.accounts:
            lines += ["[[seed.accounts]]", f'username = "{account}"', f'access_token = "{self.token(account)}"']
        (self.folder / "mock.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _command(self) -> list[str]:
        config = str(self.folder / "mock.toml")
        options = [
            "--in-memory",
            "--config",
            config,
            "--host",
            HOST,
            "--port",
            str(self.port),
            "--log-level",
            "warning",
        ]
        return [sys.executable, "-m", "mastodon_mock", "serve", *options]

    def _ready(self) -> bool:
        return is_listening(self.port)

    async def statuses(self, account: str | None = None) -> list[Toot]:
        """Return everything that `account` (default: the shop) has posted and not deleted, oldest first."""
        who = account or self.shop
        own = cast("dict[str, Any]", await self.call("GET", "/api/v1/accounts/verify_credentials", who))
        found: list[Toot] = []
        page: dict[str, str] = {"limit": str(_PAGE)}
        while batch := await self._list(f"/api/v1/accounts/{own['id']}/statuses", who, page):
            found += [Toot.read(data) for data in batch]
            page["max_id"] = found[-1].id
        return found[::-1]

    async def has_statuses(self, count: int, *, account: str | None = None, patience: float = PATIENCE) -> list[Toot]:
        """Return all statuses as soon as there are at least `count`; AssertionError when that takes too long."""
        deadline = time.monotonic() + patience
        while len(found := await self.statuses(account)) < count:
            assert time.monotonic() < deadline, f"{len(found)} statuses, not {count}: {found[-5:]}"
            await asyncio.sleep(_POLL)
        return found

    async def mention(
        self,
        from_: str,
        text: str,
        *,
        to: str | None = None,
        in_reply_to: str | None = None,
        visibility: str = "public",
    ) -> Toot:
        """Let the customer `from_` write `text` with a mention of `to` (default: the shop)."""
        handle = f"@{to or self.shop}"
        body = text if handle in text.split() else f"{handle} {text}"
        return await self.post(from_, body, in_reply_to=in_reply_to, visibility=visibility)

    async def post(
        self, account: str, text: str, *, in_reply_to: str | None = None, visibility: str = "public"
    ) -> Toot:
        """Post `text` as `account`."""
        data = {"status": text, "visibility": visibility}
        if in_reply_to is not None:
            data["in_reply_to_id"] = in_reply_to
        return Toot.read(cast("dict[str, Any]", await self.call("POST", _POSTS, account, json=data)))

    async def delete(self, account: str, status: str) -> None:
        """Delete the status with the id `status` as `account`."""
        await self.call("DELETE", f"{_POSTS}/{status}", account)

    async def context(self, status: str, account: str | None = None) -> tuple[list[Toot], list[Toot]]:
        """Return what the status answers (oldest first) and what answers it, as `account` sees it."""
        data = cast("dict[str, Any]", await self.call("GET", f"{_POSTS}/{status}/context", account or self.shop))
        return [Toot.read(item) for item in data["ancestors"]], [Toot.read(item) for item in data["descendants"]]

    async def notifications(self, account: str | None = None) -> list[tuple[str, Toot | None]]:
        """Return the newest notifications of `account` (default: the shop), oldest first: type and status."""
        data = await self._list("/api/v1/notifications", account or self.shop, {"limit": str(_PAGE)})
        pairs = [(item["type"], Toot.read(item["status"]) if item.get("status") else None) for item in data]
        return pairs[::-1]

    async def fail(
        self,
        status: int,
        *,
        times: int | None = 1,
        methods: Sequence[str] = ("POST",),
        path: str = _POSTS,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer the next `times` (None: all) matching requests with `status`, without doing them."""
        await self._fault({"type": "status", "status": status, "headers": dict(headers or {})}, times, methods, path)

    async def throttle(self, retry_after: str, *, times: int | None = 1, path: str = _POSTS) -> None:
        """Answer the next `times` posts with 429 and the header Retry-After."""
        await self._fault({"type": "ratelimit", "headers": {"Retry-After": retry_after}}, times, ["POST"], path)

    async def slow(self, seconds: float, *, times: int | None = 1, path: str = _POSTS) -> None:
        """Do the next `times` posts only after `seconds`."""
        await self._fault({"type": "latency", "delay_ms": int(seconds * 1000)}, times, ["POST"], path)

    async def hang(self, *, times: int | None = 1, path: str = _POSTS) -> None:
        """Leave the next `times` posts unanswered for 30 s and do them then."""
        await self._fault({"type": "timeout"}, times, ["POST"], path)

    async def garble(self, *, times: int | None = 1, path: str = _POSTS) -> None:
        """Answer the next `times` posts with 200 and broken JSON, without doing them."""
        await self._fault({"type": "malformed"}, times, ["POST"], path)

    async def heal(self) -> None:
        """Take all faults away."""
        await self.call("DELETE", "/api/v1/_mock/faults", None)

    async def reset(self) -> None:
        """Forget all statuses, notifications and faults; accounts and tokens stay."""
        await self.call("POST", "/api/v1/_mock/reset", None)

    async def call(self, method: str, path: str, account: str | None, **options: Any) -> Any:
        """Send one request as `account` and return its JSON; AssertionError when it isn't a success."""
        headers = {"Authorization": f"Bearer {self.token(account)}"} if account else {}
        timeout = aiohttp.ClientTimeout(total=30)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(method, self.base_url + path, headers=headers, **options) as answer,
        ):
            assert answer.ok, f"{method} {path}: {answer.status} {await answer.text()}"
            return await answer.json()

    async def _list(self, path: str, account: str, page: Mapping[str, str]) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", await self.call("GET", path, account, params=dict(page)))

    async def _fault(self, effect: dict[str, object], times: int | None, methods: Sequence[str], path: str) -> None:
        rule: dict[str, object] = {"match": {"methods": list(methods), "path": path}, "effect": effect, "count": times}
        await self.call("POST", "/api/v1/_mock/faults", None, json=rule)
