from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, fromstring, tostring

import pytest

from bridge.chat import forms
from bridge.chat.forms import LONGEST_ANSWER, LONGEST_VALUE, MOST_FIELDS, Problem
from bridge.commands.menu import entries

if TYPE_CHECKING:
    from collections.abc import Callable

    Xml = Callable[[str], Element]

C = "{http://jabber.org/protocol/commands}"
X = "{jabber:x:data}"
MENU = entries()


def command(attributes: str = "node='account'", inside: str = "", after: str = "") -> Element:
    return fromstring(
        "<iq xmlns='jabber:client' type='set' id='1' from='ana@example.org/x' to='status@example.org/bridge'>"
        f"<command xmlns='http://jabber.org/protocol/commands' {attributes}>{inside}</command>{after}</iq>"
    )


def form(inside: str, type_: str = "submit") -> str:
    return f"<x xmlns='jabber:x:data' type='{type_}'>{inside}</x>"


def field(name: str, *values: str) -> str:
    return f"<field var='{name}'>{''.join(f'<value>{value}</value>' for value in values)}</field>"


def test_a_step_is_read_whole() -> None:
    step = forms.read(
        command(
            "node='account' sessionid='s1' action='complete'",
            form("<title>ours</title>" + field("account", "mastodon") + field("empty")),
        )
    )
    assert (step.node, step.session, step.action) == ("account", "s1", "complete")
    assert step.values == {"account": "mastodon", "empty": ""}
    first = forms.read(command())
    assert (first.session, first.action, first.values) == (None, "execute", {})


def test_what_is_given_up_needs_no_form() -> None:
    step = forms.read(command("node='account' sessionid='s1' action='cancel'", form("", "cancel")))
    assert step.action == "cancel"


@pytest.mark.parametrize(
    ("request_", "specific"),
    [
        (command("node='account' action='explode'"), "malformed-action"),
        (command(after="<command xmlns='http://jabber.org/protocol/commands'/>"), "malformed-action"),
        (command(inside=form("") + form("")), "bad-payload"),
        (command(inside=form("", "form")), "bad-payload"),
        (command(inside=form(field("account", "x") + field("account", "mastodon"))), "bad-payload"),
        (command(inside=form(field("account", "x", "mastodon"))), "bad-payload"),
        (command(inside=form("".join(field(f"f{n}", "x") for n in range(MOST_FIELDS + 1)))), "bad-payload"),
        (command(inside=form("".join(field(f"f{n}", "x") for n in range(10_000)))), "bad-payload"),
        (command(inside=form("<field var='a'>" + "<option/>" * 10_000 + "</field>")), "bad-payload"),
        (command(inside=form(field("account", "x" * (LONGEST_VALUE + 1)))), "bad-payload"),
        (command(inside=form(field("account", "x" * 1_000_000))), "bad-payload"),
        (command(inside=form(field("x" * 1_000_000, "x"))), "bad-payload"),
    ],
)
def test_what_no_form_of_ours_can_need_is_refused(request_: Element, specific: str) -> None:
    with pytest.raises(Problem) as error:
        forms.read(request_)
    assert (error.value.kind, error.value.condition, error.value.specific) == ("modify", "bad-request", specific)
    assert len(tostring(forms.error(request_, error.value))) < 1_000


def test_a_form_asks_for_what_the_way_needs() -> None:
    way = MENU["account"].ways["info"]
    x = forms.form("account info", "It tells.", way.fields(["mastodon", "x"]))
    assert x.get("type") == "form"
    assert (x.findtext(X + "title"), x.findtext(X + "instructions")) == ("account info", "It tells.")
    (only,) = x.findall(X + "field")
    assert dict(only.attrib) == {"var": "account", "type": "list-single", "label": "The name of an account"}
    assert only.find(X + "required") is not None
    assert [option.findtext(X + "value") for option in only.findall(X + "option")] == ["mastodon", "x"]
    (length,) = forms.form("set hold", "", MENU["set"].ways["hold"].fields([])).findall(X + "field")
    assert length.get("type") == "text-single"
    (topic,) = forms.form("help", "", MENU["help"].ways["help"].fields([])).findall(X + "field")
    assert topic.find(X + "required") is None


def test_the_first_form_asks_what_to_do() -> None:
    (what,) = forms.choosing(MENU["account"]).findall(X + "field")
    assert (what.get("var"), what.get("type")) == (forms.CHOICE, "list-single")
    assert [option.get("label") for option in what.findall(X + "option")] == list(MENU["account"].ways)


def test_the_last_action_of_a_step_is_the_one_without_a_word() -> None:
    step = forms.executing("account", "s1", forms.choosing(MENU["account"]), ["prev", "complete"])
    actions = step.find(C + "actions")
    assert actions is not None
    assert (actions.get("execute"), [one.tag for one in actions]) == ("complete", [C + "prev", C + "complete"])
    assert (step.get("node"), step.get("sessionid"), step.get("status")) == ("account", "s1", "executing")


def test_one_line_is_a_note_and_many_are_a_form() -> None:
    short = forms.completed("set", "s1", "From now on\x00 10 s")
    note = short.find(C + "note")
    assert note is not None
    assert (note.get("type"), note.text, short.find(X + "x")) == ("info", "From now on 10 s", None)
    long = forms.completed("account", "s1", "mastodon is up\n| plugin mastodon")
    assert long.find(C + "note") is None
    assert [value.text for value in long.iter(X + "value")] == ["mastodon is up", "| plugin mastodon"]
    wrong = forms.completed("account", "s1", "There is none.\nNothing was changed.", wrong=True)
    note = wrong.find(C + "note")
    assert note is not None
    assert (note.get("type"), note.text) == ("error", "There is none.\nNothing was changed.")


def test_a_long_answer_is_cut_between_lines() -> None:
    lines = [f"line {number}" for number in range(5_000)]
    shown = [value.text for value in forms.completed("help", "s1", "\n".join(lines)).iter(X + "value")]
    assert shown[:-1] == lines[: len(shown) - 1]
    assert shown[-1] == "... all of it is in our direct chat"
    assert sum(len(line or "") + 1 for line in shown) <= LONGEST_ANSWER + 100
    one = [value.text for value in forms.completed("help", "s1", "x" * 20_000).iter(X + "value")]
    assert one == ["x" * LONGEST_ANSWER, "... all of it is in our direct chat"]


def test_answers_go_back_to_who_asked(xml: Xml) -> None:
    request = command()
    done = forms.result(request, forms.canceled("account", "s1"))
    assert dict(done.attrib) == {"type": "result", "id": "1", "to": "ana@example.org/x"}
    assert done[0].get("status") == "canceled"
    failed = forms.error(request, forms.bad("bad-sessionid", "There is none."))
    assert [one.tag.rpartition("}")[2] for one in failed[0]] == ["bad-request", "text", "bad-sessionid"]
    assert failed[0].get("type") == "modify"
    assert dict(forms.result(xml("<iq type='get' id='7'/>"), Element("x")).attrib) == {"type": "result", "id": "7"}
