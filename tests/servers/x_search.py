"""The query language of X's recent search, as far as words, phrases, hashtags, `from:` and a minus go."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.servers.x_world import Tweet

WEEK: Final = timedelta(days=7)
_LONGEST: Final = 512
_TERM: Final = re.compile(r'(?P<minus>-)?(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+))')
_OPERATOR: Final = re.compile(r"(?P<name>[a-z_]+):(?P<value>.+)")
_OPERATORS: Final = frozenset({"from", "to", "is", "has", "lang", "url", "conversation_id"})


def objection(query: str) -> str | None:
    """Return what is wrong with a query, or None."""
    if not query.strip():
        return "The query is empty."
    if len(query) > _LONGEST:
        return f"The query is longer than {_LONGEST} characters."
    if query.count('"') % 2:
        return "A quotation mark is missing."
    terms = list(_TERM.finditer(query))
    if all(term["minus"] or (term["word"] or "").startswith(("is:", "has:", "lang:")) for term in terms):
        return "The query needs a word, a hashtag or a name."
    for term in terms:
        word = term["word"] or ""
        operator = _OPERATOR.fullmatch(word)
        if operator and operator["name"] not in _OPERATORS:
            return f"There is no operator {operator['name']}."
        if "(" in word or ")" in word or word in {"OR", "AND", "and", "or"}:
            return "The query is ambiguous."
        if not operator and not re.search(r"\w", word) and not (term["phrase"] or "").strip():
            return f"There is nothing to look for in {word!r}."
    return None


def matches(query: str, tweet: Tweet) -> bool:
    """Tell whether a post is what a good query looks for."""
    return all(bool(term["minus"]) != _fits(term, tweet) for term in _TERM.finditer(query))


def _fits(term: re.Match[str], tweet: Tweet) -> bool:
    words = _words(tweet.text)
    if term["phrase"] is not None:
        phrase = _words(term["phrase"])
        return any(words[at : at + len(phrase)] == phrase for at in range(len(words)))
    word = term["word"]
    operator = _OPERATOR.fullmatch(word)
    if operator:
        match operator["name"]:
            case "from":
                return tweet.author.username.lower() == operator["value"].lower()
            case "conversation_id":
                return operator["value"] in {tweet.id, tweet.root}
            case "is":
                return operator["value"] == "reply" and tweet.reply_to is not None
            case _:
                return False
    if word.startswith(("#", "@")):
        return word.lower() in (f"{sign}{name}" for sign in "#@" for name in _marked(tweet.text, sign))
    wanted = _words(word)
    return any(words[at : at + len(wanted)] == wanted for at in range(len(words)))


def _marked(text: str, sign: str) -> list[str]:
    return [name.lower() for name in re.findall(rf"(?<!\w){sign}(\w+)", text)]


def _words(text: str) -> list[str]:
    return [word.lower() for word in re.findall(r"\w+", text)]
