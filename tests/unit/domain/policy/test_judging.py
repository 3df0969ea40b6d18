from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.people import Role
from bridge.domain.policy import Approval, Decision, Hours, Rules, Subject, Verdict, judge

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
NIGHT = datetime(2026, 1, 2, 23, 30, tzinfo=UTC)
HOURS = Hours.parse("22:00-06:00")


def subject(text: str = "We are on it", **values: Any) -> Subject:
    given_: dict[str, Any] = {"accounts": ("mastodon", "x"), "roles": frozenset({Role.STAFF}), "at": NOON, **values}
    return Subject(text=text, **given_)


def verdict(rules: Rules, text: str = "We are on it", **values: Any) -> Decision:
    return judge([rules], subject(text, **values))


APPROVALS = [
    (Approval(), {}, "all posts need a second person"),
    (Approval(accounts=("x",)), {}, "posts to x need a second person"),
    (Approval(accounts=("y",)), {}, None),
    (Approval(roles=(Role.STAFF,)), {}, "posts by staff need a second person"),
    (Approval(roles=(Role.STAFF,)), {"roles": frozenset({Role.ADMIN})}, None),
    (
        Approval(roles=(Role.STAFF,)),
        {"roles": frozenset({Role.ADMIN, Role.STAFF})},
        "posts by staff need a second person",
    ),
    (Approval(roles=(Role.STAFF,)), {"roles": frozenset({Role.NONE})}, "posts by staff need a second person"),
    (Approval(hours=HOURS), {}, None),
    (Approval(hours=HOURS), {"at": NIGHT}, "posts between 22:00 and 06:00 UTC need a second person"),
    (Approval(patterns={"prices": "price"}), {}, None),
    (Approval(patterns={"prices": "price"}), {"text": "New Prices!"}, 'posts with "prices" need a second person'),
    (
        Approval(accounts=("x",), roles=(Role.STAFF, Role.APPROVER), hours=HOURS),
        {"at": NIGHT},
        "posts to x, by staff or approver, between 22:00 and 06:00 UTC, need a second person",
    ),
    (Approval(accounts=("x",), hours=HOURS), {}, None),
    (Approval(accounts=("x",)), {"answer": True}, "posts to x need a second person"),
]


@pytest.mark.parametrize(("rule", "values", "why"), APPROVALS)
def test_when_a_second_person_is_needed(rule: Approval, values: dict[str, Any], why: str | None) -> None:
    found = verdict(Rules(approval=(rule,)), **values)
    assert found.verdicts == (frozenset({Verdict.APPROVAL}) if why else frozenset())
    assert found.why(Verdict.APPROVAL) == (why or "")


@pytest.mark.parametrize(
    ("rules", "text", "said"),
    [
        (
            Rules(forbidden={"a customer's number": r"\bK-\d{6}\b"}),
            "K-123456 waits",
            (Verdict.REFUSE, 'it has "a customer\'s number" in it, which is never published: take it out'),
        ),
        (
            Rules(required={"the page": r"status\.example\.org"}),
            "We are on it",
            (Verdict.REFUSE, 'it lacks "the page", which every post needs: put it in'),
        ),
        (
            Rules(links=("example.org",)),
            "https://evil.example/x and www.other.example",
            (Verdict.APPROVAL, "it links to evil.example, www.other.example, beyond the hosts that we link to"),
        ),
        (Rules(mentions=1), "@kim and @tom@x.example", (Verdict.WORD, "it mentions 2 people, more than 1")),
        (
            Rules(secrets=True),
            "10.0.0.1 is localhost",
            (Verdict.WORD, "it seems to have a private address and the name of an internal host in it"),
        ),
    ],
)
def test_what_a_rule_says_of_a_text(rules: Rules, text: str, said: tuple[Verdict, str]) -> None:
    assert [(one.verdict, one.why) for one in verdict(rules, text).findings] == [said]
    assert not judge([Rules()], subject(text)).findings


@pytest.mark.parametrize(
    ("link", "host"),
    [
        ("https://example.org", None),
        ("https://www.example.org/a?b=https://evil.example", None),
        ("HTTPS://EXAMPLE.ORG./x", None),
        ("example.org/x", None),
        ("mail kim@evil.com", None),
        ("@kim@evil.com says e.g. this.Then that", None),
        ("https://example.org.evil.example", "example.org.evil.example"),
        ("https://notexample.org", "notexample.org"),
        ("https://example.org@evil.example/", "evil.example"),
        ("https://evil.example\\@example.org/", "evil.example"),
        ("ftp://evil.example", "evil.example"),
        ("evil.com/x", "evil.com"),
        ("https://b\u00fccher.example", "xn--bcher-kva.example"),
        ("https://\uff45vil.example", "evil.example"),
        ("https://[::1", "?"),
        ("https:///example.org", "?"),
    ],
)
def test_where_links_lead(link: str, host: str | None) -> None:
    found = verdict(Rules(links=("example.org",)), f"look: {link} ")
    expected = f"it links to {host}, beyond the hosts that we link to" if host else ""
    assert found.why(Verdict.APPROVAL) == expected


def test_an_empty_list_allows_no_link() -> None:
    assert verdict(Rules(links=()), "https://example.org").verdicts == {Verdict.APPROVAL}
    assert verdict(Rules(links=()), "no link").verdicts == set()


def test_quiet_hours_and_required_words_are_for_posts_alone() -> None:
    rules = Rules(quiet=HOURS, required={"page": "page"})
    assert verdict(rules, "page", at=NIGHT).why(Verdict.WORD) == "these are quiet hours, between 22:00 and 06:00 UTC"
    assert verdict(rules, "page").findings == ()
    assert verdict(rules, "no", at=NIGHT, answer=True).findings == ()


def test_what_takes_too_long_to_look_for_waits_for_somebody_else() -> None:
    text = "a" * 5_000 + "!"
    for rules in (
        Rules(forbidden={"much": "(a+)+$"}),
        Rules(required={"much": "(a+)+$"}),
        Rules(approval=(Approval(patterns={"much": "(a+)+$"}),)),
    ):
        found = verdict(rules, text)
        assert found.verdicts == {Verdict.APPROVAL}
        assert found.why(Verdict.APPROVAL) == (
            'it took too long to look for "much" in it, so somebody else has to look'
        )


@given(st.text(max_size=80), st.booleans(), st.sampled_from([NOON, NIGHT]))
def test_more_rules_only_add(text: str, answer: bool, at: datetime) -> None:
    one = Rules(links=("example.org",), mentions=0, secrets=True)
    two = Rules(forbidden={"a": "a"}, required={"b": "b"}, approval=(Approval(hours=HOURS),), quiet=HOURS)
    what = subject(text, answer=answer, at=at)
    both = judge([one, two], what)
    assert set(both.findings) == {*judge([one], what).findings, *judge([two], what).findings}
    assert judge([one, two, one], what) == both


@pytest.mark.parametrize(
    ("text", "zone", "inside", "outside"),
    [
        ("22:00-06:00", "UTC", ["22:00", "23:59", "00:00", "05:59"], ["06:00", "12:00", "21:59"]),
        ("9:00 - 17:30", "UTC", ["09:00", "17:29"], ["08:59", "17:30"]),
        ("00:00-24:00", "UTC", ["00:00", "12:00", "23:59"], []),
        ("18:00-24:00", "UTC", ["18:00", "23:59"], ["00:00", "17:59"]),
        ("22:00-06:00", "Europe/Berlin", ["21:00", "04:59"], ["05:00", "20:59"]),
    ],
)
def test_hours(text: str, zone: str, inside: list[str], outside: list[str]) -> None:
    hours = Hours.parse(text, zone)

    def at(clock: str) -> datetime:
        return datetime.fromisoformat(f"2026-01-02T{clock}:00+00:00")

    assert [clock for clock in inside + outside if hours.hold(at(clock))] == inside


@pytest.mark.parametrize("text", ["", "late", "22-06", "25:00-06:00", "22:00-24:30", "22:60-23:00", "06:00-06:00"])
def test_what_are_no_hours(text: str) -> None:
    with pytest.raises(ValueError, match="must be hours of the day"):
        Hours.parse(text)
