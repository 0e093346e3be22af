"""One virtual clock for the tree of processes: it jumps only when all of them wait."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from types import FunctionType, ModuleType

import pytest
from real_time import real_time
from skips import WINDOWS, posix_fact

from pytest_fsfault import inject
from pytest_fsfault._host.originals import ORIGINALS
from pytest_fsfault._intercept.children.parent import dispatcher
from pytest_fsfault._intercept.children.rendezvous import KEY
from pytest_fsfault._intercept.virtual_time import threads

DAY = "import time\ntime.sleep(86400)"
RULE = "os.replace -> EBUSY or never"
REAL_SLEEP = time.sleep
MADE = "spawn" if WINDOWS else "fork"
# What stands before the code of a child that has a connection as on Windows, where no selector tells of it.
NOT_SELECTABLE = """
from pytest_fsfault._intercept.children.transport import UnixConnection
UnixConnection.selectable = False
"""


def native(seconds):
    """Return a program that sleeps, and knows of no clock of ours."""
    if WINDOWS:
        return [sys.executable, "-S", "-c", f"import time; time.sleep({seconds})"]
    return ["sleep", str(seconds)]


@pytest.fixture
def fsfault(root):
    """A session under which time is virtual."""
    with inject(RULE, roots=[root]) as fsfault:
        yield fsfault


def run(code, **options):
    """Run code in a child, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, **options
    )
    assert ("", 0) == (done.stderr, done.returncode)
    return done.stdout


def test_a_child_that_waits_takes_no_real_time(fsfault):
    """An hour in sixty naps; the parent only waits for it."""
    began = real_time()
    shown = float(
        run(
            "import time\na = time.monotonic()\nfor _ in range(60): time.sleep(60)\nprint(time.monotonic() - a)"
        )
    )
    assert 3600 <= shown < 3601
    assert 3600 <= fsfault.clock.now < 3660
    assert [60.0] * 60 == fsfault.clock.slept
    assert real_time() - began < 60


def test_parent_and_child_read_one_clock(fsfault):
    """What the child shows lies between what the parent showed before and shows afterwards."""
    for name in ("monotonic", "time", "perf_counter"):
        before = getattr(time, name)()
        there = float(run(f"import time\ntime.sleep(5)\nprint(repr(time.{name}()))"))
        after = getattr(time, name)()
        assert before + 5 <= there <= after


def test_a_parent_that_polls_does_not_run_ahead(fsfault):
    """While the child works, no virtual second passes that it does not have in real time."""
    began = real_time()
    child = subprocess.Popen([sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass"])
    polls = 0
    while child.poll() is None:
        time.sleep(0.01)
        polls += 1
    assert polls / 100 <= fsfault.clock.now <= real_time() - began + 0.5


def test_a_parent_that_polls_a_waiting_child_jumps_with_it(fsfault):
    """Both sleep; who is due first wakes first."""
    began = real_time()
    child = subprocess.Popen([sys.executable, "-c", "import time\ntime.sleep(100.5)"])
    polls = 0
    while child.poll() is None:
        time.sleep(1)
        polls += 1
    took = real_time() - began
    assert 101 <= polls < 110 + took  # as long as the child starts, time is real
    assert took < 50


def test_children_sleep_side_by_side(fsfault):
    """Eight processes that sleep ten seconds take ten, but for the time in which they start."""
    began = real_time()
    with ProcessPoolExecutor(8, mp_context=multiprocessing.get_context(MADE)) as pool:
        list(pool.map(time.sleep, [10.0] * 8))
    assert 10 <= fsfault.clock.now < 20 + real_time() - began
    assert [10.0] * 8 == fsfault.clock.slept


TIMEOUTS = {
    "wait": lambda child: child.wait(5),
    "communicate": lambda child: child.communicate(timeout=5),
}


@pytest.mark.parametrize("way", TIMEOUTS)
def test_a_timeout_is_virtual_where_the_child_is(fsfault, way):
    """One that sleeps a day is given up after five seconds, neither later nor sooner."""
    began = real_time()
    with subprocess.Popen([sys.executable, "-c", DAY], stdout=subprocess.PIPE) as child:
        with pytest.raises(subprocess.TimeoutExpired, match="timed out after 5 seconds"):
            TIMEOUTS[way](child)
        assert 5 <= fsfault.clock.now < 60
        child.kill()
    assert real_time() - began < 30


@pytest.mark.parametrize("run", [subprocess.run, subprocess.check_output, subprocess.call])
def test_who_runs_a_child_with_a_timeout_ends_it(fsfault, run):
    """It is killed when its virtual time is over."""
    with pytest.raises(subprocess.TimeoutExpired, match="timed out after 5 seconds"):
        run([sys.executable, "-c", DAY], timeout=5)
    assert 5 <= fsfault.clock.now < 60


def test_a_timeout_that_is_long_enough(fsfault):
    """Fifty seconds of retries in a child, under a timeout of a minute."""
    child = "import sys, time\nfor _ in range(50): time.sleep(1)\nprint(sys.stdin.read())"
    done = subprocess.run(
        [sys.executable, "-c", child], timeout=60, input="said", capture_output=True, text=True, check=False
    )
    assert ("said\n", 0) == (done.stdout, done.returncode)


def _read(stream, found):
    """Do as `Popen._readerthread`."""
    with stream:
        found.append(stream.read())


def _communicate_by_threads(self, text, endtime, orig_timeout):
    """Do as `Popen._communicate` on Windows: threads read, and are joined for the time that is left."""
    if not hasattr(self, "readers"):
        self.found = [], []
        pairs = zip((self.stdout, self.stderr), self.found, strict=True)
        self.readers = [threading.Thread(target=_read, args=pair, daemon=True) for pair in pairs]
        for reader in self.readers:
            reader.start()
        self._stdin_write(text)
    for reader in self.readers:
        reader.join(self._remaining_time(endtime))
        if reader.is_alive():
            raise subprocess.TimeoutExpired(self.args, orig_timeout)
    return [found[0] for found in self.found]


def _of_subprocess(function):
    """Return the function as one of the module `subprocess`: who calls decides by whose time is waited."""
    return FunctionType(function.__code__, {**globals(), "__name__": "subprocess"})


def test_a_thread_that_communicate_joins_is_no_wait_by_the_clock(fsfault, monkeypatch):
    """It is a part of a look at the process, and takes no virtual time by itself."""
    monkeypatch.setattr(subprocess.Popen, "_communicate", _of_subprocess(_communicate_by_threads))
    began = real_time()
    done = subprocess.run(native(0.3), timeout=60, input=b"", capture_output=True, check=False)
    assert (b"", 0) == (done.stdout, done.returncode)
    assert 0.3 <= real_time() - began
    assert [] == fsfault.clock.slept


def test_a_process_that_is_joined(fsfault):
    """`Process.join` with a timeout, too long and too short."""
    child = multiprocessing.get_context(MADE).Process(target=time.sleep, args=(30,))
    child.start()
    child.join(10)
    assert child.exitcode is None
    child.join(100)
    assert child.exitcode == 0


class _SpawnedOnWindows:
    """As `multiprocessing.popen_spawn_win32.Popen`: its `wait` returns None when the time is over."""

    returncode = None

    def __init__(self, code):
        self.pid = os.posix_spawn(sys.executable, [sys.executable, "-c", code], os.environ)

    def wait(self, timeout):
        """Return the code of the process, or None."""
        until = real_time() + timeout
        while self.returncode is None and real_time() < until:
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                self.returncode = 0
            REAL_SLEEP(0.001)
        return self.returncode


@posix_fact("Windows has the module that stands in here, and the test before this one")
def test_a_process_that_is_joined_as_on_windows(root, monkeypatch):
    """`Process.join` waits there by a function of the system of which no other module tells."""
    module = ModuleType("multiprocessing.popen_spawn_win32")
    module.Popen = _SpawnedOnWindows
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with inject(RULE, roots=[root]) as fsfault:
        child = _SpawnedOnWindows("import time\ntime.sleep(30)")
        assert child.wait(10) is None
        assert 10 <= fsfault.clock.now
        assert 0 == child.wait(100)
        assert 30 <= fsfault.clock.now


def test_a_native_child_takes_real_time(fsfault):
    """It does not know the clock: beside it waits are real."""
    began = real_time()
    child = subprocess.Popen(native(0.3))
    while child.poll() is None:
        time.sleep(0.05)
    assert 0.3 <= real_time() - began
    assert fsfault.clock.now <= real_time() - began + 0.2


def test_a_native_child_of_a_child_takes_real_time(fsfault):
    """The child waits for it; the parent's clock does not jump over either."""
    began = real_time()
    child = subprocess.Popen([sys.executable, "-c", f"import subprocess\nsubprocess.run({native(0.3)})"])
    while child.poll() is None:
        time.sleep(0.05)
    assert 0.3 <= real_time() - began
    assert fsfault.clock.now <= real_time() - began + 0.5


ATTACHING = """
import sys
from pytest_fsfault._intercept.children.child.connection import Client
client = Client(sys.argv[1])
client.ask("hello")
input()
client.ask("attached")
input()
"""


@pytest.mark.usefixtures("fsfault")
def test_a_child_that_attaches_itself_is_at_work(monkeypatch):
    """It may wait for the disk as long as it loads what it needs for our sake, which not every system shows."""
    monkeypatch.setattr(dispatcher, "SAYS_WHEN_ATTACHED", True)
    subprocess.run([sys.executable, "-c", "pass"], check=True)  # from now on children are answered
    environment = dict(os.environ)
    directory = environment.pop(KEY)
    with subprocess.Popen(
        [sys.executable, "-c", ATTACHING, directory], env=environment, stdin=subprocess.PIPE
    ) as child:
        children = threads.ThreadActivity.children
        while child.pid not in children.numbers:
            assert child.poll() is None
        until = real_time() + 0.4
        while real_time() < until:
            assert children.at_work(threads.monotonic_ns()) is True
        child.stdin.write(b"\n")
        child.stdin.flush()
        while children.at_work(threads.monotonic_ns()):
            pass
        assert child.poll() is None


def test_threads_of_a_child(fsfault):
    """Four that sleep, and one that is woken by another long before its time."""
    told = run("""
import threading, time
began = time.monotonic()
event = threading.Event()
threads = [threading.Thread(target=time.sleep, args=(10 * n,)) for n in range(1, 5)]
threads.append(threading.Thread(target=event.wait, args=(1000,)))
for thread in threads: thread.start()
time.sleep(20)
event.set()
for thread in threads: thread.join()
print(round(time.monotonic() - began, 1))
""")
    assert "40.0\n" == told


LOOPS = {
    "default": "import asyncio; run = asyncio.run",
    "selector": "import asyncio; run = asyncio.Runner(loop_factory=asyncio.SelectorEventLoop).run",
}


@pytest.mark.parametrize("before", ["", NOT_SELECTABLE], ids=["", "a connection as on Windows"])
@pytest.mark.parametrize("loop", LOOPS)
def test_an_event_loop_of_a_child(fsfault, loop, before):
    """Its timers, its timeouts, and what it hands to threads."""
    began = real_time()
    code = """
import time
async def main():
    began = time.monotonic()
    await asyncio.gather(*(asyncio.sleep(60) for _ in range(10)))
    try:
        async with asyncio.timeout(30):
            await asyncio.sleep(1000)
    except TimeoutError:
        print("timed out")
    await asyncio.to_thread(time.sleep, 10)
    print(round(time.monotonic() - began))
run(main())
"""
    told = run(f"{before}\n{LOOPS[loop]}\n{code}")
    assert "timed out\n100\n" == told
    assert real_time() - began < 60


@posix_fact("a signal that a thread sends to its own process")
def test_an_exception_ends_a_wait_of_a_child(fsfault):
    """A signal handler raises; the next wait is not confused by the answer to the last."""
    told = run("""
import os, signal, threading, time
def stop(*_): raise InterruptedError
signal.signal(signal.SIGUSR1, stop)
began = time.monotonic()
thread = threading.Thread(target=lambda: (time.sleep(5), os.kill(os.getpid(), signal.SIGUSR1)))
thread.start()
try: time.sleep(1000)
except InterruptedError: print("stopped")
time.sleep(3)
print(round(time.monotonic() - began))
""")
    assert "stopped\n8\n" == told


def test_with_a_real_clock_children_have_real_time(root):
    """Waits are recorded all the same."""
    with inject(RULE, roots=[root], clock="real") as fsfault:
        began = real_time()
        run("import time\ntime.sleep(0.2)")
        assert 0.2 <= real_time() - began
        assert [0.2] == fsfault.clock.slept


def test_a_child_that_outlives_the_session_has_real_time(root):
    """Its wait goes on in real time, and nothing is refused any more."""
    code = "import os, sys, time\ntime.sleep(0.5 if not print('there', flush=True) else 0)\nos.replace(sys.argv[1], sys.argv[1] + 'x')"
    (root / "a").touch()
    with inject("os.replace -> EBUSY or never", roots=[root]) as fsfault:
        fsfault.clock.sleep(0)
        with subprocess.Popen(native(2)) as holder:  # nothing jumps beside it
            child = subprocess.Popen([sys.executable, "-c", code, str(root / "a")], stdout=subprocess.PIPE)
            assert b"there" == child.stdout.readline().strip()
            holder.kill()
            fsfault._session._gate = False
            fsfault._session._set_gate()
    assert b"" == child.communicate()[0]
    assert 0 == child.returncode
    assert (root / "ax").exists()
    assert ORIGINALS["os", "replace"] is os.replace


QUESTIONS = """
import os, shutil
there = os.path.join({root!r}, "there")
os.makedirs(there)
from pytest_fsfault._intercept.children.child.connection import Client
ask, asked = Client.ask, []
Client.ask = lambda self, *message: asked.append(message[0]) or ask(self, *message)
def new(name):
    open(os.path.join(there, name), "w").close()
    return os.path.join(there, name)
for turn in "first", "after a stamp of a file":
    path = new(turn)
    print(os.path.exists(path), os.path.lexists(path), os.path.isfile(path), os.path.samefile(path, path))
    print(os.path.isdir(path), os.path.islink(path), os.path.ismount(path), os.path.realpath(path) == path)
    print(asked.count("stamps"))
    shown = os.path.getmtime(new("seen " + turn))
    print(asked.count("stamps"))
shutil.rmtree(there)
print(os.path.exists(there), asked.count("stamps"))
"""


@pytest.mark.usefixtures("fsfault")
def test_a_child_asks_when_a_file_was_written_only_for_who_looks_at_that(root):
    """Whether there is a file, and of which kind, the child knows by itself."""
    answers = ["True True True True", "False False False True"]
    told = run(QUESTIONS.format(root=str(root.resolve()))).splitlines()
    assert [*answers, "0", "1", *answers, "1", "2", "False 2"] == told
