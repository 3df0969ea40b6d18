"""What people say to the account of a stub, kept as a server keeps it: listed by id, changed, taken back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.servers.watch import PATIENCE, Watch

if TYPE_CHECKING:
    from tests.platforms.mastodon.conftest import Stub

NOTIFICATIONS = "/api/v1/notifications"
STATUSES = "/api/v1/statuses/"
WHEN = "2026-01-02T03:04:05.000Z"


@dataclass
class Board:
    """Notifications by number, each of a status `s1`, `s2` ...; `page` is the most that one answer holds."""

    stub: Stub
    page: int = 40
    entries: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])
    pages: int = 0
    _watch: Watch = field(default_factory=Watch)

    def __post_init__(self) -> None:
        self.stub.on("GET", NOTIFICATIONS, self.listed)

    def say(self, number: int, text: str = "", **changes: Any) -> None:
        """Have kim say something in status `s<number>`."""
        kim = {"id": "2", "acct": "kim", "username": "kim", "display_name": "Kim", "url": "https://m.example/@kim"}
        status = {
            "id": f"s{number}",
            "uri": f"https://m.example/statuses/{number}",
            "url": f"https://m.example/@kim/{number}",
            "account": kim,
            "content": f"<p>@shop {text or f'number {number}'}</p>",
            "created_at": WHEN,
            "edited_at": None,
            "visibility": "public",
            "spoiler_text": "",
            "media_attachments": [],
            **changes,
        }
        self.entries[number] = {
            "id": str(number),
            "type": "mention",
            "account": kim,
            "status": status,
            "created_at": WHEN,
        }
        self.stub.answer("GET", f"{STATUSES}{status['id']}", status)

    def change(self, number: int, text: str, *, at: str = "2026-01-02T03:05:00.000Z", **changes: Any) -> None:
        """Have kim edit it."""
        self.say(number, text, edited_at=at, **changes)

    def unlist(self, number: int) -> None:
        """Have the notification vanish, but not its status."""
        del self.entries[number]

    def take_back(self, number: int) -> None:
        """Have kim delete it."""
        status = self.entries.pop(number)["status"]
        self.stub.handlers.pop(("GET", STATUSES + status["id"]))

    def asked(self, number: int) -> int:
        """Return how often it was asked whether the status is there."""
        return len(self.stub.to("GET", f"{STATUSES}s{number}"))

    async def has_given(self, pages: int) -> None:
        """Return once so many pages of the list have been asked for."""
        await self._watch.until(
            lambda: self.pages >= pages, timeout=PATIENCE, otherwise=lambda: f"{self.pages} pages, not {pages}"
        )

    async def listed(self, request: web.Request) -> web.Response:
        self.pages += 1
        self._watch.changed()
        query = request.query
        chosen = [n for n in sorted(self.entries) if int(query.get("min_id", -1)) < n < int(query.get("max_id", 10**9))]
        chosen = chosen[: self.page] if "min_id" in query else chosen[-self.page :]
        return web.json_response([self.entries[n] for n in reversed(chosen)])
