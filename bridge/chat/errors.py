"""What can go wrong with the chat, by what it means for the program.

ChatError                   the session can't be had: `run` ends; one sentence, with the mend
├── WrongPassword           the server knows neither the name nor the password
├── ResourceConflict        another program uses our address and resource
└── BadCaFile               the file of `ca_file` can't be read

AnswerError                 one request did not succeed; the caller decides
├── Refused                 the answer is an error
└── NoAnswer                none came in time, or the session ended
"""

from __future__ import annotations


class ChatError(Exception):
    """The session can't be had, and trying again won't help; the message is one sentence for people."""


class WrongPassword(ChatError):  # noqa: N818 - says what is wrong
    """The server knows neither the name nor the password."""


class ResourceConflict(ChatError):  # noqa: N818 - as above
    """Another program uses our address and resource."""


class BadCaFile(ChatError):  # noqa: N818 - as above
    """The file of certificate authorities can't be read."""


class AnswerError(Exception):
    """One request to the server did not succeed."""


class Refused(AnswerError):  # noqa: N818 - an answer, not a failure
    """The answer is an error: its condition (RFC 6120, 8.3.3) and perhaps a text."""

    def __init__(self, condition: str, text: str = "") -> None:
        """Take the condition's name and the server's own words."""
        super().__init__(f"{condition}: {text}" if text else condition)
        self.condition = condition
        self.text = text


class NoAnswer(AnswerError):  # noqa: N818 - as above
    """No answer came in time."""
