"""The calls we make of the SDK (Mastodon.py, synchronous): one request each, failures as our errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from mimetypes import guess_extension
from typing import Any, Final, TypeVar, cast
from urllib.parse import quote

import requests
from mastodon import Mastodon
from mastodon.errors import MastodonAPIError, MastodonError, MastodonNetworkError
from mastodon.types_base import PaginatableList

from bridge.plugin import Clock, Media, PluginError, RefusedError, UnavailableError
from plugins.mastodon.attachments import kind_of
from plugins.mastodon.failures import Attempt, failure
from plugins.mastodon.translate import Draft, Json, json_object
from plugins.mastodon.transport import Answer, Gate, Session

T = TypeVar("T")

PAGE: Final = 40
_TIMEOUTS: Final = (10.0, 20.0)
_SILENCE: Final = 90.0
"""Seconds after which a stream that says nothing is given up; Mastodon's says something every 15 s."""
_CHUNK: Final = 65_536
_AGENT: Final = "Statusbridge"
_GONE: Final = frozenset({404, 410})
_ABSENT: Final = frozenset({404, 405, 410, 501})
_PROCESSING: Final = frozenset({202, 206})
_REQUEST: Final = "_Mastodon__api_request"


class _Plain(Mastodon):
    """The SDK without its types: an answer stays the JSON that it is.

    Making its objects takes the SDK more than half of a call's time, and `translate` reads every answer by itself.
    """

    def _Mastodon__try_cast_to_type(self, value: Any, override_type: object = None) -> tuple[Any, None]:  # noqa: N802
        """Return the value as it is, in place of the SDK's own method; a list is one on which it can note pages."""
        del override_type
        if isinstance(value, list):
            return PaginatableList[Any](cast("list[Any]", value)), None
        return value, None


class Client:
    """One login at one server, for use by one thread; `gate` cuts it off from any other.

    Every call raises a PluginError. `publish`, `edit`, `delete`, `repeat`, `unrepeat` and `favour` change what others
    see; when one of them has sent something and got no answer that says otherwise, that is an UncertainError. No call
    waits for a rate limit or tries again.
    """

    def __init__(self, base_url: str, token: str, host: str, clock: Clock, gate: Gate) -> None:
        """Prepare; nothing is sent yet."""
        self._host = host
        self._token = token
        self._clock = clock
        self._gate = gate
        self._session = Session(base_url, gate)
        self._base_url = base_url
        self._api = _Plain(
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
                media_ids=list(draft.media_ids) or None,
                # Its own default, False, would overrule that the account marks all its media as sensitive.
                sensitive=cast("bool", draft.sensitive),
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

    def edit(self, identifier: str, body: Json) -> object:
        """Change a status to what `body` says, and return the answer, whatever it is.

        Sent as it is: the SDK's `status_update` has no language, and raises TypeError where it is given both media ids
        and their descriptions.
        """
        return self._ask(
            lambda api: _raw(api, "PUT", f"/api/v1/statuses/{identifier}", body, use_json=True), writes=True
        )

    def upload(self, media: Media) -> tuple[str, bool]:
        """Upload a picture or recording; return its id, and whether the server has processed it already.

        Sent as it is, by the newer address and else the older one: the SDK's `media_post` asks the server for its
        version twice, and takes the older address for all that don't count theirs as Mastodon does. Always bytes,
        which can be sent again; of an open file nothing is left after a 429.
        """
        name = f"attachment{guess_extension(kind_of(media)) or ''}"
        sent = {"file": (name, media.data, media.type)}
        params = {"description": media.alt} if media.alt else {}
        answer = self._feature(lambda api: _raw(api, "POST", "/api/v2/media", params, files=sent))
        if answer is None:
            answer = json_object(self._ask(lambda api: _raw(api, "POST", "/api/v1/media", params, files=sent)))
        if not answer.get("id"):
            raise UnavailableError(f"{self._host} took an attachment, but its answer can't be read.")
        return str(answer["id"]), self._status not in _PROCESSING

    def is_processed(self, identifier: str) -> bool | None:
        """Tell whether something that was uploaded is ready; None where the server doesn't have it (any more)."""
        try:
            self._ask(lambda api: api.media(identifier))
        except RefusedError:
            if self._status in _GONE:
                return None
            raise
        return self._status not in _PROCESSING

    def repeat(self, identifier: str) -> object:
        """Boost a status and return the answer, whatever it is."""
        return self._ask(lambda api: api.status_reblog(identifier), writes=True)

    def unrepeat(self, identifier: str) -> None:
        """Take the boost of a status back; of one that isn't there (any more) there is none."""
        try:
            self._ask(lambda api: api.status_unreblog(identifier), writes=True)
        except RefusedError:
            if self._status not in _GONE:
                raise

    def favour(self, identifier: str) -> None:
        """Mark a status as a favourite."""
        self._ask(lambda api: api.status_favourite(identifier), writes=True)

    def status(self, identifier: str) -> Json | None:
        """Return a status; None where the server doesn't show it (any more)."""
        return self._shown(lambda api: api.status(identifier))

    def exists(self, identifier: str) -> bool:
        """Tell whether the server shows a status."""
        return self.status(identifier) is not None

    def context(self, identifier: str) -> Json | None:
        """Return what a status answers and what answers it; None where the server doesn't show it."""
        return self._shown(lambda api: api.status_context(identifier))

    def account(self, identifier: str) -> Json | None:
        """Return an account by its id; None where there is none."""
        return self._shown(lambda api: api.account(identifier))

    def lookup(self, acct: str) -> Json | None:
        """Return an account by its name there, one that the server must first ask for, too; None where there is none.

        `acct` has no domain where it is the server's own.
        """
        if met := self._feature(lambda api: api.account_lookup(acct)):
            return met
        found = self._list(lambda api: api.account_search(acct, limit=5, resolve=True))
        return next((one for one in found if str(one.get("acct")).casefold() == acct.casefold()), None)

    def original(self, identifier: str) -> Json:
        """Return an own status as it was written; nothing where the server doesn't keep that."""
        return self._feature(lambda api: api.status_source(identifier)) or {}

    def source(self, identifier: str) -> str | None:
        """Return the text of an own status as it was written; None where the server doesn't keep it."""
        text = self.original(identifier).get("text")
        return text if isinstance(text, str) else None

    def mentions(self, *, min_id: str | None = None, max_id: str | None = None) -> list[Json]:
        """Return a page of mentions, of all visibilities: the newest before `max_id`, or the oldest after `min_id`.

        Those of people whom the account's notification policy filters (Mastodon 4.3) are among them.
        """
        query = {"types[]": "mention", "include_filtered": "true", "min_id": min_id, "max_id": max_id}
        return self._list(lambda _: self._read("/api/v1/notifications", query))

    def tagged(self, tag: str, *, min_id: str | None = None, max_id: str | None = None) -> list[Json]:
        """Return a page of the public statuses with a hashtag, which comes without its `#`."""
        query = {"min_id": min_id, "max_id": max_id}
        return self._list(lambda _: self._read(f"/api/v1/timelines/tag/{quote(tag, safe='')}", query))

    def containing(self, words: str, *, min_id: str | None = None, max_id: str | None = None) -> list[Json]:
        """Return a page of the statuses that the server's search finds.

        Raises RefusedError where there is no search; where it searches no texts, many servers just find nothing.
        """
        query = {"q": words, "type": "statuses", "resolve": "false", "min_id": min_id, "max_id": max_id}
        answer = self._feature(lambda _: self._read("/api/v2/search", query))
        if answer is None:
            raise RefusedError(f"{self._host} doesn't search the text of posts: track a #hashtag there instead.")
        found = answer.get("statuses")
        if not isinstance(found, list):
            raise UnavailableError(f"{self._host} gave something else for a list.")
        return [cast("Json", status) for status in cast("list[object]", found) if isinstance(status, dict)]

    def follow(self, url: str, opened: Callable[[], None], heard: Callable[[bytes], None]) -> None:
        """Hand on what the stream at `url` says, as it comes, until it ends; `opened` is called once it is there.

        Raises a PluginError: RefusedError and UnauthorizedError where there is no such stream.
        """
        self._ask(lambda _: self._follow(url, opened, heard))

    def statuses(self, account: str, *, max_id: str | None = None, boosts: bool = False) -> list[Json]:
        """Return a page of an account's own statuses, newest first, without what it has boosted unless asked for."""
        return self._list(
            lambda api: api.account_statuses(account, exclude_reblogs=not boosts, limit=PAGE, max_id=max_id)
        )

    @property
    def _status(self) -> int | None:
        return self.answer.status if self.answer else None

    def _shown(self, call: Callable[[Mastodon], Any]) -> Json | None:
        """Ask for one thing; None where the server says that it has none such."""
        try:
            return json_object(self._ask(call))
        except RefusedError:
            if self._status in _GONE:
                return None
            raise

    def _feature(self, call: Callable[[Mastodon], Any]) -> Json | None:
        """Ask for what not every server has; None where this one hasn't, by a 501 too."""
        try:
            return json_object(self._ask(call))
        except (RefusedError, UnavailableError):
            if self._status in _ABSENT:
                return None
            raise

    def _list(self, call: Callable[[Mastodon], Any]) -> list[Json]:
        """Ask for a list of objects; what is no list must not pass for an empty one."""
        entries = cast("list[object]", self._ask(call))
        if self.answer is None or not self.answer.is_list:
            raise UnavailableError(f"{self._host} gave something else for a list.")
        return [cast("Json", entry) for entry in entries if isinstance(entry, dict)]

    def _read(self, path: str, query: Mapping[str, str | None]) -> object:
        """Return the answer's JSON as it is: to cast it to its own types costs the SDK 9 ms for each notification."""
        response = self._get(self._base_url + path, params={"limit": str(PAGE), **query}, timeout=_TIMEOUTS)
        _check(response)
        return response.json()

    def _follow(self, url: str, opened: Callable[[], None], heard: Callable[[bytes], None]) -> None:
        wanted = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
        timeouts = (_TIMEOUTS[0], _SILENCE)
        with self._get(url, headers=wanted, timeout=timeouts, stream=True) as response:
            if response.ok and not response.headers.get("Content-Type", "").startswith("text/event-stream"):
                raise RefusedError(f"{self._host} has no stream of events there.")
            _check(response)
            opened()
            while chunk := response.raw.read1(_CHUNK):
                heard(chunk)

    def _get(self, url: str, *, headers: Mapping[str, str] | None = None, **how: Any) -> requests.Response:
        own = {"Authorization": f"Bearer {self._token}", "User-Agent": _AGENT}
        try:
            return self._session.get(url, headers={**own, **(headers or {})}, **how)
        except Exception as error:
            raise MastodonNetworkError("no answer") from error  # as the SDK does

    def _ask(self, call: Callable[[Mastodon], T], *, writes: bool = False) -> T:
        try:
            return call(self._api)
        except PluginError:
            raise
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


def _raw(api: Mastodon, method: str, path: str, params: Mapping[str, Any], **how: Any) -> Json:
    """Send a request that the SDK has no working call for, by the method under all its calls."""
    request = cast("Callable[..., Any]", getattr(api, _REQUEST))
    return json_object(request(method, path, dict(params), **how))


def _check(response: requests.Response) -> None:
    """Raise what the SDK would for an answer that is no success."""
    if response.ok:
        return
    try:
        said = json_object(response.json()).get("error")
    except ValueError:
        said = None
    raise MastodonAPIError("no success", response.status_code, response.reason, said)
