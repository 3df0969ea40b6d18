"""Every command that the documentation shows is one, said as it stands there."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bridge.commands.grammar import Command, Line, parse
from bridge.commands.verbs import NAMES, VERBS
from bridge.domain.people import Place
from bridge.domain.templates import Template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.domain.ids import EntryId

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/commands.md")
FILLED = {
    **{arg.name: arg.example for verb in VERBS for form in verb.forms for arg in form if not arg.choices},
    "STATE": "identified",
    "ROLE": "staff",
    "VERB": "undo",
}
SESSION = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")


class Whatever(Template):
    """A template that is content with all words."""

    def words(self, said: str) -> tuple[str, ...]:
        del said
        return ()


class Everything:
    """Names as examples have them: whatever is named exists."""

    def account(self, name: str) -> bool:
        return bool(name)

    def entry(self, entry: EntryId) -> bool:
        return entry > 0

    def nick(self, name: str) -> bool:
        return bool(name)

    def template(self, name: str) -> Template | None:
        return Whatever("") if name else None


def examples(page: str) -> Iterator[tuple[str, str]]:
    """Yield each command of more than a word that a page quotes, and a line for each way in which it can be said."""
    for span in SPAN.findall(SESSION.sub("", (ROOT / page).read_text(encoding="utf-8"))):
        words = span.replace("\\|", "|").removeprefix("!").split()
        if len(words) > 1 and words[0].casefold() in NAMES:
            for line in said(words):
                yield span, line


def said(words: list[str]) -> Iterator[str]:
    """Yield a line for each choice of the alternatives, and with and without what may be left out."""
    ways = [[*choices(word), *([""] if word.startswith("[") else [])] for word in words]
    for way in itertools.product(*ways):
        yield " ".join(word for word in way if word)


def choices(word: str) -> list[str]:
    name, end = word.strip("[]"), ":" if word.endswith(":") else ""
    if name in FILLED:
        return [FILLED[name]]
    if name.removesuffix(":") in FILLED:
        return [FILLED[name.removesuffix(":")] + end]
    return name.split("|") if name.islower() or "|" in name else [name]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_in_the_text_is_one(page: str) -> None:
    seen = list(examples(page))
    for span, line in seen:
        command = parse(Line(text=f"!{line}", place=Place.DIRECT), Everything())
        assert isinstance(command, Command), (span, line, command)
    if page == "docs/commands.md":
        quoted = {span.split()[0] for span, _ in seen}
        assert quoted >= {verb.name for verb in VERBS if verb.forms != ((),) and not verb.prefix} - {"report"}
