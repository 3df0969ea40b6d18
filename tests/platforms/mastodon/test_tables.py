"""The plugin's pure parts, case by case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bridge.plugin import Cursor, Item, RefusedError, Visibility
from plugins.mastodon import find, translate
from plugins.mastodon.failures import Attempt, failure, retry_after
from plugins.mastodon.place import Place
from plugins.mastodon.settings import MastodonSettings
from plugins.mastodon.translate import Me
from plugins.mastodon.transport import Answer

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SHOP = Me(id="1", name="shop", domain="m.example", privacy=None)
PLACE = Place(start="0", at="42")


@pytest.mark.parametrize(
    ("instance", "expected"),
    [
        ({"version": "4.4.1", "source_url": "https://github.com/mastodon/mastodon"}, True),
        ({"version": "4.5.0-beta.1", "source_url": "https://github.com/mastodon/mastodon/"}, True),
        ({"version": "4.4.0-alpha.2+glitch", "source_url": "https://github.com/glitch-soc/mastodon"}, True),
        ({"version": "4.2.10+hometown-1.1.1", "source_url": "https://github.com/hometown-fork/hometown"}, True),
        ({"version": "3.5.19"}, True),
        ({}, False),
        ({"version": None}, False),
        ({"version": "2.7.2 (compatible; Pleroma 2.6.3)"}, False),
        ({"version": "4.2.1 (compatible; Sharkey 2024.9.1)"}, False),
        ({"version": "2.7.2 (not true; really snac/2.80)"}, False),
        ({"version": "0.18.0+git-abc", "source_url": "https://codeberg.org/superseriousbusiness/gotosocial"}, False),
        ({"version": "0.6.6", "source_url": "https://github.com/fedify-dev/hollo"}, False),
        ({"version": "4.0.2", "source_url": "https://github.com/example/wildebeest"}, False),
        ({"version": "4.4"}, False),
    ],
)
def test_who_remembers_keys(instance: dict[str, Any], expected: bool) -> None:
    server = translate.server(instance, "m.example")
    assert server.is_mastodon is expected
    assert server.limits.key_lifetime == timedelta(minutes=50 if expected else 0)


@pytest.mark.parametrize(
    ("instance", "domain", "characters"),
    [
        ({}, "m.example", 500),
        ({"domain": "d.example", "configuration": {"statuses": {"max_characters": 7000}}}, "d.example", 7000),
        ({"uri": "https://u.example/", "max_toot_chars": 100_000}, "u.example", 100_000),
        ({"uri": "u.example", "configuration": None}, "u.example", 500),
        ({"configuration": {"statuses": {"max_characters": "many"}}}, "m.example", 500),
        ({"configuration": {"statuses": {"max_characters": True}}}, "m.example", 500),
        ({"configuration": {"statuses": {"max_characters": -1}}, "max_toot_chars": 600}, "m.example", 600),
    ],
)
def test_what_a_server_tells(instance: dict[str, Any], domain: str, characters: int) -> None:
    server = translate.server(instance, "m.example")
    assert (server.domain, server.limits.text) == (domain, characters)


def test_keys_as_headers() -> None:
    assert translate.idempotency_key("0193-ab.c~_9") == "0193-ab.c~_9"
    for odd in ("", "a b", "ü", "a\r\nX-Evil: 1", "x" * 101):
        assert len(translate.idempotency_key(odd)) == 64
    assert translate.idempotency_key("a b") != translate.idempotency_key("a  b")


def test_positions() -> None:
    assert Place.read(PLACE.cursor) == PLACE
    assert PLACE.past("9").at == "42"
    assert PLACE.past("100").at == "100"
    for odd in ("", "7", "[]", "null", '{"at": "1"}', '{"start": "0", "at": "1", "recent": [7]}'):
        with pytest.raises(RefusedError):
            Place.read(Cursor(odd))


def notification(**changes: Any) -> dict[str, Any]:
    author = {
        "id": "2",
        "acct": "kim@far.example",
        "display_name": "Kim \u202e:star:",
        "url": "https://far.example/@kim",
    }
    status = {
        "id": "70",
        "uri": "https://far.example/s/1",
        "url": "https://far.example/@kim/1",
        "account": author,
        "content": '<p><span class="h-card"><a href="https://m.example/@shop" class="mention">@<span>shop</span></a>'
        "</span> is it <b>open</b>?<br>Really?</p>",
        "created_at": "2026-01-02T04:04:05.678+01:00",
        "visibility": "unlisted",
        "spoiler_text": "hours",
        "language": "en",
        "in_reply_to_id": "69",
        "media_attachments": [
            {"description": "a shut door", "url": "https://far.example/1.png"},
            {"description": None, "url": None, "remote_url": "https://far.example/2.png"},
            {},
            "nonsense",
        ],
    }
    return {"id": "42", "type": "mention", "account": author, "status": status | changes}


def read(entry: dict[str, Any]) -> Item:
    item = translate.item(entry, SHOP, PLACE)
    assert item is not None
    return item


def test_an_item_as_a_whole() -> None:
    item = read(notification())
    assert (item.id, item.text, item.warning) == ("70", "is it open?\nReally?", "hours")
    assert (item.author.id, item.author.handle, item.author.name) == ("2", "kim@far.example", "Kim :star:")
    assert item.author.url == "https://far.example/@kim"
    assert item.answer_prefix == "@kim@far.example"
    assert item.created_at == NOW.replace(microsecond=678_000)
    assert item.created_at.tzinfo is UTC
    assert (item.uri, item.url) == ("https://far.example/s/1", "https://far.example/@kim/1")
    assert (item.in_reply_to, item.language, item.cursor) == ("69", "en", PLACE.cursor)
    assert item.media == ("a shut door https://far.example/1.png", "https://far.example/2.png")
    assert (item.visibility, item.memo, item.raw) == (Visibility.UNLISTED, {"visibility": "unlisted"}, None)


def test_an_empty_body_with_a_picture_is_an_item() -> None:
    item = read(notification(content=""))
    assert (item.text, len(item.media), item.raw) == ("", 2, None)


def test_a_kind_of_visibility_that_nobody_knows_counts_as_private() -> None:
    assert read(notification(visibility="mutuals_only")).private


@pytest.mark.parametrize(
    "changes",
    [
        {"created_at": None},
        {"created_at": "yesterday"},
        {"account": {"id": "2"}},
        {"account": {"id": None, "acct": "kim@far.example"}},
        {"account": {"id": "2", "acct": None}},
        {"account": "kim"},
        {"id": None},
        {"content": None},
    ],
)
def test_trap_an_item_that_cannot_be_read_is_kept_raw_with_its_link(changes: dict[str, Any]) -> None:
    item = read(notification(**changes))
    assert item.text == ""
    assert item.private
    assert item.url == "https://far.example/@kim/1"
    assert (item.author.id, item.author.handle) == ("2", "kim@far.example")
    assert item.id == ("notification-42" if "id" in changes else "70")
    assert item.raw is not None
    assert "far.example" in item.raw
    assert item.cursor == PLACE.cursor


def test_an_author_who_is_told_beside_the_status_alone_is_its_author() -> None:
    item = read(notification(account={}))
    assert (item.author.id, item.author.handle, item.raw) == ("2", "kim@far.example", None)


def test_a_kind_of_visibility_that_is_none_counts_as_private() -> None:
    assert read(notification(visibility=[])).visibility is Visibility.DIRECT


def test_a_notification_without_a_status_is_kept_raw() -> None:
    item = read({"id": "42", "type": "mention"})
    assert (item.id, item.raw) == ("notification-42", '{"id": "42", "type": "mention"}')


@pytest.mark.parametrize("kind", ["favourite", "reblog", "follow", "poll", "update"])
def test_other_notifications_are_none(kind: str) -> None:
    assert translate.item(notification() | {"type": kind}, SHOP, PLACE) is None


def test_own_posts_are_none() -> None:
    assert translate.item(notification(account={"id": 1, "acct": "shop"}), SHOP, PLACE) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(sorted(notification()["status"])), json_values)
def test_nothing_that_a_server_says_raises(name: str, value: object) -> None:
    translate.item(notification(**{name: value}), SHOP, PLACE)
    translate.item(notification() | {"account": value, "status": value}, SHOP, PLACE)
    translate.server({"configuration": value, "version": value, "domain": value, "source_url": value}, "m.example")


@given(st.text(), st.text())
def test_nothing_in_a_rate_limit_raises(wait: str, date: str) -> None:
    answer = Answer(status=429, headers={"retry-after": wait, "x-ratelimit-reset": wait, "date": date})
    asked = retry_after(answer, NOW)
    assert asked is None or timedelta(0) < asked <= timedelta(days=1)


def test_an_unknown_failure_of_a_write_is_uncertain_and_of_a_read_unavailable() -> None:
    for writes, name in ((True, "UncertainError"), (False, "UnavailableError")):
        for connected in (True, False):
            attempt = Attempt(host="m.example", writes=writes, connected=connected, answer=None, now=NOW)
            assert type(failure(OSError("x"), attempt)).__name__ == name


@pytest.mark.parametrize(
    ("ours", "shown"),
    [
        ("a  b\n\nc", "<p>a b</p><p>c</p>"),
        ("caf\u0065\u0301", "<p>café</p>"),
        (
            "ask @kim@far.example now",
            '<p>ask <a href="https://far.example/@kim" class="mention">@<span>kim</span></a> now</p>',
        ),
        (
            "see https://example.org/a/very/long/path?with=a&query=b#and",
            (
                '<p>see <a href="https://example.org/a/very/long/path?with=a&amp;query=b#and"><span class="invisible">'
                'https://</span><span class="ellipsis">example.org/a/very/long</span><span class="invisible">'
                "/path?with=a&amp;query=b#and</span></a></p>"
            ),
        ),
        (
            "#open &amp; <b>",
            '<p><a href="https://m.example/tags/open" class="hashtag">#<span>open</span></a> &amp;amp; &lt;b&gt;</p>',
        ),
        ("👩‍🚀 \u200b!", "<p>👩‍🚀 !</p>"),
    ],
)
def test_texts_that_are_the_same(ours: str, shown: str) -> None:
    assert find.canonical(ours) == find.canonical(translate.to_text(shown))


@pytest.mark.parametrize(("one", "other"), [("open at 10", "open at 11"), ("hello", "hello there")])
def test_texts_that_are_not_the_same(one: str, other: str) -> None:
    assert find.canonical(one) != find.canonical(other)


def test_similar_texts() -> None:
    assert find.alike("*very* nice, https://a.example", "very nice")
    assert find.alike("👍", "👍")
    assert not find.alike("We are closed today", "xyz")


def test_who_lists_what() -> None:
    assert find.lists_everything(Visibility.DIRECT, is_mastodon=True)
    assert find.lists_everything(Visibility.UNLISTED, is_mastodon=False)
    assert not find.lists_everything(Visibility.PRIVATE, is_mastodon=False)


def settings(**values: object) -> MastodonSettings:
    return MastodonSettings.model_validate({"base_url": "https://m.example"} | values)


@pytest.mark.parametrize(("written", "seconds"), [("20s", 20), (30, 30), ("1m", 60), ("45", 45)])
def test_settings_intervals(written: object, seconds: float) -> None:
    assert settings(poll_interval=written).poll_interval == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("given_url", "kept"),
    [
        ("https://m.example/", "https://m.example"),
        (" https://m.example:8443/sub/ ", "https://m.example:8443/sub"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_settings_addresses(given_url: str, kept: str) -> None:
    assert settings(base_url=given_url).base_url == kept


@pytest.mark.parametrize(
    "values",
    [
        {"base_url": "m.example"},
        {"base_url": "ftp://m.example"},
        {"base_url": "https://"},
        {"base_url": "https://user:secret@m.example"},
        {"base_url": "https://m.example?x=1"},
        {"base_url": "https://m.example:99999"},
        {"base_url": "http://m.example"},
        {"poll_interval": "0s"},
        {"poll_interval": "soon"},
        {"visibility": "everybody"},
        {"language": "not a language"},
        {"acess_token": "x"},
    ],
)
def test_settings_that_are_wrong(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(**values)
    assert "secret" not in str(caught.value)


def test_settings_defaults() -> None:
    plain = settings(access_token="abc")
    assert (plain.poll_interval, plain.visibility, plain.language) == (timedelta(seconds=20), None, None)
    assert "abc" not in repr(plain)
    assert settings(base_url="http://mastodon:3000", allow_http=True).host == "mastodon:3000"
