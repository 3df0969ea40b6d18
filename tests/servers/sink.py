"""A platform that misbehaves on demand: the part of Mastodon's API that a posting plugin uses, and a judge."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.servers import sink_api as api
from tests.servers import sink_social as social
from tests.servers.faults import Fault, Verdict, judge
from tests.servers.troubled import Troubled
from tests.servers.watch import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TOKEN = "token-of-shop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request that arrived; `text` and `key` are None where it had none; `at` is `time.monotonic()`."""

    number: int
    method: str
    path: str
    text: str | None
    key: str | None
    at: float

    @property
    def posts(self) -> bool:
        """Whether it asks to publish."""
        return self.method == "POST" and self.path == "/api/v1/statuses"


class Sink(Troubled[Attempt]):
    """The platform under `base_url`, in the event loop of the test, so that it outlives kills of the bridge.

    With `keys` an Idempotency-Key that has been seen answers with the status made then; as on the real platform it is
    remembered once the status is made, so two attempts at once make two. With `searchable` the account's statuses can
    be listed. With `is_mastodon` False the instance says that it is another server with the same API.

    `committed` holds every status in order of arrival, deleted ones too; `attempts` every request. `boosts` holds
    for what the account has boosted the id of the boost, `favourites` what it has marked.
    """

    def __init__(
        self,
        *,
        keys: bool = True,
        searchable: bool = True,
        is_mastodon: bool = True,
        max_characters: int = 500,
        account: str = "shop",
        token: str = TOKEN,
    ) -> None:
        """Reserve a port; nothing listens yet."""
        super().__init__()
        self.keys = keys
        self.searchable = searchable
        self.is_mastodon = is_mastodon
        self.max_characters = max_characters
        self.account = account
        self.token = token
        self.committed: list[api.Status] = []
        self.notified: list[api.Notification] = []
        self.overheard: list[api.Status] = []
        self.boosts: dict[str, str] = {}
        self.favourites: set[str] = set()
        self.attempts: list[Attempt] = []
        self._by_key: dict[str, api.Status] = {}
        self._deleted: set[str] = set()
        self._ids = 997

    # --- what customers do -----------------------------------------------------------------------------------------

    def mention(
        self,
        text: str,
        *,
        from_: str = "kim",
        in_reply_to: str | None = None,
        visibility: str = "public",
    ) -> api.Status:
        """Let the customer `from_` write `text` to the account; it shows in the notifications at once."""
        body = text if f"@{self.account}" in text.split() else f"@{self.account} {text}"
        status = self._status(body, key=None, account=from_, in_reply_to=in_reply_to, visibility=visibility)
        self.notified.append(api.Notification(id=self._next_id(), type="mention", status=status))
        self._watch.changed()
        return status

    def remark(self, text: str, *, from_: str = "kim", visibility: str = "public") -> api.Status:
        """Let the customer `from_` write `text`, but not to the account; who searches can find it."""
        self.overheard.append(self._status(text, key=None, account=from_, visibility=visibility))
        return self.overheard[-1]

    # --- what a judge asks -----------------------------------------------------------------------------------------

    @property
    def texts(self) -> list[str]:
        """All texts published so far, in order of arrival, deleted ones too."""
        return [status.text for status in self.committed]

    @property
    def living(self) -> list[api.Status]:
        """What is published now, oldest first."""
        return [status for status in self.committed if status.id not in self._deleted]

    def audit(self, expected: Iterable[str]) -> Verdict:
        """Say which of the `expected` texts were lost, doubled or out of order."""
        return judge(self.texts, expected)

    async def has_committed(self, count: int, *, patience: float = PATIENCE) -> None:
        """Wait until `count` statuses have been published since the start."""
        await self._watch.until(
            lambda: len(self.committed) >= count,
            timeout=patience,
            otherwise=lambda: f"{len(self.committed)} statuses were published, not {count}: {self.texts[-5:]}",
        )

    async def has_seen(self, count: int, *, patience: float = PATIENCE) -> None:
        """Wait until `count` attempts to post have arrived since the start, whatever became of them."""
        await self._watch.until(
            lambda: sum(attempt.posts for attempt in self.attempts) >= count,
            timeout=patience,
            otherwise=lambda: f"{sum(a.posts for a in self.attempts)} attempts to post arrived, not {count}",
        )

    async def is_listened_to(self, *, patience: float = PATIENCE) -> None:
        """Wait until somebody has asked for the notifications twice: from then on each new one is heard."""
        await self._watch.until(
            lambda: sum(attempt.path == api.NOTIFICATIONS for attempt in self.attempts) > 1,
            timeout=patience,
            otherwise=lambda: "nobody asks for the notifications",
        )

    # --- the server ------------------------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        params = await api.parameters(request)
        attempt = Attempt(
            number=len(self.attempts) + 1,
            method=request.method,
            path=api.path_of(request),
            text=str(params["status"]) if "status" in params else None,
            key=api.key_of(request),
            at=time.monotonic(),
        )
        self.attempts.append(attempt)
        self._watch.changed()
        before = self.remembered(attempt.key)
        fault = self._fault(attempt)

        def answer() -> web.Response:
            return self._answer(request, params, before)

        return answer() if fault is None else await self._misbehave(fault, request, answer)

    def _answer(self, request: web.Request, params: Mapping[str, Any], before: api.Status | None) -> web.Response:
        if (
            api.path_of(request) not in api.OPEN_PATHS
            and request.headers.get("Authorization") != f"Bearer {self.token}"
        ):
            return api.failure(401, "The access token is invalid")
        return social.route(self, request, params) or api.route(self, request, params, before)

    def _failed(self, fault: Fault) -> web.Response:
        return api.failure(fault.status, fault.error, fault.headers)

    # --- what the routes ask of the sink ---------------------------------------------------------------------------

    def remembered(self, key: str | None) -> api.Status | None:
        """Return the status made with the Idempotency-Key `key`, where keys are honoured."""
        return self._by_key.get(key) if self.keys and key is not None else None

    def publish(self, params: Mapping[str, Any], key: str | None) -> api.Status:
        """Commit a status of the account."""
        status = self._status(
            str(params.get("status", "")),
            key=key,
            account=self.account,
            in_reply_to=str(params["in_reply_to_id"]) if params.get("in_reply_to_id") else None,
            visibility=str(params.get("visibility") or "public"),
            warning=str(params.get("spoiler_text") or ""),
            language=str(params["language"]) if params.get("language") else None,
        )
        self.committed.append(status)
        if key is not None:
            self._by_key[key] = status
        self._watch.changed()
        return status

    def replace(self, status: api.Status, params: Mapping[str, Any]) -> api.Status:
        """Commit an edit: the status keeps its id and place."""
        edited = dataclasses.replace(
            status, text=str(params.get("status", "")), warning=str(params.get("spoiler_text") or "")
        )
        self.committed[self.committed.index(status)] = edited
        self._watch.changed()
        return edited

    def remove(self, status: api.Status) -> None:
        """Commit a deletion."""
        self._deleted.add(status.id)
        self._watch.changed()

    def take_back(self, said: api.Status) -> None:
        """Let a customer delete what they said to the account: it isn't listed nor shown any more."""
        self.notified = [one for one in self.notified if one.status.id != said.id]
        self._watch.changed()

    @property
    def everything(self) -> tuple[api.Status, ...]:
        """All living statuses, the account's and the customers'."""
        return (*self.living, *(item.status for item in self.notified), *self.overheard)

    def known(self, status_id: str) -> api.Status | None:
        """Return the living status with that id, the account's or a customer's."""
        return next((status for status in self.everything if status.id == status_id), None)

    def boost(self, status: api.Status) -> str:
        """Boost a status, once, and return the id of the boost."""
        if status.id not in self.boosts:
            self.boosts[status.id] = self._next_id()
        return self.boosts[status.id]

    def _status(self, text: str, **rest: Any) -> api.Status:
        return api.Status(id=self._next_id(), text=text, base_url=self.base_url, at=time.time(), **rest)

    def _next_id(self) -> str:
        self._ids += 1
        return str(self._ids)
