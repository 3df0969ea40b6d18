"""Whether a request to the stub of X is signed as OAuth 1 asks, as oauthlib's server side judges it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from oauthlib.oauth1 import RequestValidator, SignatureOnlyEndpoint

if TYPE_CHECKING:
    from aiohttp import web

_FORM: Final = "application/x-www-form-urlencoded"
_FOREVER: Final = 10**10


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """The four secrets of one account, made up."""

    consumer_key: str = "consumerKeyOfTheShop"
    consumer_secret: str = "consumer-secret-of-the-shop"
    access_token: str = "1001-accessTokenOfTheShop"
    access_token_secret: str = "access-token-secret-of-the-shop"

    def settings(self) -> dict[str, str]:
        """Return them by the names that the plugin's settings have."""
        return {
            "consumer_key": self.consumer_key,
            "consumer_secret": self.consumer_secret,
            "access_token": self.access_token,
            "access_token_secret": self.access_token_secret,
        }


class Notary:
    """Tells whether requests are signed with a login, and never twice with the same nonce."""

    def __init__(self, login: Login) -> None:
        """Take the secrets."""
        self._endpoint = SignatureOnlyEndpoint(_Validator(login))

    def objection(self, request: web.Request, body: str) -> str | None:
        """Return what is wrong with the signature of a request, or None.

        The body belongs to what is signed where it is a form, and only there (RFC 5849, 3.4.1.3.1).
        """
        if "Authorization" not in request.headers:
            return "it isn't signed"
        url = f"{request.scheme}://{request.host}{request.raw_path}"
        signed = body if request.content_type == _FORM else ""
        headers = {"Authorization": request.headers["Authorization"]}
        if request.content_type == _FORM:
            headers["Content-Type"] = _FORM
        try:
            valid, _ = self._endpoint.validate_request(url, request.method, signed, headers)
        except ValueError as error:
            return f"its signature can't be checked: {error}"
        return None if valid else "its signature is wrong"


class _Validator(RequestValidator):
    """What oauthlib asks of a server: secrets, and which nonces were used."""

    def __init__(self, login: Login) -> None:
        super().__init__()
        self._login = login
        self._used: set[tuple[str, str]] = set()

    @property
    def enforce_ssl(self) -> bool:
        return False

    @property
    def timestamp_lifetime(self) -> int:
        """The stub's own clock judges the time: it may be years from the machine's."""
        return _FOREVER

    @property
    def client_key_length(self) -> tuple[int, int]:
        return (1, 200)

    @property
    def nonce_length(self) -> tuple[int, int]:
        return (8, 200)

    @property
    def dummy_client(self) -> str:
        return "nobody"

    def validate_client_key(self, client_key: str, request: Any) -> bool:
        return client_key == self._login.consumer_key

    def get_client_secret(self, client_key: str, request: Any) -> str:
        return self._login.consumer_secret

    def get_access_token_secret(self, client_key: str, token: str, request: Any) -> str:
        return self._login.access_token_secret if token == self._login.access_token else "of nobody"

    def validate_timestamp_and_nonce(  # noqa: PLR0917 # the signature is oauthlib's
        self,
        client_key: str,
        timestamp: str,
        nonce: str,
        request: Any,
        request_token: str | None = None,
        access_token: str | None = None,
    ) -> bool:
        if (timestamp, nonce) in self._used:
            return False
        self._used.add((timestamp, nonce))
        return True
