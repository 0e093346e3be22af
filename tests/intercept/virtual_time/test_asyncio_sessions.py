"""asyncio before, after and without a virtual clock."""

from __future__ import annotations

import asyncio
import selectors
import threading
import time

import pytest

from pytest_fsfault._core.clock import RealClock

from .scene import join, real_sleep, real_time, run_python, start, virtual

pytestmark = pytest.mark.usefixtures("quick")

#: What turns of a loop and readings may add, in virtual seconds.
_NEARLY = {"abs": 0.05}


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
