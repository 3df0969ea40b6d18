"""Nothing is published but what is a status by the rules, or a complete `post`; and that comes out as it was typed.

The rules are written here a second time, from the description of the language and with none of the program's code.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text as sql

from bridge.commands.nearby import ORDINARY
from bridge.commands.verbs import VERBS
from bridge.settings import Mode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.commands.conftest import Bench

ROOM = "ops@rooms.example.org"
THOROUGH = settings(
    max_examples=int(os.environ.get("STATUSBRIDGE_TEST_EXAMPLES", "120")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
"""The bench is made once for all examples, on purpose: what one line leaves behind must not publish the next."""

# What was typed: verbs, near misses of them, what prefixes need, talk, and anything whatever.

NAMES = sorted({name for verb in VERBS for name in (verb.name, *verb.aliases)})
ACCOUNTS = ("mastodon", "x")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@st.composite
def slips(draw: st.DrawFn) -> str:
    """Draw a verb with one slip: a letter too many, too few or another, two that changed places."""
    name = draw(st.sampled_from([one for one in NAMES if len(one) > 2]))
    at = draw(st.integers(0, len(name) - 1))
    letter = draw(st.sampled_from(LETTERS))
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return name[:at] + letter + name[at:]
    if kind == 1:
        return name[:at] + name[at + 1 :]
    if kind == 2:
        return name[:at] + letter + name[at + 1 :]
    return name[:at] + name[at : at + 2][::-1] + name[at + 2 :]


WORDS = st.one_of(
    st.sampled_from(NAMES),
    slips(),
    st.sampled_from(
        ["4f", "[4f]", "#1", "1", "@kim", "x", "mastodon,x", "x,", "nobody", "Outage:", "private", "public"]
    ),
    st.sampled_from(
        ["30m", "22:00", "list", "the", "api", "We", "are", "on", "it", "I'm", "hello", "stop", "delete", "yes"]
    ),
    st.sampled_from(
        [
            "[1]",
            "[1->4]",
            "[2",
            "status:",
            "status,",
            "\\",
            "!",
            "!!",
            "//",
            "https://example.org/",
            "“quoted”",
            "🙂",
            "e\u0301",
            "ß",
        ]
    ),
    st.sampled_from(["\uff30\uff2f\uff33\uff34", "\u2800", "\u3164", "\ufeff", "\x7f"]),
    st.text(max_size=5),
)
CASES = st.sampled_from([str, str.upper, str.title])
GAPS = st.sampled_from([" ", " ", " ", "  ", "\n", "\u00a0", "\t", "\u2003", "\u200b"])
BEGINS = st.sampled_from(
    [
        "",
        "",
        "",
        "!",
        "!post ",
        "post ",
        "!to x post ",
        "status: post ",
        "\\",
        " ",
        "\n",
        "status: ",
        "status,",
        "STATUS: !",
        "! ",
        "\u200b",
        "\u202e",
    ]
)


@st.composite
def lines(draw: st.DrawFn) -> str:
    """Draw a line as tired people type it."""
    text = draw(BEGINS)
    for _ in range(draw(st.integers(0, 6))):
        text += draw(CASES)(draw(WORDS)) + draw(GAPS)
    return text


# The rules again.

TWINS = {
    **dict.fromkeys(range(0x2000, 0x200B), " "),
    **dict.fromkeys([0x9, 0xA0, 0x1680, 0x202F, 0x205F, 0x3000], " "),
    **dict.fromkeys([0x201C, 0x201D, 0x201E, 0x201F, 0x2033, 0x2036, 0xAB, 0xBB, 0xFF02], '"'),
    **dict.fromkeys([0x2018, 0x2019, 0x201A, 0x201B, 0x2032, 0x2035, 0x2BC, 0xFF07, 0xB4], "'"),
}
FILLERS = frozenset(
    {0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180F, 0x2800, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10)}
) | frozenset({*range(0x180B, 0x180F), 0x2065, *range(0xFFF0, 0xFFF9), *range(0xE0000, 0xE1000)})
POST = re.compile(
    r"""\s*(?:!\s*)?
        (?: to\s+(?:mastodon|x)(?:\s*,\s*(?:mastodon|x))*\s*,?\s+
          | cw\s+[^\s:][^\n]*?:\s+
          | visibility\s+(?:public|unlisted|private)\s+
          | preview\s+ )*
        post\s+(?P<text>\S.*)""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)


def as_published(text: str) -> str:
    """Return a text as the documentation says that it comes out: composed, and without controls and overrides."""
    text = re.sub("\r\n|[\r\x0b\x0c\x85\u2028\u2029]", "\n", text)
    kept = (one for one in text if one in "\n\t" or (unicodedata.category(one) not in {"Cc", "Cs"} and not steers(one)))
    return unicodedata.normalize("NFC", "".join(kept)).strip()


def steers(one: str) -> bool:
    number = ord(one)
    return (
        0x202A <= number <= 0x202E
        or 0x2066 <= number <= 0x206F
        or 0xFFF9 <= number <= 0xFFFB
        or number == 0xFEFF
        or 0xE0000 <= number <= 0xE007F
        or number & 0xFFFE == 0xFFFE
        or 0xFDD0 <= number <= 0xFDEF
    )


def is_seen(one: str) -> bool:
    return not one.isspace() and unicodedata.category(one) not in {"Cc", "Cf", "Cs"} and ord(one) not in FILLERS


def first_word(text: str) -> str:
    for word in text.translate(TWINS).split():
        if seen := "".join(filter(is_seen, word)):
            return seen.casefold()
    return ""


def may_publish(line: str, *, room: bool, mode: Mode, newest: int) -> str | None:
    """Return the text that a line may publish, None if nothing."""
    if room:
        spoken = re.match(r"!(?=\S)|status[:,](?=\s)\s*!?", line, re.IGNORECASE)
        if spoken is None:
            return None
        line = line[spoken.end() :]
    bare = line[next((at for at, one in enumerate(line) if is_seen(one)), len(line)) :]
    found = POST.fullmatch(readable(bare))
    if found is not None:
        return as_published(bare[found.start("text") :]) or None
    if room or mode is Mode.STRICT:
        return None
    if bare.startswith("\\"):
        return as_published(bare[1:])
    word = first_word(bare)
    if (id_ := re.match(r"\[#?([0-9a-f]{1,15})(?:->[0-9a-f]{1,15})?\]?[:,]?\Z", word)) and 0 < int(
        id_[1], 16
    ) <= newest:
        return None
    if bare.startswith("!") or word in NAMES or is_slip(word, few=len(readable(bare).split()) <= 2):
        return None
    return as_published(line)


def is_slip(word: str, *, few: bool) -> bool:
    """Return whether a word is one slip away from a verb, and no word that sentences begin with."""
    if len(word) < 3 or not word.isalpha() or (word in ORDINARY and not few):
        return False
    return any(len(name) >= 3 and one_slip(word, name) for name in NAMES)


def one_slip(word: str, name: str) -> bool:
    letters = set(name) | set(word)
    edits = {word[:at] + word[at + 1 :] for at in range(len(word))}
    edits |= {word[:at] + one + word[at:] for at in range(len(word) + 1) for one in letters}
    edits |= {word[:at] + one + word[at + 1 :] for at in range(len(word)) for one in letters}
    edits |= {word[:at] + word[at : at + 2][::-1] + word[at + 2 :] for at in range(len(word) - 1)}
    return name in edits


def readable(text: str) -> str:
    """Return a text with look-alikes as their twins, as long as it was."""
    return text.translate(TWINS)


# What is published.

PUBLISHED = sql(
    "SELECT post.id, post.text FROM post WHERE EXISTS (SELECT 1 FROM delivery WHERE delivery.post_id = post.id "
    "AND delivery.state NOT IN ('cancelled', 'dead') AND delivery.held NOT LIKE '%question%' "
    "AND delivery.held NOT LIKE '%preview%') ORDER BY post.id"
)


NEWEST = sql("SELECT max(id) FROM post")


async def published(bench: Bench) -> dict[int, str]:
    return {row.id: row.text for row in await bench.store.read(lambda tx: tx.rows(PUBLISHED))}


@pytest.fixture(autouse=True, scope="module")
def told() -> Iterator[Counter[str]]:
    counted: Counter[str] = Counter()
    yield counted
    print(f"\nlines that were said: {dict(sorted(counted.items()))}")


@pytest.mark.parametrize("mode", list(Mode))
@THOROUGH
@given(line=lines())
async def test_in_a_direct_chat_nothing_but_a_status_is_published(
    bench: Bench, told: Counter[str], mode: Mode, line: str
) -> None:
    await nothing_else(bench, told, mode, line, room=False)


@THOROUGH
@given(line=lines())
async def test_in_a_room_nothing_but_a_post_is_published(bench: Bench, told: Counter[str], line: str) -> None:
    await nothing_else(bench, told, Mode.GUARDED, line, room=True)


async def nothing_else(bench: Bench, told: Counter[str], mode: Mode, line: str, *, room: bool) -> None:
    if bench.settings.posting.mode is not mode:
        bench.configure(posting=bench.settings.posting.model_copy(update={"mode": mode}))
    before, newest = await published(bench), await bench.store.read(lambda tx: tx.scalar(NEWEST) or 0)
    said = await (bench.room(line) if room else bench.direct(line))
    new = {entry: text for entry, text in (await published(bench)).items() if entry not in before}
    word = first_word(line.lstrip().removeprefix("status:").removeprefix("status,").lstrip(" !"))
    if word in {"send", "retry", "found"}:
        told[word] += 1
        return
    allowed = may_publish(line, room=room, mode=mode, newest=newest)
    assert list(new.values()) in ([], [allowed]), (line, said)
    where = "room" if room else f"direct, {mode}"
    told[f"{where}: {'published' if new else 'not published'}"] += 1
    if not new and not room:
        assert said or not as_published(line), line


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).filter(
    lambda text: any(map(is_seen, as_published(text)))
)


@THOROUGH
@given(text=TEXTS, begin=st.sampled_from(["!post ", "post ", "\\", "!to x post ", "!visibility private post "]))
async def test_every_status_comes_out_as_it_was_typed(bench: Bench, text: str, begin: str) -> None:
    before = await published(bench)
    await bench.direct(begin + text)
    (new,) = [one for entry, one in (await published(bench)).items() if entry not in before]
    assert new == as_published(text)
    (part, *others) = [one.text for one in await bench.deliveries(max(await published(bench)))]
    assert {part, *others} == {new}
