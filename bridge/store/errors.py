"""What can go wrong with the store, by what is certain.

    StoreError
    ├── NotCommitted            certainly nothing of the unit is stored
    │   ├── ClosedError         the store was closed before the unit began
    │   └── OutageError         the database can't be written at this time; the unit isn't to blame
    ├── InDoubt                 may be stored; the store could not find out
    ├── ReadError               a query got no answer
    └── StartError              the store can't be used at all; one sentence, with the mend
        ├── TakenError          another bridge works with it
        ├── BusyError           another program holds it locked
        ├── MissingError        its file isn't there, or its folder can't be made
        ├── ReadOnlyError       its file or folder can't be written
        ├── FullError           the disk is full
        ├── ForeignError        not a database, or another program's
        ├── DamagedError        it can't be read correctly any more
        ├── UnreachableError    PostgreSQL doesn't answer
        ├── LoginError          PostgreSQL doesn't let us in
        └── SchemaError         written by a newer program, or not brought up to this one

No message carries a value of a row, a parameter or a password.
"""

from __future__ import annotations


class StoreError(Exception):
    """Something the store did not do; `told` where the store itself has logged why, so that nobody else need."""

    told = False


class NotCommitted(StoreError):  # noqa: N818 - says what is certain, which is what its reader asks
    """Certainly nothing of the unit is stored."""


class ClosedError(NotCommitted):
    """The store was closed before the unit began."""


class OutageError(NotCommitted):
    """The database can't be written at this time: certainly nothing is stored, and the same unit may be given again."""

    told = True


class InDoubt(StoreError):  # noqa: N818 - as NotCommitted
    """The unit may be stored or not, and the store could not find out."""

    told = True


class ReadError(StoreError):
    """A query got no answer; asking again is harmless."""


class StartError(StoreError):
    """The store can't be used; the message is one sentence for people and names the mend."""


class TakenError(StartError):
    """Another bridge works with this store."""


class BusyError(StartError):
    """Another program holds the database locked."""


class MissingError(StartError):
    """The database's file isn't there, or its folder can't be made."""


class ReadOnlyError(StartError):
    """The database's file or folder can't be written."""


class FullError(StartError):
    """The disk is full."""


class ForeignError(StartError):
    """Not a database, or one that belongs to another program."""


class DamagedError(StartError):
    """The database can't be read correctly any more."""


class UnreachableError(StartError):
    """PostgreSQL doesn't answer."""


class LoginError(StartError):
    """PostgreSQL doesn't let us in."""


class SchemaError(StartError):
    """The tables belong to another version of the program."""
