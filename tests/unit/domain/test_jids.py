from __future__ import annotations

import pytest

from bridge.domain.jids import bare_jid


@pytest.mark.parametrize(
    ("text", "jid"),
    [
        ("ana@example.org", "ana@example.org"),
        ("Ana@Example.ORG", "ana@example.org"),
        (" ana@example.org ", "ana@example.org"),
        ("ana@example.org.", "ana@example.org"),
        ("straße@example.org", "strasse@example.org"),
        ("kim+ops@xn--bcher-kva.example", "kim+ops@xn--bcher-kva.example"),
    ],
)
def test_one_spelling(text: str, jid: str) -> None:
    assert bare_jid(text) == jid
    assert bare_jid(jid) == jid


@pytest.mark.parametrize(
    "text",
    ["", "ana", "@example.org", "ana@", "ana@b@c", "a na@example.org", "a\x00@example.org", "ana@exa mple.org", "a@.b"],
)
def test_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be an XMPP address"):
        bare_jid(text)


def test_a_resource_is_named_as_the_mistake() -> None:
    with pytest.raises(ValueError, match="leave out the slash"):
        bare_jid("ana@example.org/phone")


def test_too_long() -> None:
    with pytest.raises(ValueError, match="too long"):
        bare_jid("a" * 1024 + "@example.org")
