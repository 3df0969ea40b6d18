"""What `[accounts.NAME]` may say for an account on X."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from ipaddress import ip_address
from typing import Final, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from bridge.plugin import Duration

SECRETS: Final = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")
"""The keys of a login, all of which are needed."""


class XSettings(BaseModel):
    """The keys of one account; the four of its login may be missing, and the account then waits for them.

    Budgets are in US dollars, by the prices that `plugins.x.prices` has; without one there is no cap.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    consumer_key: SecretStr | None = Field(
        default=None,
        description="The API key of the app, from X's developer console.",
        examples=["change-me"],
    )
    consumer_secret: SecretStr | None = Field(
        default=None, description="The API key secret of the app.", examples=["change-me"]
    )
    access_token: SecretStr | None = Field(
        default=None,
        description="The account's access token; the app must have the right to read and write when it is made.",
        examples=["change-me"],
    )
    access_token_secret: SecretStr | None = Field(
        default=None, description="The secret of the access token.", examples=["change-me"]
    )
    base_url: str = Field(default="https://api.x.com", description="Where X's API is, without the version.")
    poll_interval: Duration | None = Field(
        default=None,
        ge=timedelta(seconds=15),
        le=timedelta(days=1),
        description="How often to look for mentions; without it, often after something happened, and seldom else.",
        examples=["2m"],
    )
    daily_budget: Decimal | None = Field(
        default=None, ge=0, description="The most that a day (UTC) may cost, in US dollars.", examples=["1.50"]
    )
    monthly_budget: Decimal | None = Field(
        default=None, ge=0, description="The most that a month (UTC) may cost, in US dollars.", examples=["25"]
    )
    premium: bool = Field(
        default=False, description="Whether the account has Premium: long posts, and edits within the hour."
    )
    direct_messages: bool = Field(
        default=False, description="Whether to read direct messages, too; the app needs the right to."
    )
    media_time: Duration = Field(
        default=timedelta(seconds=14),
        ge=timedelta(seconds=1),
        le=timedelta(minutes=10),
        description="How long the pictures of a post may take to be uploaded; at least 15 s less than the deadline.",
    )
    allow_http: bool = Field(
        default=False, description="Allow a base_url with http:, beyond this machine; for tests behind a proxy only."
    )

    @field_validator("base_url")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value.strip())
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError('must be an address as "https://api.x.com"')
        if parts.username is not None or parts.query or parts.fragment or parts.path.strip("/"):
            raise ValueError("must be nothing but the server's address, without a user, path, ? or #")
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
            raise ValueError("base_url begins with http:, which nobody encrypts: use https:, or set allow_http")
        return self

    @property
    def missing(self) -> tuple[str, ...]:
        """Which keys of the login are absent or empty."""
        return tuple(name for name in SECRETS if not self.secret(name))

    def secret(self, name: str) -> str:
        """Return one of `SECRETS` in the clear, or an empty text."""
        value: SecretStr | None = getattr(self, name)
        return value.get_secret_value().strip() if value else ""


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
