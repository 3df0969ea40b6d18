"""The verbs that can be chosen from a menu, made from the one table: which steps each takes, and the line it comes to.

    way = entries()["account"].ways["info"]
    way.line(way.fields(["mastodon"]), {"account": "mastodon"}) -> "!account info mastodon"

Offered are the verbs of administration, which work in direct chats alone, and a few that one looks for in a menu. None
of them publishes, and none takes the text of a status.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.commands.arguments import NEEDED
from bridge.commands.verbs import DIRECT_ONLY, VERBS, Arg, Kind, Verb
from bridge.domain.people import Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

ALSO: Final = frozenset({"set", "panic", "resume", "me", "inbox", "help"})
"""Verbs that are offered although they work in rooms as well."""

_SEVERAL_WORDS: Final = frozenset({Kind.WHEN, Kind.TEXT})


class UnfitError(Exception):
    """What was filled in can't be taken; the message is one sentence that doesn't repeat it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing to fill in: one of the `options`, where there are any, else a word (or words, if `several`)."""

    name: str
    label: str
    kind: Kind
    options: tuple[str, ...] = ()
    required: bool = True

    def take(self, value: str) -> str:
        """Return what was filled in as it is typed in a line; raises UnfitError."""
        value = value.strip()
        if not value:
            if self.required:
                raise UnfitError(f"The field {self.name} is missing.")
            return ""
        if self.options and value not in self.options:
            raise UnfitError(f"The field {self.name} takes none but its options.")
        words = value.split()
        if not value.isprintable() or (len(words) > 1 and self.kind not in _SEVERAL_WORDS):
            raise UnfitError(f"The field {self.name} takes one word.")
        return " ".join(words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to say a verb: what the line begins with, and the arguments that follow."""

    words: tuple[str, ...]
    args: tuple[Arg, ...]

    @property
    def name(self) -> str:
        """What the way is chosen by."""
        return self.words[-1]

    def fields(self, accounts: Sequence[str]) -> tuple[Field, ...]:
        """Return what is to be filled in, one field for each argument; `accounts` are the names that there are."""
        return tuple(_fields(self.args, accounts))

    def line(self, fields: Iterable[Field], values: Mapping[str, str]) -> str:
        """Return the line that says this in a direct chat; raises UnfitError."""
        taken = [field.take(values.get(field.name, "")) for field in fields]
        return "!" + " ".join([*self.words, *filter(None, taken)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One verb in the menu, under a name that never changes.

    `ways` are those to say it, by their names; where there are several, one is chosen first.
    """

    name: str
    help: str
    verb: Verb
    ways: Mapping[str, Way]

    @property
    def title(self) -> str:
        """What the menu shows."""
        return f"{self.name}: {self.help}"

    @property
    def only(self) -> Way | None:
        """The way to say it, where there is but one."""
        return next(iter(self.ways.values())) if len(self.ways) == 1 else None


_PLUGIN: Final = "plugin"
_PLUGINS: Final = Way(words=(_PLUGIN, "list"), args=())
"""The one thing that an alias says otherwise than its verb."""


def entries(verbs: Iterable[Verb] = VERBS) -> dict[str, Entry]:
    """Return what the menu of this version has, by name, in the order of the table."""
    return {entry.name: entry for verb in verbs if _is_offered(verb) for entry in _entries(verb)}


def offered(menu: Mapping[str, Entry], role: Role) -> tuple[Entry, ...]:
    """Return what a person of that role may choose."""
    return tuple(entry for entry in menu.values() if entry.verb.role <= role)


def _is_offered(verb: Verb) -> bool:
    named = verb.name in ALSO
    return verb.built and not verb.prefix and (named or verb.places == DIRECT_ONLY)


def _entries(verb: Verb) -> Iterator[Entry]:
    yield Entry(name=verb.name, help=verb.help, verb=verb, ways=_ways(verb))
    if _PLUGIN in verb.aliases:
        yield Entry(name=_PLUGIN, help="lists the installed plugins", verb=verb, ways={"list": _PLUGINS})


def _ways(verb: Verb) -> dict[str, Way]:
    ways: dict[str, Way] = {}
    for form in verb.forms:
        for way in _spread(verb, form):
            ways.setdefault(way.name, way)
    return ways


def _spread(verb: Verb, form: tuple[Arg, ...]) -> Iterator[Way]:
    """Give a form once for each of the words that it may begin with."""
    if form and form[0].kind is Kind.CHOICE and form[0].name.islower() and not form[0].optional:
        # What anybody may say is no administration: an answer to an offer is typed where the offer came.
        for word in (one for one in form[0].choices if one not in verb.anybody):
            yield Way(words=(verb.name, word), args=form[1:])
    else:
        yield Way(words=(verb.name,), args=form)


def _fields(args: tuple[Arg, ...], accounts: Sequence[str]) -> Iterator[Field]:
    seen: dict[str, int] = {}
    for arg in args:
        stem = arg.name.partition("|")[0].strip("@:").casefold()
        seen[stem] = seen.get(stem, 0) + 1
        yield Field(
            name=stem if seen[stem] == 1 else f"{stem}-{seen[stem]}",
            label=_label(arg),
            kind=arg.kind,
            options=_options(arg, accounts),
            required=not arg.optional,
        )


def _options(arg: Arg, accounts: Sequence[str]) -> tuple[str, ...]:
    if arg.kind is Kind.ACCOUNT:
        return tuple(accounts)
    if arg.kind is Kind.VERB:
        return ("all", *(verb.name for verb in VERBS))
    return arg.choices


def _label(arg: Arg) -> str:
    words = NEEDED.get(arg.kind) or f"the {arg.name.casefold()}"
    return (words[0].upper() + words[1:]).replace("`", "")
