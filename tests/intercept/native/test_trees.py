"""Trees of programs: their signals, threads, daemons and forks, and what is left of them."""

import contextlib
import errno
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

import pytest_fsfault
from pytest_fsfault import inject
from pytest_fsfault._intercept.interceptor import interceptor


def test_a_signal_storm_counts_each_call_once(root):
    """A call that a signal interrupts while it waits for the answer is one call, and one entry."""
    code = (
        "import signal, os, sys\n"
        "signal.signal(signal.SIGALRM, lambda *_: None); signal.siginterrupt(signal.SIGALRM, False)\n"
        "signal.setitimer(signal.ITIMER_REAL, .001, .001)\n"
        "for number in range(20): os.mkdir(f'd{number}')\n"
        "signal.setitimer(signal.ITIMER_REAL, 0)\n"
    )
    from pytest_fsfault._intercept.native.possible import KILLABLE, kernel

    if kernel() < KILLABLE:
        pytest.skip("this kernel begins a call anew that a signal interrupts")
    with inject("os.mkdir d* -> delay 4ms", roots=[root]) as fsfault:
        subprocess.run([sys.executable, "-S", "-c", code], cwd=root, check=True)
        assert [f"d{number}" for number in range(20)] == [
            os.path.basename(entry.path) for entry in fsfault.journal
        ]
        assert {"ok"} == {entry.outcome for entry in fsfault.journal}


def test_threads_of_a_program(root):
    """4,800 calls of eight threads are 4,800 entries, each with its own outcome."""
    code = (
        "import os, threading\n"
        "def work(k):\n"
        "    for i in range(200):\n"
        "        name = f'{k}-{i}'; os.close(os.open(name, 65, 0o600)); os.rename(name, name + 'x'); os.unlink(name + 'x')\n"
        "threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]\n"
        "[one.start() for one in threads]; [one.join() for one in threads]\n"
    )
    with inject(roots=[root], profile="observe") as fsfault:
        subprocess.run([sys.executable, "-S", "-c", code], cwd=root, check=True)
        entries = [(entry.operation, entry.path) for entry in fsfault.journal]
    assert 4800 == len(entries) == len(set(entries))


def test_a_daemon_outlives_the_session_and_works(root, monkeypatch):
    """Its calls go ahead once nobody asks for them any more; a holder answers, and ends with the daemon."""
    line = (
        "(setsid sh -c 'read x < fifo; mkdir late; mv late later; touch done' &) </dev/null >/dev/null 2>&1"
    )
    os.mkfifo(root / "fifo")
    monkeypatch.setenv("HOLDS_FOR", str(root))
    with inject("os.mkdir late -> EACCES or never", roots=[root]):
        subprocess.run(["sh", "-c", line], cwd=root, check=True)
    holders = _holders(root)
    (root / "fifo").write_text("go\n")
    until = time.monotonic() + 20
    while not (root / "done").exists():
        assert time.monotonic() < until
    assert (root / "later").is_dir()
    assert 1 == len(holders)
    while _holders(root):
        assert time.monotonic() < until


def test_a_call_that_is_delayed_when_the_session_ends_goes_ahead(root):
    """Nobody knows of its delay any more, and its program must not wait for ever."""
    line = "mkdir late & echo $!"
    with inject("os.mkdir late -> delay 10m", roots=[root], strict=False, clock="real"):
        with subprocess.Popen(["sh", "-c", line], cwd=root, stdout=subprocess.PIPE) as shell:
            assert shell.stdout.readline().strip().isdigit()
            shell.wait()
            until = time.monotonic() + 20
            while not any(tree.delayed for tree in interceptor().supervisor.programs._trees._trees.values()):
                assert time.monotonic() < until
    until = time.monotonic() + 20
    while not (root / "late").exists():
        assert time.monotonic() < until


# Orphans come to this process, as to the first one of a container: prctl(PR_SET_CHILD_SUBREAPER).
REAPER = """
import ctypes, os, subprocess, sys, time
from pytest_fsfault import inject
from pytest_fsfault._host import processes
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
os.mkfifo("fifo")
with inject("os.mkdir late -> EACCES or never", roots=["."]):
    subprocess.run("(sleep 0; read x < fifo; mkdir late) & echo $!", shell=True, check=True, stdout=open("pid", "w"))
daemon = int(open("pid").read())
print({daemon} == processes.living(), processes.child_lives([daemon]))
with open("fifo", "w") as fifo:
    fifo.write("go\\n")
os.waitpid(daemon, 0)
while processes.helpers():
    time.sleep(0.001)
try:
    print(os.waitpid(-1, os.WNOHANG))
except ChildProcessError:
    print("nothing is left", os.path.isdir("late"))
"""


def test_a_holder_is_no_child_of_the_test(root):
    """Also where orphans come to the test's process: no wait is real because of it, and it is reaped."""
    done = subprocess.run(
        [sys.executable, "-c", REAPER], cwd=root, capture_output=True, text=True, check=False, timeout=60
    )
    assert ("True False\nnothing is left True\n", "") == (done.stdout, done.stderr)


KILLED = """
import subprocess, sys
from pytest_fsfault import inject
with inject("os.mkdir late -> EACCES or never", roots=["."]):
    subprocess.run("echo started; read x < fifo; mkdir late; echo $? > status", shell=True)
"""


def test_whoever_is_killed_leaves_no_program_that_hangs(root):
    """Nobody answers it any more: its calls fail at once, and it ends by itself."""
    os.mkfifo(root / "fifo")
    tester = [sys.executable, "-c", KILLED]
    with subprocess.Popen(tester, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert b"started\n" == process.stdout.readline()
        process.kill()
        process.wait()
        (root / "fifo").write_text("go\n")
        assert b"" == process.stdout.read()  # all that had it have ended
    assert not (root / "late").exists()


def _holders(root):
    """Return the holders that were started while HOLDS_FOR was set to this root."""
    found = set()
    for process in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with (
                open(f"/proc/{process}/cmdline", "rb") as line,
                open(f"/proc/{process}/environ", "rb") as env,
            ):
                if b"native/holder.py" in line.read() and b"HOLDS_FOR=" + os.fsencode(root) in env.read():
                    found.add(process)
    return found


@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_a_fork_while_programs_live(root):
    """Both sides of it go on: the program is answered, and what the fork starts is met as well."""
    for name in ("one.x", "two.x"):
        (root / name).touch()
    with inject("os.remove *.x -> EBUSY when once", roots=[root]) as fsfault:
        with subprocess.Popen(["sh", "-c", "read go; rm one.x"], cwd=root, stdin=subprocess.PIPE) as shell:
            process = os.fork()
            if process == 0:
                os.execvp("rm", ["rm", str(root / "two.x")])
            assert 1 == os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
            shell.communicate(b"go\n")
        assert 0 == shell.returncode
        assert ["raised", "ok"] == [entry.outcome for entry in fsfault.journal]


def test_nothing_is_left_after_the_session(root, monkeypatch):
    """No thread, no descriptor, no listener, no process."""
    monkeypatch.setenv("HOLDS_FOR", str(root))

    def state():
        return set(os.listdir("/proc/self/task")), sorted(os.listdir("/proc/self/fd")), _holders(root)

    with inject("os.remove -> EBUSY or never", roots=[root]):
        subprocess.run(["true"], check=True)
    before = state()
    with inject("os.remove -> EBUSY or never", roots=[root]):
        for _ in range(5):
            subprocess.run(["sh", "-c", "echo > a; rm a"], cwd=root, check=False, stderr=-3)
        os.system("true")
        subprocess.run(["true"], preexec_fn=os.setsid, check=True)
        interceptor().drain()
        programs = interceptor().supervisor.programs
        until = time.monotonic() + 20
        while len(programs):
            assert time.monotonic() < until
    assert before == state()


def test_a_session_in_a_program_that_is_reached_already(root):
    """It goes without a filter of its own, says so, and the outer one sees its calls."""
    code = (
        "import subprocess\nfrom pytest_fsfault import inject\n"
        "with inject('os.mkdir -> EACCES or never', roots=['.']) as fsfault:\n"
        "    print(subprocess.run(['mkdir', 'a'], stderr=-3).returncode, len(fsfault.journal))\n"
    )
    with inject("os.mkdir a -> EBUSY when once", roots=[root]) as fsfault:
        # Without our variables it is no child of ours, but a program like any other.
        clean = {name: value for name, value in os.environ.items() if name != "FSFAULT_CHILD"}
        inner = subprocess.run(
            [sys.executable, "-c", code], cwd=root, env=clean, capture_output=True, text=True, check=True
        )
        assert "1 0" == inner.stdout.strip()
        assert ["raised"] == [entry.outcome for entry in fsfault.journal]
        assert errno.EBUSY == fsfault.journal[0].error.errno


AS_USER = """
import os, subprocess, sys
import pytest_fsfault._session.fsfault, pytest_fsfault._intercept.children.parent.server, tempfile
import pytest_fsfault._intercept.native.programs, pytest_fsfault._core.engine.near_misses
from pytest_fsfault import inject
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(12345); os.setuid(12345)
open("a.x", "w").close()
with inject("os.remove *.x -> EBUSY when once", roots=["."], native=True, strict="all") as fsfault:
    print(subprocess.run(["rm", "a.x"], stderr=-1).returncode, subprocess.run(["rm", "a.x"]).returncode)
    print(*[entry.outcome for entry in fsfault.journal])
"""


def test_an_ordinary_user(root):
    """Needs neither root nor a capability."""
    home = Path(pytest_fsfault.__file__).parent
    if not all(directory.stat().st_mode & stat.S_IXOTH for directory in (home, *home.parents)):
        pytest.skip("an ordinary user may not read this installation")
    root.chmod(0o777)
    done = subprocess.run(
        [sys.executable, "-c", AS_USER], cwd=root, capture_output=True, text=True, check=False
    )
    if "Permission denied" in done.stderr and "site-packages" in done.stderr:
        pytest.skip("an ordinary user may not read this installation")
    assert "1 0\nraised ok\n" == done.stdout, done.stderr


def test_under_xdist(pytester, apart):
    """Each worker answers its own programs."""
    pytest.importorskip("xdist")
    pytester.makepyfile(
        """
        import subprocess, pytest
        @pytest.mark.parametrize("number", range(8))
        @pytest.mark.fsfault("os.mkdir *.x -> EACCES when once")
        def test_it(tmp_path, number, fsfault):
            codes = [subprocess.run(["mkdir", tmp_path / "a.x"], stderr=-3).returncode for _ in range(2)]
            assert [1, 0] == codes
            assert "mkdir" == fsfault.journal.faults[0].program
        """
    )
    result = apart("-n2", plugins=["xdist"])
    result.assert_outcomes(passed=8)


def test_to_wait_for_another_question_is_not_to_be_busy():
    """The clock may go on meanwhile, though the thread has not come back from its callback."""
    from pytest_fsfault._intercept.native.tree import Trees

    found = []
    watch = SimpleNamespace(busy=True, is_timed=False, descriptor=-1)
    listener = SimpleNamespace(
        state=lambda: "asked",
        asked=(3, 1),
        receive=lambda: found.append(("receive", watch.busy)),
        beside=lambda _others: lambda _milliseconds: found.append(("next", watch.busy)),
        meaning=lambda _events: "",
    )
    Trees(watch, None, None, found.append)._ready(SimpleNamespace(open=True, listener=listener))
    assert [("receive", True), ("next", False)] == found
    assert watch.busy


def test_a_crash_that_is_told_while_the_server_is_closed_waits_for_no_other_thread(root, monkeypatch):
    """Who closes the server works in a thread that does one thing after the other, and waits for the server's thread."""
    published, done = [], threading.Event()
    with inject("os.mkdir zz -> EIO or never", roots=[root], clock="real"):
        subprocess.run(["true"], check=True)
        supervisor = interceptor().supervisor
        server = supervisor.server
        with monkeypatch.context() as patched:
            patched.setattr(server, "has_other_roots", lambda: True)
            patched.setattr(server, "publish_roots", lambda: published.append(server.loop.is_own()))
            patched.setattr(supervisor._whole, "do", lambda _work: published.append("by another thread"))
            server.loop.after(0, lambda: (supervisor.follow(), done.set()))
            assert done.wait(60)
    assert [True] == published
