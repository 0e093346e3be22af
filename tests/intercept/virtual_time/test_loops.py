"""Event loops and futures beside virtual time."""

from __future__ import annotations

import asyncio
import concurrent.futures
import queue
import socket
import threading
import time

import pytest

from .scene import join, real_sleep, start, work


@pytest.fixture
def answers():
    """Return a queue of functions that a thread calls which is none of the test's."""
    calls = queue.SimpleQueue()

    def call() -> None:
        calls.get()()

    threads = start(call)
    yield calls
    join(threads)


@pytest.mark.usefixtures("quick")
def test_to_thread_sleeps_by_virtual_time(clock):
    """The loop waits without a limit, and the thread is alone."""
    asyncio.run(asyncio.to_thread(time.sleep, 60))
    assert 60 == pytest.approx(clock.now, abs=0.1)


@pytest.mark.usefixtures("quick")
def test_nobody_jumps_over_a_timer_of_an_event_loop(clock):
    """A wait of 60 s for a loop in another thread is answered after the loop's 0.2."""
    event = threading.Event()

    async def settle() -> None:
        await asyncio.sleep(0.2)
        event.set()

    threads = start(lambda: asyncio.run(settle()))
    assert event.wait(60) is True
    assert 0.19 <= clock.now < 20
    join(threads)


@pytest.mark.usefixtures("quick")
def test_the_limit_of_a_future_comes_before_a_longer_sleep(clock):
    """`result(timeout=0.2)` gives up on a worker that sleeps for 60 s."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        future = pool.submit(time.sleep, 60)
        with pytest.raises(concurrent.futures.TimeoutError):
            future.result(timeout=0.2)
        assert 0.2 == pytest.approx(clock.now, abs=0.001)
    assert 60 == pytest.approx(clock.now, abs=0.001)


@pytest.mark.usefixtures("quick")
def test_a_future_is_waited_for_across_a_sleep(clock):
    """`result(timeout=100)` comes with the end of a worker's sleep of 60 s."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert pool.submit(time.sleep, 60).result(timeout=100) is None
    assert 60 == pytest.approx(clock.now, abs=0.001)


@pytest.mark.usefixtures("quick")
def test_a_future_is_waited_for_while_nothing_stirs(answers, clock):
    """An answer from outside that takes 50 ms is no reason to give up after 60 s of virtual time."""
    left, right = socket.socketpair()
    with left, right, concurrent.futures.ThreadPoolExecutor(1) as pool:
        future = pool.submit(left.recv, 1)
        answers.put(lambda: (real_sleep(0.05), right.send(b"x")))
        assert b"x" == future.result(timeout=60)
    assert clock.now < 20


@pytest.mark.usefixtures("quick")
def test_what_was_handed_to_a_loop_is_not_jumped_over_before_its_bell(later, clock):
    """The bell that tells the loop of it comes 0.2 s later; a proactor of Windows does not tell that one is on its way."""
    loop = asyncio.new_event_loop()
    bell, answer = loop._write_to_self, loop.create_future()
    loop._write_to_self = lambda: later(0.2, bell)

    def hand_over() -> None:
        work(0.02)
        loop.call_soon_threadsafe(answer.set_result, "there")

    async def wait() -> str:
        threads = start(hand_over)
        found = await asyncio.wait_for(answer, 300)
        join(threads)
        return found

    try:
        assert "there" == loop.run_until_complete(wait())
    finally:
        loop.close()
    assert clock.now < 20


@pytest.mark.usefixtures("quick")
def test_what_nobody_rings_for_comes_with_the_next_timer(clock):
    """`call_soon` from another thread does not wake a loop: it sleeps on, by the clock."""
    came = []

    async def sleep() -> None:
        loop = asyncio.get_running_loop()
        threads = start(lambda: (work(0.1), loop.call_soon(lambda: came.append(clock.now))))
        await asyncio.sleep(60)
        join(threads)

    asyncio.run(sleep())
    assert [pytest.approx(60, abs=0.1)] == came
