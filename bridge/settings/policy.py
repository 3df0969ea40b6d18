"""The rules of the configuration as the values that decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.domain.people import Place, Role
from bridge.domain.policy import Approval, Hours, Rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.domain.people import Target
    from bridge.settings.root import Settings
    from bridge.settings.rules import ApprovalSettings, RuleSettings


def rules_for(settings: Settings, source: Target, accounts: Iterable[str]) -> tuple[Rules, ...]:
    """Return the rules for what is written in a conversation and goes to some accounts."""
    zone = settings.policy.zone or settings.posting.zone
    found = [_rules(settings.policy, zone)]
    room = settings.room(source.jid) if source.place is Place.ROOM else None
    if room is not None:
        found.append(_rules(room.policy, zone))
    for name in accounts:
        account = settings.accounts.get(name)
        if account is not None:
            found.append(_rules(account.policy, zone, account=name))
    return tuple(found)


def doubts(settings: Settings) -> Iterator[str]:
    """Yield what is allowed in the rules and yet probably not meant, one sentence each."""
    tables = [settings.policy, *(room.policy for room in settings.rooms)]
    tables += [account.policy for account in settings.accounts.values()]
    if not any(table.approval or table.links is not None for table in tables):
        return
    approvers = [jid for jid in settings.people if settings.granted(jid) >= Role.APPROVER]
    if len(approvers) < 2 and all(room.member_role < Role.APPROVER for room in settings.rooms):  # noqa: PLR2004
        yield (
            "[policy] asks for a second person, and [people] names fewer than two approvers: what an approver writes "
            "can be approved by nobody"
        )


def _rules(table: RuleSettings, zone: str, *, account: str | None = None) -> Rules:
    return Rules(
        approval=tuple(_approval(one, zone, account) for one in table.approval),
        forbidden=table.forbidden,
        required=table.required,
        links=table.links,
        mentions=table.mentions,
        secrets=table.secrets,
        internal_hosts=table.internal_hosts,
        quiet=None if table.quiet_hours is None else Hours.parse(table.quiet_hours, zone),
    )


def _approval(one: ApprovalSettings, zone: str, account: str | None) -> Approval:
    return Approval(
        accounts=(account,) if account is not None and one.accounts is None else one.accounts,
        roles=one.roles,
        hours=None if one.hours is None else Hours.parse(one.hours, zone),
        patterns=one.patterns,
    )
