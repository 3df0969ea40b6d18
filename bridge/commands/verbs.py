"""The verbs of the chat: what each takes, who may say it and where, and what `help` says of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from bridge.domain.people import Place, Role

ANYWHERE: Final = frozenset(Place)
DIRECT_ONLY: Final = frozenset({Place.DIRECT})


class Kind(Enum):
    """What an argument is; the value is how `help` writes it."""

    ID = "ID"
    ITEM = "ITEM"
    NICK = "@NICK"
    TEXT = "TEXT"
    WORD = "WORD"
    LINK = "LINK"
    VERSION = "VERSION"
    WHEN = "WHEN"
    ZONE = "ZONE"
    DURATION = "DURATION"
    ACCOUNT = "ACCOUNT"
    ACCOUNTS = "ACCOUNTS"
    WARNING = "WARNING:"
    COMPONENT = "COMPONENT"
    TITLE = "COMPONENT:"
    TEMPLATE = "TEMPLATE"
    WORDS = "WORDS"
    TOPIC = "TOPIC"
    WHO = "WHO"
    JID = "JID"
    VERB = "VERB|all"
    CHOICE = "one of some words"


_EXAMPLES: Final = {
    Kind.ID: "4f",
    Kind.ITEM: "52",
    Kind.NICK: "@kim",
    Kind.TEXT: "We are on it",
    Kind.WORD: "outage",
    Kind.LINK: "https://social.example.org/@shop/1",
    Kind.VERSION: "2",
    Kind.WHEN: "tomorrow 22:00",
    Kind.ZONE: "Europe/Berlin",
    Kind.DURATION: "30m",
    Kind.ACCOUNT: "mastodon",
    Kind.ACCOUNTS: "mastodon,x",
    Kind.WARNING: "Outage:",
    Kind.COMPONENT: "api",
    Kind.TITLE: "api:",
    Kind.TEMPLATE: "maintenance",
    Kind.WORDS: "api 02:00",
    Kind.TOPIC: "mentions",
    Kind.WHO: "@ana",
    Kind.JID: "raj@example.org",
    Kind.VERB: "undo",
}
_CHOICES: Final = {
    "STATE": ("investigating", "identified", "monitoring", "resolved"),
    "ROLE": ("staff", "approver", "admin"),
}
_READ_TO_THE_END: Final = {"TEXT": Kind.TEXT, "WHY": Kind.TEXT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arg:
    """One argument: its kind, its name in the form, and the words that a CHOICE is made of."""

    kind: Kind
    name: str
    optional: bool = False
    choices: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the argument as a form shows it."""
        return f"[{self.name}]" if self.optional else self.name

    @property
    def example(self) -> str:
        """Return something that one might type here."""
        return self.choices[0] if self.choices else _EXAMPLES[self.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One verb. `forms` are the ways to say it, the first one being the one that a mistake is answered with.

    `anybody` are the first words with which it needs no role. A `prefix` stands before `post`. What isn't `built` is
    understood and answered, but does nothing in this version.
    """

    name: str
    area: str
    forms: tuple[tuple[Arg, ...], ...]
    help: str
    aliases: tuple[str, ...] = ()
    role: Role = Role.STAFF
    anybody: frozenset[str] = frozenset()
    places: frozenset[Place] = ANYWHERE
    prefix: bool = False
    built: bool = False

    @property
    def usages(self) -> tuple[str, ...]:
        """Return each form as one types it: `found ID [LINK]`."""
        last = " post TEXT" if self.prefix else ""
        return tuple(" ".join([self.name, *map(str, form)]) + last for form in self.forms)

    @property
    def usage(self) -> str:
        """Return the first form."""
        return self.usages[0]

    @property
    def examples(self) -> tuple[str, ...]:
        """Return a line for each form that one might type, every argument filled in."""
        last = f" post {_EXAMPLES[Kind.TEXT]}" if self.prefix else ""
        return tuple(" ".join([self.name, *(arg.example for arg in form)]) + last for form in self.forms)


def _arg(word: str) -> Arg:
    optional = word.startswith("[")
    name = word.strip("[]")
    if name in _READ_TO_THE_END:
        return Arg(kind=Kind.TEXT, name=name, optional=optional)
    if name == "ITEM":
        return Arg(kind=Kind.ITEM, name="ID", optional=optional)
    if name in _CHOICES:
        return Arg(kind=Kind.CHOICE, name=name, optional=optional, choices=_CHOICES[name])
    if name.islower():
        return Arg(kind=Kind.CHOICE, name=name, optional=optional, choices=tuple(name.split("|")))
    return Arg(kind=Kind(name), name=name, optional=optional)


@dataclass(frozen=True, slots=True)
class _Area:
    """Verbs of one area of the chat's language, which share who may say them and where."""

    name: str
    role: Role = Role.STAFF
    places: frozenset[Place] = ANYWHERE

    def verb(
        self,
        usage: str,
        says: str,
        *aliases: str,
        role: Role | None = None,
        anybody: str = "",
        prefix: bool = False,
        built: bool = False,
    ) -> Verb:
        """Make a verb of its forms as one types them, with ` / ` between two."""
        forms = [form.split() for form in usage.split(" / ")]
        return Verb(
            name=forms[0][0],
            area=self.name,
            forms=tuple(tuple(_arg(word) for word in form[1:]) for form in forms),
            help=says,
            aliases=aliases,
            role=self.role if role is None else role,
            anybody=frozenset(anybody.split()),
            places=self.places,
            prefix=prefix,
            built=built,
        )


_post = _Area("post")
_later = _Area("later")
_incidents = _Area("incidents")
_answers = _Area("answers")
_erasing = _Area("answers", Role.ADMIN, DIRECT_ONLY)
_notices = _Area("notices")
_policy = _Area("policy", Role.APPROVER)
_rights = _Area("policy", Role.ADMIN, DIRECT_ONLY)
_admin = _Area("admin", Role.ADMIN, DIRECT_ONLY)
_always = _Area("always", Role.NONE)

VERBS: Final[tuple[Verb, ...]] = (
    _post.verb("post TEXT", "publishes the text on your accounts, after the hold", built=True),
    _post.verb("send [ID]", "ends the hold now: what is held goes out", built=True),
    _post.verb("undo [ID]", "stops what is held, deletes what is published", built=True),
    _post.verb("edit ID TEXT", "gives a post another text, held or published", built=True),
    _post.verb("repeat ITEM", "repeats somebody's message on the account that heard it", "rt", built=True),
    _post.verb("fav ITEM", "marks somebody's message as a favourite", built=True),
    _post.verb("alt TEXT", "describes the picture that you have just sent", built=True),
    _post.verb("retry ID", "tries again what failed, or what surely isn't there", built=True),
    _post.verb("found ID [LINK]", "says that a doubtful post is there after all", built=True),
    _post.verb("drop ID", "leaves a failed or doubtful post as it is", built=True),
    _post.verb("to ACCOUNTS", "before `post`: only to these accounts, with commas between", prefix=True, built=True),
    _post.verb("cw WARNING:", "before `post`: hides the text behind a content warning", prefix=True, built=True),
    _post.verb("visibility public|unlisted|private", "before `post`: who may see it", prefix=True, built=True),
    _post.verb("preview", "before `post`: shows the post and holds it until you send it", prefix=True, built=True),
    _later.verb("at WHEN TEXT", "publishes the text at that time", built=True),
    _later.verb("queue", "lists what is to be published later", built=True),
    _later.verb("move ID WHEN", "changes when a post is published", built=True),
    _incidents.verb("status?", "tells how all components are"),
    _incidents.verb("status COMPONENT operational|degraded|partial|major", "says how a component is"),
    _incidents.verb("open COMPONENT: TEXT", "opens an incident and publishes its first message"),
    _incidents.verb("update [STATE] TEXT", "publishes news of the open incident"),
    _incidents.verb("resolve TEXT", "publishes the end of the open incident"),
    _incidents.verb("maint COMPONENT WHEN DURATION TEXT", "announces maintenance"),
    _incidents.verb("next DURATION", "promises the next update within that time"),
    _answers.verb("inbox", "lists what customers wrote and nobody has finished", built=True),
    _answers.verb("r ITEM TEXT", "answers a message, or a person's last one", "reply", built=True),
    _answers.verb("say TEMPLATE [WORDS] / say", "posts a text of the configuration with these words in it", built=True),
    _answers.verb("d @NICK TEXT", "sends a private message"),
    _answers.verb("claim ITEM", "makes a message yours to answer", built=True),
    _answers.verb("release ITEM", "gives a message that you claimed back to all", built=True),
    _answers.verb("assign ITEM WHO", "gives a message to a colleague"),
    _answers.verb("note ITEM TEXT", "keeps an internal note with a message", built=True),
    _answers.verb("done ITEM", "closes a message", built=True),
    _answers.verb("snooze ITEM DURATION", "brings a message back after that time"),
    _answers.verb("context ITEM", "shows the conversation around a message", built=True),
    _answers.verb("url ITEM", "shows the link of a post or message", built=True),
    _answers.verb("whois @NICK", "shows who a person is"),
    _answers.verb("tag ITEM WORD", "marks a message with a word"),
    _answers.verb("mute @NICK", "keeps a person's messages away"),
    _answers.verb("link @NICK @NICK", "says that two names are one person"),
    _erasing.verb("forget @NICK", "shows what is known of a person; said once more, erases it", built=True),
    _answers.verb("follow @NICK", "follows a person, where the platform can"),
    _answers.verb("unfollow @NICK", "ends that"),
    _notices.verb("on", "brings your notices back"),
    _notices.verb("off [TOPIC]", "keeps notices away from you"),
    _notices.verb("track WORD", "brings public messages with that word"),
    _notices.verb("untrack WORD", "ends that"),
    _notices.verb("tracks", "lists the words that are tracked"),
    _notices.verb("last [@NICK]", "shows the last message, or a person's last one", built=True),
    _notices.verb("stats", "counts what came and went, today and in the last 7 days", built=True),
    _notices.verb("report [week]", "tells how fast answers were"),
    _policy.verb("approve ID [VERSION]", "lets a post go out that waits for it", built=True),
    _policy.verb("reject ID [WHY]", "sends a post back to its author", built=True),
    _rights.verb(
        "role grant|revoke ROLE JID / role accept|decline",
        "offers or takes a role; who is offered one accepts it, or not",
        anybody="accept decline",
        built=True,
    ),
    _rights.verb("roles", "lists who may do what, and from where that comes", built=True),
    _rights.verb("audit [ID]", "shows who did what", role=Role.APPROVER, built=True),
    _policy.verb("panic", "freezes everything outgoing, at once", role=Role.STAFF, built=True),
    _policy.verb("resume", "shows what a panic keeps back; said once more, lets it go on", built=True),
    _admin.verb(
        "account info|enable|disable|check ACCOUNT / account list",
        "shows how accounts stand, switches them, tries their logins",
        "plugin",
        built=True,
    ),
    _admin.verb("login ACCOUNT", "logs an account in"),
    _admin.verb("logout ACCOUNT", "logs an account out"),
    _admin.verb("health", "tells how the bridge itself is", built=True),
    _admin.verb("reload", "reads the configuration again and puts it in force", built=True),
    _admin.verb("drill", "starts an exercise: nothing is published until it ends"),
    _always.verb(
        "set hold DURATION / set zone ZONE",
        "sets how long your own posts are held, or your time zone",
        role=Role.STAFF,
        built=True,
    ),
    _always.verb("help [VERB|all]", "explains a verb, or lists all", built=True),
    _always.verb("me", "tells who I think you are and what you may do", built=True),
)

_BY_NAME: Final = {name: verb for verb in VERBS for name in (verb.name, *verb.aliases)}

NEEDED: Final[dict[Role, tuple[Verb, ...]]] = {
    role: tuple(_BY_NAME[name] for name in names.split())
    for role, names in {
        Role.NONE: "me help",
        Role.STAFF: "post send undo inbox r panic help",
        Role.APPROVER: "post undo inbox r panic resume help",
        Role.ADMIN: "post undo inbox r panic resume help",
    }.items()
}
"""What `help` alone answers: the verbs that a person of that role can't do without."""

NAMES: Final = frozenset(_BY_NAME)
"""Every word that is a verb, aliases too."""


def find(word: str) -> Verb | None:
    """Return the verb of that name or alias; case is ignored."""
    return _BY_NAME.get(word.casefold())
