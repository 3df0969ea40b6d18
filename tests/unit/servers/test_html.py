from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.servers.html import markup, plain


def test_breaks_paragraphs_and_entities() -> None:
    assert markup("a <b>\nc\n\nd") == "<p>a &lt;b&gt;<br />c</p><p>d</p>"
    assert plain('<p>a <a href="https://example.org/x">example</a><br>b</p><p>&amp;</p>') == "a example\nb\n\n&"


@given(st.text(alphabet=st.characters(exclude_categories=["C", "Zl", "Zp"])).map(str.strip))
def test_what_is_marked_up_reads_the_same(text: str) -> None:
    assert plain(markup(text)) == text
