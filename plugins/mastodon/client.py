"""The calls we make of the SDK (Mastodon.py, synchronous): one request each, failures as our errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from mastodon import Mastodon
from mastodon.errors import MastodonError

from bridge.plugin import Clock, RefusedError, UnavailableError
from plugins.mastodon.failures import Attempt, failure
from plugins.mastodon.translate import Draft, Json, json_object
from plugins.mastodon.transport import Answer, Gate, Session

T = TypeVar("T")

PAGE: Final = 40
_TIMEOUTS: Final = (10.0, 20.0)
_AGENT: Final = "Statusbridge"
_GONE: Final = frozenset({404, 410})
_ABSENT: Final = frozenset({404, 405, 410, 501})


class Client:
    """One login at one server, for use by one thread; `gate` cuts it off from any other.

    Every call raises a PluginError. Only `publish` and `delete` change anything; when one of them has sent something
    and got no answer that says otherwise, that is an UncertainError. No call waits for a rate limit or tries again.
    """

    def __init__(self, base_url: str, token: str, host: str, clock: Clock, gate: Gate) -> None:
        """Prepare; nothing is sent yet."""
        self._host = host
        self._token = token
        self._clock = clock
        self._gate = gate
        self._session = Session(base_url, gate)
        self._api = Mastodon(
            api_base_url=base_url,
            session=self._session,
            request_timeout=cast("float", _TIMEOUTS),
            ratelimit_method="throw",
            version_check_mode="none",
            user_agent=_AGENT,
        )
        # Given to the constructor, a token that happens to be the name of a file would be read from that file.
        self._api.access_token = token

    @property
    def answer(self) -> Answer | None:
        """Status and headers of the last answer; None while there is none to the last request."""
        return self._session.answer

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def verify(self) -> Json:
        """Return the account that the token belongs to."""
        return json_object(self._ask(lambda api: api.account_verify_credentials()))

    def instance(self) -> Json:
        """Return what the server tells about itself: version 2, else 1 (two requests), else nothing."""
        return self._feature(lambda api: api.instance_v2()) or self._feature(lambda api: api.instance_v1()) or {}

    def publish(self, draft: Draft) -> object:
        """Publish a status and return the answer, whatever it is."""
        return self._ask(
            lambda api: api.status_post(
                draft.status,
                in_reply_to_id=draft.in_reply_to_id,
                visibility=draft.visibility,
                spoiler_text=draft.spoiler_text,
                language=draft.language,
                idempotency_key=draft.idempotency_key,
            ),
            writes=True,
        )

    def delete(self, identifier: str) -> bool:
        """Delete a status; False where the server knows of none by that id.

        Raises UncertainError(answered=True) for a success that can't be read, as for a 5xx.
        """
        try:
            self._ask(lambda api: api.status_delete(identifier), writes=True)
        except RefusedError:
            if self._status in _GONE:
                return False
            raise
        return True

    def exists(self, identifier: str) -> bool:
        """Tell whether the server shows a status."""
        try:
            self._ask(lambda api: api.status(identifier))
        except RefusedError:
            if self._status in _GONE:
                return False
            raise
        return True

    def source(self, identifier: str) -> str | None:
        """Return the text of an own status as it was written; None where the server doesn't keep it."""
        source = self._feature(lambda api: api.status_source(identifier)) or {}
        text = source.get("text")
        return text if isinstance(text, str) else None

    def mentions(self, *, min_id: str | None = None, max_id: str | None = None) -> list[Json]:
        """Return a page of mentions, of all visibilities: the newest before `max_id`, or the oldest after `min_id`."""
        return self._list(lambda api: api.notifications(types=["mention"], limit=PAGE, min_id=min_id, max_id=max_id))

    def statuses(self, account: str, *, max_id: str | None = None) -> list[Json]:
        """Return a page of an account's own statuses, newest first, without what it has boosted."""
        return self._list(lambda api: api.account_statuses(account, exclude_reblogs=True, limit=PAGE, max_id=max_id))

    @property
    def _status(self) -> int | None:
        return self.answer.status if self.answer else None

    def _feature(self, call: Callable[[Mastodon], Any]) -> Json | None:
        """Ask for what not every server has; None where this one hasn't."""
        try:
            return json_object(self._ask(call))
        except RefusedError:
            if self._status in _ABSENT:
                return None
            raise

    def _list(self, call: Callable[[Mastodon], Any]) -> list[Json]:
        """Ask for a list of objects; what is no list must not pass for an empty one."""
        entries = cast("list[object]", self._ask(call))
        if self.answer is None or not self.answer.is_list:
            raise UnavailableError(f"{self._host} gave something else for a list.")
        return [cast("Json", entry) for entry in entries if isinstance(entry, dict)]

    def _ask(self, call: Callable[[Mastodon], T], *, writes: bool = False) -> T:
        try:
            return call(self._api)
        except Exception as error:
            if self.answer is None and not isinstance(error, MastodonError):
                raise
            attempt = Attempt(
                host=self._host,
                writes=writes,
                connected=self._gate.opened,
                answer=self.answer,
                now=self._clock.now(),
                secret=self._token,
            )
            raise failure(error, attempt) from None
