"""The clock never jumps over the work of threads."""

from __future__ import annotations

import concurrent.futures
import os
import queue
import sys
import threading
import time

import pytest
from skips import linux_fact

from pytest_fsfault._intercept.virtual_time import idle, threads

from .scene import join, real_sleep, start, work


@pytest.mark.usefixtures("quick")
def test_an_event_set_by_another_thread_wakes_its_waiter(clock):
    """At once, and the clock has not moved: the other was at work."""
    event = threading.Event()

    def settle() -> None:
        work(0.02)
        event.set()

    threads = start(settle)
    assert event.wait(60) is True
    assert (0, []) == (clock.now, clock.slept)
    join(threads)


@pytest.mark.usefixtures("quick")
def test_an_event_set_after_a_sleep_wakes_its_waiter_in_time(clock):
    """The waiter gets its answer when the other has slept, well before its own limit."""
    event = threading.Event()

    def settle() -> None:
        time.sleep(5)
        event.set()

    threads = start(settle)
    assert event.wait(10) is True
    assert 5 == clock.now
    join(threads)


@pytest.mark.usefixtures("quick")
def test_a_queue_hands_on_between_sleepers(clock):
    """A producer that sleeps and a consumer that waits meet at the producer's times."""
    items: queue.Queue[float] = queue.Queue()

    def produce() -> None:
        for _ in range(5):
            time.sleep(2)
            items.put(clock.now)

    threads = start(produce)
    assert [2, 4, 6, 8, 10] == pytest.approx([items.get(timeout=3) for _ in range(5)], abs=0.001)
    with pytest.raises(queue.Empty):
        items.get(timeout=3)
    assert 13 == pytest.approx(clock.now, abs=0.001)
    join(threads)


@pytest.mark.usefixtures("quick")
def test_a_poll_with_a_limit_of_ten_seconds_waits_for_a_thread_that_needs_20_ms(clock):
    """The first sleep of the poll, if it comes to that, lasts until the work is done."""
    done = []

    def settle() -> None:
        work(0.02)
        done.append(clock.now)

    threads = start(settle)
    end = time.monotonic() + 10
    while not done:
        assert time.monotonic() < end
        time.sleep(0.5)
    assert [0] == pytest.approx(done, abs=0.001)
    assert clock.now < 0.501
    join(threads)


@pytest.mark.usefixtures("quick")
def test_eight_threads_that_sleep_a_second_take_one_second(clock):
    """Not eight, and hardly any real time."""
    join(start(*[lambda: time.sleep(1)] * 8))
    assert 1 == clock.now
    assert [1.0] * 8 == clock.slept


@pytest.mark.usefixtures("quick")
def test_eight_threads_that_are_handed_sleep_itself_take_one_second(clock):
    """A thread whose target is `time.sleep` lives by virtual time as well."""
    threads = [threading.Thread(target=time.sleep, args=(1,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    join(threads)
    assert 1 == clock.now


@pytest.mark.usefixtures("quick")
def test_sleepers_wake_in_the_order_of_their_time(clock):
    """Each has its turn before the clock goes on, whatever it does for how long."""
    order = []

    def sleeper(seconds: float):
        def run() -> None:
            ready.wait()
            time.sleep(seconds)
            work(0.002)
            order.append((seconds, clock.now))

        return run

    ready = threading.Barrier(7)
    spans = [3, 1, 2, 1.5, 0.25, 2.75]
    join(start(*map(sleeper, spans), ready.wait))
    assert [(span, span) for span in sorted(spans)] == order


@pytest.mark.usefixtures("quick")
def test_sleepers_take_turns_again_and_again(clock):
    """Two loops with different steps interleave as they would for real."""
    seen = []

    def loop(name: str, step: float, times: int):
        def run() -> None:
            ready.wait()
            for _ in range(times):
                time.sleep(step)
                seen.append((clock.now, name))

        return run

    ready = threading.Barrier(2)
    join(start(loop("a", 3, 10), loop("b", 5, 6)))
    both = [(3 * k, "a") for k in range(1, 11)] + [(5 * k, "b") for k in range(1, 7)]
    assert sorted(both) == sorted(seen)
    assert [at for at, _ in seen] == sorted(at for at, _ in seen)


@pytest.mark.usefixtures("quick")
def test_an_idle_thread_pool_does_not_hold_the_clock(clock):
    """Workers that wait for work in a SimpleQueue are no work."""
    turns = (
        100 if sys.platform == "linux" else 10
    )  # each takes 50 ms where the system does not tell who waits
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [0.001] * 16))
        for _ in range(turns):
            time.sleep(1)
        assert turns == pytest.approx(clock.now, abs=0.001)
        assert 10_000_000 == pool.submit(sum, [1] * 10_000_000).result(timeout=60)
    assert turns == pytest.approx(clock.now, abs=0.001)


@pytest.mark.usefixtures("quick")
def test_a_thread_that_waits_unseen_does_not_hold_the_clock(clock):
    """Locks and joins are not covered; who uses no CPU for 5 ms is not at work."""
    lock = threading.Lock()
    lock.acquire()
    threads = start(lock.acquire)
    time.sleep(60)
    assert 60 == clock.now
    lock.release()
    join(threads)


@linux_fact("threads in /proc; elsewhere the whole process counts")
@pytest.mark.usefixtures("quick")
def test_work_handed_to_an_idle_worker_is_not_jumped_over(clock):
    """A worker that has been still for long and is woken counts from that moment on."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        for _ in range(20):
            time.sleep(0.1)
            before, future = clock.now, pool.submit(work, 0.003)
            while not future.done():
                time.sleep(60)
            assert clock.now - before < 60.001


@pytest.mark.usefixtures("quick")
def test_a_thread_that_notifies_and_ends_is_not_jumped_over(clock):
    """Neither the start nor the end of a thread leaves a gap in which the clock jumps."""
    for _ in range(50):
        event = threading.Event()
        threads = start(event.set)
        assert event.wait(60) is True
        assert 0 == clock.now
        join(threads)


@pytest.mark.usefixtures("quick")
def test_a_chain_of_notices_is_not_jumped_over(clock):
    """A notice handed from thread to thread arrives before any sleeper's end."""
    links = [threading.Event() for _ in range(20)]

    def hand_on(k: int):
        return lambda: links[k].wait() and links[k + 1].set()

    threads = start(*[hand_on(k) for k in range(19)])
    sleeper = start(lambda: time.sleep(3600))
    links[0].set()
    assert links[19].wait(60) is True
    assert 0 == clock.now
    join([*threads, *sleeper])
    assert 3600 == clock.now


@pytest.mark.usefixtures("quick")
def test_a_thread_that_spins_without_waiting_hangs_nobody(clock):
    """A sleep ends at the latest a second after it would have for real."""
    stop = []

    def spin() -> None:
        while not stop:
            pass

    threads = start(spin)
    time.sleep(0.05)
    stop.append(True)
    assert 0.05 == clock.now
    join(threads)


@pytest.mark.usefixtures("quick")
def test_a_hundred_sleepers_need_no_hundred_lookers(clock):
    """Many threads that sleep different times end in order."""
    order = []
    ready = threading.Barrier(100)

    def sleeper(k: int):
        return lambda: (ready.wait(), time.sleep(100 + k), order.append(k))

    join(start(*[sleeper(k) for k in range(100)]))
    assert list(range(100)) == order
    assert 199 == clock.now


# What the world tells


@linux_fact("threads in /proc; elsewhere the whole process counts")
@pytest.mark.parametrize(
    ("instants", "expected"),
    [
        ([0, 3, 6, 9, 12, 15], [True, True, True, True, True, False]),
        ([0, 1, 2, 14, 14.9, 14.99, 15], [True, True, True, True, True, True, False]),
        ([0, 100, 200, 300, 400], [True, True, True, True, False]),
    ],
)
def test_a_thread_is_still_after_5_ms_two_switch_intervals_and_five_looks(monkeypatch, instants, expected):
    """All of them: under load, or while others hold the interpreter's lock, nobody may run for a while."""
    process, lock = threads.ThreadActivity(), threading.Lock()
    with lock:
        (thread,) = start(lambda: lock.acquire() and lock.release())
        before = None
        while before != (before := threads._cpu_time(thread)):
            real_sleep(0.05)
        process.adopt(thread)
        monkeypatch.setattr(sys, "getswitchinterval", lambda: 0.005)
        times = iter([*instants, 0])
        monkeypatch.setattr(threads, "monotonic_ns", lambda: round(next(times) * 1_000_000))
        assert expected == [process.at_work([], 0) for _ in instants]
        assert process.at_work([thread.ident], 0) is False
    join([thread])


@linux_fact("threads in /proc; elsewhere the whole process counts")
def test_a_thread_that_is_being_started_is_at_work():
    """From before its first step to its end, but not afterwards."""
    process, thread = threads.ThreadActivity(), threading.Thread(target=int)
    assert process.at_work([], 0) is False
    process.adopt(thread)
    assert process.at_work([], 0) is True
    thread.start()
    join([thread])
    assert process.at_work([], 0) is False
    assert {} == process._threads


# Where the system tells less


@pytest.fixture
def place_alone(monkeypatch):
    """Let the place in the code and the process's CPU time tell who works, as on macOS and Windows."""
    monkeypatch.setattr(threads, "_LINUX", False)
    monkeypatch.setattr(idle, "_QUIET", 40_000_000)
    monkeypatch.setattr(threads, "_sign", threads._place)


@pytest.mark.usefixtures("quick", "place_alone")
def test_without_a_cpu_clock_work_in_python_is_not_jumped_over(clock):
    """While the process uses CPU time beyond that of the waiting thread, somebody is at work."""
    event = threading.Event()

    def settle() -> None:
        work(0.03)
        event.set()

    threads = start(settle)
    assert event.wait(60) is True
    assert 0 == clock.now
    join(threads)


@pytest.mark.usefixtures("quick", "place_alone")
def test_without_a_cpu_clock_idle_threads_do_not_hold_the_clock(clock):
    """A pool that waits for work stands still; eight sleeps of a second take one."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(abs, range(100)))
        before = clock.now
        list(pool.map(time.sleep, [1] * 8))
        assert 1 == pytest.approx(clock.now - before, abs=0.001)
        time.sleep(60)
    assert 61 == pytest.approx(clock.now, abs=0.001)


# One look after the other: instant, CPU time of the process, and of the threads that wait, in ms; whether others work.
LOOKS = {
    "who waits looks all the time": [(10, 10, {7: 9}, False), (20, 20, {7: 19}, False)],
    "another works beside it": [(10, 20, {7: 10}, True), (20, 40, {7: 20}, True)],
    "another works a little": [(100, 9, {}, False), (200, 18, {}, False)],
    "it waits only now: what it did before was work": [(10, 10, {7: 99}, True), (20, 20, {7: 109}, False)],
    "it waits no longer": [(10, 10, {7: 10}, False), (20, 20, {}, True)],
    "a tick that the process shows late": [(10, 0, {7: 10}, False), (20, 10, {7: 10}, False), (30, 20, {7: 10}, True)],
    "a tick that the thread shows late": [(10, 10, {7: 0}, True), (20, 10, {7: 10}, False), (30, 20, {7: 10}, False)],
    "two wait": [(10, 19, {7: 10, 8: 9}, False), (20, 29, {7: 10, 8: 9}, True)],
}  # fmt: skip


@pytest.mark.usefixtures("place_alone")
@pytest.mark.parametrize("case", LOOKS)
def test_without_a_cpu_clock_what_waiting_threads_use_is_no_work(monkeypatch, case):
    """They look at what they wait for again and again; the system counts in ticks."""
    known = "it waits only now" not in case
    shown = {"at": 0, "process": 0, "threads": dict.fromkeys((7, 8), 0) if known else {}}

    def cpu_time_of(ident):
        return shown["threads"].get(ident)

    monkeypatch.setattr(threads, "monotonic_ns", lambda: shown["at"])
    monkeypatch.setattr(threads, "process_time_ns", lambda: shown["process"])
    monkeypatch.setattr(threads, "thread_time_ns", lambda: 0)
    monkeypatch.setattr(threads, "_cpu_time_of", cpu_time_of)
    activity = threads.ThreadActivity()
    assert activity.at_work(shown["threads"], 0) is True  # the first look
    for at, process, waiting, at_work in LOOKS[case]:
        times = {thread: used * 1_000_000 for thread, used in waiting.items()}
        shown.update(at=at * 1_000_000, process=process * 1_000_000, threads=times)
        assert at_work is activity.at_work(times, 0), at


@linux_fact("threads in /proc")
def test_the_cpu_time_of_a_thread_is_told_by_its_number():
    """That of this one is what it reads itself, or less; of none that there is not."""
    before = time.thread_time_ns()
    assert before <= threads._cpu_time_of(threading.get_ident()) <= time.thread_time_ns()
    assert threads._cpu_time_of(-2) is None


@linux_fact("/proc")
def test_a_thread_that_has_ended_shows_no_sign_of_life():
    """Neither its CPU clock nor its place can be asked any more, and asking is safe."""
    (thread,) = start(lambda: None)
    while str(thread.native_id) in os.listdir("/proc/self/task"):
        pass
    assert [None, None, False] == [
        threads._cpu_time(thread),
        threads._place(thread),
        idle.can_run(f"/proc/self/task/{thread.native_id}/stat"),
    ]
