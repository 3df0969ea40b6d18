"""The arguments of a verb, read one after another as its form asks for them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bridge.commands.lines import Command, Known, Prefixes
from bridge.commands.nearby import near
from bridge.commands.verbs import Arg, Kind, Verb, find
from bridge.commands.words import Nick, Words, entry_id, nick, shown
from bridge.domain.durations import parse_duration
from bridge.domain.jids import bare_jid
from bridge.domain.text import clean_inbound, is_blank
from bridge.domain.when import AHEAD, NoWhenError, WhenError
from bridge.domain.when import read as read_when
from bridge.domain.wording import plural
from bridge.domain.wording import verb as quoted
from bridge.domain.zones import find_zone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.domain.ids import EntryId
    from bridge.domain.people import Place

_LONGEST_LINK: Final = 2_000
_LONGEST_TEXT: Final = 500
_DIGITS: Final = 6

_TITLE = re.compile(r"\s*([^\s:][^\n:]{0,100}):(?=\s)")

NEEDED: Final[Mapping[Kind, str]] = {
    Kind.ID: "the id of a post, such as `4f`",
    Kind.ITEM: "an id, such as `52`, or a person, such as `@kim`",
    Kind.NICK: "a person, written with `@`, such as `@kim`",
    Kind.TEXT: "a text",
    Kind.WORD: "a word",
    Kind.LINK: "a link that begins with `https://`",
    Kind.VERSION: "the number of a version",
    Kind.WHEN: "a time, such as `22:00`, `tomorrow 9:30` or `30m`",
    Kind.ZONE: "a time zone, such as `Europe/Berlin`",
    Kind.DURATION: "a length of time, such as `30m`",
    Kind.ACCOUNT: "the name of an account",
    Kind.COMPONENT: "the name of a component",
    Kind.TITLE: "the name of a component and a colon",
    Kind.TEMPLATE: "the name of a template",
    Kind.WORDS: "words for a template",
    Kind.TOPIC: "a topic",
    Kind.WHO: "a colleague",
    Kind.JID: "an address, such as `raj@example.org`",
    Kind.VERB: "a verb",
}
"""What an argument of that kind is, for people."""


class WrongError(Exception):
    """The line is no complete command; the message is one sentence that says why, and what to type instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where a line was said and which names exist.

    A `marked` line began with `!` or with the bot's name. One that didn't is no command if it names what can't be
    looked up in this version (a component, a topic).
    """

    known: Known
    place: Place
    marked: bool

    def instead(self, *verbs: Verb) -> str:
        """Return how the verbs are said, as the end of a sentence."""
        usages = [usage for verb in verbs for usage in verb.usages]
        return " or ".join(quoted(self.place, usage) for usage in usages) + "."


def read(scene: Scene, verb: Verb, said: str, words: Words, prefixes: Prefixes) -> Command:
    """Return the command that the rest of the line completes; raises WrongError."""
    start = words.at
    errors: list[tuple[int, WrongError]] = []
    for form in verb.forms:
        words.at = start
        try:
            return _Reader(scene, verb, words).command(form, said, prefixes)
        except WrongError as error:
            errors.append((words.at, error))
    # The form that was read farthest is the one that was meant.
    raise max(errors, key=lambda one: one[0])[1]


@dataclass(slots=True)
class _Reader:
    """One form being tried."""

    scene: Scene
    verb: Verb
    words: Words
    target: EntryId | Nick | None = None
    text: str = ""
    others: list[str] = field(default_factory=list[str])

    def command(self, form: tuple[Arg, ...], said: str, prefixes: Prefixes) -> Command:
        for arg in form:
            if not self.words.peek():
                if arg.optional:
                    continue
                raise self._wrong(f"needs {self._needed(arg)}")
            _READERS[arg.kind](self, arg)
        if extra := self.words.peek():  # what an optional argument couldn't read is left, too
            raise self._wrong(f"can't take {shown(extra)}" + (" as well" if form else ""))
        return Command(
            verb=self.verb.name,
            said=said,
            prefixes=prefixes,
            target=self.target,
            text=self.text,
            words=tuple(self.others),
        )

    def _wrong(self, problem: str) -> WrongError:
        return WrongError(f"`{self.verb.name}` {problem}: type {self.scene.instead(self.verb)}")

    def _misread(self, arg: Arg, word: str) -> WrongError:
        return self._wrong(f"needs {self._needed(arg)}, not {shown(word)}")

    @staticmethod
    def _needed(arg: Arg) -> str:
        return " or ".join(f"`{choice}`" for choice in arg.choices) if arg.choices else NEEDED[arg.kind]

    def _aim(self, target: EntryId | Nick) -> None:
        if self.target is None:
            self.target = target
        else:
            self.others.append(str(target))

    def id(self, arg: Arg) -> None:
        word = self.words.take()
        entry = entry_id(word)
        if entry is None:
            raise self._misread(arg, word)
        if not self.scene.known.entry(entry):
            raise WrongError(
                f"There is nothing with the id `{entry:x}`: ids stand in brackets before what they name, as in `[4f]`.",
            )
        self._aim(entry)

    def item(self, arg: Arg) -> None:
        if self.words.peek().startswith("@"):
            self.nick(arg)
        else:
            self.id(arg)

    def nick(self, arg: Arg) -> None:
        word = self.words.take()
        person = nick(word)
        if person is None:
            raise self._misread(arg, word)
        if not self.scene.known.nick(person.name):
            raise WrongError(f"Nobody called {shown(str(person))} has written: names are as the messages show them.")
        self._aim(person)

    def free_text(self, arg: Arg) -> None:
        self.text = self.words.take_rest()
        if is_blank(self.text):
            raise self._wrong(f"needs {self._needed(arg)}")

    def word(self, _arg: Arg) -> None:
        self.others.append(self.words.take())

    def unverifiable(self, arg: Arg) -> None:
        word = self.words.take()
        if not self.scene.marked:
            raise self._misread(arg, word)
        self.others.append(word)

    def template(self, _arg: Arg) -> None:
        word = self.words.take()
        name = word.strip("'\"`").casefold()
        found = self.scene.known.template(name)
        if found is None:
            raise WrongError(
                f"There is no template called {shown(word)}: {quoted(self.scene.place, 'say')} lists them."
            )
        here = self.words.at
        many, takes = len(found.words(self.words.take_rest())), found.takes
        self.words.at = here
        if many != takes:
            needs = f"needs {plural(takes, 'word')}, not {many}" if takes else "takes no words"
            usage = " ".join(["say", name, *(f"{{{place}}}" for place in range(1, takes + 1))])
            text = clean_inbound(" ".join(found.text.split()), _LONGEST_TEXT)
            raise WrongError(f'`say {name}` {needs} ("{text}"): type {quoted(self.scene.place, usage)}.')
        self.others.append(name)

    def title(self, arg: Arg) -> None:
        match = self.words.take_match(_TITLE)
        if match is None or not self.scene.marked:
            raise self._misread(arg, self.words.peek())
        self.others.append(match[1])

    def choice(self, arg: Arg) -> None:
        word = self.words.peek().casefold()
        if word in arg.choices:
            self.others.append(word)
            self.words.take()
        elif not arg.optional:
            raise self._misread(arg, self.words.peek())

    def account(self, _arg: Arg) -> None:
        self.others.append(account_name(self.scene, self.words.take()))

    def link(self, arg: Arg) -> None:
        word = self.words.take().strip("'\"`<>")
        if not word.casefold().startswith(("https://", "http://")) or len(word) > _LONGEST_LINK:
            raise self._misread(arg, word)
        self.others.append(word)

    def version(self, arg: Arg) -> None:
        word = self.words.take()
        if not (word.isascii() and word.isdigit() and 0 < len(word) < _DIGITS and int(word)):
            raise self._misread(arg, word)
        self.others.append(word)

    def duration(self, arg: Arg) -> None:
        word = self.words.take().casefold()
        if not _is_duration(word):
            raise self._misread(arg, word)
        self.others.append(word)

    def when(self, arg: Arg) -> None:
        words = self.words.ahead(AHEAD)
        try:
            _, many = read_when(words)
        except NoWhenError:
            raise self._misread(arg, words[0]) from None
        except WhenError as error:
            raise WrongError(f"{error}: type {self.scene.instead(self.verb)}") from None
        self.others.append(" ".join(self.words.take() for _ in range(many)))

    def zone(self, arg: Arg) -> None:
        word = self.words.take()
        zone = find_zone(word)
        if zone is None:
            raise self._misread(arg, word)
        self.others.append(zone.name)

    def who(self, arg: Arg) -> None:
        word = self.words.take()
        if not self.scene.marked and not word.startswith("@") and not _is_address(word):
            raise self._misread(arg, word)
        self.others.append(word)

    def address(self, arg: Arg) -> None:
        word = self.words.take()
        if not _is_address(word):
            raise self._misread(arg, word)
        self.others.append(bare_jid(word))

    def topic(self, _arg: Arg) -> None:
        word = self.words.take().strip("'\"`!").casefold()
        verb = find(word)
        if verb is None and word != "all":
            close = near(word)
            rest = f"did you mean `{close[0].name}`?" if close else "`help all` lists all verbs."
            raise WrongError(f"{shown(word)} is no verb: {rest}")
        self.others.append(verb.name if verb else word)


def account_name(scene: Scene, word: str) -> str:
    """Return the account that a word names, as the configuration writes it; raises WrongError."""
    name = word.strip("'\"`").casefold()
    if not scene.known.account(name):
        raise WrongError(f"There is no account called {shown(word)}: accounts are named as in the configuration.")
    return name


def _is_duration(word: str) -> bool:
    try:
        parse_duration(word)
    except ValueError:
        return False
    return word[-1:].isalpha()


def _is_address(word: str) -> bool:
    try:
        bare_jid(word)
    except ValueError:
        return False
    return True


_READERS: Final[Mapping[Kind, Callable[[_Reader, Arg], None]]] = {
    Kind.ID: _Reader.id,
    Kind.ITEM: _Reader.item,
    Kind.NICK: _Reader.nick,
    Kind.TEXT: _Reader.free_text,
    Kind.WORD: _Reader.word,
    Kind.LINK: _Reader.link,
    Kind.VERSION: _Reader.version,
    Kind.WHEN: _Reader.when,
    Kind.ZONE: _Reader.zone,
    Kind.DURATION: _Reader.duration,
    Kind.ACCOUNT: _Reader.account,
    Kind.COMPONENT: _Reader.unverifiable,
    Kind.TITLE: _Reader.title,
    Kind.TEMPLATE: _Reader.template,
    Kind.WORDS: _Reader.free_text,
    Kind.TOPIC: _Reader.unverifiable,
    Kind.WHO: _Reader.who,
    Kind.JID: _Reader.address,
    Kind.VERB: _Reader.topic,
    Kind.CHOICE: _Reader.choice,
}
