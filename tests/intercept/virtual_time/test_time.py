"""What is virtual, and who lives by it."""

from __future__ import annotations

import calendar as calendar_of_days
import copy
import os
import pickle
import queue
import threading
import time

import pytest

from pytest_fsfault._intercept.virtual_time import calendar
from pytest_fsfault._intercept.virtual_time.time_functions import VirtualTime

from .scene import join, real_time, start, virtual

_TIMES = ("sleep", "monotonic", "perf_counter", "time", "monotonic_ns", "perf_counter_ns", "time_ns")


# What is virtual


@pytest.mark.parametrize("name", _TIMES[1:])
def test_each_clock_of_time_shows_virtual_time(clock, name):
    """They go on from the real time at the start, by what was slept and one microsecond a reading."""
    before = getattr(time, name)()
    time.sleep(100)
    passed = getattr(time, name)() - before
    exact = 100_000_001_000
    assert passed == (exact if name.endswith("_ns") else pytest.approx(exact / 1e9, abs=1e-6))


@pytest.mark.parametrize("name", _TIMES[1:])
def test_each_clock_of_time_goes_on_from_the_real_one(name):
    """A time that was noted before the start stays comparable."""
    before = getattr(time, name)()
    with virtual():
        inside = getattr(time, name)()
    # It shows a microsecond more than there was, and Windows counts in ticks: the real one may stand still.
    assert before <= inside <= getattr(time, name)() + (2000 if name.endswith("_ns") else 2e-6)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("wait", "outcome"),
    [
        (lambda: time.sleep(60), None),
        (lambda: time.sleep(60.0), None),
        (lambda: threading.Event().wait(60), False),
        (lambda: threading.Semaphore(0).acquire(timeout=60), False),
        (lambda: threading.BoundedSemaphore(0).acquire(timeout=60), False),
        (lambda: _condition().wait(60), False),
        (lambda: _condition().wait_for(bool, 60), False),
        (lambda: _raises(queue.Empty, queue.Queue().get, timeout=60), True),
        (lambda: _raises(queue.Empty, queue.PriorityQueue().get, timeout=60), True),
        (lambda: _raises(queue.Full, _full().put, 2, timeout=60), True),
        (lambda: _raises(threading.BrokenBarrierError, threading.Barrier(2).wait, 60), True),
    ],
)
def test_a_minute_takes_no_time(clock, wait, outcome):
    """Sleeps, Event, Semaphore, Condition, Queue and Barrier wait by virtual time, for as long as asked."""
    assert outcome is wait()
    assert 60 == pytest.approx(clock.now, abs=0.001)
    assert 60 == pytest.approx(sum(clock.slept), abs=0.001)


def _condition() -> threading.Condition:
    condition = threading.Condition()
    condition.acquire()
    return condition


def _full() -> queue.Queue[int]:
    full = queue.Queue(1)
    full.put(1)
    return full


def _raises(kind, function, *args, **kwargs) -> bool:
    try:
        function(*args, **kwargs)
    except kind:
        return True
    return False


@pytest.mark.usefixtures("quick")
def test_a_timer_waits_by_virtual_time(clock):
    """threading.Timer is an Event with a limit."""
    done = threading.Event()
    threading.Timer(60, done.set).start()
    assert done.wait(100)
    assert 60 == pytest.approx(clock.now, abs=0.001)


def test_names_bound_early_can_be_exchanged():
    """For each function of `time`, and for `os.fstat`, there is one wrapper, the same in every session."""
    names = [*((time, name) for name in (*_TIMES, *calendar.WRAPPERS)), (os, "fstat")]
    first = dict(VirtualTime.exchanges)
    with virtual():
        assert [first[original] for original in first] == [getattr(*name) for name in names]
    assert dict(VirtualTime.exchanges) == first
    assert set(first) == {getattr(*name) for name in names}


@pytest.mark.parametrize("name", _TIMES)
def test_a_wrapper_passes_for_the_original(name):
    """It has its name, is pickled as what `time` offers where it arrives, and is not bound by a class."""
    original = getattr(time, name)
    wrapper = VirtualTime.exchanges[original]
    kept = type("Kept", (), {"call": wrapper})
    assert (name, "time", original.__doc__) == (wrapper.__name__, wrapper.__module__, wrapper.__doc__)
    assert pickle.loads(pickle.dumps(wrapper)) is original
    assert wrapper is copy.copy(wrapper)
    assert wrapper == copy.deepcopy(wrapper)
    assert kept().call is wrapper
    with virtual():
        assert pickle.loads(pickle.dumps(wrapper)) is wrapper


@pytest.mark.parametrize("name", _TIMES)
def test_a_wrapper_kept_beyond_the_end_is_inert(name):
    """It answers as the original does."""
    original = getattr(time, name)
    args = (0,) if name == "sleep" else ()
    before, result, after = original(*args), VirtualTime.exchanges[original](*args), original(*args)
    assert before is None is result or before <= result <= after


@pytest.mark.parametrize(
    "args", [(), (1, 2), ("1",), (None,), (-1,), (-0.5,), (float("nan"),), (float("inf"),), (10**30,), ([],)]
)
def test_a_bad_sleep_raises_what_the_real_one_raises(clock, args):
    """Class and text are the original's, and the clock stands."""
    original = {wrapper: original for original, wrapper in VirtualTime.exchanges.items()}[time.sleep]
    assert _error(original, args) == _error(time.sleep, args)
    assert 0 == clock.now


def _error(function, args) -> str:
    try:
        function(*args)
    except (TypeError, ValueError, OverflowError) as error:
        return repr(error)
    raise AssertionError


@pytest.mark.parametrize("timeout", ["1", 10**30, float("inf"), [], -1, 0, float("nan")])
def test_a_wait_without_time_does_what_the_real_one_does(timeout):
    """It returns at once or raises the original's error, and leaves no waiter behind."""

    def wait() -> object:
        with (condition := threading.Condition()):
            try:
                return condition.wait(timeout), len(condition._waiters)
            except (TypeError, ValueError, OverflowError) as error:
                return repr(error), len(condition._waiters)

    expected = wait()
    with virtual() as clock:
        assert expected == wait()
        assert (0, []) == (clock.now, clock.slept)


def test_a_wait_without_the_lock_is_refused(clock):
    """As by the original."""
    with pytest.raises(RuntimeError, match=r"^cannot wait on un-acquired lock$"):
        threading.Condition().wait(1)


@pytest.mark.usefixtures("quick")
def test_a_busy_loop_ends(clock):
    """Each reading of a clock costs a microsecond."""
    end = time.monotonic() + 0.05
    readings = 1
    while time.monotonic() < end:
        readings += 1
    assert readings == pytest.approx(50_000, abs=2)


def test_once_the_code_is_ended_every_wait_raises(clock):
    """Sleeps and waits, limited or not, raise again what ended the code, and notices stay possible."""

    class EndedError(BaseException):
        pass

    def end() -> None:
        raise EndedError

    clock.raise_if_ended = end
    with (condition := threading.Condition()):
        for wait in (lambda: time.sleep(1), condition.wait, lambda: condition.wait(1)):
            with pytest.raises(EndedError):
                wait()
        assert not condition._waiters


# Who lives by it


def test_threads_that_existed_keep_real_time():
    """So do the threads that they start."""
    go, reports = queue.SimpleQueue(), queue.SimpleQueue()

    def report() -> None:
        before = time.monotonic(), real_time()
        time.sleep(0.01)
        reports.put(time.monotonic() - before[0] <= real_time() - before[1] + 0.001)

    def old() -> None:
        go.get()
        report()
        join(start(report))

    threads = start(old)
    with virtual() as clock:
        time.sleep(1000)
        go.put(True)
        assert [True, True] == [reports.get(), reports.get()]
        assert 1000 == clock.now
        join(threads)


def test_threads_of_threads_live_by_virtual_time(clock):
    """Whoever a thread of the test starts belongs to the test."""
    join(start(lambda: join(start(lambda: join(start(lambda: time.sleep(1000)))))))
    assert 1000 == clock.now


@pytest.mark.parametrize(
    "module",
    ["_pytest.runner", "pytest", "some_plugin", "pdb", "asyncio.base_events", "subprocess", "selectors"],
)
def test_exempt_modules_keep_real_time(module):
    """pytest, plugins, debuggers and those that wait on the outside read real time and sleep for real."""
    space = {"__name__": module, "time": time, "threading": threading}
    code = (
        "def read():\n    return time.monotonic(), time.time(), time.perf_counter()\n"
        "def wait():\n    before = time.monotonic(); time.sleep(0.01); return time.monotonic() - before\n"
        "def event():\n    return threading.Event().wait(0.01)\n"
    )
    exec(code, space)
    with virtual(is_exempt="some_plugin".__eq__) as clock:
        clock.advance(10_000)
        inside = space["read"]()
        assert 0.009 <= space["wait"]() < 5000  # Windows rounds what it tells
        assert not clock.slept
        assert space["event"]() is False
    assert all(mine <= real for mine, real in zip(inside, space["read"](), strict=True))


def test_the_standard_library_in_between_changes_nothing(clock):
    """Whoever calls `queue` and `threading` decides, not they."""
    space = {"__name__": "_pytest.runner", "queue": queue}
    exec(
        "def get():\n    try:\n        queue.Queue().get(timeout=0.01)\n    except queue.Empty:\n        pass",
        space,
    )
    space["get"]()
    assert (0, []) == (clock.now, clock.slept)


_PRESENT = {
    "localtime": lambda: time.mktime(time.localtime()),
    "localtime of None": lambda: time.mktime(time.localtime(None)),
    "gmtime": lambda: calendar_of_days.timegm(time.gmtime()),
    "ctime": lambda: time.mktime(time.strptime(time.ctime())),
    "asctime": lambda: time.mktime(time.strptime(time.asctime())),
    "strftime": lambda: time.mktime(time.strptime(time.strftime("%Y-%m-%d %H:%M:%S"), "%Y-%m-%d %H:%M:%S")),
}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("read", _PRESENT.values(), ids=_PRESENT)
def test_the_time_of_day_is_that_of_the_clock(clock, read):
    """In whichever form it is asked for; a time that is given stays what it is."""
    time.sleep(5000)
    assert 0 <= time.time() - read() < 10
    assert (1970, 1, 2) == time.gmtime(86_400)[:3]
    assert "1970" == time.strftime("%Y", time.gmtime(86_400))


@pytest.mark.parametrize(("name", "args"), [("localtime", ("x",)), ("strftime", ()), ("asctime", (None,))])
def test_what_is_no_time_is_refused_as_ever(name, args):
    """The original says what is wrong."""
    with pytest.raises(TypeError) as expected:
        getattr(time, name)(*args)
    with virtual(), pytest.raises(TypeError) as found:
        getattr(time, name)(*args)
    assert str(expected.value) == str(found.value)
