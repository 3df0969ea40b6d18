"""What `[accounts.NAME]` may say for an account on a server that speaks Mastodon's API."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address
from typing import Final, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from bridge.plugin import Duration, Visibility

_LANGUAGE: Final = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"


class MastodonSettings(BaseModel):
    """The keys of one account; only `base_url` and `access_token` are needed.

    `access_token` may be missing: the account then waits for one. `visibility` and `language` are for posts that
    don't say otherwise; without them the account's own defaults on the server count.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    base_url: str = Field(description="Where the server is.", examples=["https://mastodon.example"])
    access_token: SecretStr | None = Field(
        default=None,
        description="A token with the scopes read and write, from Preferences, Development on the server.",
        examples=["change-me"],
    )
    poll_interval: Duration = Field(
        default=timedelta(seconds=20),
        ge=timedelta(seconds=1),
        le=timedelta(days=1),
        description="How often to look for mentions.",
    )
    streaming: bool = Field(
        default=True,
        description="Whether to look at once, too, when the server's stream tells of something, where it has one.",
    )
    visibility: Visibility | None = Field(
        default=None,
        description="public, unlisted or private; without it, the account's default on the server.",
        examples=["unlisted"],
    )
    language: str | None = Field(
        default=None,
        pattern=_LANGUAGE,
        description="The language of posts; not sent unless set.",
        examples=["en"],
    )
    media_time: Duration = Field(
        default=timedelta(seconds=20),
        ge=timedelta(seconds=1),
        le=timedelta(minutes=10),
        description="How long the pictures of a post may take to be uploaded; less than the account's deadline.",
    )
    allow_http: bool = Field(
        default=False,
        description="Allow an address with http:, which sends the token unencrypted, beyond this machine.",
    )

    @field_validator("base_url")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value.strip())
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError('must be an address as "https://mastodon.example"')
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("must be nothing but the server's address, without a user, ? or #")
        try:
            port = parts.port
        except ValueError:
            raise ValueError("has a port that is no port") from None
        del port
        return value.strip().rstrip("/")

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        parts = urlsplit(self.base_url)
        if parts.scheme == "http" and not self.allow_http and not _is_loopback(parts.hostname or ""):
            raise ValueError(
                "base_url begins with http:, which sends the access token unencrypted: use https:, or set allow_http"
            )
        return self

    @property
    def host(self) -> str:
        """The server's host, with the port where one is named: how messages call it."""
        return urlsplit(self.base_url).netloc


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
