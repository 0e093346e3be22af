"""The parts of the mechanism: the tables of numbers, the sentences, the errors."""

import errno
import json
import os
import re
import struct
import sys

import pytest

from pytest_fsfault._intercept.native import bpf, possible
from pytest_fsfault._intercept.native.numbers import FICLONE, MACHINES, SHAPES
from pytest_fsfault._windows.errnos import UNIX, unix_errno

HEADERS = {
    ("x86_64", 0): "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
    ("x86_64", 1): "/usr/include/x86_64-linux-gnu/asm/unistd_32.h",
    ("aarch64", 0): "/usr/include/asm-generic/unistd.h",
}


@pytest.mark.parametrize("table", HEADERS, ids=str)
def test_the_numbers_are_those_of_the_kernel(table):
    """As its headers have them; the generic ones are those of aarch64."""
    machine, place = table
    try:
        with open(HEADERS[table], encoding="utf-8") as file:
            found = dict(re.findall(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)", file.read(), re.MULTILINE))
    except OSError:
        pytest.skip("this machine has no such header")
    ours = {name: str(number) for name, number in MACHINES[machine][place].numbers.items()}
    # Linux 6.6, which the headers may not know.
    assert {"fchmodat2"} >= ours.keys() - found.keys()
    assert {name: ours[name] for name in ours.keys() & found.keys()}.items() <= found.items()


def test_each_machine_has_every_call_that_it_can_have():
    """A call that one table has and another has not is one that other system does not have."""
    everything = set(SHAPES)
    for machine, tables in MACHINES.items():
        for table in tables:
            missing = everything - set(table.names().values())
            old = {
                "open",
                "creat",
                "rename",
                "unlink",
                "rmdir",
                "mkdir",
                "link",
                "symlink",
                "chmod",
                "utime",
                "utimes",
                "futimesat",
                "mknod",
                "chown",
                "lchown",
            }
            assert (old if machine == "aarch64" else set()) == missing


def test_the_filter_has_the_size_that_the_kernel_takes():
    """BPF_MAXINSNS, include/uapi/linux/bpf_common.h."""
    for tables in MACHINES.values():
        code = bpf.program(tables, frozenset(SHAPES), reads=True)
        assert len(code) % 8 == 0
        assert len(code) // 8 <= 4096


def answer_of(code, arch, number, arguments):
    """Return what a filter says about a call, as the kernel runs it: include/uapi/linux/bpf_common.h."""
    data = struct.pack("=IIQ6Q", number, arch, 0, *arguments)
    value, place = 0, 0
    steps = list(struct.iter_unpack("=HBBI", code))
    while True:
        operation, yes, no, constant = steps[place]
        place += 1
        if operation == 0x06:
            return constant
        if operation == 0x20:
            (value,) = struct.unpack_from("=I", data, constant)
        elif operation == 0x54:
            value &= constant
        elif operation == 0x05:
            place += constant
        else:
            holds = {0x15: value == constant, 0x35: value >= constant, 0x45: bool(value & constant)}[
                operation
            ]
            place += yes if holds else no


ALLOW, ASK, ERROR = 0x7FFF0000, 0x7FC00000, 0x50000
OPENS = {"open", "openat"}
WANTED = [
    (bpf.ALL, False),
    (bpf.ALL | {"close"}, True),
    (bpf.ALL | {"write", "fsync", "close"}, False),
    (frozenset({"rename", "renameat", "renameat2", "unlinkat"}), False),
    (frozenset(), True),
]


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(("wanted", "reads"), WANTED)
def test_the_filter_asks_about_the_calls_that_are_wanted(machine, wanted, reads):
    """About each of them, by its number, and about no other; opens by their flags."""
    code = bpf.program(MACHINES[machine], wanted, reads=reads)
    expected = bpf.ALWAYS | wanted | (OPENS if reads else set())
    for table in MACHINES[machine]:
        names = table.names()
        for number in range(600):
            name = names.get(number, "")
            asked = ASK if name in expected else ALLOW
            if name == "io_uring_setup":
                asked = ERROR | errno.ENOSYS
            writing = [0, os.O_WRONLY, os.O_WRONLY, 0, 0, 0]
            if name == "ioctl":
                assert ALLOW == answer_of(code, table.arch, number, writing)
                writing[1] = FICLONE
            assert asked == answer_of(code, table.arch, number, writing), (name, number)
        for name, place in {"open": 1, "openat": 2}.items():
            changing = name in expected
            for flags, due in ((os.O_RDONLY, reads), (os.O_DIRECTORY, False), (os.O_CREAT, changing)):
                if name in table.numbers:
                    arguments = [0, 0, 0, 0, 0, 0]
                    arguments[place] = flags
                    found = answer_of(code, table.arch, table.numbers[name], arguments)
                    assert (ASK if due else ALLOW) == found, (name, flags)
    assert ALLOW == answer_of(code, 0x1234, 2, [0, os.O_WRONLY, 0, 0, 0, 0])


SENTENCES = {
    errno.EPERM: "native programs are not reached: this container forbids seccomp(2)",
    errno.EBUSY: "native programs are not reached: another program listens to the system calls of this process already",
    errno.EINVAL: "native programs are not reached: this kernel has no user notification of seccomp(2)",
    errno.ENOSYS: "native programs are not reached: this kernel has no seccomp(2)",
    errno.ENOMEM: "native programs are not reached: seccomp(2) gives Cannot allocate memory",
}


@pytest.mark.parametrize("number", SENTENCES)
def test_why_no_filter_could_be_installed(number):
    """One sentence for each answer of the kernel."""
    assert SENTENCES[number] == possible.sentence(number)


ELSEWHERE = {
    ("sys.platform", "darwin"): "native programs are not reached: that is for Linux alone",
    ("sys.platform", "win32"): "native programs are not reached: that is for Linux alone",
    (
        "machine",
        "riscv64",
    ): "native programs are not reached: that is for x86_64 and aarch64 alone, and this is riscv64",
    ("release", "5.4.0-42-generic"): "native programs are not reached: Linux 5.4 is older than 5.5",
}


@pytest.mark.parametrize("case", ELSEWHERE, ids=str)
def test_where_no_native_program_can_be_reached(case, monkeypatch):
    """Other systems, other machines, older kernels."""
    what, value = case
    if what == "sys.platform":
        monkeypatch.setattr(sys, "platform", value)
    else:
        monkeypatch.setattr(f"platform.{what}", lambda: value)
    possible.why_not.cache_clear()
    try:
        assert ELSEWHERE[case] == possible.why_not()
    finally:
        possible.why_not.cache_clear()


def test_an_older_kernel_is_exact_but_for_signals(monkeypatch):
    """Before 5.19 a signal begins a call anew; that is said, and nothing else is lost."""
    monkeypatch.setattr("platform.release", lambda: "5.15.0")
    possible.reservation.cache_clear()
    try:
        assert possible.reservation().startswith("a signal may count a call of a native program twice")
    finally:
        possible.reservation.cache_clear()


def test_errors_of_windows_for_programs_of_unix():
    """Those of the table have the errno of their cause, every other that of CPython; an errno is its own."""
    assert errno.EACCES == unix_errno(32, errno.EINVAL)
    assert errno.ENAMETOOLONG == unix_errno(206, errno.ENOENT)
    assert errno.ENOENT == unix_errno(2, errno.ENOENT)
    assert errno.EBUSY == unix_errno(None, errno.EBUSY)
    assert 12 == len(UNIX)


# A plain filter, as that of a container: the call with this number fails with EPERM.
FORBID = """
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
steps = ((0x20, 0, 0, 0), (0x15, 0, 1, {number}), (0x06, 0, 0, 0x50001), (0x06, 0, 0, 0x7FFF0000))
code = b"".join(struct.pack("=HBBI", *step) for step in steps)
buffer = ctypes.create_string_buffer(code, len(code))
program = struct.pack("@HxxxxxxQ", len(steps), ctypes.addressof(buffer))
libc.prctl(38, 1, 0, 0, 0)
assert libc.syscall({number}, 1, 0, program) == 0
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


@pytest.fixture
def forbidden(pytester):
    """Run pytest where seccomp(2) is forbidden; return the result and its JSON."""
    if os.uname().machine != "x86_64":
        pytest.skip("the number is that of x86-64")

    def run(*arguments):
        inner = [sys.executable, "-c", FORBID.format(number=317), "-m", "pytest", *arguments]
        result = pytester.run(*inner, "--fsfault-json", "out.json")
        return result, json.loads((pytester.path / "out.json").read_text())

    return run


def test_where_seccomp_is_forbidden_the_test_passes_and_one_sentence_says_why(pytester, forbidden):
    """It is no error by itself; with `native=True` the test demands what cannot be."""
    pytester.makepyfile(
        """
        import subprocess, pytest
        @pytest.mark.fsfault("os.mkdir *.x -> EACCES or never")
        def test_it(tmp_path): assert 0 == subprocess.run(["mkdir", tmp_path / "a.x"]).returncode
        @pytest.mark.fsfault("os.mkdir *.x -> EACCES or never", native=True)
        def test_demands(tmp_path): assert 0 == subprocess.run(["mkdir", tmp_path / "a.x"]).returncode
        @pytest.mark.fsfault("os.mkdir *.x -> EACCES or never", strict="all")
        def test_strict(tmp_path): assert 0 == subprocess.run(["true"]).returncode
        """
    )
    result, found = forbidden()
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*native=True, but native programs are not reached: this container forbids seccomp(2)*",
            "*no fault reached `mkdir *not a Python program, and native programs are not reached: this container forbids seccomp(2)*",
        ]
    )
    assert 3 == len(found["totals"]["unreached"])


def test_a_program_with_the_rights_of_another_user_is_left_alone(tmp_path, monkeypatch):
    """It would lose them, and the summary says so; who runs as root loses nothing."""
    from pytest_fsfault._intercept.native import programs

    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    told = {}
    for user in (0, 1000):
        monkeypatch.setattr("os.geteuid", lambda user=user: user)
        for mode in (0o755, 0o4755, 0o2755):
            program.chmod(mode)
            told[user, mode] = programs._privilege(str(program))
    lost = "its file gives it the rights of another user, which it would lose"
    assert [lost, lost] == [told.pop((1000, mode)) for mode in (0o4755, 0o2755)]
    assert {""} == set(told.values())


def test_what_is_not_exact_is_said_and_fails_nothing(pytester, monkeypatch):
    """Once, in the summary; the test passes under strict="all"."""
    sentence = f"{possible.RESERVED}: of an older kernel"
    monkeypatch.setattr(
        "pytest_fsfault._intercept.native.programs.Programs.reservation", staticmethod(lambda: sentence)
    )
    pytester.makepyfile(
        """
        import subprocess, pytest
        @pytest.mark.fsfault("os.mkdir *.x -> EACCES when once", strict="all")
        def test_it(tmp_path):
            assert [1, 0] == [subprocess.run(["mkdir", tmp_path / "a.x"], stderr=-3).returncode for _ in range(2)]
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:asyncio")
    result.assert_outcomes(passed=1)
    assert 1 == str(result.stdout).count(sentence)
