"""Native programs meet the rules of the session: their count, their errors, their journal."""

import contextlib
import errno
import os
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("fcntl", reason="POSIX fact, of Linux alone: native programs are asked about")
from pytest_fsfault import SimulatedCrash, inject
from pytest_fsfault._intercept.interceptor import interceptor

from . import elf
from .stress import processes_in

MADE = {
    "rename": ("mv old new", "os.rename old to new"),
    "rename over a file": ("touch new; mv old new", "os.replace old to new"),
    "unlink": ("rm old", "os.remove old"),
    "rmdir": ("mkdir dir; rmdir dir", "os.rmdir dir"),
    "mkdir": ("mkdir dir", "os.mkdir dir"),
    "link": ("ln old new", "os.link old to new"),
    "symlink": ("ln -s old new", "os.symlink to new"),
    "chmod": ("chmod 600 old", "os.chmod old"),
    "utime": ("touch old", "os.utime old"),
    "truncate": ("truncate -s 5 old", "os.truncate old"),
    "open": ("echo > new", "os.open new"),
    "open by its other name": ("echo > new", "open new"),
    "write": ("echo > new", "os.write new"),
    "read": ("cat old", "os.open old"),
    "a group": ("rm old", "delete old"),
}


@pytest.mark.parametrize("case", MADE)
def test_each_call_meets_a_rule(root, sh, case):
    """The program fails, once; the same line succeeds afterwards, and the journal names program and call."""
    line, meant = MADE[case]
    (root / "old").write_text("old")
    with inject(f"{meant} -> EACCES when once", roots=[root]) as fsfault:
        assert sh(line) != 0
        (entry,) = fsfault.journal.faults
    assert "raised" == entry.outcome
    assert errno.EACCES == entry.error.errno
    assert entry.program in entry.call_site
    assert f"{__file__}:" in entry.call_site or "conftest.py:" in entry.call_site
    assert entry.process != os.getpid()


ERRNOS = {
    "ERROR_ACCESS_DENIED": "EACCES",
    "ERROR_SHARING_VIOLATION": "EACCES",
    "ERROR_DIR_NOT_EMPTY": "ENOTEMPTY",
    "ERROR_DISK_FULL": "ENOSPC",
    "ERROR_PRIVILEGE_NOT_HELD": "EPERM",
    "ERROR_NOT_SAME_DEVICE": "EXDEV",
    "ERROR_FILENAME_EXCED_RANGE": "ENAMETOOLONG",
    "ERROR_ALREADY_EXISTS": "EEXIST",
    "EBUSY": "EBUSY",
    "EINTR": "EINTR",
}


@pytest.mark.parametrize("name", ERRNOS)
def test_the_number_that_a_program_gets(root, name):
    """A number of Windows becomes the one by which Linux tells of the same cause."""
    program = elf.mkdir(root / "program", root / "made")
    with inject(f"os.mkdir made -> {name}", roots=[root]):
        got = subprocess.run([program], check=False).returncode
    assert getattr(errno, ERRNOS[name]) == got
    assert not (root / "made").exists()


def test_a_static_program_is_reached(root):
    """It loads no library, so nothing but its kernel can be asked."""
    program = elf.mkdir(root / "program", root / "made")
    with inject("os.mkdir made -> EACCES when nth 2", roots=[root]) as fsfault:
        assert 0 == subprocess.run([program], check=False).returncode
        os.rmdir(root / "made")
        assert errno.EACCES == subprocess.run([program], check=False).returncode
        assert ["ok", "raised"] == [entry.outcome for entry in fsfault.journal]


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="32-bit calls of x86-64")
def test_a_32_bit_call_is_reached(root, monkeypatch):
    """It has a table of numbers of its own."""
    monkeypatch.chdir(root)
    program = elf.mkdir32(root / "program")
    with inject("os.mkdir m32 -> EBUSY", roots=[root]) as fsfault:
        code = subprocess.run([program], cwd=root, check=False).returncode
        if code == 256 - errno.ENOSYS or code == -signal.SIGSEGV:
            pytest.skip("this kernel runs no 32-bit calls")
        assert errno.EBUSY == code
        assert "mkdir" in fsfault.journal[0].call_site


def test_one_count_across_python_native_python(root):
    """The second deletion is that of `rm`, between two of the Python that started it."""
    for name in "abc":
        (root / name).touch()
    code = (
        "import os, subprocess\nos.remove('a'); print(subprocess.run(['rm', 'b']).returncode); os.remove('c')"
    )
    with inject("os.remove -> EBUSY when nth 2", roots=[root]) as fsfault:
        child = subprocess.run(
            [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
        )
        entries = [(entry.outcome, entry.program) for entry in fsfault.journal]
    assert "1" == child.stdout.strip()
    assert [("ok", None), ("raised", "rm"), ("ok", None)] == entries


def test_python_children_are_not_counted_twice(root):
    """Each call of theirs is one entry and one of the count, whatever name it was called by."""
    code = (
        "import os, sys, shutil, posix\n"
        "os.mkdir('a'); os.rename('a', 'b'); posix.rmdir('b'); open('c', 'w').close(); os.remove('c')\n"
        "shutil.copytree('d', 'e'); shutil.rmtree('e'); os.link('f', 'g'); os.symlink('f', 'h'); os.unlink('g')"
    )
    found = {}
    for native in (False, True):
        (root / "d").mkdir(exist_ok=True)
        (root / "f").touch()
        with inject(roots=[root], profile="observe", native=native) as fsfault:
            subprocess.run([sys.executable, "-c", code], cwd=root, check=True)
            found[native] = [
                (entry.operation, os.path.basename(entry.path), entry.outcome) for entry in fsfault.journal
            ]
        (root / "h").unlink()
    assert found[False] == found[True]
    assert len(found[True]) > 10


MANY_THREADS = """
import os, threading
def work(name):
    for _ in range(50):
        try:
            os.mkdir(name); os.rename(name, name + 'b'); os.rmdir(name + 'b')
        except OSError:
            for left in (name, name + 'b'):
                if os.path.isdir(left): os.rmdir(left)
threads = [threading.Thread(target=work, args=(f't{number}',)) for number in range(4)]
for each in threads: each.start()
for each in threads: each.join()
"""
# How often each matches, and fires.
DECIDED_IN_THE_CHILD = {
    "os.link zz -> EIO or never": (0, 0),
    "mutate zz -> EIO or never": (0, 0),
    "rename -> EIO when nth 100000 or never": (200, 0),
    "os.rename -> EBUSY when every 7": (200, 28),
}


@pytest.mark.parametrize("rule", DECIDED_IN_THE_CHILD)
def test_what_a_child_decides_by_itself_is_not_counted_again(root, rule):
    """Four threads of a Python child: each call counts once, whoever has decided about it."""
    with inject(rule, roots=[root]) as fsfault:
        subprocess.run([sys.executable, "-c", MANY_THREADS], cwd=root, check=True)
        interceptor().drain()
        (armed,) = fsfault._session.engine.plan.armed
        tallies = fsfault._session.engine.tallies
        counts = {name: tally.count for name, tally in tallies.items() if name != "os.rmdir"}
    assert [] == os.listdir(root)
    assert DECIDED_IN_THE_CHILD[rule] == (armed.matched, armed.fired)
    assert {"os.mkdir": 200, "os.rename": 200}.items() <= counts.items()
    assert "os.replace" not in counts


def test_extension_code_in_a_python_child_is_met_once(root):
    """What goes past Python's functions is a native call: here through ctypes."""
    code = (
        "import os, ctypes; os.mkdir('a')\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "print(libc.mkdir(b'b', 0o700), ctypes.get_errno()); os.mkdir('c')"
    )
    with inject("os.mkdir -> EBUSY when nth 2", roots=[root]) as fsfault:
        child = subprocess.run(
            [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
        )
        assert f"-1 {errno.EBUSY}" == child.stdout.strip()
        assert ["ok", "raised", "ok"] == [entry.outcome for entry in fsfault.journal]


def test_an_isolated_python_is_a_native_program(root):
    """With -S it loads nothing of ours; its calls are met all the same, and nothing is out of reach."""
    (root / "a").touch()
    code = "import os; os.remove('a')"
    with inject("os.remove a -> EBUSY", roots=[root], strict="all") as fsfault:
        command = [sys.executable, "-S", "-c", code]
        assert 1 == subprocess.run(command, cwd=root, check=False, stderr=-3).returncode
        assert fsfault.journal.faults[0].program.startswith("python")


def test_the_clock_waits_for_a_delayed_call_of_a_python_child(root):
    """Its call in C waits for the end of the delay, in real time: no wait of the parent is over before."""
    code = """
import ctypes, os, sys
os.mkdir("first")
for number in range(10):
    ctypes.CDLL(None).mkdir(b"slow%d" % number, 0o755)
"""
    with inject("os.mkdir slow* -> delay 40ms", roots=[root]) as fsfault:
        subprocess.run([sys.executable, "-c", code], cwd=root, timeout=10_000, check=True)
        assert 10_000 > fsfault.clock.now
    assert 11 == len(os.listdir(root))


def test_a_delay_takes_real_time_and_holds_up_nobody_else(root):
    """Two programs wait for half a second each, at the same time."""
    with inject("os.mkdir slow* -> delay 500ms", roots=[root]) as fsfault:
        began = time.monotonic()
        slow = [subprocess.Popen(["mkdir", root / name]) for name in ("slow1", "slow2")]
        assert 0 == subprocess.run(["mkdir", root / "quick"], check=False).returncode
        assert not (root / "slow1").exists() or time.monotonic() - began >= 0.5
        assert [0, 0] == [one.wait() for one in slow]
        assert 0.4 <= fsfault.clock.now
        assert ["ok", "ok"] == [entry.outcome for entry in fsfault.journal]


def test_an_error_after_the_call(root, sh):
    """What was asked has happened all the same."""
    with inject("os.mkdir a -> EACCES after", "os.open b -> EIO after", roots=[root]) as fsfault:
        assert sh("mkdir a") != 0
        assert sh("echo > b") != 0
        assert ["raised", "raised"] == [entry.outcome for entry in fsfault.journal]
    assert (root / "a").is_dir()
    assert (root / "b").is_file()


def test_a_call_that_fails_by_itself(root, sh):
    """The journal tells the system's own error, as the program gets it."""
    with inject("os.rmdir a -> EACCES when nth 2", roots=[root], strict=False) as fsfault:
        assert sh("mkdir a; touch a/b; rmdir a") != 0
        (entry,) = fsfault.journal
    assert ("failed", errno.ENOTEMPTY) == (entry.outcome, entry.error.errno)


def test_what_is_only_written_down_reads_like_what_was_decided(root):
    """Where no rule means a call of a program there is nothing to decide; its entry is the same, and so are the counts."""
    line = "mkdir a; mkdir a; mv a b; echo > c; chmod 600 c; ln -s c d; rm c d missing; rmdir b"

    def observed(*rules):
        with inject(*rules, roots=[root], profile="observe", clock="real") as fsfault:
            subprocess.run(["sh", "-c", line], cwd=root, stderr=subprocess.DEVNULL, check=False)
        entries = [
            (one.operation, one.path, one.target, one.outcome, repr(one.error), one.program, one.nth)
            for one in fsfault.journal
        ]
        tallies = fsfault._session.engine.tallies
        return entries, {name: (one.count, [*one.paths]) for name, one in tallies.items()}

    entries, counts = observed("os.mkdir zz -> EIO or never")
    assert {"ok", "failed", "passed"} == {entry[3] for entry in entries}
    assert (entries, counts) == observed()
    assert (entries, counts) == observed("mutate -> EIO when nth 1000 or never")


def test_modes_and_owners_are_those_of_the_program(root, sh):
    """A call that is made in the place of the program keeps to its umask."""
    with inject(roots=[root], profile="observe") as fsfault:
        assert 0 == sh("umask 027; mkdir private; umask 0; mkdir -m 1777 open; mkdir plain")
        assert {"passed"} == {entry.outcome for entry in fsfault.journal.of("os.mkdir")}
        assert 0 == sh("mkdir like; rmdir like")
        assert ["ok", "ok"] == [entry.outcome for entry in fsfault.journal][-2:]
    modes = [oct((root / name).stat().st_mode & 0o7777) for name in ("private", "open", "plain")]
    assert ["0o750", "0o1777", "0o777"] == modes


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only an administrator may change the root directory of a process"
)
def test_a_program_with_another_root_directory(root):
    """Its absolute paths are seen from there."""
    code = (
        "import os\n"
        "os.chroot('jail')\n"
        "os.mkdir('/a'); os.rename('/a', '/b'); os.symlink('/x', '/l'); os.chdir('/b'); os.mkdir('c')\n"
        "try: os.mkdir('/no')\n"
        "except PermissionError: os.rmdir('/b/c')\n"
    )
    (root / "jail").mkdir()
    with inject("os.mkdir jail/no -> EACCES", roots=[root], profile="observe") as fsfault:
        subprocess.run([sys.executable, "-S", "-c", code], cwd=root, check=True)
        entries = [
            (one.operation, *(os.path.relpath(end, root / "jail") for end in (one.path, one.target) if end))
            for one in fsfault.journal
        ]
    expected = [
        ("os.mkdir", "a"), ("os.replace", "a", "b"), ("os.symlink", "x", "l"), ("os.mkdir", "b/c"),
        ("os.mkdir", "no"), ("os.rmdir", "b/c"),
    ]  # fmt: skip
    assert expected == entries
    assert ["b", "l"] == sorted(os.listdir(root / "jail"))


def test_a_crash_kills_the_whole_tree(root):
    """Nothing of it changes anything afterwards: not the shell, not what it has started beside itself."""
    for name in ("one", "two", "three"):
        (root / name).touch()
    os.mkfifo(root / "fifo")
    line = (
        "(read go < fifo; touch late) & setsid sh -c 'read go < fifo; touch later' & rm one; rm two; rm three"
    )
    with pytest.raises(AssertionError, match=r"SimulatedCrash: os\.remove"):
        with inject("os.remove two -> crash", roots=[root]) as fsfault:
            with pytest.raises(SimulatedCrash):
                subprocess.run(["sh", "-c", line], cwd=root, check=False)
            assert ["crashed"] == [entry.outcome for entry in fsfault.journal]
    with pytest.raises(OSError, match="No such device"):  # nobody reads it
        os.open(root / "fifo", os.O_WRONLY | os.O_NONBLOCK)
    assert ["fifo", "three", "two"] == sorted(os.listdir(root))


def test_a_crash_of_a_python_child_kills_what_it_has_started(root):
    """Before the child hears of it; a Python that the child has started hears of it at its own next call."""
    (root / "one").touch()
    os.mkfifo(root / "fifo")
    code = (
        "import os, subprocess, sys\n"
        'other = \'import os; os.path.exists("x"); os.mkdir("ready"); input(); os.mkdir("late")\'\n'
        "python = subprocess.Popen([sys.executable, '-c', other], stdin=-1)\n"
        "shell = subprocess.Popen(['sh', '-c', 'read go < fifo; echo $go'])\n"
        "while not os.path.isdir('ready'): pass\n"
        "try:\n"
        "    os.remove('one')\n"
        "except BaseException:\n"
        "    print(shell.poll(), python.poll(), flush=True)\n"
        "    os._exit(3)\n"
    )
    with pytest.raises(AssertionError, match=r"SimulatedCrash: os\.remove"):
        with inject("os.remove one -> crash", roots=[root], clock="real") as fsfault:
            done = subprocess.run([sys.executable, "-c", code], cwd=root, check=False, stdout=subprocess.PIPE)
            assert (3, b"-9 None\n") == (done.returncode, done.stdout)
            assert "crashed" == fsfault.journal[-1].outcome
    assert not (root / "late").exists()


@pytest.mark.parametrize("start", ["setsid", "setsid env -i"])
def test_a_crash_ends_a_daemon_that_has_asked_nothing_so_far(root, start):
    """At once, or when it wants to change something if its environment does not tell where it comes from."""
    (root / "one").touch()
    os.mkfifo(root / "fifo")
    line = f"({start} sh -c 'read go < fifo; mkdir late' < /dev/null > /dev/null 2>&1 &); rm one; rm one"
    with pytest.raises(AssertionError, match=r"SimulatedCrash: os\.remove"):
        with inject("os.remove one -> crash", roots=[root]):
            with pytest.raises(SimulatedCrash):
                subprocess.run(["sh", "-c", line], cwd=root, check=False)
    until = time.monotonic() + 20
    while processes_in(root):
        assert time.monotonic() < until
        if "env" in start:
            with contextlib.suppress(OSError):  # it does not read yet
                go = os.open(root / "fifo", os.O_WRONLY | os.O_NONBLOCK)
                os.write(go, b"go\n")
                os.close(go)
    assert ["fifo", "one"] == sorted(os.listdir(root))


def test_strict_all_passes_for_a_reached_program_and_fails_for_another(root, sh):
    """What it changes was seen; with `native=False` nobody has."""
    with inject(roots=[root], strict="all"):
        assert 0 == sh("mkdir a; echo > b; mv b a/c; ln -s a d; rm a/c")
    with pytest.raises(AssertionError, match="e was changed although no call of ours changed it"):
        with inject(roots=[root], strict="all", native=False):
            assert 0 == sh("mkdir e")


def test_paused_and_native_false_leave_programs_alone(root, sh):
    """A program that is started so meets nothing, ever."""
    with inject("os.mkdir -> EACCES or never", roots=[root]) as fsfault:
        with fsfault.paused():
            assert 0 == sh("mkdir a")
        assert sh("mkdir b") != 0
    with inject("os.mkdir -> EACCES or never", roots=[root], native=False):
        assert 0 == sh("mkdir c")
    with inject("os.mkdir -> EACCES or never", roots=[root], children=False):
        assert 0 == sh("mkdir d")
