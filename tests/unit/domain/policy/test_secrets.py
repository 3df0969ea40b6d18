"""Nothing here is a secret; the texts are put together so that no scanner takes them for one."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.policy import DETECTORS, suspicions

LONG = "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4zAb7cDe0f"

SEEN = {
    "a private key": ["-----BEGIN " + "RSA PRIVATE KEY-----", "x -----BEGIN " + "PRIVATE KEY-----\nMII"],
    "an AWS access key": ["key " + "AKIA" + "ABCDEFGH23456789"],
    "a Google API key": ["AIza" + LONG[:35]],
    "an Azure storage key": ["AccountKey=" + LONG * 2 + "=="],
    "a GitHub token": ["ghp_" + LONG[:36], "github_pat_" + LONG + "_x"],
    "a GitLab token": ["glpat-" + LONG[:20]],
    "a Slack token": [
        "xoxb-" + "123456789012-" + LONG,
        "https://hooks.slack.com/services/" + "T00000000/B00000000/" + LONG[:24],
    ],
    "a Stripe key": ["sk_live_" + LONG[:24]],
    "a SendGrid key": ["SG." + LONG[:22] + "." + LONG + LONG[:3]],
    "a Twilio key": ["AC" + "0123456789abcdef" * 2],
    "an npm token": ["npm_" + LONG[:36]],
    "a token of a Python package index": ["pypi-" + "AgE" + LONG * 2],
    "a model provider's key": ["sk-" + "proj-" + LONG],
    "a Telegram bot's token": ["123456789:" + "AA" + LONG[:33]],
    "a Discord bot's token": ["M" + LONG[:23] + "." + LONG[:6] + "." + LONG[:27]],
    "a JSON web token": ["eyJ" + LONG + ".eyJ" + LONG + "." + LONG],
    "a password in a link": ["see https://ana:" + "hunter2@example.org/x", "postgresql://:" + "pw@db.example.org/x"],
    "a password or token": ["password: " + "hunter2!", "API_KEY=" + "abc123def", '"client_secret": ' + '"a1b2c3d4"'],
    "a private address": ["it is on 10.0.0.7", "ping 192.168.1.1.", "fe80::1", "see [fd00::12]", "172.31.255.255:8080"],
    "the name of an internal host": ["db1.corp is down", "https://wiki.intranet/x", "on localhost:80", "a.b.home.arpa"],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in SEEN.items() for text in texts])
def test_it_is_seen(name: str, text: str) -> None:
    assert name in suspicions(text)
    assert name in suspicions(f"Look: {text} (oops)")


def test_every_detector_has_a_text() -> None:
    assert [one.name for one in DETECTORS] == list(SEEN)


@pytest.mark.parametrize(
    "text",
    [
        "We are on it, details at https://status.example.org/incidents/4f?since=12:30",
        "Version 1.2.3.4 of the app is out. 8.8.8.8 and 203.0.113.7 answer again",
        "Write to help@example.org, or to @kim@mastodon.example",
        "Password reset works again. If you forgot your password: use the link below",
        "The maintenance is 10:00-12:30, tokens: all renewed",
        "Thanks, local heroes! The corp is fine, e.g. this one. private: no",
        "Ratio 10:20:30, at 12:30:45",
        "https://example.org/@kim:pictures",
        "sk-learn and npm_config, AKIA",
    ],
)
def test_what_people_write_is_not_suspected(text: str) -> None:
    assert list(suspicions(text)) == []


def test_own_internal_hosts_count_with_all_below_them() -> None:
    assert list(suspicions("look at wiki.ops.example.org", ["ops.example.org"])) == ["the name of an internal host"]
    assert list(suspicions("see https://OPS.example.org.", ["ops.example.org"])) == ["the name of an internal host"]
    assert list(suspicions("look at devops.example.org", ["ops.example.org"])) == []


@pytest.mark.parametrize(
    "piece", ["a", "eyJ", "://", "a:", "1.", ":", "a.", "AKIA", "password=", "x://a:", "@a.", "-----BEGIN ", " "]
)
def test_a_long_text_takes_no_time_to_speak_of(piece: str) -> None:
    began = time.perf_counter()
    list(suspicions(piece * (20_000 // len(piece))))
    assert time.perf_counter() - began < 2


@given(st.text(max_size=200))
def test_any_text_has_an_answer(text: str) -> None:
    assert set(suspicions(text, ["example.org"])) <= {one.name for one in DETECTORS}
