"""Commands with forms as XML (XEP-0050, XEP-0004): what is offered, asked and answered, and what comes back filled in.

Pure: elements in, elements out. What is larger than any form of ours can need is refused before it is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal
from xml.etree.ElementTree import Element, SubElement

from bridge.chat.elements import CLIENT, COMMANDS, DATA, DISCO_INFO, DISCO_ITEMS, IQ, STANZA_ERRORS
from bridge.commands.menu import Field
from bridge.commands.verbs import Kind
from bridge.domain.text import xml_safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bridge.commands.menu import Entry

LIST: Final = "http://jabber.org/protocol/commands"
"""The node below which an entity's commands are listed."""

MOST_FIELDS: Final = 16
LONGEST_VALUE: Final = 2_048
"""Characters of one value: the longest address there can be fits."""

LONGEST_ANSWER: Final = 8_000
"""Characters of an answer that a result shows; all of it is in the chat."""

CHOICE: Final = "what"
"""The field of the first form: which of the ways to say a verb is meant."""

ACTIONS: Final = frozenset({"execute", "next", "prev", "complete", "cancel"})

_MORE: Final = "... all of it is in our direct chat"
_FORM: Final = DATA + "x"


class Problem(Exception):  # noqa: N818 - it is what the requester is answered
    """Why a request isn't done, as an error of RFC 6120 (8.3) and perhaps one of XEP-0050 (table 2)."""

    def __init__(self, kind: str, condition: str, text: str, specific: str | None = None) -> None:
        """Take the error's type, its condition, words for people, and the condition of XEP-0050."""
        super().__init__(text)
        self.kind = kind
        self.condition = condition
        self.text = text
        self.specific = specific


def bad(specific: str, text: str) -> Problem:
    """Return the problem of a request that makes no sense as it is."""
    return Problem("modify", "bad-request", text, specific)


def later(text: str) -> Problem:
    """Return the problem of a request that may be made again in a moment."""
    return Problem("wait", "resource-constraint", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A request to begin a command (without `session`) or to go on with it; `values` are those of a filled-in form."""

    node: str
    session: str | None
    action: str
    values: Mapping[str, str]


def read(request: Element) -> Step:
    """Read a request (`iq`) with a command in it; raises Problem."""
    command = request.find(COMMANDS + "command")
    if command is None or len(request) != 1:
        raise bad("malformed-action", "A request has one command.")
    action = command.get("action", "execute")
    if action not in ACTIONS:
        raise bad("malformed-action", "There is no such action.")
    forms = command.findall(_FORM)
    if len(forms) > 1:
        raise bad("bad-payload", "A step has one form.")
    values = _values(forms[0]) if forms and action != "cancel" else {}
    return Step(node=command.get("node", ""), session=command.get("sessionid"), action=action, values=values)


def _values(form: Element) -> dict[str, str]:
    if form.get("type") != "submit":
        raise bad("bad-payload", "The form wasn't submitted.")
    values: dict[str, str] = {}
    if len(form) > MOST_FIELDS:
        raise bad("bad-payload", "The form has too many fields.")
    for field in form.iterfind(DATA + "field"):
        name = field.get("var", "")
        if name in values:
            raise bad("bad-payload", "A field is there twice.")
        if len(field) > MOST_FIELDS or len(name) > LONGEST_VALUE:
            raise bad("bad-payload", "A field is too large.")
        found = field.findall(DATA + "value")
        if len(found) > 1:
            raise bad("bad-payload", "A field has one value.")
        value = (found[0].text or "") if found else ""
        if len(value) > LONGEST_VALUE:
            raise bad("bad-payload", "A value is too long.")
        values[name] = value
    return values


def asked_node(request: Element, what: Literal["info", "items"]) -> str | None:
    """Return the node that a request (XEP-0030) asks about; None where it doesn't."""
    namespace = DISCO_INFO if what == "info" else DISCO_ITEMS
    query = request.find(namespace + "query")
    return query.get("node", "") if query is not None else None


def items(us: str, entries: Iterable[Entry]) -> Element:
    """List commands that the full address `us` has (XEP-0050, 2.2)."""
    query = Element(DISCO_ITEMS + "query", {"node": LIST})
    for entry in entries:
        SubElement(query, DISCO_ITEMS + "item", {"jid": us, "node": entry.name, "name": entry.title})
    return query


def info(node: str, name: str) -> Element:
    """Tell what a command is, or the list of them (XEP-0050, 2.3)."""
    query = Element(DISCO_INFO + "query", {"node": node})
    type_ = "command-list" if node == LIST else "command-node"
    SubElement(query, DISCO_INFO + "identity", {"category": "automation", "type": type_, "name": name})
    if node != LIST:
        for feature in (LIST, "jabber:x:data"):
            SubElement(query, DISCO_INFO + "feature", {"var": feature})
    return query


def choosing(entry: Entry) -> Element:
    """Build the form that asks which of the ways to say a verb is meant."""
    what = Field(name=CHOICE, label="What to do", kind=Kind.CHOICE, options=tuple(entry.ways))
    return form(entry.name, f"It {entry.help}.", [what])


def form(title: str, instructions: str, fields: Iterable[Field]) -> Element:
    """Build a form to be filled in."""
    x = Element(_FORM, {"type": "form"})
    SubElement(x, DATA + "title").text = title
    SubElement(x, DATA + "instructions").text = instructions
    for field in fields:
        type_ = "list-single" if field.options else "jid-single" if field.kind is Kind.JID else "text-single"
        element = SubElement(x, DATA + "field", {"var": field.name, "type": type_, "label": field.label})
        if field.required:
            SubElement(element, DATA + "required")
        for option in field.options:
            value = SubElement(SubElement(element, DATA + "option", {"label": option}), DATA + "value")
            value.text = option
    return x


def executing(node: str, session: str, x: Element, actions: Sequence[str]) -> Element:
    """Build a step that waits for the form `x`; the last of the actions is what one does without a word."""
    command = Element(COMMANDS + "command", {"node": node, "sessionid": session, "status": "executing"})
    element = SubElement(command, COMMANDS + "actions", {"execute": actions[-1]})
    for action in actions:
        SubElement(element, COMMANDS + action)
    command.append(x)
    return command


def completed(node: str, session: str, answer: str, *, wrong: bool = False) -> Element:
    """Build the end of a command: a note of one line, or a form that shows many; `wrong` is whether nothing came of it.

    What went wrong is always a note, since that alone can say so.
    """
    command = Element(COMMANDS + "command", {"node": node, "sessionid": session, "status": "completed"})
    lines = _shown(answer)
    if wrong or len(lines) == 1:
        note = SubElement(command, COMMANDS + "note", {"type": "error" if wrong else "info"})
        note.text = "\n".join(lines)
        return command
    x = SubElement(command, _FORM, {"type": "result"})
    SubElement(x, DATA + "title").text = node
    field = SubElement(x, DATA + "field", {"var": "answer", "type": "text-multi", "label": "Answer"})
    for line in lines:
        SubElement(field, DATA + "value").text = line
    return command


def canceled(node: str, session: str) -> Element:
    """Build the end of a command that its requester gave up."""
    return Element(COMMANDS + "command", {"node": node, "sessionid": session, "status": "canceled"})


def result(request: Element, payload: Element) -> Element:
    """Build the answer to a request."""
    answer = _answer(request, "result")
    answer.append(payload)
    return answer


def error(request: Element, problem: Problem) -> Element:
    """Build the answer to a request that isn't done; nothing of the request is repeated."""
    answer = _answer(request, "error")
    element = SubElement(answer, CLIENT + "error", {"type": problem.kind})
    SubElement(element, STANZA_ERRORS + problem.condition)
    SubElement(element, STANZA_ERRORS + "text").text = problem.text
    if problem.specific is not None:
        SubElement(element, COMMANDS + problem.specific)
    return answer


def _answer(request: Element, type_: str) -> Element:
    attributes = {"type": type_, "id": request.get("id", "")}
    if sender := request.get("from"):
        attributes["to"] = sender
    return Element(IQ, attributes)


def _shown(answer: str) -> list[str]:
    text = xml_safe(answer)
    if len(text) > LONGEST_ANSWER:
        text = f"{text[:LONGEST_ANSWER].rpartition(chr(10))[0] or text[:LONGEST_ANSWER]}\n{_MORE}"
    return text.split("\n")
