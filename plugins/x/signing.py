"""OAuth 1 (RFC 5849, section 3): who asks, as a header of each request.

oauthlib's own client writes tokens and signatures to its log at DEBUG; its functions below that don't.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, Final, cast

from oauthlib.common import generate_nonce
from oauthlib.oauth1.rfc5849 import parameters, signature

from plugins.x.answers import Problem
from plugins.x.settings import SECRETS, XSettings

_METHOD: Final = "HMAC-SHA1"
_OAUTH: Final = cast("Any", signature)
"""The SDK's functions; what is known of their types is too narrow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """The four secrets of a login at X; nothing shows them but a signed header."""

    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    access_token: str = field(repr=False)
    access_token_secret: str = field(repr=False)

    @classmethod
    def of(cls, settings: XSettings) -> Login:
        """Take them from the settings; those that are missing are empty."""
        return cls(**{name: settings.secret(name) for name in SECRETS})

    def hidden(self, problem: Problem) -> Problem:
        """Return what X says of a problem without any of the secrets, should it repeat one."""
        detail = problem.detail
        for secret in filter(None, self._all):
            detail = detail.replace(secret, "...")
        return replace(problem, detail=detail)

    @property
    def plausible(self) -> bool:
        """Whether they hold nothing that no header may."""
        return all(secret.isascii() and secret.isprintable() and " " not in secret for secret in self._all)

    def sign(self, method: str, url: str, query: str, at: float) -> str:
        """Return the header Authorization for a request at a time (seconds since the epoch).

        `url` is without its `query`, which is encoded as it will be sent. A body that is JSON or multipart isn't part
        of what is signed.
        """
        own = [
            ("oauth_nonce", generate_nonce()),
            ("oauth_timestamp", str(int(at))),
            ("oauth_version", "1.0"),
            ("oauth_signature_method", _METHOD),
            ("oauth_consumer_key", self.consumer_key),
            ("oauth_token", self.access_token),
        ]
        asked = _OAUTH.collect_parameters(uri_query=query, exclude_oauth_signature=False)
        base = _OAUTH.signature_base_string(
            method, _OAUTH.base_string_uri(url), _OAUTH.normalize_parameters([*asked, *own])
        )
        secrets = SimpleNamespace(client_secret=self.consumer_secret, resource_owner_secret=self.access_token_secret)
        signed = _OAUTH.sign_hmac_sha1_with_client(base, secrets)
        headers: dict[str, str] = cast("Any", parameters).prepare_headers([*own, ("oauth_signature", signed)])
        return headers["Authorization"]

    @property
    def _all(self) -> tuple[str, ...]:
        return (self.consumer_key, self.consumer_secret, self.access_token, self.access_token_secret)
