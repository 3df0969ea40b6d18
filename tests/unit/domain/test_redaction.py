from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from bridge.domain.redaction import HIDDEN, Redactor


def test_without_secrets_nothing_changes() -> None:
    assert Redactor().text("hunter2") == "hunter2"
    assert Redactor([""]).text("hunter2") == "hunter2"


@pytest.mark.parametrize(
    "spelling",
    [
        'p"ä&ss <w/rd\\1',
        quote('p"ä&ss <w/rd\\1', safe=""),
        json.dumps('p"ä&ss <w/rd\\1')[1:-1],
        repr('p"ä&ss <w/rd\\1')[1:-1],
        "p&quot;ä&amp;ss &lt;w/rd\\1",
    ],
)
def test_every_spelling_is_hidden(spelling: str) -> None:
    assert Redactor(['p"ä&ss <w/rd\\1']).text(f"before {spelling} after") == f"before {HIDDEN} after"


def test_a_long_secret_is_hidden_inside_words_a_short_one_alone() -> None:
    redactor = Redactor(["longsecret", "status"])
    assert redactor.text("xlongsecrety") == f"x{HIDDEN}y"
    assert redactor.text("statusbridge said status") == f"statusbridge said {HIDDEN}"


def test_added_later_and_overlapping() -> None:
    redactor = Redactor(["secret-one"])
    redactor.add(["secret-one-and-two"])
    assert redactor.text("secret-one-and-two secret-one") == f"{HIDDEN} {HIDDEN}"
