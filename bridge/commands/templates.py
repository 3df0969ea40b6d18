"""`say`: posts and answers from the templates of the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.commands import answers, posting
from bridge.commands.compose import wished
from bridge.commands.context import Mistake, saying
from bridge.commands.posting import shortened
from bridge.commands.words import Nick
from bridge.domain.wording import NOTHING

if TYPE_CHECKING:
    from bridge.commands.context import Context, Deed
    from bridge.commands.lines import Command

SHOWN: Final = 20
_TEXT: Final = 100


async def say(context: Context, command: Command) -> Deed:
    """Return the deed of publishing a template as a post, of answering the command's target with it, or, without one's
    name, of listing all; raises Mistake and ReadError.
    """
    if not command.words:
        return saying(listing(context))
    text, name = filled(context, command), command.words[0]
    if command.target is None:
        return posting.post(context, wished(command.prefixes, text, template=name))
    if command.prefixes.verbs:
        raise Mistake(f"`{command.prefixes.verbs[0]}` is for posts, and that answers somebody: leave it out. {NOTHING}")
    to = command.target.name if isinstance(command.target, Nick) else command.target
    return await answers.answer(context, to=to, text=text, template=name)


def filled(context: Context, command: Command) -> str:
    """Return what a complete `say` says; raises Mistake where there is no such template any more."""
    template = context.settings.template(command.words[0])
    words = () if template is None else template.words(command.text)
    if template is None or len(words) != template.takes:
        raise Mistake(f"That template has changed: {context.verb('say')} lists them. {NOTHING}")
    return template.filled(words)


def listing(context: Context) -> str:
    """Return the templates, one line each."""
    templates = context.settings.templates
    if not templates:
        return "There are no templates: an admin writes them into the table [templates] of the configuration."
    lines = [f"{name}: {shortened(text, _TEXT)}" for name, text in list(templates.items())[:SHOWN]]
    if len(templates) > SHOWN:
        lines.append(f"... and {len(templates) - SHOWN} more")
    return "\n".join([*lines, f"{context.verb('say TEMPLATE WORDS')} posts one"])
