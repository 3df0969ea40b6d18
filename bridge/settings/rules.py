"""The tables of rules for what may be published."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from bridge.domain.durations import Duration
from bridge.domain.policy import Hours, checked
from bridge.settings.kinds import GrantedRole, Names, Section, bounded
from bridge.settings.kinds import zone as zone_name

_LONGEST: Final = 64
_HOST_NAME = re.compile(r"[^\W_](?:[\w.-]{0,252}[^\W_])?")


def _hours(value: str) -> str:
    Hours.parse(value)
    return value


def _host_name(value: str) -> str:
    if _HOST_NAME.fullmatch(value) is None:
        raise ValueError('must be the name of a host, as "example.org", without a scheme, port or path')
    return value


def _rule_name(value: str) -> str:
    name = " ".join(value.split())
    if not name or len(name) > _LONGEST or not name.isprintable():
        raise ValueError(f"a pattern's name is 1 to {_LONGEST} printable characters")
    return name


HostName = Annotated[str, AfterValidator(_host_name)]
Patterns = dict[Annotated[str, AfterValidator(_rule_name)], Annotated[str, AfterValidator(checked)]]


class ApprovalSettings(Section):
    """What a second person has to agree to: all that is given must be so; nothing given is everything."""

    accounts: Names | None = Field(default=None, description="posts to any of these accounts")
    roles: tuple[GrantedRole, ...] | None = Field(default=None, description="posts that people of these roles wrote")
    hours: Annotated[str, AfterValidator(_hours)] | None = Field(default=None, description="posts in these hours")
    patterns: Patterns = Field(default_factory=dict[str, str], description="posts in which any of these is found")


class RuleSettings(Section):
    """Rules for what is written in one room, or goes to one account; they add to those of [policy]."""

    approval: tuple[ApprovalSettings, ...] = Field(
        default=(), description="what a second person has to approve: a list of tables; see docs/configuration.md"
    )
    forbidden: Patterns = Field(
        default_factory=dict[str, str], description="NAME = PATTERN: what has it is refused, and the name is told"
    )
    required: Patterns = Field(
        default_factory=dict[str, str], description="NAME = PATTERN: what doesn't have it is refused; not for answers"
    )
    links: tuple[HostName, ...] | None = Field(
        default=None,
        description="hosts that links may lead to, or below; others need a second person",
        examples=[("example.org",)],
    )
    mentions: int | None = Field(
        default=None, ge=0, description="more people than this are mentioned after a second word only", examples=[5]
    )
    quiet_hours: Annotated[str, AfterValidator(_hours)] | None = Field(
        default=None, description="posts wait for a second word then; answers don't", examples=["22:00-06:00"]
    )
    secrets: bool = Field(default=False, description="what looks like a secret waits for a second word")
    internal_hosts: tuple[HostName, ...] = Field(
        default=(), description="names of hosts, or of all below them, that count as secrets"
    )


class PolicySettings(RuleSettings):
    """What may be published without a second thought, or a second person."""

    secrets: bool = Field(default=True, description="what looks like a secret waits for a second word")
    approval_expires: Annotated[Duration, bounded(timedelta(minutes=1), timedelta(days=30), "between 1m and 30d")] = (
        Field(default=timedelta(hours=24), description="what nobody has approved by then is cancelled")
    )
    zone: Annotated[str, AfterValidator(zone_name)] | None = Field(
        default=None,
        description="the time zone of all hours here; default: that of [posting]",
        examples=["Europe/Berlin"],
    )
