"""asyncio under the virtual clock: its timers jump, its work does not."""

from __future__ import annotations

import asyncio
import selectors
import socket
import sys
import threading
import time

import pytest

from .scene import join, start, work

pytestmark = pytest.mark.usefixtures("quick")

#: What turns of a loop and readings may add, in virtual seconds.
_NEARLY = {"abs": 0.05}
# Each takes a moment of real time where the system does not tell of threads one by one.
_MANY = 1500 if sys.platform == "linux" else 30
_SELECTORS = [
    getattr(selectors, name)
    for name in ("SelectSelector", "PollSelector", "DefaultSelector")
    if hasattr(selectors, name)
]


async def _event_never() -> None:
    await asyncio.wait_for(asyncio.Event().wait(), 60)


async def _queue_never() -> None:
    await asyncio.wait_for(asyncio.Queue().get(), 60)


async def _timeout() -> None:
    async with asyncio.timeout(60):
        await asyncio.get_running_loop().create_future()


async def _timeout_at() -> None:
    async with asyncio.timeout_at(asyncio.get_running_loop().time() + 60):
        await asyncio.sleep(600)


async def _wait() -> None:
    done, pending = await asyncio.wait({asyncio.ensure_future(asyncio.sleep(600))}, timeout=60)
    for task in pending:
        task.cancel()
    if not done:
        raise TimeoutError


async def _condition() -> None:
    condition = asyncio.Condition()
    async with asyncio.timeout(60), condition:
        await condition.wait()


async def _slow_thread() -> None:
    await asyncio.wait_for(asyncio.to_thread(time.sleep, 100), 60)


async def _hanging_thread() -> None:
    done = threading.Event()
    try:
        await asyncio.wait_for(asyncio.to_thread(done.wait), 60)
    finally:
        done.set()


async def _slow_thread_of_two() -> None:
    both = threading.Barrier(2)
    await asyncio.gather(asyncio.to_thread(both.wait), asyncio.to_thread(both.wait))
    await _slow_thread()


async def _joining_thread() -> None:
    (other,) = start(lambda: time.sleep(100))
    await asyncio.wait_for(asyncio.to_thread(other.join), 60)


@pytest.mark.parametrize(
    "never",
    [
        _event_never,
        _queue_never,
        _timeout,
        _timeout_at,
        _wait,
        _condition,
        _slow_thread,
        _hanging_thread,
        _slow_thread_of_two,
        _joining_thread,
    ],
)
def test_a_limit_of_a_minute_passes_at_once(clock, never):
    """Nothing in the loop can run, and no thread works: the limit is met, after 60 s and not before."""
    seen = []

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await never()
        seen.append(clock.now)

    asyncio.run(main())
    assert [60] == pytest.approx(seen, **_NEARLY)


def test_a_retry_loop_with_a_sleep_takes_no_real_time(clock):
    """An hour of sleeps; each is on record as it was written."""

    async def retry() -> None:
        for _ in range(60):
            await asyncio.sleep(60)

    asyncio.run(retry())
    assert [60.0] * 60 == clock.slept
    assert 3600 == pytest.approx(clock.now, **_NEARLY)


def test_a_loop_that_is_handed_sleep_itself_sleeps_by_the_clock(clock):
    """As the callback of a handle, and in an executor."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(time.sleep, 60)
        await loop.run_in_executor(None, time.sleep, 40)

    asyncio.run(main())
    assert [40.0, 60.0] == sorted(clock.slept)


def test_a_sleep_that_is_cancelled_is_not_on_record(clock):
    """It was not sat out; nor was a limit that was not met."""

    async def main() -> None:
        task = asyncio.ensure_future(asyncio.sleep(100))
        await asyncio.wait_for(asyncio.sleep(2), 50)
        task.cancel()

    asyncio.run(main())
    assert [2.0] == clock.slept
    assert 2 == pytest.approx(clock.now, **_NEARLY)


def test_a_sleep_that_is_cancelled_in_the_turn_of_its_end_is_not_on_record(clock):
    """The loop is late, both are due, and the cancellation comes first."""

    async def main() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.ensure_future(asyncio.sleep(10))
        loop.call_later(9, task.cancel)
        loop.call_later(5, time.sleep, 20)
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert [20.0] == clock.slept


def test_the_time_of_the_loop_is_that_of_time_monotonic(clock):
    """Both are virtual, and what is scheduled by the one is met by the other."""
    time.sleep(50)

    async def main() -> tuple[float, float]:
        loop, called = asyncio.get_running_loop(), asyncio.Event()
        apart = loop.time() - time.monotonic()
        loop.call_at(time.monotonic() + 100, called.set)
        await called.wait()
        return apart, clock.now

    assert (0, 150) == pytest.approx(asyncio.run(main()), abs=0.001)


def test_timers_fire_in_the_order_of_their_time(clock):
    """Sleeps, `call_later`, `call_at` and a task group interleave as they would for real."""
    seen = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        async def sleep(seconds: float) -> None:
            await asyncio.sleep(seconds)
            seen.append(seconds)

        loop.call_later(3, seen.append, 3)
        loop.call_at(loop.time() + 1, seen.append, 1)
        async with asyncio.TaskGroup() as group:
            for seconds in (4, 2, 0.5, 3.5):
                group.create_task(sleep(seconds))

    asyncio.run(main())
    assert [0.5, 1, 2, 3, 3.5, 4] == seen
    assert 4 == pytest.approx(clock.now, **_NEARLY)


def test_a_loop_that_spins_until_a_limit_gets_there(clock):
    """Each turn costs a moment of virtual time."""
    turns = []

    async def main() -> None:
        async with asyncio.timeout(0.5):
            while True:
                turns.append(clock.now)
                await asyncio.sleep(0)

    with pytest.raises(TimeoutError):
        asyncio.run(main())
    assert 0.5 == pytest.approx(clock.now, **_NEARLY)
    assert len(turns) <= 25_000


def test_a_queue_hands_on_between_sleeping_tasks(clock):
    """A consumer with a limit of 3 s meets a producer's times, and gives up once there is none."""

    async def main() -> list[float]:
        items: asyncio.Queue[float] = asyncio.Queue()

        async def produce() -> None:
            for _ in range(5):
                await asyncio.sleep(2)
                items.put_nowait(clock.now)

        async with asyncio.TaskGroup() as group:
            group.create_task(produce())
            got = [await asyncio.wait_for(items.get(), 3) for _ in range(5)]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(items.get(), 3)
        return got

    assert [2, 4, 6, 8, 10] == pytest.approx(asyncio.run(main()), **_NEARLY)
    assert 13 == pytest.approx(clock.now, **_NEARLY)


# Threads


def test_a_limit_is_not_jumped_to_while_a_thread_works(clock):
    """`to_thread` computes for 50 ms: its result comes, and the clock has not moved."""

    async def main() -> str:
        return await asyncio.wait_for(asyncio.to_thread(lambda: work(0.05) or "done"), 60)

    assert "done" == asyncio.run(main())
    assert 0 == pytest.approx(clock.now, **_NEARLY)


def test_a_limit_waits_for_a_thread_that_waits_for_an_answer_from_outside(later, clock):
    """Whether by `to_thread` or `run_in_executor`: 20 ms are no reason to give up after 60 s."""
    left, right = socket.socketpair()

    async def main() -> bytes:
        later(0.02, lambda: right.send(b"x"))
        return await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(None, left.recv, 1), 60)

    with left, right:
        assert b"x" == asyncio.run(main())
    assert clock.now < 20


def test_a_thread_that_sleeps_is_waited_for(clock):
    """Its minute comes before the limit of 100 s, and the loop's own sleep before that."""
    seen = []

    async def main() -> None:
        async def sleep() -> None:
            await asyncio.sleep(30)
            seen.append(clock.now)

        async with asyncio.timeout(100):
            await asyncio.gather(asyncio.to_thread(time.sleep, 60), sleep())
        seen.append(clock.now)

    asyncio.run(main())
    assert [30, 60] == pytest.approx(seen, **_NEARLY)


def test_a_call_from_a_thread_comes_before_that_threads_next_sleep(clock):
    """Whoever is about to sleep has rung the loop before: the loop runs first, every time, and at once."""
    seen = []

    async def main() -> None:
        loop, woken = asyncio.get_running_loop(), asyncio.Event()

        def ring() -> None:
            for _ in range(_MANY):
                loop.call_soon_threadsafe(lambda: seen.append(clock.now))
                time.sleep(60)
            loop.call_soon_threadsafe(woken.set)

        threads = start(ring)
        await woken.wait()
        join(threads)

    asyncio.run(main())
    assert [60 * count for count in range(_MANY)] == pytest.approx(seen, abs=1)


@pytest.mark.parametrize("make", _SELECTORS)
def test_every_selector_of_the_standard_library_will_do(clock, make):
    """A thread that rings and sleeps finds the loop in time with any."""
    seen = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def ring() -> None:
            loop.call_soon_threadsafe(lambda: seen.append(clock.now))
            time.sleep(60)

        await asyncio.to_thread(ring)
        await asyncio.sleep(60)
        seen.append(clock.now)

    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(make())) as runner:
        runner.run(main())
    assert [0, 120] == pytest.approx(seen, **_NEARLY)


def test_two_loops_in_two_threads_take_turns(clock):
    """They share the clock, and each wakes in its time."""
    seen, ready = [], threading.Barrier(2)

    def loop(name: str, step: float, times: int):
        async def main() -> None:
            for count in range(1, times + 1):
                await asyncio.sleep(step)
                seen.append((round(clock.now), name))
                assert step * count == pytest.approx(clock.now, **_NEARLY)

        def run() -> None:
            ready.wait()
            asyncio.run(main())

        return run

    join(start(loop("a", 7, 10), loop("b", 11, 6)))
    assert sorted([(7 * k, "a") for k in range(1, 11)] + [(11 * k, "b") for k in range(1, 7)]) == seen


def test_a_coroutine_in_the_loop_of_another_thread_is_waited_for(clock):
    """`run_coroutine_threadsafe` gives its result after the minute it sleeps, before the limit of 100 s."""
    loop = asyncio.new_event_loop()
    threads = start(loop.run_forever)
    future = asyncio.run_coroutine_threadsafe(asyncio.sleep(60, "done"), loop)
    assert "done" == future.result(timeout=100)
    assert 60 == pytest.approx(clock.now, **_NEARLY)
    loop.call_soon_threadsafe(loop.stop)
    join(threads)
    loop.close()
