from __future__ import annotations

import pytest

from bridge.commands.grammar import Command, Line, Mistake, Nick, Outcome, Prefixes, Question, Status, Talk, parse
from bridge.domain.ids import EntryId
from bridge.domain.people import Place
from bridge.domain.posts import Visibility
from bridge.domain.templates import Template
from bridge.settings import Mode


class Names:
    def account(self, name: str) -> bool:
        return name in {"mastodon", "x"}

    def entry(self, entry: EntryId) -> bool:
        return entry in {0x4F, 0x52, 0xBE}

    def nick(self, name: str) -> bool:
        return name in {"kim", "kim@example.org", "bob"}

    def template(self, name: str) -> Template | None:
        return {
            "sorry": Template("We are sorry."),
            "maintenance": Template("Maintenance of {1} begins at {2} UTC."),
        }.get(name)


HELP = "`post TEXT` publishes, `help` tells more; a status that begins with `!` is typed with `\\` before it."
STATUS = "status COMPONENT operational|degraded|partial|major"
STATES = ("`operational`", "`degraded`", "`partial`", "`major`")
NICKS = frozenset({"status", "Status Bot"})


def in_room(text: str) -> Outcome:
    return parse(Line(text=text, place=Place.ROOM, bot_nicks=NICKS), Names())


def in_direct_chat(text: str, mode: Mode = Mode.GUARDED) -> Outcome:
    return parse(Line(text=text, place=Place.DIRECT, mode=mode), Names())


def post(text: str, **prefixes: object) -> Command:
    return Command(verb="post", said="post", text=text, prefixes=Prefixes(**prefixes))  # pyright: ignore[reportArgumentType]


# Rooms


@pytest.mark.parametrize(
    "text",
    [
        "is it the cache again?",
        "post EU users can't sign in",
        " !post hi",
        "\u200b!post hi",
        "> !post hi",
        "! post hi",
        "!",
        "!!",
        "!!!",
        "!?",
        "!important: read this",
        "!ping",
        "！post hi",  # noqa: RUF001
        "\\post hi",
        "status post hi",
        "status:// is a scheme",
        "status:post hi",
        "@status: post hi",
        "statusx: post hi",
        "undo 4f",
        "panic",
        "stop",
        "",
        "\n!post hi",
    ],
)
def test_room_talk_is_nobodys_business(text: str) -> None:
    assert in_room(text) == Talk()


@pytest.mark.parametrize(
    "text",
    [
        "!post We are on it",
        "!POST We are on it",
        "!post\u00a0We are on it",
        "!post\n  We are on it\n",
        "status: post We are on it",
        "status, post We are on it",
        "STATUS: Post We are on it",
        "status bot: post We are on it",
        "status: !post We are on it",
        "status:\npost We are on it",
    ],
)
def test_room_commands(text: str) -> None:
    assert in_room(text) == post("We are on it")


def test_free_text_is_exact() -> None:
    text = "  “Quoted” \u2013 it\u2019s\u00a0fine…\n\n\t- one\n\t- two\u2003"
    assert in_room(f"!post {text}") == post(text.strip())
    assert in_direct_chat(f"r 52 {text}") == Command(verb="r", said="r", target=EntryId(0x52), text=text.strip())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("!psot hi", "`psot` is no verb: did you mean `!post TEXT`?"),
        ("!post: hi", "`post:` is no verb: did you mean `!post TEXT`?"),
        ("!delete 4f", "`delete` is no verb: did you mean `!undo [ID]`?"),
        ("!r52 hi", "`r52` is no verb: did you mean `!r ID TEXT`?"),
        ("!post", "`post` needs a text: type `!post TEXT`."),
        ("!post \u200b", "`post` needs a text: type `!post TEXT`."),
        ("!post \u2800", "`post` needs a text: type `!post TEXT`."),
        ("!r 52", "`r` needs a text: type `!r ID TEXT`."),
        ("!r", "`r` needs an id, such as `52`, or a person, such as `@kim`: type `!r ID TEXT`."),
        ("!r soon hi", "`r` needs an id, such as `52`, or a person, such as `@kim`, not `soon`: type `!r ID TEXT`."),
        ("!r 99 hi", "There is nothing with the id `99`: ids stand in brackets before what they name, as in `[4f]`."),
        ("!r @ann hi", "Nobody called `@ann` has written: names are as the messages show them."),
        ("!d kim hi", "`d` needs a person, written with `@`, such as `@kim`, not `kim`: type `!d @NICK TEXT`."),
        ("!undo @kim", "`undo` needs the id of a post, such as `4f`, not `@kim`: type `!undo [ID]`."),
        ("!undo 4f now", "`undo` can't take `now` as well: type `!undo [ID]`."),
        ("!inbox 4f", "`inbox` can't take `4f`: type `!inbox`."),
        ("!retry", "`retry` needs the id of a post, such as `4f`: type `!retry ID`."),
        ("!found 4f there", "`found` needs a link that begins with `https://`, not `there`: type `!found ID [LINK]`."),
        ("!help frobnicate", "`frobnicate` is no verb: `help all` lists all verbs."),
        ("!help psot", "`psot` is no verb: did you mean `post`?"),
        ("!to x hi", "After `to` comes `post` and a text: type `!to ACCOUNTS post TEXT`."),
        ("!to x r 52 hi", "After `to` comes `post` and a text: type `!to ACCOUNTS post TEXT`."),
        ("!to x", "After `to` comes `post` and a text: type `!to ACCOUNTS post TEXT`."),
        ("!to", "`to` needs the names of accounts, with commas between: type `!to ACCOUNTS post TEXT`."),
        ("!to ,, post hi", "`to` needs the names of accounts, with commas between: type `!to ACCOUNTS post TEXT`."),
        ("!to x,myspace post hi", "There is no account called `myspace`: accounts are named as in the configuration."),
        ("!to x to x post hi", "`to` stands there twice: type `!to ACCOUNTS post TEXT`."),
        ("!cw Outage post hi", "`cw` needs a warning and a colon: type `!cw WARNING: post TEXT`."),
        ("!cw \u200b: post hi", "`cw` needs a warning and a colon: type `!cw WARNING: post TEXT`."),
        (
            "!visibility friends post hi",
            "`visibility` is `public`, `unlisted` or `private`: type `!visibility public|unlisted|private post TEXT`.",
        ),
        ("!account list", "`account` works in a direct chat with me only."),
        ("!stop", "What shall stop? `!off` keeps notices away from you, `!panic` freezes everything outgoing."),
        ("!snooze 52 soon", "`snooze` needs a length of time, such as `30m`, not `soon`: type `!snooze ID DURATION`."),
        (
            "!status api bad",
            f"`status` needs {' or '.join(STATES)}, not `bad`: type `!{STATUS}`.",
        ),
        (
            "!open api We look",
            "`open` needs the name of a component and a colon, not `api`: type `!open COMPONENT: TEXT`.",
        ),
        (
            "!at dawn We look",
            "`at` needs a time, such as `22:00`, `tomorrow 9:30` or `30m`, not `dawn`: type `!at WHEN TEXT`.",
        ),
        ("status: is it down?", "`is` is no verb: `!post TEXT` publishes, `!help` tells more."),
        ("status, thanks", "`thanks` is no verb: did you mean `!help [VERB|all]`?"),
        ("status:", "That has no verb: `!post TEXT` publishes, `!help` tells more."),
        ("status: psot hi", "`psot` is no verb: did you mean `!post TEXT`?"),
        ("status: \\lorem", "`\\lorem` is no verb: `!post TEXT` publishes, `!help` tells more."),
    ],
)
def test_room_mistakes_say_what_to_type(text: str, sentence: str) -> None:
    assert in_room(text) == Mistake(sentence=sentence)


# Direct chats


@pytest.mark.parametrize(
    "text",
    [
        "EU users can't sign in, we are on it",
        "All systems are back",
        "Most of you can sign in again",
        "Like many of you, we see errors",
        "We post news here",
        "4f is an id",
        "@kim thank you for telling us",
        "#outage is over",
        "¡Hola! Estamos trabajando en ello",
        "障害が発生しています",
    ],
)
@pytest.mark.parametrize("mode", [Mode.OPEN, Mode.GUARDED])
def test_bare_words_are_a_status(text: str, mode: Mode) -> None:
    assert in_direct_chat(f" {text}\n", mode) == Status(text=text)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("post We are on it", post("We are on it")),
        ("!post We are on it", post("We are on it")),
        (" \u200b!post We are on it", post("We are on it")),
        ("\ufeffpost We are on it", post("We are on it")),
        ("po\u200bst We are on it", post("We are on it")),
        ("to x,mastodon post hi", post("hi", accounts=("x", "mastodon"))),
        ("to x, mastodon , x post hi", post("hi", accounts=("x", "mastodon"))),
        ("To Mastodon, post hi", post("hi", accounts=("mastodon",))),
        ("cw Outage, 12:30 UTC: post hi", post("hi", warning="Outage, 12:30 UTC")),
        ("visibility Private post hi", post("hi", visibility=Visibility.PRIVATE)),
        ("preview post hi", post("hi", preview=True)),
        (
            "preview to x visibility unlisted cw it\u2019s: post TEXT",
            post("TEXT", preview=True, accounts=("x",), visibility=Visibility.UNLISTED, warning="it\u2019s"),
        ),
        ("send", Command(verb="send", said="send")),
        ("send #4f", Command(verb="send", said="send", target=EntryId(0x4F))),
        ("SEND [4F]", Command(verb="send", said="send", target=EntryId(0x4F))),
        ("undo", Command(verb="undo", said="undo")),
        ("undo `4f`", Command(verb="undo", said="undo", target=EntryId(0x4F))),
        ("retry 4f", Command(verb="retry", said="retry", target=EntryId(0x4F))),
        ("drop 4f", Command(verb="drop", said="drop", target=EntryId(0x4F))),
        ("found 4f", Command(verb="found", said="found", target=EntryId(0x4F))),
        (
            "found 4f https://a.example/1",
            Command(verb="found", said="found", target=EntryId(0x4F), words=("https://a.example/1",)),
        ),
        ("r 52 Soon", Command(verb="r", said="r", target=EntryId(0x52), text="Soon")),
        ("reply [52->4f]: Soon", Command(verb="r", said="reply", target=EntryId(0x52), text="Soon")),
        ("r @kim Soon", Command(verb="r", said="r", target=Nick("kim"), text="Soon")),
        ("r @kim@example.org, Soon", Command(verb="r", said="r", target=Nick("kim@example.org"), text="Soon")),
        ("inbox", Command(verb="inbox", said="inbox")),
        ("panic", Command(verb="panic", said="panic")),
        ("resume", Command(verb="resume", said="resume")),
        ("me", Command(verb="me", said="me")),
        ("help", Command(verb="help", said="help")),
        ("help all", Command(verb="help", said="help", words=("all",))),
        ("help !Reply", Command(verb="help", said="help", words=("r",))),
        ("status?", Command(verb="status?", said="status?")),
        ("plugin list", Command(verb="account", said="plugin", words=("list",))),
        ("account enable X", Command(verb="account", said="account", words=("enable", "x"))),
        ("link @kim @bob", Command(verb="link", said="link", target=Nick("kim"), words=("@bob",))),
        ("assign 52 @ana", Command(verb="assign", said="assign", target=EntryId(0x52), words=("@ana",))),
        (
            "assign 52 ana@example.org",
            Command(verb="assign", said="assign", target=EntryId(0x52), words=("ana@example.org",)),
        ),
        (
            "role grant admin Raj@Example.org",
            Command(verb="role", said="role", words=("grant", "admin", "raj@example.org")),
        ),
        ("at tomorrow 22:00 Sorry", Command(verb="at", said="at", words=("tomorrow 22:00",), text="Sorry")),
        ("at monday 9:00 Sorry", Command(verb="at", said="at", words=("monday 9:00",), text="Sorry")),
        ("at +30m Sorry", Command(verb="at", said="at", words=("+30m",), text="Sorry")),
        (
            "move 4f 2026-11-22T22:00Z",
            Command(verb="move", said="move", target=EntryId(0x4F), words=("2026-11-22T22:00Z",)),
        ),
        ("update monitoring It holds", Command(verb="update", said="update", words=("monitoring",), text="It holds")),
        ("update It holds", Command(verb="update", said="update", text="It holds")),
        ("set hold 10s", Command(verb="set", said="set", words=("hold", "10s"))),
        ("!open api, EU: Down", Command(verb="open", said="open", words=("api, EU",), text="Down")),
        ("!status api major", Command(verb="status", said="status", words=("api", "major"))),
        ("say sorry", Command(verb="say", said="say", words=("sorry",))),
        ("say", Command(verb="say", said="say")),
        ("!off mentions", Command(verb="off", said="off", words=("mentions",))),
        ("reject 4f", Command(verb="reject", said="reject", target=EntryId(0x4F))),
        ("reject 4f too long", Command(verb="reject", said="reject", target=EntryId(0x4F), text="too long")),
        ("report week", Command(verb="report", said="report", words=("week",))),
        ("track outage", Command(verb="track", said="track", words=("outage",))),
    ],
)
@pytest.mark.parametrize("mode", list(Mode))
def test_a_complete_line_whose_names_exist_is_a_command(text: str, command: Command, mode: Mode) -> None:
    assert in_direct_chat(text, mode) == command


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("fav", ("fav ID",)),
        ("d bob", ("d @NICK TEXT",)),
        ("d bob hello", ("d @NICK TEXT",)),
        ("resovle api", ("resolve TEXT",)),
        ("Login is slow for EU users", ("login ACCOUNT",)),
        ("post", ("post TEXT",)),
        ("r 99 Sorry", ("r ID TEXT",)),
        ("r @ann Sorry", ("r ID TEXT",)),
        ("re 52 Sorry", ("r ID TEXT",)),
        ("r52 Sorry", ("r ID TEXT",)),
        ("d@kim Sorry", ("d @NICK TEXT",)),
        ("not 52 our own fault", ("note ID TEXT",)),
        ("undo that thing", ("undo [ID]",)),
        ("send help", ("send [ID]",)),
        ("delete 4f", ("undo [ID]",)),
        ("yes", ("send [ID]",)),
        ("to all our customers: sorry", ("to ACCOUNTS post TEXT",)),
        ("to x Sorry", ("to ACCOUNTS post TEXT",)),
        ("to myspace post Sorry", ("to ACCOUNTS post TEXT",)),
        ("status page is down", (STATUS,)),
        ("status api degraded", (STATUS,)),
        ("Open question: who broke it", ("open COMPONENT: TEXT",)),
        ("off work", ("off [TOPIC]",)),
        ("say hello to everybody", ("say TEMPLATE [WORDS]", "say")),
        ("say sorry to everybody", ("say TEMPLATE [WORDS]", "say")),
        ("say maintenance", ("say TEMPLATE [WORDS]", "say")),
        ("say maintenance “the api”", ("say TEMPLATE [WORDS]", "say")),
        ("assign 52 blame", ("assign ID WHO",)),
        ("account enable myspace", ("account info|enable|disable|check ACCOUNT", "account list")),
        ("Help is on the way", ("help [VERB|all]",)),
        ("stop posting please, all of you", ("off [TOPIC]", "panic")),
        ("`undo 4f`", ("undo [ID]",)),
        ("/me waves", ("me",)),
        ("！post hi", ("post TEXT",)),  # noqa: RUF001
        ("pоst hi there everybody", ("post TEXT",)),  # noqa: RUF001
    ],
)
def test_what_is_like_a_command_is_held_with_a_question(text: str, meant: tuple[str, ...]) -> None:
    for mode in (Mode.OPEN, Mode.GUARDED):
        outcome = in_direct_chat(text, mode)
        assert isinstance(outcome, Question)
        assert (outcome.text, outcome.meant) == (text, meant)
    strict = in_direct_chat(text, Mode.STRICT)
    assert isinstance(strict, Mistake)
    assert strict.sentence == outcome.why or strict.sentence.startswith(
        "In this chat only `post TEXT` publishes. Did you mean"
    )


def test_a_question_says_what_was_wrong() -> None:
    outcome = in_direct_chat("r 99 Sorry")
    assert isinstance(outcome, Question)
    assert (
        outcome.why == "There is nothing with the id `99`: ids stand in brackets before what they name, as in `[4f]`."
    )


@pytest.mark.parametrize("text", ["fav", "d bob", "!post hi", "Login is slow", "\\", " text\nmore"])
def test_a_backslash_makes_a_status(text: str) -> None:
    assert in_direct_chat(f" \\{text}\n") == Status(text=text.strip())
    assert in_direct_chat(f"\\{text}", Mode.STRICT) == Mistake(sentence="In this chat only `post TEXT` publishes.")


def test_a_backslash_alone_is_a_mistake() -> None:
    assert in_direct_chat("\\ \u200b") == Mistake(sentence="After `\\` comes the text of a status.")


@pytest.mark.parametrize("text", ["", " ", "\n", "\u200b"])
def test_nothing_is_nobodys_business(text: str) -> None:
    assert in_direct_chat(text) == Talk()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "!",
            f"That has no verb: {HELP}",
        ),
        ("!!! Outage", f"`!!` is no verb: {HELP}"),
        ("!psot hi", "`psot` is no verb: did you mean `post TEXT`?"),
        ("!r 99 hi", "There is nothing with the id `99`: ids stand in brackets before what they name, as in `[4f]`."),
        ("!stop", "What shall stop? `off` keeps notices away from you, `panic` freezes everything outgoing."),
        ("stop", "What shall stop? `off` keeps notices away from you, `panic` freezes everything outgoing."),
        ("!assign 52", "`assign` needs a colleague: type `assign ID WHO`."),
        ("!say hello to everybody", "There is no template called `hello`: `say` lists them."),
        ("!say sorry all", '`say sorry` takes no words ("We are sorry."): type `say sorry`.'),
        ("!to x claim 52", "After `to` comes `post` and a text: type `to ACCOUNTS post TEXT`."),
        (
            "!role grant staff raj",
            (
                "`role` needs an address, such as `raj@example.org`, not `raj`: "
                "type `role grant|revoke ROLE JID` or `role accept|decline`."
            ),
        ),
    ],
)
def test_marked_lines_are_commands_or_mistakes(text: str, sentence: str) -> None:
    assert in_direct_chat(text) == Mistake(sentence=sentence)


def test_only_post_publishes_where_it_is_strict() -> None:
    assert in_direct_chat("We are on it", Mode.STRICT) == Mistake(sentence="In this chat only `post TEXT` publishes.")
    assert in_direct_chat("resovle api", Mode.STRICT) == Mistake(
        sentence="In this chat only `post TEXT` publishes. Did you mean `resolve TEXT`?",
    )


@pytest.mark.parametrize("text", ["[4f] mastodon https://social.example.org/1", "[52->4f] @kim: still locked out"])
def test_what_begins_as_a_line_of_the_bot_is_asked_about(text: str) -> None:
    outcome = in_direct_chat(text)
    assert isinstance(outcome, Question)
    assert (outcome.text, outcome.meant) == (text, ())
    assert outcome.why == f"It begins with `{text.partition(' ')[0]}`, as my own lines do."
    assert in_direct_chat("\\" + text) == Status(text=text)


@pytest.mark.parametrize("text", ["[ff] is the colour", "[1/2] The first half", "4f is a byte", "[sic] and so on"])
def test_other_brackets_are_words_of_a_status(text: str) -> None:
    assert in_direct_chat(text) == Status(text=text)
