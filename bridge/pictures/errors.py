"""Why a picture can't be had."""

from __future__ import annotations


class FetchError(Exception):
    """There is no file; the message is one sentence for people, without any address. `again`: a later try may help."""

    def __init__(self, message: str, *, again: bool) -> None:
        """Take the sentence, and whether another attempt is worth it."""
        super().__init__(message)
        self.again = again
