r"""What a line of chat means: a pure function of the line, where it was said, and which names exist.

    parse(Line(text="!to x,mastodon post We are back", place=Place.ROOM, ...), known) -> Command(verb="post", ...)

In a room only `!verb` and `nick: verb` (or `nick, verb`), from the very first character on, speak to the bot. In a
direct chat a line is a command if it begins with `!`, or if it is complete and all that it names exists; otherwise a
first word that is a verb, or nearly one, or the id in brackets that a line of the bot's own begins with, makes a
question of it, and the rest are statuses.

Where the language leaves a choice, the one that publishes less is taken: `to x TEXT` without `post` is a mistake,
prefixes stand before `post`, `at` and `say` alone, `!word` in a room is talk unless the word is a verb or meant for
one, `stop` asks what shall stop, and in the mode `strict` not even a leading `\` makes a status.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bridge.commands.arguments import Scene, WrongError, account_name, read
from bridge.commands.lines import Command, Known, Line, Mistake, Outcome, Prefixes, Question, Status, Talk
from bridge.commands.nearby import guesses
from bridge.commands.verbs import Verb, find
from bridge.commands.words import Nick, Words, entry_id, shown
from bridge.domain.people import Place
from bridge.domain.posts import Visibility
from bridge.domain.text import is_blank, seen_from
from bridge.domain.wording import verb as quoted
from bridge.settings import Mode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "Command",
    "Known",
    "Line",
    "Mistake",
    "Nick",
    "Outcome",
    "Prefixes",
    "Question",
    "Status",
    "Talk",
    "parse",
]

_BANG = re.compile(r"\s*!(?=\S)")
_LETTER = re.compile(r"[^\W\d_]")
_WARNING = re.compile(r"\s*([^\s:][^\n]*?):(?=\s|\Z)")
_FEW: Final = 2  # words; a line of no more looks like a command rather than a sentence
_STOP: Final = "stop"
_PUBLISH: Final = frozenset({"post", "at", "say"})  # what prefixes stand before


def parse(line: Line, known: Known) -> Outcome:
    """Return what a line means; raises nothing but what `known` raises, which is asked only for what the line names."""
    return _in_room(line, known) if line.place is Place.ROOM else _in_direct_chat(line, known)


def _in_room(line: Line, known: Known) -> Outcome:
    scene = Scene(known=known, place=Place.ROOM, marked=True)
    if line.text.startswith("!"):
        words = Words(line.text, 1)
        if line.text[1:2].isspace() or not _is_for_us(words.peek()):
            return Talk()
        return _marked(scene, words)
    begin = _after_nick(line)
    return Talk() if begin is None else _marked(scene, Words(line.text, begin))


def _is_for_us(first: str) -> bool:
    """Return whether what follows `!` is a verb or was meant for one; other bots have words of their own."""
    if not _LETTER.search(first):
        return False
    meant = guesses(first, command_like=True, second_is_target=False)
    return any(verb.name != "help" for verb in meant) or find(first) is not None


def _after_nick(line: Line) -> int | None:
    """Return where the line goes on after `nick: ` or `nick, `; None where it doesn't speak to the bot."""
    for nick in line.bot_nicks:
        end = len(nick)
        if (
            line.text[end : end + 1] in {":", ","}
            and not line.text[end + 1 : end + 2].strip()
            and line.text[:end].casefold() == nick.casefold() != ""
        ):
            bang = _BANG.match(line.text, end + 1)
            return bang.end() if bang else end + 1
    return None


def _in_direct_chat(line: Line, known: Known) -> Outcome:
    text, begin = line.text, seen_from(line.text)
    if is_blank(text):
        return Talk()
    if text[begin] == "!":
        return _marked(Scene(known=known, place=Place.DIRECT, marked=True), Words(text, begin + 1))
    if text[begin] == "\\":
        return _escaped(line, text[begin + 1 :].strip())
    return _bare(line, Scene(known=known, place=Place.DIRECT, marked=False), Words(text, begin))


def _escaped(line: Line, text: str) -> Status | Mistake:
    if is_blank(text):
        return Mistake(sentence="After `\\` comes the text of a status.")
    if line.mode is Mode.STRICT:
        return Mistake(sentence=_only_post(line.place))
    return Status(text=text)


def _only_post(place: Place) -> str:
    return f"In this chat only {quoted(place, 'post TEXT')} publishes."


def _marked(scene: Scene, words: Words) -> Command | Mistake:
    """Return what a line means that speaks to the bot beyond doubt: a command, or what is wrong with it."""
    first = words.peek()
    try:
        command = _command(scene, words)
    except WrongError as error:
        return Mistake(sentence=str(error))
    return command or Mistake(sentence=_no_verb(scene, first))


def _no_verb(scene: Scene, first: str) -> str:
    if first.casefold() == _STOP:
        return _which_stop(scene.place)
    meant = guesses(first, command_like=True, second_is_target=False)
    if meant:
        return f"{shown(first)} is no verb: did you mean {scene.instead(*meant)[:-1]}?"
    what = f"{shown(first)} is no verb" if first else "That has no verb"
    status = "" if scene.place is Place.ROOM else "; a status that begins with `!` is typed with `\\` before it"
    return f"{what}: {quoted(scene.place, 'post TEXT')} publishes, {quoted(scene.place, 'help')} tells more{status}."


def _which_stop(place: Place) -> str:
    off, panic = quoted(place, "off"), quoted(place, "panic")
    return f"What shall stop? {off} keeps notices away from you, {panic} freezes everything outgoing."


def _bare(line: Line, scene: Scene, words: Words) -> Outcome:
    """Return what a line of a direct chat means that isn't marked as a command or a status."""
    start, why = words.at, ""
    try:
        if command := _command(scene, words):
            return command
    except WrongError as error:
        why = str(error)
    words.at = start
    first, second, third = words.take(), words.take(), words.take()
    if first.casefold() == _STOP and not second:
        return Mistake(sentence=_which_stop(line.place))
    is_target = _is_target(second, scene.known)
    meant = guesses(first, command_like=is_target or not third, second_is_target=is_target)
    if line.mode is Mode.STRICT:
        guess = f" Did you mean {scene.instead(*meant)[:-1]}?" if meant else ""
        return Mistake(sentence=why or f"{_only_post(line.place)}{guess}")
    text = line.text.strip()
    if _is_ours(first, scene.known):
        return Question(text=text, meant=(), why=f"It begins with {shown(first)}, as my own lines do.")
    if meant:
        return Question(text=text, meant=tuple(usage for verb in meant for usage in verb.usages), why=why)
    return Status(text=text)


def _is_ours(first: str, known: Known) -> bool:
    """Return whether a line begins as one of the bot's does, which was pasted here or meant for somebody else."""
    entry = entry_id(first) if first.startswith("[") else None
    return entry is not None and known.entry(entry)


def _is_target(word: str, known: Known) -> bool:
    entry = entry_id(word)
    return word.startswith("@") or (entry is not None and known.entry(entry))


def _command(scene: Scene, words: Words) -> Command | None:
    """Return the command that the words complete, None if they don't begin with a verb; raises WrongError."""
    prefixes, last = Prefixes(), None
    while True:
        said = words.peek().casefold()
        verb = find(said)
        if last and (verb is None or not _follows_prefix(verb)):
            raise WrongError(f"After `{last.name}` comes `post` and a text: type {scene.instead(last)}")
        if verb is None:
            return None
        if scene.place not in verb.places:
            raise WrongError(f"`{verb.name}` works in a direct chat with me only.")
        words.take()
        if verb.name == "at" and prefixes.preview:
            raise WrongError(f"`at` shows and holds the post anyhow, without `preview`: type {scene.instead(verb)}")
        if not verb.prefix:
            return read(scene, verb, said, words, prefixes)
        if verb.name in prefixes.verbs:
            raise WrongError(f"`{verb.name}` stands there twice: type {scene.instead(verb)}")
        prefixes, last = _PREFIXES[verb.name](scene, verb, words, prefixes), verb


def _to(scene: Scene, verb: Verb, words: Words, prefixes: Prefixes) -> Prefixes:
    names: list[str] = []
    more = True
    while more:
        word = words.take()
        names += [account_name(scene, name) for name in word.split(",") if name]
        following = words.peek()
        more = following.startswith(",") or (word.endswith(",") and not _goes_on(following))
    if not names:
        raise WrongError(f"`to` needs the names of accounts, with commas between: type {scene.instead(verb)}")
    return replace(prefixes, accounts=tuple(dict.fromkeys(names)))


def _goes_on(word: str) -> bool:
    """Return whether a list of accounts is over, although it ended with a comma."""
    verb = find(word)
    return not word or (verb is not None and _follows_prefix(verb))


def _follows_prefix(verb: Verb) -> bool:
    return verb.prefix or verb.name in _PUBLISH


def _cw(scene: Scene, verb: Verb, words: Words, prefixes: Prefixes) -> Prefixes:
    match = words.take_match(_WARNING)
    if match is None or is_blank(match[1]):
        raise WrongError(f"`cw` needs a warning and a colon: type {scene.instead(verb)}")
    return replace(prefixes, warning=match[1].rstrip())


def _visibility(scene: Scene, verb: Verb, words: Words, prefixes: Prefixes) -> Prefixes:
    word = words.take().casefold()
    if word not in verb.forms[0][0].choices:
        raise WrongError(f"`visibility` is `public`, `unlisted` or `private`: type {scene.instead(verb)}")
    return replace(prefixes, visibility=Visibility(word))


def _preview(_scene: Scene, _verb: Verb, _words: Words, prefixes: Prefixes) -> Prefixes:
    return replace(prefixes, preview=True)


_PREFIXES: Final[Mapping[str, Callable[[Scene, Verb, Words, Prefixes], Prefixes]]] = {
    "to": _to,
    "cw": _cw,
    "visibility": _visibility,
    "preview": _preview,
}
