from __future__ import annotations

from collections import Counter

import pytest

from bridge.domain.text import clean_inbound, strip_leading_mentions, to_text
from tests.unit.domain.text.toots import Toot, toots

MENTION = (
    '<span class="h-card" translate="no"><a href="https://m.example/@kim" class="u-url mention">'
    "@<span>kim</span></a></span>"
)
TAG = '<a href="https://m.example/tags/down" class="mention hashtag" rel="tag">#<span>down</span></a>'
LINK = (
    '<a href="https://www.example.org/a/very/long/path" target="_blank" rel="nofollow noopener">'
    '<span class="invisible">https://www.</span><span class="ellipsis">example.org/a/very</span>'
    '<span class="invisible">/long/path</span></a>'
)
SHORT = '<a href="https://example.org/"><span class="invisible">https://</span><span class="">example.org/</span></a>'
QUOTE = '<p class="quote-inline">RE: <a href="https://m.example/1">https://m.example/1</a></p>'

SHAPES = {
    "plain": ("hello", "hello"),
    "empty": ("", ""),
    "paragraphs": ("<p>one</p><p>two</p>", "one\n\ntwo"),
    "break": ("<p>one<br>two<br />three<br/>four</p>", "one\ntwo\nthree\nfour"),
    "breaks": ("one<br><br><br><br>two", "one\n\ntwo"),
    "mention": (f"<p>{MENTION} hi</p>", "@kim hi"),
    "two mentions": (f"<p>{MENTION} {MENTION} hi</p>", "@kim @kim hi"),
    "hashtag": (f"<p>all {TAG}, sorry</p>", "all #down, sorry"),
    "cut link": (f"<p>see {LINK}.</p>", "see https://www.example.org/a/very/long/path."),
    "short link": (f"<p>{SHORT}</p>", "https://example.org/"),
    "bare link": ('<a href="https://example.org/x">example.org/x</a>', "https://example.org/x"),
    "link with words": ('<a href="https://example.org/x">our  page</a>', "our page (https://example.org/x)"),
    "link with an ellipsis": ('<a href="https://example.org/long">example.org/lo…</a>', "https://example.org/long"),
    "link that lies": (
        '<a href="https://evil.example/">https://bank.example/</a>',
        "https://bank.example/ (https://evil.example/)",
    ),
    "link around a picture": ('<a href="https://example.org/x"><img src="y"></a>', "https://example.org/x"),
    "link over two lines": ('a <a href="https://example.org/x">b<br>c</a> d', "a b c (https://example.org/x) d"),
    "link that isn't closed": ('<p>a <a href="https://example.org/x">b<p>c', "a b (https://example.org/x)\n\nc"),
    "link in a link": (
        '<a href="https://a.example">a<a href="https://b.example">b</a>',
        "a (https://a.example)b (https://b.example)",
    ),
    "script as link": ('<a href="javascript:alert(1)">click</a>', "click"),
    "relative link": ('<a href="/x">click</a>', "click"),
    "address of a room": ('<a href="xmpp:ops@rooms.example.org?join">ops</a>', "ops (xmpp:ops@rooms.example.org?join)"),
    "entity in a link": ('<a href="https://example.org/?a=1&amp;b=2">x</a>', "x (https://example.org/?a=1&b=2)"),
    "quote": (f"{QUOTE}<p>yes</p>", "RE: https://m.example/1\n\nyes"),
    "quote of others": (
        'yes<span class="quote-inline"><br/><br/>RE: <a href="https://m.example/1">m.example/1</a></span>',
        "yes\n\nRE: https://m.example/1",
    ),
    "list": ("<p>a</p><ul><li>b</li><li>c</li></ul><p>d</p>", "a\n\n- b\n- c\n\nd"),
    "numbered list": ('<ol start="3"><li>b</li><li>c</li></ol>', "3. b\n4. c"),
    "odd numbers": ('<ol start="9999999999"><li>b</li></ol><ol start="x"><li>c</li></ol>', "1. b\n\n1. c"),
    "nested lists": ("<ul><li>a<ol><li>b</li><li>c</li></ol></li><li>d</li></ul>", "- a\n  1. b\n  2. c\n- d"),
    "entry with paragraphs": ("<ul><li><p>a</p><p>b</p></li></ul>", "- a\n\n  b"),
    "entry without a list": ("<li>a<li>b", "a\nb"),
    "blockquote": ("<blockquote><p>a</p><p>b<br>c</p></blockquote><p>d</p>", "> a\n>\n> b\n> c\n\nd"),
    "nested quotations": ("<blockquote>a<blockquote>b</blockquote>c</blockquote>", "> a\n>\n> > b\n>\n> c"),
    "pre": ("<pre><code>if x:\n    y &lt; 1\r\n\n\n\nz</code></pre>", "if x:\n    y < 1\n\nz"),
    "code": ("run <code>a  b</code> now", "run a b now"),
    "inline": ("<b> x </b> y<i>z</i> <del>w</del>", "x yz ~w~"),
    "struck out": ("<p>a <del>b<s>c</s></del> d <strike>e<p>f</p>", "a ~bc~ d ~e~\n\nf"),
    "reading without brackets": ("<ruby>a<rt>b</rt></ruby>c <ruby>d<rt>e</ruby>", "a(b)c d(e)"),
    "reading with brackets": ("<ruby>a<rp>[</rp><rt>b</rt><rp>]</rp></ruby>c", "a[b]c"),
    "sign before the link": (
        '@<a class="mention" href="https://m.example/kim">kim</a> #<a rel="tag" href="https://m.example/t">t</a>',
        "@kim #t",
    ),
    "words behind a mention's class": (
        '<a class="mention" href="https://m.example/kim">kim\'s page</a>',
        "kim's page (https://m.example/kim)",
    ),
    "loose list": ("<ol><li><p>a</p></li><li><p>b</p><p>c</p></li></ol>", "1. a\n2. b\n\n  c"),
    "white space": ("<p>a\n  b\t c&nbsp;d</p>\n<p>e</p>", "a b c\u00a0d\n\ne"),
    "entities": ("&lt;b&gt; &amp;amp; &quot;&#39;&eacute;&#x1F600; &bogus; &", "<b> &amp; \"'é\U0001f600 &bogus; &"),
    "huge reference": (f"a&#{'9' * 5000};b", "a\ufffdb"),
    "nul by reference": ("a&#0;&#27;&#8238;b", "a\ufffdb"),
    "nothing by reference": ("<b>&#1;</b>a", "a"),
    "custom emoji": ("<p>:blobcat: ok</p>", ":blobcat: ok"),
    "custom emoji as picture": ('a <img class="emoji" alt=":blob:" src="x"> b', "a :blob: b"),
    "picture": ('<img alt="a graph &amp; a cat"><img src="x">', "a graph & a cat"),
    "script and style": ("a<script>if (1<2) {alert('</p>')}</script>b<style>p{}</style>c", "abc"),
    "script that isn't closed": ("a<script>b<p>c", "a"),
    "svg": ("a<svg><title>t</title><text>b</text></svg>c", "ac"),
    "end tag of what is unseen": ("a</script>b</svg>c", "abc"),
    "comment": ("a<!-- <p>x</p> -->b<!-- c", "ab"),
    "declarations": ("<!DOCTYPE html><?xml version='1.0'?>a<![CDATA[b]]>c<![", "ac"),
    "table": ("<table><tr><th>a</th><td>b</td></tr><tr><td>c</td></tr></table>d", "a b\nc\n\nd"),
    "less than": ("1 < 2 and 2<3 <3 a<b", "1 < 2 and 2<3 <3 a<b"),
    "tag that isn't closed": ('a <b class="x', 'a <b class="x'),
    "quotes in tags": ("<p title='>' class=\"<\">a</p>", "a"),
    "upper case": ("<P>a<BR>b</P><P>c", "a\nb\n\nc"),
    "closed too often": ("</p></ul></blockquote></pre></a>a</b>", "a"),
    "closed break": ("a</br>b", "a\nb"),
    "headings": ("<h1>a</h1>b<hr>c<div>d</div>e", "a\n\nb\nc\nd\ne"),
    "direction": ("<p>\u202eevil</p>", "evil"),
}


ABOUT = {"links", "hashtags", "mentions", "emoji", "quotes", "lists", "code", "breaks", "rtl", "hostile", "broken"}
OWN = ["shop", "@Shop@social.example"]


@pytest.mark.parametrize(("html", "text"), SHAPES.values(), ids=SHAPES.keys())
def test_every_shape_reads_well(html: str, text: str) -> None:
    assert to_text(html) == text


@pytest.mark.parametrize("toot", toots(), ids=lambda toot: toot.name)
def test_every_toot_reads_well(toot: Toot) -> None:
    text = to_text(toot.html)
    assert text == toot.text
    assert clean_inbound(text) == text
    assert strip_leading_mentions(text, OWN) == toot.said


def test_the_corpus_is_whole() -> None:
    every = toots()
    covered = Counter(word for toot in every for word in toot.about)
    assert len({toot.name for toot in every}) == len({toot.html for toot in every}) == len(every) >= 60
    assert set(covered) == ABOUT
    assert {word: count for word, count in covered.items() if count < 4} == {}


def test_the_text_is_capped() -> None:
    assert to_text("<p>abcdef</p>", 4) == "abc…"
    assert to_text("<p>abcdef</p>", None) == "abcdef"


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("@shop hello", "hello"),
        ("@SHOP@social.example: hello", "hello"),
        ("  @shop,\n@shop hello", "hello"),
        ("@shop", ""),
        ("@kim @shop @tom hello @shop", "@kim @tom hello @shop"),
        ("@shopping hello", "@shopping hello"),
        ("@shop's page is down", "@shop's page is down"),
        ("@shop@elsewhere.example hello", "@shop@elsewhere.example hello"),
        ("@shop@social.example:3000 hello", "@shop@social.example:3000 hello"),
        ("hello @shop", "hello @shop"),
        ("@ shop", "@ shop"),
        ("", ""),
    ],
)
def test_own_mentions_at_the_beginning_go(text: str, rest: str) -> None:
    assert strip_leading_mentions(text, OWN) == rest
