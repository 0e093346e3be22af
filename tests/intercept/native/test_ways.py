"""Calls by other ways than most programs go: their numbers, flags, descriptors and names, and what never ends well."""

import errno
import os
import platform
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_fsfault
from pytest_fsfault import inject

from . import elf


def test_a_file_is_closed_even_if_close_fails(root):
    """As close(2) has it, and Python's `os.close` under a fault: its number alone stays taken, and leads nowhere."""
    code = (
        "import os\n"
        "made = os.open('made', os.O_CREAT | os.O_WRONLY)\n"
        "try: os.close(made)\n"
        "except OSError as error: print(error.errno, os.readlink(f'/proc/self/fd/{made}'))\n"
    )
    with inject("os.close made -> EIO", roots=[root]) as fsfault:
        done = subprocess.run(
            [sys.executable, "-S", "-c", code], cwd=root, check=True, stdout=subprocess.PIPE
        )
        assert b"5 /dev/null\n" == done.stdout
        assert ["raised"] == [entry.outcome for entry in fsfault.journal]


def test_a_directory_whose_path_the_kernel_does_not_tell(root):
    """It is longer than a page: no fault reaches what happens there, and the summary says so."""
    code = (
        "import os\n"
        "for number in range(30): os.mkdir('x' * 200); os.chdir('x' * 200)\n"
        "os.mkdir('deep'); os.rmdir('deep')\n"
        "for number in range(30): os.chdir('..'); os.rmdir('x' * 200)\n"
    )
    told = r"python\S*, started at \S+, works in a directory whose path is longer than a page: no fault reaches it there"
    with pytest.raises(AssertionError, match=told):
        with inject("os.mkdir **/deep -> EIO or never", roots=[root], strict="all"):
            subprocess.run([sys.executable, "-S", "-c", code], cwd=root, check=True)
    assert [] == os.listdir(root)


#: What a program may do, as a Python that is a native program here: a rule that refuses it, and the errno.
WAYS = {
    "openat2, beneath": (
        "os.open b -> EACCES",
        "call(437, os.open('.', 0), b'd/../b', struct.pack('QQQ', 0o101, 0o600, 8), 24)",
    ),
    "renameat2, exchange": ("os.replace a -> EACCES", "call(316, -100, b'a', -100, b'c', 2)"),
    "renameat2, noreplace": ("os.rename a -> EACCES", "call(316, -100, b'a', -100, b'n', 1)"),
    "a nameless file": ("os.open -> EACCES", "os.open('.', os.O_TMPFILE | os.O_WRONLY)"),
    "a nameless file gets a name": (
        "os.link to n -> EACCES",
        "call(265, -100, b'/proc/self/fd/%d' % os.open('.', os.O_TMPFILE | os.O_WRONLY), -100, b'n', 0x400)",
    ),
    "by its descriptor": (
        "os.link to n -> EACCES",
        "call(265, os.open('.', os.O_TMPFILE | os.O_WRONLY), b'', -100, b'n', 0x1000)",
    ),
    "copy_file_range": (
        "os.copy_file_range to n -> EACCES",
        "call(326, os.open('a', 0), 0, os.open('n', 0o101), 0, 1, 0)",
    ),
    "fallocate": ("os.write n -> EACCES", "call(285, os.open('n', 0o101), 0, 0, 100)"),
    "pwritev": ("os.write n -> EACCES", "os.pwritev(os.open('n', 0o101), [b'x'], 0)"),
    "chmod of an open file by its number": (
        "os.chmod a -> EACCES",
        "os.chmod(f'/proc/self/fd/{os.open(\"a\", os.O_PATH)}', 0o600)",
    ),
    "by a descriptor of its directory": ("os.remove d/x -> EACCES", "os.unlink('x', dir_fd=os.open('d', 0))"),
    "up from a descriptor": ("os.remove a -> EACCES", "os.unlink('../a', dir_fd=os.open('d', 0))"),
    "by the root of its process": (
        "os.remove a -> EACCES",
        "os.unlink(f'/proc/{os.getpid()}/root/{os.getcwd()}/a')",
    ),
    "a name that is no UTF-8": ("os.mkdir -> EACCES", "os.mkdir(b'\\xff\\xfe')"),
    "a name that is too long": ("os.mkdir -> EACCES", "os.mkdir('n' * 300)"),
    "a long path": ("os.rmdir **/d -> EACCES", "os.rmdir('d/../' * 400 + 'd')"),
    "after chroot": ("os.mkdir v -> EACCES", "os.chroot('.'), os.mkdir('/v')"),
    "in another namespace": ("os.mkdir v -> EACCES", "call(272, 0x20000), os.mkdir('v')"),
    "by the numbers of x32": ("os.mkdir v -> EACCES", "call(0x40000000 | 83, b'v', 0o700)"),
    "what may not be dumped": ("os.mkdir v -> EACCES", "libc.prctl(4, 0, 0, 0, 0), os.mkdir('v')"),
    "by vfork": (
        "os.mkdir v -> EACCES",
        "fail(os.waitpid(os.posix_spawn('/bin/sh', ['sh', '-c', 'mkdir v 2> /dev/null'], os.environ), 0)[1])",
    ),
}
# What says that a way is closed here.
NEEDS = {
    "by the numbers of x32": {b"ENOSYS"},
    "after chroot": {b"EPERM"},
    "in another namespace": {b"EPERM"},
    "a nameless file gets a name": {b"ENOTSUP", b"EOPNOTSUPP"},
    "by its descriptor": {b"ENOTSUP", b"EOPNOTSUPP"},
}
PRELUDE = """
import ctypes, errno, os, struct
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    values = [one if isinstance(one, bytes) else ctypes.c_long(one) for one in arguments]
    if libc.syscall(ctypes.c_long(number), *values) < 0:
        raise OSError(ctypes.get_errno(), "")
def fail(status):
    if status:
        raise OSError(errno.EACCES, "")
try:
    {way}
except OSError as error:
    print(errno.errorcode[error.errno])
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86-64")
@pytest.mark.parametrize("way", WAYS)
def test_a_rule_meets_a_call_by_whichever_way(root, way):
    """Its number, its flags, its directory, what it names its file by, and what the program has done to itself."""
    for name in ("a", "c"):
        (root / name).write_text(name)
    (root / "d").mkdir()
    (root / "d" / "x").touch()
    rule, text = WAYS[way]
    with inject(f"{rule} or never", roots=[root]) as fsfault:
        command = [sys.executable, "-S", "-c", PRELUDE.format(way=text)]
        done = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE)
        if done.stdout.strip() in NEEDS.get(way, ()):
            pytest.skip("this machine, or this user, may not do so")
        assert b"EACCES\n" == done.stdout
        assert ["raised"] == [entry.outcome for entry in fsfault.journal.faults]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="32-bit programs of x86-64")
def test_a_program_of_32_bits_is_reached(root):
    """All of it, not a single call: its own numbers, its own registers."""
    program = elf.mkdir_of_32_bits(root / "program")
    with inject("os.mkdir m32 -> EBUSY when once or never", roots=[root]) as fsfault:
        try:
            codes = [subprocess.run([program], cwd=root, check=False).returncode for _ in range(2)]
        except OSError as error:
            assert errno.ENOEXEC == error.errno
            pytest.skip("this kernel runs no 32-bit programs")
        assert [errno.EBUSY, 0] == codes
        assert "mkdir" in fsfault.journal[0].call_site
    assert (root / "m32").is_dir()


def test_a_program_that_is_traced_is_reached(root):
    """By ptrace(2), as strace and debuggers do it: the one that traces sees the error, too."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not here")
    command = ["strace", "-f", "-o", "log", "-e", "trace=mkdir,mkdirat", "mkdir", "v"]
    if subprocess.run([*command[:-1], "first"], cwd=root, check=False, stderr=-3).returncode:
        pytest.skip("this machine lets nobody trace")
    with inject("os.mkdir v -> EBUSY", roots=[root]) as fsfault:
        assert 1 == subprocess.run(command, cwd=root, check=False, stderr=-3).returncode
        assert ["raised"] == [entry.outcome for entry in fsfault.journal.faults]
    assert "EBUSY" in (root / "log").read_text()


LATE_FILTER = """
import ctypes, errno, os, struct
libc = ctypes.CDLL(None, use_errno=True)
code = ctypes.create_string_buffer(struct.pack("=HBBI", 6, 0, 0, {answer}))
program = struct.pack("H6xQ", 1, ctypes.addressof(code))
libc.prctl(38, 1, 0, 0, 0)
if libc.prctl(22, 2, program, 0, 0):
    print(errno.errorcode[ctypes.get_errno()])
try:
    os.mkdir("v")
except OSError as error:
    print(errno.errorcode[error.errno])
"""


def test_a_program_with_a_filter_of_its_own_is_reached(root):
    """The sterner answer holds: seccomp(2)."""
    with inject("os.mkdir v -> EBUSY", roots=[root]):
        command = [sys.executable, "-S", "-c", LATE_FILTER.format(answer=0x7FFF0000)]
        assert b"EBUSY\n" == subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE).stdout


AS_USER = """
import os, subprocess, sys, tempfile
import pytest_fsfault._session.fsfault, pytest_fsfault._intercept.children.parent.server
import pytest_fsfault._intercept.native.programs, pytest_fsfault._core.engine.near_misses
from pytest_fsfault import inject
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(12345); os.setuid(12345)
else:
    import ctypes
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
with inject("os.mkdir v -> EBUSY or never", roots=["."], strict=False) as fsfault:
    print({start}, fsfault._session.engine.escapes)
"""
HIDDEN = {
    # Whoever may run a file and not read it may not look into what runs.
    "a program": ("subprocess.call('./program')", "may not be looked into: no fault reaches it"),
    # After setuid(2), or prctl(2), a process and its forks are not dumpable: the listener of one cannot be had.
    "a fork": (
        "os.spawnv(os.P_WAIT, './program', ['program'])",
        "what a forked process starts is not reached: this process may not look into it",
    ),
}


@pytest.mark.parametrize("case", HIDDEN)
def test_what_an_ordinary_user_may_not_look_into_is_told(root, case):
    """Its calls go ahead, and the summary says so."""
    home = Path(pytest_fsfault.__file__).parent
    if not all(directory.stat().st_mode & stat.S_IXOTH for directory in (home, *home.parents)):
        pytest.skip("an ordinary user may not read this installation")
    root.chmod(0o777)
    os.chmod(elf.mkdir(root / "program", "v"), 0o111)
    start, says = HIDDEN[case]
    command = [sys.executable, "-c", AS_USER.format(start=start)]
    done = subprocess.run(command, cwd=root, check=False, capture_output=True, text=True)
    if "Permission denied" in done.stderr and "site-packages" in done.stderr:
        pytest.skip("an ordinary user may not read this installation")
    assert done.stdout.startswith("0 ["), (done.stdout, done.stderr)
    assert says in done.stdout
    assert (root / "v").is_dir()
