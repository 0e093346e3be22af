"""The table of intercepted functions is total: each function of `os`, `io` and `shutil` has a row or a reason."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import warnings

import pytest
from skips import marked, posix_fact

from pytest_fsfault._core.language.operations import OPERATIONS
from pytest_fsfault._host.originals import ORIGINALS
from pytest_fsfault._intercept.calls.functions import EVENTS_ONLY, FILE_OPERATIONS, FUNCTIONS, reasons

MODULES = {"os": os, "io": io, "shutil": shutil}
REASONS = reasons()
IN_ROWS = {(row.module, row.function) for row in FUNCTIONS}

# Names that some Python or some system lacks; the table speaks for all of them.
SOMEWHERE_ELSE = {
    "os": "lchmod lchflags chflags plock add_dll_directory startfile get_handle_inheritable "
    "set_handle_inheritable listdrives listmounts listvolumes reload_environ process_cpu_count pidfd_open "
    "readinto setns unshare timerfd_create timerfd_gettime timerfd_gettime_ns timerfd_settime timerfd_settime_ns "
    "posix_openpt grantpt unlockpt ptsname eventfd eventfd_read eventfd_write memfd_create splice "
    "copy_file_range sendfile getxattr setxattr listxattr removexattr getrandom getresuid getresgid setresuid "
    "setresgid preadv pwritev posix_fallocate posix_fadvise fdatasync sched_getaffinity sched_getparam "
    "sched_getscheduler sched_get_priority_max sched_get_priority_min sched_rr_get_interval sched_setaffinity "
    "sched_setparam sched_setscheduler sched_param login_tty pivot_root",
    "io": "text_encoding Reader Writer",
    "shutil": "",
}


def public_callables():
    """Yield what `os`, `io` and `shutil` offer and can be called."""
    for name, module in MODULES.items():
        for attribute, value in vars(module).items():
            if callable(value) and not attribute.startswith("_"):
                yield name, attribute


def is_imported_helper(module, name):
    """Return whether a name is only typing or collections machinery that a module has imported."""
    return getattr(getattr(MODULES[module], name), "__module__", "") in {
        "collections",
        "functools",
        "abc",
        "types",
    }


def test_each_function_has_a_row_or_a_reason():
    """A function that nobody has thought of would be an escape."""
    missing = [
        f"{module}.{name}"
        for module, name in public_callables()
        if (module, name) not in IN_ROWS
        and (module, name) not in REASONS
        and not is_imported_helper(module, name)
    ]
    assert [] == missing


def test_no_function_has_both_a_row_and_a_reason():
    """A function is intercepted, or there is a reason why not."""
    assert set() == IN_ROWS & set(REASONS)


def test_no_row_and_no_reason_is_stale():
    """A name in the table exists here, or is known from another Python or system."""
    elsewhere = {(module, name) for module, names in SOMEWHERE_ELSE.items() for name in names.split()}
    with warnings.catch_warnings(action="ignore"):  # of shutil.ExecError, from Python 3.14 on
        stale = {key for key in (*IN_ROWS, *REASONS) if not hasattr(MODULES[key[0]], key[1])}
    assert set() == {key for key in stale - elsewhere if os.name == "posix" and sys.platform == "linux"}


def test_each_operation_is_reached_by_something():
    """An operation that a rule can name, but no call can be, would be a rule that never fires."""
    reached = {row.operation for row in FUNCTIONS} | set(EVENTS_ONLY.values()) | set(FILE_OPERATIONS)
    assert set(OPERATIONS) == reached


def test_each_row_has_the_real_function():
    """What is in the table is in the originals, as far as this Python has it."""
    assert [] == [key for key in IN_ROWS if hasattr(MODULES[key[0]], key[1]) and key not in ORIGINALS]


# Each call, as source text over a directory `d` with a file `f`, with a descriptor `fd` of another file and two free names.
CALLS = {
    "io.open": "io.open(f).close()",
    "os.rename": "os.rename(f, g)",
    "os.replace": "os.replace(f, g)",
    "os.remove": "os.remove(f)",
    "os.unlink": "os.unlink(f)",
    "os.rmdir": "os.rmdir(e)",
    "os.mkdir": "os.mkdir(g)",
    "os.open": "os.close(os.open(f, os.O_RDONLY))",
    "os.listdir": "os.listdir(d)",
    "os.scandir": "os.scandir(d).close()",
    "os.chmod": "os.chmod(f, 0o600)",
    "os.fchmod": "os.fchmod(fd, 0o600)",
    "os.utime": "os.utime(f)",
    "os.truncate": "os.truncate(f, 0)",
    "os.ftruncate": "os.ftruncate(fd, 0)",
    "os.link": "os.link(f, g)",
    "os.symlink": "os.symlink(f, g)",
    "os.chdir": "os.chdir(d)",
    "os.fchdir": "os.fchdir(os.open(d, os.O_RDONLY))",
    "shutil.copyfile": "shutil.copyfile(f, g)",
    "shutil.copytree": "shutil.copytree(e, g)",
    "shutil.copystat": "shutil.copystat(f, e)",
    "shutil.copymode": "shutil.copymode(f, e)",
    "shutil.move": "shutil.move(f, g)",
    "shutil.rmtree": "shutil.rmtree(e)",
    "shutil.make_archive": "shutil.make_archive(g, 'tar', d, 'e')",
    "shutil.unpack_archive": "shutil.unpack_archive(a, g)",
    "shutil.chown": "shutil.chown(f, os.getuid())",
    "os.stat": "os.stat(f)",
    "os.lstat": "os.lstat(f)",
    "os.access": "os.access(f, 0)",
    "os.readlink": "os.readlink(l)",
    "os.read": "os.read(fd, 1)",
    "os.write": "os.write(fd, b'')",
    "os.fsync": "os.fsync(fd)",
    "os.close": "os.close(os.dup(fd))",
    "shutil.copy": None,  # a composite that raises the event of copyfile
    "shutil.copy2": None,
    "shutil.disk_usage": "shutil.disk_usage(d)",
}
SETUP = """
import io, os, shutil, sys, tempfile
d = tempfile.mkdtemp()
e, f, g, l, a = (os.path.join(d, name) for name in ("e", "f", "g", "l", "a.tar"))
os.mkdir(e)
open(f, "w").close()
try: os.symlink("f", l)
except OSError: pass  # Windows lets not everybody make one
shutil.make_archive(a[:-4], "tar", d, "e")
fd = os.open(os.path.join(d, "h"), os.O_RDWR | os.O_CREAT)
seen = []
on = False
sys.addaudithook(lambda event, args: seen.append(event) if on else None)
"""


# Windows has `os.fchmod` from 3.13 on.
ELSEWHERE = {f"os.{name}": posix_fact(f"os.{name}") for name in ("fchmod", "fchdir") if not hasattr(os, name)}
ELSEWHERE["shutil.chown"] = posix_fact("the owner of a file")
ELSEWHERE |= dict.fromkeys(("os.symlink", "os.readlink"), posix_fact("symbolic links that anybody may make"))


@pytest.mark.parametrize("name", marked([name for name, call in CALLS.items() if call], ELSEWHERE))
def test_the_first_event_of_a_function_is_the_one_in_the_table(name):
    """What a wrapper announces is what the audit hook hears next, or nothing; else it would shield another call."""
    row = next(row for row in FUNCTIONS if f"{row.module}.{row.function}" == name)
    script = f"{SETUP}on = True\n{CALLS[name]}\non = False\nprint(*seen)\nsys.stdout.flush()\nos.close(fd)\nos.chdir(sys.prefix)\nshutil.rmtree(d)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    seen = [event for event in run.stdout.split() if event.startswith(("os.", "shutil.", "open"))]
    if row.event is None:
        assert f"{row.module}.{row.function}" not in seen
    elif name == "os.fchdir":
        assert row.event == seen[1]  # the descriptor was opened first
    else:
        assert row.event == seen[0]
