"""The decision about one text: whether it may go out, who has to agree before, and why, in words for its author."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from bridge.domain.people import Role
from bridge.domain.policy import hosts
from bridge.domain.policy.patterns import SlowError, found_in
from bridge.domain.policy.secrets import suspicions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from bridge.domain.policy.rules import Approval, Rules

_NAMED: Final = 5


class Verdict(IntEnum):
    """What becomes of a text, the gentlest first."""

    PASS = 0
    WORD = 1
    """It waits for a second word of its author."""
    APPROVAL = 2
    """It waits for somebody else who may approve it."""
    REFUSE = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule says: its name, and its reason as a part of a sentence about the post."""

    verdict: Verdict
    rule: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is judged. `roles` are those of all who wrote it, `at` is when it would go out.

    An `answer` is to one person who waits for it: it needs nothing that every post must have, and keeps no quiet hours.
    `besides` are other words that are published with the text, such as the descriptions of its pictures.
    """

    text: str
    accounts: tuple[str, ...]
    roles: frozenset[Role]
    at: datetime
    answer: bool = False
    besides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """All that the rules say of a text."""

    findings: tuple[Finding, ...] = ()

    @property
    def verdicts(self) -> frozenset[Verdict]:
        """What is to become of it; more than one where it waits for more than one thing."""
        return frozenset(one.verdict for one in self.findings)

    def why(self, verdict: Verdict) -> str:
        """Return the reasons for a verdict, as a part of a sentence."""
        return "; ".join(dict.fromkeys(one.why for one in self.findings if one.verdict is verdict))

    def rules(self) -> str:
        """Return the names of the rules that apply."""
        return ", ".join(dict.fromkeys(one.rule for one in self.findings))


NOTHING_FOUND: Final = Decision()


def judge(rules: Iterable[Rules], subject: Subject) -> Decision:
    """Return what some rules say of a text: each adds to the others, none takes away."""
    # What every post needs, and its hour, are the text's own affair.
    others = [replace(subject, text=words, answer=True, besides=()) for words in subject.besides]
    subjects = (subject, *others)
    found = [finding for one in rules for part in _PARTS for each in subjects for finding in part(one, each)]
    return Decision(tuple(dict.fromkeys(found))) if found else NOTHING_FOUND


def _forbidden(rules: Rules, subject: Subject) -> Iterator[Finding]:
    for name, is_there in _searched(rules.forbidden, subject.text):
        if is_there is None:
            yield _slow(f"forbidden {name}", name)
        elif is_there:
            why = f'it has "{name}" in it, which is never published: take it out'
            yield Finding(Verdict.REFUSE, f"forbidden {name}", why)


def _required(rules: Rules, subject: Subject) -> Iterator[Finding]:
    if subject.answer:
        return
    for name, is_there in _searched(rules.required, subject.text):
        if is_there is None:
            yield _slow(f"required {name}", name)
        elif not is_there:
            why = f'it lacks "{name}", which every post needs: put it in'
            yield Finding(Verdict.REFUSE, f"required {name}", why)


def _approval(rules: Rules, subject: Subject) -> Iterator[Finding]:
    for one in rules.approval:
        try:
            applies = _applies(one, subject)
        except SlowError:
            yield _slow("approval", " or ".join(one.patterns))
            continue
        if applies:
            yield Finding(Verdict.APPROVAL, f"approval: {one}", str(one))


def _applies(rule: Approval, subject: Subject) -> bool:
    if rule.accounts is not None and not set(rule.accounts) & set(subject.accounts):
        return False
    # Of whom nobody knows a role, nobody knows that they need nobody.
    if rule.roles is not None and not subject.roles & {*rule.roles, Role.NONE}:
        return False
    if rule.hours is not None and not rule.hours.hold(subject.at):
        return False
    return not rule.patterns or any(found_in(pattern, subject.text) for pattern in rule.patterns.values())


def _links(rules: Rules, subject: Subject) -> Iterator[Finding]:
    if rules.links is None:
        return
    others = [host for host in hosts.links(subject.text) if not hosts.below(host, rules.links)]
    if others:
        where = ", ".join(others[:_NAMED]) + (" and others" if len(others) > _NAMED else "")
        yield Finding(Verdict.APPROVAL, "links", f"it links to {where}, beyond the hosts that we link to")


def _mentions(rules: Rules, subject: Subject) -> Iterator[Finding]:
    many = hosts.mentions(subject.text) if rules.mentions is not None else 0
    if rules.mentions is not None and many > rules.mentions:
        yield Finding(Verdict.WORD, "mentions", f"it mentions {many} people, more than {rules.mentions}")


def _secrets(rules: Rules, subject: Subject) -> Iterator[Finding]:
    seen = list(suspicions(subject.text, rules.internal_hosts)) if rules.secrets else []
    if seen:
        yield Finding(Verdict.WORD, f"secrets: {', '.join(seen)}", f"it seems to have {' and '.join(seen)} in it")


def _quiet(rules: Rules, subject: Subject) -> Iterator[Finding]:
    if rules.quiet is not None and not subject.answer and rules.quiet.hold(subject.at):
        yield Finding(Verdict.WORD, "quiet hours", f"these are quiet hours, {rules.quiet}")


_PARTS: Final[tuple[Callable[[Rules, Subject], Iterator[Finding]], ...]] = (
    _forbidden,
    _required,
    _secrets,
    _approval,
    _links,
    _mentions,
    _quiet,
)


def _searched(patterns: Mapping[str, str], text: str) -> Iterator[tuple[str, bool | None]]:
    """Yield each pattern's name, and whether the text has it; None where that took too long to find out."""
    for name, pattern in patterns.items():
        try:
            yield name, found_in(pattern, text)
        except SlowError:
            yield name, None


def _slow(rule: str, name: str) -> Finding:
    why = f'it took too long to look for "{name}" in it, so somebody else has to look'
    return Finding(Verdict.APPROVAL, rule, why)
