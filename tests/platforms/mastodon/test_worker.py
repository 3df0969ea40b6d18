"""The threads that work for the event loop, with clients of no platform."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from bridge.plugin import RefusedError, UnavailableError
from plugins.mastodon.transport import AbandonedError, Gate
from plugins.mastodon.worker import Worker


class Tool:
    """A client that is stuck until its gate is shut or it is let go."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.thread = threading.current_thread()
        self.closed = False
        self.go = threading.Event()

    def close(self) -> None:
        assert threading.current_thread() is self.thread
        self.closed = True


@pytest.fixture
async def tools() -> list[Tool]:
    return []


@pytest.fixture
async def worker(tools: list[Tool]) -> AsyncIterator[Worker[Tool]]:
    def make(gate: Gate) -> Tool:
        tools.append(Tool(gate))
        return tools[-1]

    worker = Worker("worker-under-test", make)
    yield worker
    await worker.close()
    assert [thread for thread in threading.enumerate() if thread.name == "worker-under-test"] == []
    assert all(tool.closed for tool in tools)


async def test_one_client_in_one_thread_of_its_own(worker: Worker[Tool], tools: list[Tool]) -> None:
    threads = [await worker.call(lambda _: threading.current_thread()) for _ in range(3)]
    assert len(tools) == 1
    assert set(threads) == {tools[0].thread}
    assert threads[0].daemon
    assert threads[0] is not threading.main_thread()


async def test_jobs_run_one_at_a_time_in_order(worker: Worker[Tool]) -> None:
    done: list[int] = []

    def job(number: int) -> None:
        done.extend((number, number))

    await asyncio.gather(*(worker.call(lambda _, n=n: job(n)) for n in range(20)))
    assert done == [n for n in range(20) for _ in range(2)]


async def test_errors_come_out_ours_without_their_history(worker: Worker[Tool]) -> None:
    def refuse(_: Tool) -> None:
        try:
            {}["the token"]
        except KeyError as error:
            raise RefusedError("no") from error

    with pytest.raises(RefusedError, match="no") as caught:
        await worker.call(refuse)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


async def test_bugs_come_out_as_they_are_and_the_thread_goes_on(worker: Worker[Tool], tools: list[Tool]) -> None:
    def stumble(_: Tool) -> None:
        raise LookupError("bug")

    with pytest.raises(LookupError, match="bug"):
        await worker.call(stumble)
    assert await worker.call(lambda _: 7) == 7
    assert len(tools) == 1


async def test_a_client_that_cannot_be_made_is_made_again() -> None:
    attempts: list[Gate] = []

    def make(gate: Gate) -> Tool:
        attempts.append(gate)
        if len(attempts) == 1:
            raise OSError("no certificates")
        return Tool(gate)

    worker = Worker("worker-under-test", make)
    with pytest.raises(OSError, match="no certificates"):
        await worker.call(lambda _: None)
    await worker.call(lambda _: None)
    assert len(attempts) == 2
    await worker.close()


async def test_a_cancelled_job_shuts_its_gate_and_its_late_result_is_heard_by_nobody(
    worker: Worker[Tool], tools: list[Tool]
) -> None:
    began = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stuck(tool: Tool) -> str:
        loop.call_soon_threadsafe(began.set)
        tool.go.wait(10)
        with pytest.raises(AbandonedError):
            tool.gate.pass_through()
        with pytest.raises(AbandonedError):
            tool.gate.admit(None)
        return "too late"

    call = asyncio.ensure_future(worker.call(stuck))
    await began.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert tools[0].gate.is_shut
    assert await worker.call(lambda tool: tool.thread) is not tools[0].thread
    assert len(tools) == 2
    tools[0].go.set()
    await asyncio.to_thread(tools[0].thread.join, 10)
    assert tools[0].closed
    assert not tools[1].closed


async def test_closing_does_not_wait_for_what_is_stuck(worker: Worker[Tool], tools: list[Tool]) -> None:
    began = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stuck(tool: Tool) -> None:
        loop.call_soon_threadsafe(began.set)
        tool.go.wait(10)

    call = asyncio.ensure_future(worker.call(stuck))
    await began.wait()
    await worker.close()
    assert tools[0].thread.is_alive()
    with pytest.raises(Exception, match="closed in the middle"):
        await call
    with pytest.raises(UnavailableError, match="closed"):
        await worker.call(lambda _: None)
    tools[0].go.set()
    await asyncio.to_thread(tools[0].thread.join, 10)


async def test_many_given_up_jobs_leave_nothing(worker: Worker[Tool], tools: list[Tool]) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(30):
        began = asyncio.Event()

        def stuck(tool: Tool, began: asyncio.Event = began) -> None:
            loop.call_soon_threadsafe(began.set)
            tool.go.wait(10)

        call = asyncio.ensure_future(worker.call(stuck))
        await began.wait()
        call.cancel()
        await asyncio.wait([call])
        tools[-1].go.set()
        await asyncio.to_thread(tools[-1].thread.join, 10)
        await worker.call(lambda _: None)
    assert len(worker._leaving) <= 2


def test_what_ends_after_its_loop_ends_in_silence() -> None:
    tools: list[Tool] = []

    def make(gate: Gate) -> Tool:
        tools.append(Tool(gate))
        return tools[-1]

    async def main() -> None:
        worker = Worker("worker-under-test", make)
        began = asyncio.Event()
        loop = asyncio.get_running_loop()

        def stuck(tool: Tool) -> None:
            loop.call_soon_threadsafe(began.set)
            tool.go.wait(10)

        call = asyncio.ensure_future(worker.call(stuck))
        await began.wait()
        call.cancel()
        await asyncio.wait([call])

    asyncio.run(main())
    tools[0].go.set()
    tools[0].thread.join(10)
    assert tools[0].closed
