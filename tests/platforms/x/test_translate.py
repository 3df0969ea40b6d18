"""What X answers, as our values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.plugin import Author, Cursor, Visibility
from plugins.x import translate
from plugins.x.snowflakes import before, first_of, moment_of
from plugins.x.translate import Me

ME = Me(id="1001", username="shop")
KIM = Author(id="1002", handle="kim", name="Kim", url="https://x.com/kim")
ID = "2006924427391926272"
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def url(short: str, full: str, **more: Any) -> dict[str, Any]:
    return {"start": 0, "end": 1, "url": f"https://t.co/{short}", "expanded_url": full, **more}


def post(text: str, /, *urls: dict[str, Any], **more: Any) -> dict[str, Any]:
    entities = {"entities": {"urls": list(urls)}} if urls else {}
    return {"id": ID, "author_id": "1002", "text": text, "created_at": "2026-01-02T03:04:05.000Z", **entities, **more}


PHOTO = url("p", "https://x.com/kim/status/7/photo/1", media_key="3_7", display_url="pic.x.com/p")
TEXTS = {
    "plain": (post("hello"), "hello"),
    "own name": (post("@shop hello"), "hello"),
    "own name, written otherwise": (post("@Shop @raj hello"), "@raj hello"),
    "markup": (post("&lt;b&gt; &amp; &amp;amp;"), "<b> & &amp;"),
    "link": (
        post("see https://t.co/a.", url("a", "https://example.org/?a=1&copy=2")),
        "see https://example.org/?a=1&copy=2.",
    ),
    "link and markup": (post("https://t.co/a &amp; b", url("a", "https://example.org")), "https://example.org & b"),
    "two links": (
        post("https://t.co/ab https://t.co/a", url("a", "https://a.example.org"), url("ab", "https://b.example.org")),
        "https://b.example.org https://a.example.org",
    ),
    "unwound": (
        post("https://t.co/a", url("a", "https://short.example.org", unwound_url="https://long.example.org")),
        "https://long.example.org",
    ),
    "picture": (post("look https://t.co/p", PHOTO), "look"),
    "picture alone": (post("https://t.co/p", PHOTO), ""),
    "link without its own": (post("https://t.co/a", {"url": "https://t.co/a"}), "https://t.co/a"),
    "long, older": (post("lo…", note_tweet={"text": "long &amp; longer"}), "long & longer"),
    "long, newer": (
        post("lo…", note_post={"text": "see https://t.co/a", "entities": {"urls": [url("a", "https://example.org")]}}),
        "see https://example.org",
    ),
    "long with a picture": (post("lo… https://t.co/p", PHOTO, note_post={"text": "long https://t.co/p"}), "long"),
    "control": (post("a\u202eb\x00c"), "abc"),
}


@pytest.mark.parametrize(("answer", "text"), TEXTS.values(), ids=TEXTS)
def test_trap_a_text_is_what_was_written(answer: dict[str, Any], text: str) -> None:
    assert translate.item(translate.said(answer), KIM, ME, Cursor("c")).text == text


def test_an_item_has_all_that_x_tells() -> None:
    answer = post(
        "look https://t.co/p",
        PHOTO,
        lang="en",
        edit_history_post_ids=["7", ID],
        referenced_posts=[{"type": "quoted", "id": "5"}, {"type": "replied_to", "id": "6"}],
    )
    item = translate.item(translate.said(answer), KIM, ME, Cursor("c"))
    assert (item.id, item.in_reply_to, item.language) == ("7", "6", "en")
    assert item.url == f"https://x.com/kim/status/{ID}"
    assert item.media == ("https://x.com/kim/status/7/photo/1",)
    assert (item.created_at, item.cursor, item.author) == (AT, "c", KIM)
    assert item.visibility is Visibility.PUBLIC
    assert item.answer_prefix == ""


@pytest.mark.parametrize("word", ["tweet", "post"])
def test_both_vocabularies_are_read(word: str) -> None:
    answer = post(
        "hello",
        **{f"referenced_{word}s": [{"type": "retweeted", "id": "6"}], f"edit_history_{word}_ids": ["7", ID]},
    )
    said = translate.said(answer)
    assert (said.first, said.repeats) == ("7", True)


def test_trap_a_time_that_is_none_is_that_of_the_id() -> None:
    for created_at in (None, "yesterday", 7):
        assert translate.said(post("hello", created_at=created_at)).created_at == AT


@pytest.mark.parametrize(
    "answer",
    [{**post(""), "text": None}, {**post(""), "text": 7}, post("hello", id="x"), post("hello", author_id=None), {}],
    ids=["no text", "a number", "no id", "no author", "nothing"],
)
def test_what_can_not_be_read_is_said_to_be_so(answer: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no "):
        translate.said(answer)


def test_trap_what_can_not_be_read_comes_with_its_source() -> None:
    item = translate.unreadable({**post(""), "text": None}, KIM, Cursor("c"), Visibility.PUBLIC)
    assert item.raw is not None
    assert '"text": null' in item.raw
    assert (item.url, item.created_at) == (f"https://x.com/kim/status/{ID}", AT)


def test_odd_answers_are_read_as_far_as_they_go() -> None:
    answer: dict[str, Any] = {"data": [1, {"id": "7"}, None], "includes": [], "meta": "no"}
    assert translate.listed(answer) == [{"id": "7"}]
    assert translate.listed({"data": {}}) == []
    assert translate.included(answer, "users") == []
    assert translate.next_page(answer) is None
    assert translate.author({"id": "1", "username": ""}) is None
    odd = post("hello", entities={"urls": [7, {"url": 7}]}, referenced_posts={"type": "x"}, edit_history_post_ids="7")
    assert translate.said(odd).text == "hello"


def test_ids_and_times_belong_together() -> None:
    assert first_of(AT) == ID
    assert moment_of(ID) == AT
    assert before(ID) == str(int(ID) - 1)
    assert (first_of(datetime(2000, 1, 1, tzinfo=UTC)), before("0")) == ("0", "0")
    with pytest.raises(ValueError, match="no id"):
        moment_of("9" * 40)
