"""A line of chat, and what it can mean: the values that the grammar goes between."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from bridge.commands.verbs import Verb, find
from bridge.commands.words import Nick
from bridge.domain.people import Role
from bridge.settings import Mode

if TYPE_CHECKING:
    from bridge.domain.ids import EntryId
    from bridge.domain.people import Place
    from bridge.domain.posts import Visibility
    from bridge.domain.templates import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One message of a person, as it was typed.

    `bot_nicks` are the names that the bot has in the room, `mode` says what bare words are in a direct chat.
    """

    text: str
    place: Place
    bot_nicks: frozenset[str] = frozenset()
    mode: Mode = Mode.GUARDED


class Known(Protocol):
    """Which names exist: what a line names must exist for it to be a command without being marked as one."""

    def account(self, name: str) -> bool:
        """Return whether the configuration has `[accounts.NAME]`."""
        ...

    def entry(self, entry: EntryId) -> bool:
        """Return whether a post or an item has this id."""
        ...

    def nick(self, name: str) -> bool:
        """Return whether a person of this name (`kim`, `kim@example.org`) has written to one of the accounts."""
        ...

    def template(self, name: str) -> Template | None:
        """Return a template of the configuration, None if there is none of that name."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefixes:
    """What stood before `post` or `say`; no accounts means the usual ones."""

    accounts: tuple[str, ...] = ()
    warning: str | None = None
    visibility: Visibility | None = None
    preview: bool = False

    @property
    def verbs(self) -> tuple[str, ...]:
        """Return the names of the prefixes that were given."""
        given = {
            "to": bool(self.accounts),
            "cw": self.warning is not None,
            "visibility": self.visibility is not None,
            "preview": self.preview,
        }
        return tuple(name for name, is_given in given.items() if is_given)


@dataclass(frozen=True, slots=True)
class Talk:
    """Nobody's business: goes nowhere, is answered by nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A text to publish, said in bare words in a direct chat; without white space around it, else exact."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A complete command, all that it names being there.

    `verb` is the verb's own name, `said` the word that was typed (`plugin` for `account`). `target` is the first id or
    person, `text` the free text (exact, without the white space around it), `words` are all other arguments in the
    order of the form, a second person among them as `@kim`. `message` is the line of ours that a gesture says it on.
    """

    verb: str
    said: str = ""
    prefixes: Prefixes = field(default_factory=Prefixes)
    target: EntryId | Nick | None = None
    text: str = ""
    words: tuple[str, ...] = ()
    message: str | None = None

    @property
    def spec(self) -> Verb:
        """Return the verb's entry in the table: role, places, help."""
        verb = find(self.verb)
        assert verb is not None  # noqa: S101 (the grammar makes commands of the table's verbs alone)
        return verb

    @property
    def role(self) -> Role:
        """Return the role that it needs: its verb's, unless it begins with a word of the verb that anybody may say."""
        spec = self.spec
        return Role.NONE if self.words and self.words[0] in spec.anybody else spec.role

    @property
    def unbuilt(self) -> str | None:
        """Return the first verb or prefix of the command that this version only understands; None if it can do all."""
        names = (*self.prefixes.verbs, self.verb)
        return next((name for name in names if (verb := find(name)) and not verb.built), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Perhaps a status, perhaps a command that went wrong: held, and posted only by a second word of its author.

    `text` is the status it would be, `meant` are the forms of the commands it may be (`fav ID`), and `why` is the
    sentence that says what kept it from being one, empty if its first word is only like a verb.
    """

    text: str
    meant: tuple[str, ...]
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """Something for the bot that it can't take: one sentence of what is wrong and what to type instead.

    Whoever answers it adds that nothing was posted.
    """

    sentence: str


Outcome = Talk | Status | Command | Question | Mistake
