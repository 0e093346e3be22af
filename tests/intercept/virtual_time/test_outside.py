"""Child processes, selectors, sockets and pipes take real time, and move the clock."""

from __future__ import annotations

import multiprocessing.connection
import os
import select
import selectors
import socket
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from skips import imported, linux_fact, posix_fact

from pytest_fsfault._host import processes
from pytest_fsfault._intercept.children.parent.uninterrupted import Uninterrupted

from .scene import child, join, real_sleep, real_time, run_python, start

pytestmark = pytest.mark.usefixtures("childless")


@pytest.mark.usefixtures("quick")
def test_popen_wait_waits_for_the_child(clock):
    """A limit of 60 s is not reached by a child of 0.3 s, and the clock shows what it took."""
    with subprocess.Popen(child("time.sleep(0.3)")) as process:
        assert 0 == process.wait(timeout=60)
    assert 0.05 <= clock.now < 20


@pytest.mark.usefixtures("quick")
def test_run_gives_up_on_a_child_that_hangs(clock):
    """After the limit of one real second, which is on the clock as well."""
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(child("time.sleep(600)"), timeout=1, check=True)
    assert 1 <= clock.now < 20


@pytest.mark.usefixtures("quick")
def test_communicate_takes_real_time_once(clock):
    """It waits, selects and reads inside: it counts as one wait."""
    began = real_time()
    with subprocess.Popen(child("time.sleep(0.2); print('done')"), stdout=subprocess.PIPE) as process:
        assert (b"done", None) == (process.communicate(timeout=60)[0].strip(), None)
    assert 0.05 <= clock.now <= real_time() - began + 0.001


@pytest.mark.usefixtures("quick")
def test_polling_a_child_takes_real_time(clock):
    """While it lives sleeps last as long as they say, so that a limit means what it says."""
    process = subprocess.Popen(child("time.sleep(0.3)"))
    end = time.monotonic() + 20
    while process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert 0 < clock.now < 20


@pytest.mark.usefixtures("quick")
def test_a_sleep_beside_a_child_is_real_until_it_ends(clock):
    """The rest is jumped over; a child that has ended and was not reaped does not count."""
    began = real_time()
    process = subprocess.Popen(child("time.sleep(0.2)"))
    time.sleep(3600)
    assert 0.2 <= real_time() - began
    assert 3600 == clock.now
    time.sleep(3600)
    assert 7200 == clock.now
    process.wait()


@posix_fact("a resource tracker")
@pytest.mark.usefixtures("quick")
def test_the_helpers_of_multiprocessing_are_no_children(clock):
    """Its resource tracker lives on, and time stays virtual."""
    code = "from multiprocessing import resource_tracker as t; t.ensure_running()\n" + _TRIAL
    assert "3600.0" == run_python(code)


@posix_fact("a fork server")
def test_the_children_of_the_fork_server_count():
    """The fork server itself does not, but what it started does."""
    code = (
        "import multiprocessing\n"
        "def main():\n"
        "    global process\n"
        "    context = multiprocessing.get_context('forkserver')\n"
        "    process = context.Process(target=print, args=('',)); process.start(); process.join()\n"
    )
    assert "3600.0" == run_python(code + "main()\n" + _TRIAL).strip()


_TRIAL = """
import time
from pytest_fsfault._core.clock import VirtualClock
from pytest_fsfault._intercept.virtual_time.time_functions import VirtualTime
from pytest_fsfault._intercept.virtual_time.threads import ThreadActivity
clock, timing = VirtualClock(ThreadActivity()), VirtualTime()
timing.start(clock)
time.sleep(3600)
timing.stop()
print(clock.now)
"""


def test_timing_imports_none_of_what_it_watches():
    """Importing it loads no subprocess, socket, selectors, multiprocessing, queue, concurrent or asyncio."""
    code = (
        "import sys, threading, time\n"
        "import pytest_fsfault._intercept.virtual_time.time_functions\n"
        "print(*{'subprocess', 'socket', 'selectors', 'multiprocessing', 'queue', 'concurrent', 'asyncio'}"
        " & set(sys.modules))"
    )
    assert "" == run_python(code)


def test_modules_imported_later_are_covered_after_a_refresh():
    """Until then, their waits take real time; afterwards they move the clock, and all is restored."""
    code = (
        "import sys, time\n"
        "from pytest_fsfault._core.clock import VirtualClock\n"
        "from pytest_fsfault._intercept.virtual_time.time_functions import VirtualTime\n"
        "from pytest_fsfault._intercept.virtual_time.threads import ThreadActivity\n"
        "clock, timing = VirtualClock(ThreadActivity()), VirtualTime()\n"
        "timing.start(clock)\n"
        "import subprocess, queue\n"
        "run = [sys.executable, '-S', '-c', 'import time; time.sleep(0.1)']\n"
        "process = subprocess.Popen(run)\n"
        "time.sleep(60)\n"
        "process.wait()\n"
        "timing.refresh()\n"
        "before = clock.now\n"
        "subprocess.Popen(run).wait(timeout=60)\n"
        "print(clock.now - before >= 0.01)\n"
        "timing.stop()\n"
        "print(queue.time is time.monotonic, type(time.monotonic).__name__, subprocess.Popen.wait.__module__)"
    )
    assert "True\nTrue builtin_function_or_method subprocess" == run_python(code)


def test_queue_leaves_the_references_to_the_clock_countable():
    """Where it is covered later, no session to come has to look at all modules for who has one more."""
    code = (
        "from pytest_fsfault import inject\n"
        "from pytest_fsfault._intercept.interceptor import interceptor\n"
        "with inject(): pass\n"
        "import queue\n"
        "for _ in range(2):\n"
        "    with inject(): pass\n"
        "early = interceptor()._installation._early_bound\n"
        "print(early._count() == early._references)"
    )
    assert "True" == run_python(code)


@posix_fact("os.fork")
@pytest.mark.usefixtures("quick")
def test_a_forked_child_has_real_time(clock):
    """It has a copy of the clock, not the clock: everything is the original there."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        began = real_time()
        time.sleep(0.1)
        real = real_time() - began >= 0.1 and type(time.sleep).__name__ == "builtin_function_or_method"
        os.write(writer, b"real" if real else b"virtual")
        os._exit(0)
    os.waitpid(pid, 0)
    assert b"real" == os.read(reader, 10)
    os.close(reader)
    os.close(writer)
    assert clock.now < 20


def _pair_select() -> None:
    left, right = socket.socketpair()
    with left, right:
        assert ([], [], []) == select.select([left], [], [], 0.1)


def _pair_selector() -> None:
    left, right = socket.socketpair()
    with left, right, selectors.DefaultSelector() as selector:
        selector.register(left, selectors.EVENT_READ)
        assert [] == selector.select(0.1)


def _pair_receive() -> None:
    left, right = socket.socketpair()
    with left, right:
        left.settimeout(0.1)
        with pytest.raises(TimeoutError):
            left.recv(1)


def _pipe_poll() -> None:
    left, right = multiprocessing.connection.Pipe()
    with left, right:
        assert left.poll(0.1) is False


def _pipe_wait() -> None:
    left, right = multiprocessing.connection.Pipe()
    with left, right:
        assert [] == multiprocessing.connection.wait([left], 0.1)


def _accept() -> None:
    with socket.create_server(("localhost", 0)) as server:
        server.settimeout(0.1)
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize(
    "wait", [_pair_select, _pair_selector, _pair_receive, _pipe_poll, _pipe_wait, _accept]
)
def test_waits_on_the_outside_are_real_and_move_the_clock(clock, wait):
    """Selectors, sockets and pipes take the time they take."""
    began = real_time()
    wait()
    assert 0.099 <= clock.now <= real_time() - began + 0.001


def test_a_look_at_the_outside_does_not_move_the_clock(clock):
    """With no time to wait it is no wait, however long the machine takes for it."""
    left, right = socket.socketpair()
    with left, right, selectors.DefaultSelector() as selector:
        selector.register(left, selectors.EVENT_READ)
        left.setblocking(False)
        before = clock.now  # on Windows to make the pair was a wait
        for _ in range(100):
            select.select([left], [], [], 0)
            selector.select(0)
            with pytest.raises(BlockingIOError):
                left.recv(1)
    assert before == clock.now


@posix_fact("a wait for any child")
def test_a_look_for_children_that_ended_does_not_move_the_clock(clock):
    """It says that there are none, as ever."""
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    assert 0 == clock.now


@pytest.mark.usefixtures("quick")
def test_a_sleeper_beside_a_wait_on_the_outside_need_not_wait(clock):
    """A server thread that sleeps and then answers does so at once."""
    left, right = socket.socketpair()

    def answer() -> None:
        time.sleep(60)
        right.send(b"x")

    with left, right:
        threads = start(answer)
        assert b"x" == left.recv(1)
        join(threads)
    assert 60 == pytest.approx(clock.now, abs=0.001)


# Where the system tells less


@posix_fact("a child that has ended and was not reaped")
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("has_psutil", [True, False])
def test_without_proc_a_living_child_is_seen(clock, monkeypatch, has_psutil):
    """Psutil tells of it; without that, whatever was not reaped counts as alive."""
    psutil = imported("psutil") if has_psutil else None
    monkeypatch.setattr(processes, "_linux_child_lives", processes._other_child_lives)
    monkeypatch.setitem(sys.modules, "psutil", psutil)
    assert processes.child_lives() is False
    with subprocess.Popen(child("time.sleep(0.1)")) as process:
        assert processes.child_lives() is True
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is None:
            real_sleep(0.001)
        assert process.pid == ended.si_pid
        assert processes.child_lives() is not has_psutil
    assert processes.child_lives() is False


@posix_fact("a system that tells of no child")
def test_without_waitid_and_psutil_no_child_is_seen(monkeypatch):
    """Windows alone has neither; time stays virtual there."""
    monkeypatch.setattr(processes, "_linux_child_lives", processes._other_child_lives)
    monkeypatch.setattr(processes, "_waitid", None)
    monkeypatch.setitem(sys.modules, "psutil", None)
    with subprocess.Popen(child("")):
        assert processes.child_lives() is False


def test_where_linux_lists_no_children_what_was_not_reaped_lives(monkeypatch):
    """Not every kernel has the list."""
    monkeypatch.setattr(processes, "_children", lambda *_: None)
    assert processes.child_lives() is False
    with subprocess.Popen(child("")):
        assert processes.child_lives() is True


def _whole(piece) -> None:
    Uninterrupted(set()).do(piece)


def _under_a_filter(piece) -> None:
    from pytest_fsfault._intercept.native import starting  # of Linux alone

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(starting, "Installer", lambda *_: SimpleNamespace(install=lambda: -1, killable=True))
        starting.Start(b"", piece).run()


@pytest.mark.parametrize("wait", [_whole, pytest.param(_under_a_filter, marks=linux_fact("a filter"))])
def test_no_time_passes_while_this_package_works_in_a_thread_of_its_own(clock, wait):
    """Who waits for that thread works: a limited wait beside it does not expire."""
    done, answers = threading.Event(), []
    threads = start(lambda: answers.append(done.wait(60)))
    wait(lambda: real_sleep(0.1))
    done.set()
    join(threads)
    assert [True] == answers
