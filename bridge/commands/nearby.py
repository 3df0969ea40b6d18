"""Near misses: which verbs a word might have been meant for. Wrong guesses cost a question, missed ones a leak."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Final

from bridge.commands.verbs import NAMES, VERBS, Kind, Verb, find

_SHORTEST = 3  # letters; shorter words are one letter away from everything

# Words of everyday sentences that are one letter away from a verb: a guess only where the line looks like a command.
ORDINARY: Final = frozenset(
    {"all", "art", "cost", "day", "dose", "far", "fast", "fund", "get", "gone", "host", "lash", "least", "let", "lost"}
    | {
        "may",
        "met",
        "more",
        "most",
        "moved",
        "net",
        "none",
        "not",
        "one",
        "past",
        "posts",
        "rode",
        "rule",
        "sat",
        "saw",
    }
    | {"see", "sent", "tap", "tax", "text", "trace", "updates", "way"},
)

# What other programs call it, and what people say to a bot.
_HINTS: Final = {
    "stop": ("off", "panic"),
    **dict.fromkeys(("publish", "tweet", "toot", "announce", "broadcast", "notice"), ("post",)),
    **dict.fromkeys(("delete", "remove", "cancel", "abort", "unsend", "oops", "no", "nope"), ("undo",)),
    **dict.fromkeys(("yes", "y", "ok", "okay", "sure", "go", "confirm"), ("send",)),
    **dict.fromkeys(("answer", "respond", "re", "rawreply", "greply"), ("r",)),
    **dict.fromkeys(("dm", "pm", "msg", "tell", "whisper"), ("d",)),
    **dict.fromkeys(("boost", "retweet", "reblog", "rp", "rd", "rb"), ("repeat",)),
    **dict.fromkeys(("like", "favourite", "favorite", "fave"), ("fav",)),
    **dict.fromkeys(("quit", "unsub", "leave", "lose"), ("off", "unfollow")),
    **dict.fromkeys(("sub", "subscribe", "join"), ("follow",)),
    **dict.fromkeys(("schedule",), ("at",)),
    **dict.fromkeys(("freeze", "halt", "pause", "emergency"), ("panic",)),
    **dict.fromkeys(("unpause", "continue", "unfreeze"), ("resume",)),
    **dict.fromkeys(("close", "finish"), ("done", "resolve")),
    **dict.fromkeys(("mine", "take"), ("claim",)),
    **dict.fromkeys(("block", "ignore"), ("mute",)),
    **dict.fromkeys(("who", "whoami"), ("whois", "me")),
    **dict.fromkeys(("hi", "hello", "ping", "thanks", "commands", "menu", "man", "n"), ("help",)),
    **dict.fromkeys(("redo", "resend", "again"), ("retry",)),
}
_ALWAYS_ASKED: Final = frozenset({"stop"})

_EDGES = "!\"#$%&'()*+,-./:;<=>?[\\]^_`{|}~…"
_GLUED = re.compile(r"([a-z]+)[@#\[:(\d]")


def near(word: str) -> tuple[Verb, ...]:
    """Return the verbs that are one slip away: one letter too many, too few or wrong, or two that changed places.

    Case is ignored; words and names of fewer than three letters are never near.
    """
    word = word.casefold()
    if not _SHORTEST <= len(word) <= _LONGEST + 1:
        return ()
    keys = {word, *_without_one(word)}
    found = {name for key in keys for name in _NEIGHBOURS.get(key, ()) if _one_slip(word, name)}
    return tuple(verb for verb in VERBS if found.intersection((verb.name, *verb.aliases)))


def guesses(first: str, *, command_like: bool, second_is_target: bool) -> tuple[Verb, ...]:
    """Return the verbs that somebody who begins a line with `first` may have meant; none if it is plainly a sentence.

    `command_like` says that the line is short or names something, `second_is_target` that an id or a person follows.
    """
    word = first.casefold().strip(_EDGES)
    if verb := find(first) or find(word):
        return (verb,)
    if (glued := _GLUED.match(word)) and (verb := find(glued[1])):
        return (verb,)
    if command_like or word in _ALWAYS_ASKED:
        hinted = tuple(verb for name in _HINTS.get(word, ()) if (verb := find(name)))
        if hinted:
            return hinted
    if command_like or word not in ORDINARY:
        close = near(word)
        if close:
            return close
    if second_is_target and len(word) <= _SHORTEST:
        return tuple(verb for name, verb in _SHORT.items() if _one_slip(word, name))
    return ()


def _without_one(word: str) -> list[str]:
    return [word[:index] + word[index + 1 :] for index in range(len(word))]


def _one_slip(word: str, name: str) -> bool:
    """Return whether the distance (restricted Damerau-Levenshtein) is at most one."""
    if len(word) > len(name):
        word, name = name, word
    start = 0
    while start < len(word) and word[start] == name[start]:
        start += 1
    if len(word) < len(name):
        return len(name) - len(word) == 1 and word[start:] == name[start + 1 :]
    swapped = word[start : start + 2] == name[start : start + 2][::-1]
    return word[start + 1 :] == name[start + 1 :] or (swapped and word[start + 2 :] == name[start + 2 :])


def _neighbours() -> dict[str, tuple[str, ...]]:
    """Return the names that each name, and each name without one of its letters, may have been."""
    table = defaultdict[str, set[str]](set)
    for name in NAMES:
        if len(name) >= _SHORTEST:
            for key in (name, *_without_one(name)):
                table[key].add(name)
    return {key: tuple(sorted(names)) for key, names in table.items()}


_LONGEST: Final = max(map(len, NAMES))
_NEIGHBOURS: Final = _neighbours()
_SHORT: Final = {
    name: verb
    for verb in VERBS
    for name in (verb.name, *verb.aliases)
    if len(name) < _SHORTEST and any(form and form[0].kind in {Kind.ITEM, Kind.NICK} for form in verb.forms)
}
