"""One plan, one count and one journal, for the whole tree of processes."""

import os
import signal
import subprocess
import sys

import pytest
from skips import WINDOWS, marked, posix_fact

from pytest_fsfault import inject

TRY = """
import os, sys
for path in sys.argv[1:]:
    try:
        os.remove(path)
        print("removed")
    except OSError as error:
        print(type(error).__name__, error.errno)
"""


def files(root, *names):
    """Make files, and return their paths."""
    for name in names:
        (root / name).touch()
    return [str(root / name) for name in names]


def test_one_count_for_all_processes(root, python):
    """`first 3` means three in all: here one, in the first child one, in the second one of two."""
    a, b, c, d = files(root, "a", "b", "c", "d")
    with inject("os.remove -> EBUSY when first 3", roots=[root]) as fsfault:
        with pytest.raises(OSError, match="busy"):
            os.remove(a)
        assert "OSError 16\n" == python(TRY, b)
        assert "OSError 16\nremoved\n" == python(TRY, c, d)
        assert [True, False, False, False] == [entry.process == os.getpid() for entry in fsfault.journal]
        assert [0, 1, 2, 3] == [entry.index for entry in fsfault.journal]
        assert sorted(entry.at for entry in fsfault.journal) == [entry.at for entry in fsfault.journal]
        assert 3 == len({entry.process for entry in fsfault.journal})


PER = {
    # a count of its own for each file, whichever process names it; for each line, in whichever process it runs
    "first 1 per path": "OSError 16\nOSError 16\nremoved\nremoved\n",
    "first 1 per call site": "OSError 16\nremoved\nremoved\nremoved\n",
    "nth 3": "removed\nremoved\nOSError 16\nremoved\n",
    "every 2": "removed\nOSError 16\nremoved\nOSError 16\n",
}


@pytest.mark.parametrize("when", PER)
def test_schedules_count_across_processes(root, python, when):
    """Two children run the same lines, on two files each."""
    a, b = files(root, "a", "b")
    with inject(f"os.remove -> EBUSY when {when}", roots=[root]):
        told = python(TRY, a, b)
        files(root, "a", "b")
        told += python(TRY, a, b)
    assert PER[when] == told


def test_the_call_site_is_a_line_of_the_child(root, tmp_path):
    """A script of its own, with its number."""
    (path,) = files(root, "a")
    script = tmp_path / "mine.py"
    script.write_text("import os, sys\n\n\ndef clean(path):\n    os.remove(path)\n\n\nclean(sys.argv[1])\n")
    with inject("os.remove -> delay 2s", roots=[root]) as fsfault:
        subprocess.run([sys.executable, str(script), path], check=True)
        assert [f"{script}:5"] == [entry.call_site for entry in fsfault.journal]
        assert 2.0 <= fsfault.clock.now


FAULTS = {
    "os.remove -> ERROR_SHARING_VIOLATION": ("os.remove(path)", "PermissionError 32 path"),
    "os.remove -> ENOTEMPTY": ("os.remove(path)", "OSError None path"),
    "os.rename to *.new -> WinError 17": ("os.rename(path, path + '.new')", "OSError 17 path"),
    "open -> ERROR_ACCESS_DENIED": ("open(path)", "PermissionError None path"),
    "file.write -> short 2 then ENOSPC": ("open(path, 'wb', 0).write(b'12345')", "OSError None None"),
    "os.mkdir -> ERROR_ALREADY_EXISTS after": ("os.mkdir(path + 'd')", "FileExistsError 183 pathd"),
}


@pytest.mark.parametrize("rule", FAULTS)
def test_a_child_gets_the_exact_error(root, python, rule):
    """With its class, codes and file name; the journal of the parent has an equal one."""
    call, expected = FAULTS[rule]
    (path,) = files(root, "path")
    code = f"""
import os, sys
path = sys.argv[1]
try:
    {call}
except OSError as error:
    name = error.filename and os.path.basename(error.filename)
    print(type(error).__name__, getattr(error, "winerror", None), name)
    print(error)
"""
    with inject(rule, roots=[root]) as fsfault:
        told, text = python(code, path).splitlines()
        (entry,) = fsfault.journal
    assert expected == told
    assert text == str(entry.error)
    assert told.split()[0] == type(entry.error).__name__


def test_a_short_write_in_a_child_writes_what_it_says(root, python):
    """The bytes are the child's."""
    with inject("file.write -> short 2 then ENOSPC", roots=[root]):
        python(
            "import sys\nfile = open(sys.argv[1], 'wb', 0)\ntry: file.write(b'12345')\nexcept OSError: pass",
            root / "a",
        )
    assert b"12" == (root / "a").read_bytes()


def test_a_killed_child_leaves_its_evidence(root):
    """What it had met is there, and what it was about to do as well."""
    (path,) = files(root, "a")
    kill = signal.SIGTERM if WINDOWS else signal.SIGKILL  # TerminateProcess, with this code
    code = f"{TRY}\nsys.stdout.flush()\nos.kill(os.getpid(), {int(kill)})"
    with inject("os.remove -> EBUSY", roots=[root]) as fsfault:
        done = subprocess.run([sys.executable, "-c", code, path], check=False, capture_output=True)
        assert (kill if WINDOWS else -kill) == done.returncode
        assert [("os.remove", "raised", 16)] == [
            (entry.operation, entry.outcome, entry.error.errno) for entry in fsfault.journal
        ]


@posix_fact("a FIFO, whose opening waits")
def test_a_child_that_is_killed_within_a_call(root):
    """Nobody knows what became of the call: its entry says so."""
    fifo = root / "fifo"
    os.mkfifo(fifo)
    with inject("open -> EBUSY when nth 2 or never", roots=[root]) as fsfault:
        child = subprocess.Popen([sys.executable, "-c", "import sys; open(sys.argv[1])", str(fifo)])
        while not fsfault._session.engine.tallies.get("open"):
            fsfault.clock.sleep(0.01)
        child.kill()
        child.wait()
        assert ["passed"] == [entry.outcome for entry in fsfault.journal]


def test_rules_that_come_and_go_while_a_child_runs(root):
    """It asks anew whenever something has changed."""
    paths = files(root, *map(str, range(4)))
    code = """
import os, sys
for path in sys.stdin:
    try:
        os.remove(path.strip())
        print("removed", flush=True)
    except OSError as error:
        print(error.errno, flush=True)
"""
    with inject(roots=[root]) as fsfault:
        child = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

        def remove(path):
            child.stdin.write(f"{path}\n")
            return child.stdout.readline().strip()

        assert "removed" == remove(paths[0])
        with fsfault.add("os.remove -> EBUSY"):
            assert "16" == remove(paths[1])
            with fsfault.paused():
                assert "removed" == remove(paths[1])
            assert "16" == remove(paths[2])
        assert "removed" == remove(paths[2])
        assert "" == child.communicate()[0]


def test_two_processes_on_one_file_at_once(root, python):
    """Each call is decided by itself, one after the other; the first rule that is due has it."""
    (path,) = files(root, "a")
    rules = ["os.remove -> EBUSY when once", "os.remove -> ENOSPC when first 2"]
    code = f"{TRY}\nsys.stdin.read()"
    with inject(*rules, roots=[root]) as fsfault:
        children = [
            subprocess.Popen(
                [sys.executable, "-c", code, path, path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        told = sorted(line for child in children for line in child.communicate()[0].split("\n") if line)
        counts = [(entry.error and entry.error.errno) for entry in fsfault.journal]
    assert ["FileNotFoundError 2", "OSError 16", "OSError 28", "removed"] == told
    assert sorted([2, 16, 28, 0]) == sorted(count or 0 for count in counts)


def test_calls_of_a_child_explain_a_rule_that_never_fired(root, python):
    """The message counts what all processes did."""
    paths = files(root, "a.dll", "b.dll")
    with pytest.raises(AssertionError) as caught, inject("os.remove *.exe -> EBUSY", roots=[root]):
        python(TRY, *paths)
    assert "`os.remove *.exe` never fired: 2 calls of os.remove, on *.dll" == str(caught.value)


def test_nothing_is_told_twice_of_a_child_of_a_child(root, python):
    """All ask the same process."""
    (path,) = files(root, "a")
    code = "import subprocess, sys; print(subprocess.run([sys.executable, *sys.argv[1:]], capture_output=True, text=True).stdout, end='')"
    with inject("os.remove -> EBUSY when once", roots=[root], strict="all") as fsfault:
        assert "OSError 16\nremoved\n" == python(code, "-c", TRY, path, path)
        assert 2 == len(fsfault.journal)


def test_a_session_within_a_child(root, python):
    """It is asked first; the parent's counts what is left."""
    (path,) = files(root, "a")
    code = f"""
import os, sys
from pytest_fsfault import inject
with inject("os.remove -> EROFS when once", roots=[{str(root)!r}]) as fsfault:
    for _ in range(3):
        try:
            os.remove(sys.argv[1])
            print("removed")
        except OSError as error:
            print(error.errno)
    print(len(fsfault.journal))
"""
    with inject("os.remove -> EBUSY when first 2", roots=[root]) as fsfault:
        assert "30\n16\nremoved\n3\n" == python(code, path)
        assert 3 == len(fsfault.journal)


ENDS = {
    "by itself": "",
    "os._exit": "os._exit(0)",
    "_exit bound early": "from os import _exit\n_exit(0)",
    "os.execv": "os.execv(sys.executable, [sys.executable, '-c', ''])",
    "os.execvpe": "os.execvpe(sys.executable, [sys.executable, '-c', ''], os.environ)",
    "os._exit of a fork": "if os.fork(): os.wait()\nelse: os.mkdir(sys.argv[1] + '/d'); os._exit(0)",
}


@pytest.mark.parametrize("case", marked(ENDS, {"os._exit of a fork": posix_fact("os.fork")}))
def test_calls_that_no_rule_concerns_are_counted_however_a_process_ends(root, case):
    """The message of a rule that never fired names them."""
    code = f"import os, sys\nos.mkdir(sys.argv[1] + '/a')\nos.mkdir(sys.argv[1] + '/b')\n{ENDS[case]}"
    calls = 3 if "fork" in case else 2
    with pytest.raises(AssertionError, match=f"but {calls} calls of os.mkdir"):
        with inject("os.rmdir nothing -> EACCES", roots=[root], native=False):
            subprocess.run([sys.executable, "-c", code, str(root)], check=True)
