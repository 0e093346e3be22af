"""asyncio under the virtual clock: its timers jump, its work and its answers from outside do not."""

from __future__ import annotations

import asyncio
import os
import selectors
import socket
import sys
import threading
import time

import pytest

from pytest_fsfault._core.clock import RealClock

from .scene import join, real_sleep, real_time, run_python, start, virtual, work

pytestmark = pytest.mark.usefixtures("quick")

#: What turns of a loop and readings may add, in virtual seconds.
_NEARLY = {"abs": 0.05}


@pytest.fixture
def later():
    """Return a function that makes a thread, none of the test's, call something after real seconds."""
    go, calls = threading.Semaphore(0), []

    def run() -> None:
        go.acquire()
        for seconds, call in calls:
            real_sleep(seconds)
            call()

    def order(seconds: float, call) -> None:
        calls.append((seconds, call))
        go.release()

    threads = start(run)
    yield order
    go.release()
    join(threads)


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
            for _ in range(1500):
                loop.call_soon_threadsafe(lambda: seen.append(clock.now))
                time.sleep(60)
            loop.call_soon_threadsafe(woken.set)

        threads = start(ring)
        await woken.wait()
        join(threads)

    asyncio.run(main())
    assert [60 * count for count in range(1500)] == pytest.approx(seen, abs=1)


@pytest.mark.parametrize(
    "make", [selectors.SelectSelector, selectors.PollSelector, selectors.DefaultSelector]
)
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


# The outside


async def _read_stream(left: socket.socket) -> bytes:
    reader, writer = await asyncio.open_connection(sock=left)
    got = await asyncio.wait_for(reader.read(1), 10)
    writer.close()
    return got


async def _read_socket(left: socket.socket) -> bytes:
    left.setblocking(False)
    async with asyncio.timeout(10):
        return await asyncio.get_running_loop().sock_recv(left, 1)


async def _read_waited(left: socket.socket) -> bytes:
    left.setblocking(False)
    task = asyncio.ensure_future(asyncio.get_running_loop().sock_recv(left, 1))
    done, _ = await asyncio.wait({task}, timeout=10)
    return next(iter(done)).result()


async def _read_callback(left: socket.socket) -> bytes:
    loop = asyncio.get_running_loop()
    answer = loop.create_future()
    loop.add_reader(left, lambda: answer.done() or answer.set_result(left.recv(1)))
    timer = loop.call_later(10, answer.cancel)
    try:
        return await answer
    finally:
        timer.cancel()
        loop.remove_reader(left)


@pytest.mark.parametrize("read", [_read_stream, _read_socket, _read_waited, _read_callback])
def test_an_answer_from_outside_comes_before_the_limit(later, clock, read):
    """It takes 20 ms for real, and the limit is 10 s."""
    left, right = socket.socketpair()

    async def main() -> bytes:
        later(0.02, lambda: right.send(b"x"))
        return await read(left)

    with left, right:
        assert b"x" == asyncio.run(main())
    assert clock.now < 10


def test_a_limit_on_an_answer_that_never_comes_is_met_in_real_time(clock):
    """As with the `settimeout` of a socket: nobody can know that nothing will come."""
    left, right = socket.socketpair()

    async def main() -> None:
        left.setblocking(False)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.get_running_loop().sock_recv(left, 1), 0.2)

    began = real_time()
    with left, right:
        asyncio.run(main())
    assert 0.199 <= real_time() - began
    assert 0.2 == pytest.approx(clock.now, **_NEARLY)


def test_a_sleep_beside_a_silent_connection_is_jumped_over(clock):
    """After a moment of silence, since nobody says how long an answer may take."""
    left, right = socket.socketpair()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        left.setblocking(False)
        task = asyncio.ensure_future(loop.sock_recv(left, 1))
        await asyncio.sleep(3600)
        right.send(b"x")
        assert b"x" == await task

    with left, right:
        asyncio.run(main())
    assert 3600 == pytest.approx(clock.now, **_NEARLY)


def test_a_sleep_waits_a_moment_for_an_answer(later, clock):
    """One of 5 ms comes before a sleep of 10 s has ended, which somebody uses as a limit."""
    left, right = socket.socketpair()

    async def main() -> bool:
        left.setblocking(False)
        tasks = [asyncio.get_running_loop().sock_recv(left, 1), asyncio.sleep(10)]
        answer, limit = map(asyncio.ensure_future, tasks)
        later(0.005, lambda: right.send(b"x"))
        await asyncio.wait({answer, limit}, return_when=asyncio.FIRST_COMPLETED)
        limit.cancel()
        return answer.done()

    with left, right:
        assert asyncio.run(main()) is True
    assert clock.now < 10


def test_a_server_that_waits_for_clients_stops_no_timer(clock):
    """Client and server in one loop: the server sleeps a minute before it answers, the client has a limit of two."""

    async def main() -> bytes:
        async def serve(reader, writer) -> None:
            await asyncio.sleep(60)
            writer.write(await reader.readline())
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            with pytest.raises(TimeoutError):
                await _event_never()
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
            writer.write(b"x\n")
            got = await asyncio.wait_for(reader.readline(), 120)
            writer.close()
            return got

    assert b"x\n" == asyncio.run(main())
    assert 120 == pytest.approx(clock.now, abs=1)


def test_a_wait_without_a_limit_for_an_answer_moves_the_clock(later, clock):
    """It takes its real time, as any wait on the outside."""
    left, right = socket.socketpair()

    async def main() -> bytes:
        left.setblocking(False)
        later(0.1, lambda: right.send(b"x"))
        return await asyncio.get_running_loop().sock_recv(left, 1)

    began = real_time()
    with left, right:
        assert b"x" == asyncio.run(main())
    assert 0.05 <= clock.now <= real_time() - began + 0.05


def test_pipes_work(clock):
    """A pipe that a thread writes to after a minute of virtual time is read at that time."""
    reading, writing = os.pipe()

    async def main() -> bytes:
        loop, stream = asyncio.get_running_loop(), asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reading, "rb", 0)
        )
        task = asyncio.to_thread(lambda: time.sleep(60) or os.write(writing, b"x"))
        _, got = await asyncio.gather(task, asyncio.wait_for(stream.read(1), 100))
        transport.close()
        return got

    assert b"x" == asyncio.run(main())
    os.close(writing)
    assert 60 == pytest.approx(clock.now, abs=1)


def _process(code: str):
    return asyncio.create_subprocess_exec(
        sys.executable, "-S", "-c", f"import time; {code}", stdout=asyncio.subprocess.PIPE
    )


def test_a_child_process_that_works_is_waited_for(clock):
    """A limit of 60 s is not reached by a child of 0.3 s, and the clock shows what it took."""

    async def main() -> bytes:
        process = await _process("time.sleep(0.3); print('done')")
        return (await asyncio.wait_for(process.communicate(), 60))[0].strip()

    assert b"done" == asyncio.run(main())
    assert 0.05 <= clock.now < 20


def test_a_child_process_is_waited_for_without_a_limit(clock):
    """The clock keeps step with it."""

    async def main() -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-S", "-c", "import time; time.sleep(0.3)"
        )
        return await process.wait()

    began = real_time()
    assert 0 == asyncio.run(main())
    assert 0.05 <= clock.now <= real_time() - began + 0.05


def test_a_sleep_beside_a_child_process_is_real_until_it_ends(clock):
    """The rest is jumped over."""
    began = real_time()

    async def main() -> None:
        process = await _process("time.sleep(0.2)")
        await asyncio.sleep(3600)
        assert 0 == process.returncode
        await process.wait()

    asyncio.run(main())
    assert 0.2 <= real_time() - began
    assert 3600 == pytest.approx(clock.now, abs=1)


# Before, after, and without


def test_a_loop_from_before_keeps_its_handles_at_their_distance():
    """What was to be called in an hour is called in an hour, of virtual time; its time makes no step."""
    loop = asyncio.new_event_loop()
    called = []
    loop.call_later(3600, lambda: called.append(loop.time()))
    before = loop.time()
    with virtual() as clock:
        time.sleep(50)
        assert loop.time() - before < 49
        loop.run_until_complete(asyncio.sleep(3599))
        assert [] == called
        loop.run_until_complete(asyncio.sleep(2))
        assert 3651 == pytest.approx(clock.now, abs=1)
    loop.close()
    assert [before + 3600] == pytest.approx(called, abs=1)


def test_a_loop_that_outlives_the_session_goes_on_from_what_it_showed():
    """Its time never runs backwards, its handles fire at their distance, and then it runs in real time."""
    called = []

    async def main() -> None:
        await asyncio.sleep(3600)
        loop.call_later(0.2, called.append, "called")

    with virtual():
        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
        last = loop.time()
    began = real_time()
    readings = [last, loop.time()]
    assert [] == called
    while not called:
        loop.run_until_complete(asyncio.sleep(0.01))
        readings.append(loop.time())
    assert 0.15 <= real_time() - began
    assert sorted(readings) == readings
    assert readings[-1] - last < 1 + real_time() - began
    loop.close()


def test_a_loop_goes_through_many_sessions():
    """Each begins where the one before, and the real time in between, have left it."""
    with asyncio.Runner() as runner:
        loop, readings = runner.get_loop(), []
        for _ in range(3):
            for _ in range(2):
                with virtual() as clock:
                    readings.append(loop.time())
                    runner.run(asyncio.sleep(1000))
                    assert 1000 == pytest.approx(clock.now, **_NEARLY)
                    readings.append(loop.time())
            runner.run(asyncio.sleep(0.01))
            readings.append(loop.time())
        assert sorted(readings) == readings
        assert 6000 == pytest.approx(readings[-1] - readings[0], abs=10)


def test_a_session_may_begin_and_end_while_the_loop_runs():
    """The hour inside is virtual, the moments around it are real, and no limit of around is missed or met early."""

    async def main() -> list[float]:
        loop, readings = asyncio.get_running_loop(), []
        async with asyncio.timeout(7200):
            readings.append(loop.time())
            await asyncio.sleep(0.01)
            with virtual():
                await asyncio.sleep(3600)
                readings.append(loop.time())
            await asyncio.sleep(0.01)
            readings.append(loop.time())
        return readings

    readings = asyncio.run(main())
    assert sorted(readings) == readings
    assert 3600 == pytest.approx(readings[-1] - readings[0], abs=5)


def test_a_sleep_that_is_going_on_when_the_session_ends_takes_its_rest_for_real():
    """A loop in another thread is not left asleep, nor woken early."""
    done = []

    def run() -> None:
        began = real_time()
        asyncio.run(asyncio.sleep(0.5))
        done.append(real_time() - began)

    with virtual() as clock:
        clock.follow_real_time(True)
        threads = start(run)
        real_sleep(0.05)
    join(threads)
    assert 0.45 <= done[0]


def test_a_loop_in_a_thread_from_before_keeps_real_time():
    """The thread is not the test's."""
    go, done = threading.Event(), []

    def run() -> None:
        go.wait()
        began = real_time()
        asyncio.run(asyncio.sleep(0.1))
        done.append(real_time() - began)

    threads = start(run)
    with virtual() as clock:
        go.set()
        while not done:
            real_sleep(0.01)
        assert 0 == clock.now
    join(threads)
    assert 0.1 <= done[0]


def test_with_a_real_clock_asyncio_is_left_alone():
    """Its methods are its own, and its sleeps are real."""
    methods = dict(vars(asyncio.BaseEventLoop))
    with virtual(RealClock()):
        assert methods == dict(vars(asyncio.BaseEventLoop))
        began = real_time()
        asyncio.run(asyncio.sleep(0.1))
        assert 0.1 <= real_time() - began


def test_while_the_gate_is_shut_a_loop_has_real_time(clock):
    """Of a second clock that is real inside the first the same holds."""
    began = real_time()
    with virtual(RealClock()):
        asyncio.run(asyncio.sleep(0.1))
    assert 0.1 <= real_time() - began
    assert clock.now < 0.1


class _OwnTime(asyncio.SelectorEventLoop):
    def time(self) -> float:
        return real_time()


class _OwnSelect(selectors.DefaultSelector):
    _wait = selectors.DefaultSelector.select

    def select(self, timeout=None):
        return self._wait(timeout)


@pytest.mark.parametrize("make", [_OwnTime, lambda: asyncio.SelectorEventLoop(_OwnSelect())])
def test_a_loop_with_a_time_or_a_selector_of_its_own_keeps_real_time(clock, make):
    """Nothing is known of either, and it never hangs; what it hands to a thread is virtual still."""
    began = real_time()
    with asyncio.Runner(loop_factory=make) as runner:
        runner.run(asyncio.sleep(0.2))
        assert 0.2 <= real_time() - began
        assert clock.now <= real_time() - began + 0.05
        runner.run(asyncio.to_thread(time.sleep, 60))
    assert 60 <= clock.now < 80


def test_no_loop_keeps_anything_once_it_is_closed():
    """Nor does one that has never lived by a virtual clock."""
    before = dict(vars(asyncio.BaseEventLoop))
    other = asyncio.new_event_loop()
    with virtual():
        loop = asyncio.new_event_loop()
        loop.run_until_complete(asyncio.sleep(60))
        loop.close()
    assert before == dict(vars(asyncio.BaseEventLoop))
    assert set() == {"time", "_fsfault_time"} & (set(vars(loop)) | set(vars(other)))
    other.close()


def test_an_error_ends_the_wait_of_a_loop(clock):
    """What `raise_if_ended` raises comes out of the loop, and nobody waits any more."""

    class Ended(BaseException):
        pass

    def end() -> None:
        raise Ended

    async def main() -> None:
        clock.raise_if_ended = end
        await asyncio.sleep(60)

    loop = asyncio.new_event_loop()
    with pytest.raises(Ended):
        loop.run_until_complete(main())
    clock.raise_if_ended = int
    assert {} == clock._waiters
    for task in asyncio.all_tasks(loop):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)
    loop.close()


def test_asyncio_that_is_imported_later_is_covered_after_a_refresh():
    """As the other modules are."""
    code = (
        "import time\n"
        "from pytest_fsfault._core.clock import VirtualClock\n"
        "from pytest_fsfault._intercept.virtual_time.time_functions import VirtualTime\n"
        "from pytest_fsfault._intercept.virtual_time.threads import ThreadActivity\n"
        "clock, timing = VirtualClock(ThreadActivity()), VirtualTime()\n"
        "timing.start(clock)\n"
        "import asyncio\n"
        "began = time.monotonic()\n"
        "asyncio.run(asyncio.sleep(0.1))\n"
        "timing.refresh()\n"
        "asyncio.run(asyncio.sleep(3600))\n"
        "print(clock.slept, clock.now >= 3600)\n"
        "timing.stop()\n"
        "print(asyncio.BaseEventLoop.time.__code__.co_filename.endswith('base_events.py'))"
    )
    assert "[3600.0] True\nTrue" == run_python(code)
