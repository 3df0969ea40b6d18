"""What the tables of the file, and their values, have in common."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from bridge.domain.people import Role
from bridge.domain.zones import find_zone


class Section(BaseModel):
    """What all tables of the file share."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False)


def _role(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return Role.parse(value.strip())
    except KeyError:
        raise ValueError("no such role; the roles are: none, staff, approver, admin") from None


def _granted(role: Role) -> Role:
    if role is Role.NONE:
        raise ValueError("must be staff, approver or admin; whoever has no role is left out")
    return role


def zone(value: str) -> str:
    """Return a zone's name as it is to be written; raises ValueError."""
    found = find_zone(value)
    if found is None:
        raise ValueError("there is no such time zone; zones are written as Europe/Berlin")
    return found.name


def bounded(least: timedelta, most: timedelta, words: str) -> AfterValidator:
    """Return what refuses a length of time that isn't between two others."""

    def check(value: timedelta) -> timedelta:
        if not least <= value <= most:
            raise ValueError(f"must be {words}")
        return value

    return AfterValidator(check)


RoleName = Annotated[Role, BeforeValidator(_role)]
GrantedRole = Annotated[Role, BeforeValidator(_role), AfterValidator(_granted)]
Names = tuple[str, ...]
