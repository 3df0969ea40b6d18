"""A few threads that read, each in a snapshot of its own, beside the writer."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from bridge.store.engine import OUTAGES, Backend
from bridge.store.errors import ReadError
from bridge.store.tx import Tx

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.store.outage import Outage

T = TypeVar("T")

THREADS = 4


class Readers:
    """The readers of one store."""

    def __init__(self, backend: Backend, outage: Outage) -> None:
        """Make the pool; connections are made when they are first needed."""
        self._backend = backend
        self._outage = outage
        self._engine = backend.readers(THREADS)
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="store-reader")

    async def read(self, query: Callable[[Tx], T]) -> T:
        """Return the query's answer; raises ReadError, or what the query raises."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._read, query)

    async def close(self) -> None:
        """Wait for the readers at work and end them."""
        await asyncio.to_thread(self._executor.shutdown)
        self._engine.dispose()

    def _read(self, query: Callable[[Tx], T]) -> T:
        try:
            try:
                return self._ask(query)
            except SQLAlchemyError as error:
                if not getattr(error, "connection_invalidated", False):
                    raise
                return self._ask(query)  # the server was started anew; reading twice is harmless
        except SQLAlchemyError as error:
            raise self._failure(error) from None

    def _failure(self, error: SQLAlchemyError) -> ReadError:
        explained = self._backend.explain(error)
        failure = ReadError(str(explained))
        if isinstance(explained, OUTAGES):
            failure.told = True
            self._outage.failed(str(explained))
        return failure

    def _ask(self, query: Callable[[Tx], T]) -> T:
        with self._engine.begin() as connection:
            return query(Tx(connection, self._backend.dialect))
