"""What a program's arguments point to is read as the kernel reads it, wherever it stands."""

import ctypes
import mmap
import os
import platform
import struct
from _thread import get_native_id

import pytest

pytest.importorskip("fcntl", reason="POSIX fact, of Linux alone: native programs are asked about")
from pytest_fsfault._intercept.native.calls import Reader
from pytest_fsfault._intercept.native.memory import PATH_MAX, Memory
from pytest_fsfault._intercept.native.notify import Request
from pytest_fsfault._intercept.native.numbers import MACHINES
from pytest_fsfault._intercept.native.places import given

PAGE = mmap.PAGESIZE
LONG = b"/" + b"x" * 2_000
# Two texts: short ones, one that is longer than what is read at once, both, and empty ones.
PAIRS = [(b"a", b"b"), (LONG, b"b"), (b"a", LONG), (LONG, LONG), (b"", b"b"), (b"a", b"")]


@pytest.fixture
def memory():
    """Three pages of this process, the last of which may not be read."""
    pages = mmap.mmap(-1, 3 * PAGE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(pages))
    libc = ctypes.CDLL(None, use_errno=True)
    assert 0 == libc.mprotect(ctypes.c_void_p(address + 2 * PAGE), PAGE, 0)
    yield address
    assert 0 == libc.mprotect(ctypes.c_void_p(address + 2 * PAGE), PAGE, mmap.PROT_READ | mmap.PROT_WRITE)


def put(text, address):
    """Write a text with its zero to an address; return the address."""
    ctypes.memmove(address, text + b"\0", len(text) + 1)
    return address


@pytest.mark.parametrize(("one", "other"), PAIRS)
@pytest.mark.parametrize("end", [0, 1])
def test_two_texts_are_what_each_of_them_is(memory, one, other, end):
    """Also where one stands at the end of what can be read, or goes on in the next page."""
    first = put(one, memory + PAGE - len(one) // 2 - 1)
    second = put(other, memory + 2 * PAGE - len(other) - 1 - end)
    looks, me = Memory(), get_native_id()
    assert (one, other) == looks.two_texts(me, first, second)
    assert (other, one) == looks.two_texts(me, second, first)
    assert other == looks.text(me, second)


def test_a_text_that_may_not_be_read(memory):
    """It is an error, whichever of the two it is; so is one without an end."""
    looks, me = Memory(), get_native_id()
    good, bad = put(b"a", memory), memory + 2 * PAGE
    for pair in ((good, bad), (bad, good), (bad, bad), (0, good)):
        with pytest.raises(OSError, match="Bad address"):
            looks.two_texts(me, *pair)
    ctypes.memset(memory, ord("x"), 2 * PAGE)
    with pytest.raises(OSError, match="File name too long" if 2 * PAGE > PATH_MAX + 1 else "Bad address"):
        looks.text(me, memory)


def call(name, *arguments):
    """Read a call as this thread would make it; texts become addresses."""
    kept = [ctypes.create_string_buffer(one) if isinstance(one, bytes) else one for one in arguments]
    numbers = [
        ctypes.addressof(one) if isinstance(one, ctypes.Array) else one & (1 << 64) - 1 for one in kept
    ]
    table = MACHINES[platform.machine()][0]
    numbers += [0] * (6 - len(numbers))
    request = Request(1, get_native_id(), table.numbers[name], table.arch, *numbers)
    reader = Reader()
    assert name == reader.name(request)
    seen = reader.look(request)
    return reader.read(request, name) if seen is None else reader.call(request, seen)


HERE = -100  # AT_FDCWD
IN_ROOT = 0x10  # RESOLVE_IN_ROOT


def how(resolve):
    """Return a `struct open_how`."""
    return struct.pack("=QQQ", os.O_CREAT | os.O_WRONLY, 0o600, resolve)


# Each call with its operation, path and target, seen from the directory of the process, and that of the descriptor.
CALLS = {
    "renameat": ((HERE, b"a", HERE, b"b"), "os.replace", "{cwd}/a", "{cwd}/b"),
    "renameat2": ((HERE, b"./a", "fd", b"../b", 1), "os.rename", "{cwd}/a", "{up}/b"),
    "renameat2 2": (("fd", b"a", "fd", b"b", 2), "os.replace", "{fd}/a", "{fd}/b"),
    "renameat 2": (("fd", b"a", HERE, b"/x//y/"), "os.replace", "{fd}/a", "/x/y"),
    "renameat 3": ((HERE, b"/x", HERE, b"b"), "os.replace", "/x", "{cwd}/b"),
    "unlinkat": (("fd", b"a", 0), "os.remove", "{fd}/a", None),
    "unlinkat 2": (("fd", b"a", 0x200), "os.rmdir", "{fd}/a", None),
    "mkdirat": ((HERE, b"a/../b", 0o700), "os.mkdir", "{cwd}/b", None),
    "linkat": (("fd", b"", HERE, b"b", 0x1000), "os.link", "{fd}", "{cwd}/b"),
    "symlinkat": ((b"../x", "fd", b"a"), "os.symlink", "{up}/x", "{fd}/a"),
    "fchmod": (("fd", 0o700), "os.chmod", "{fd}", None),
    "utimensat": (("fd", 0, 0, 0), "os.utime", "{fd}", None),
    "openat": (("fd", b"a", os.O_CREAT | os.O_WRONLY, 0o600), "os.open", "{fd}/a", None),
    "mkdirat 2": ((HERE, b"/proc/self/cwd/a"), "os.mkdir", "{cwd}/a", None),
    "mkdirat 3": ((HERE, b"/proc/thread-self/root/a/../b"), "os.mkdir", "/b", None),
    "mkdirat 4": ((HERE, b"/proc/self/task/1/comm/x"), "os.mkdir", "/proc/self/task/1/comm/x", None),
    "mkdirat 5": ((HERE, b"/proc/self/fd/999999/x"), "os.mkdir", "/proc/self/fd/999999/x", None),
    "renameat 4": (
        (HERE, b"/proc/self/cwd", HERE, b"/proc/self/fd/0"),
        "os.replace",
        "{cwd}",
        "/proc/self/fd/0",
    ),
    "openat2": ((HERE, b"/a/../../b", how(0)), "os.open", "/b", None),
    "openat2 2": (("fd", b"/a/../../b", how(IN_ROOT)), "os.open", "{fd}/b", None),
    "openat2 3": ((HERE, b"../a", how(IN_ROOT)), "os.open", "{cwd}/a", None),
    "truncate": ((b"/x", 5), "os.truncate", "/x", None),
}


@pytest.mark.parametrize("case", CALLS)
def test_each_shape_of_a_call(root, monkeypatch, case):
    """Its operation by its flags, its paths by the directories that they are seen from."""
    arguments, operation, path, target = CALLS[case]
    (root / "below").mkdir()
    monkeypatch.chdir(root)
    descriptor = os.open(root / "below", os.O_RDONLY)
    try:
        given = [descriptor if one == "fd" else one for one in arguments]
        found = call(case.partition(" ")[0], *given)
    finally:
        os.close(descriptor)
    known = {"cwd": root, "fd": root / "below", "up": root}
    wanted = [None if one is None else one.format(**known) for one in (path, target)]
    assert [operation, *wanted] == [found.operation, found.path, found.target]


@pytest.mark.skipif("creat" not in MACHINES[platform.machine()][0].numbers, reason="this machine has none")
def test_creat_has_the_flags_of_a_creation(root, monkeypatch):
    """Though it passes none."""
    monkeypatch.chdir(root)
    found = call("creat", b"a", 0o640)
    assert ("os.open", str(root / "a"), 0o640) == (found.operation, found.path, found.mode)
    assert os.O_CREAT | os.O_WRONLY | os.O_TRUNC == found.flags
    assert "create" in found.groups


def test_what_has_no_path_is_no_call(root):
    """Descriptors of pipes, and paths that are seen from them."""
    here, there = os.pipe()
    try:
        assert call("fchmod", here, 0o600) is None
        assert call("ftruncate", there, 0) is None
        for pair in ((HERE, b"/a", here, b"b"), (here, b"b", HERE, b"/a")):
            assert call("renameat", *pair) is None
        with pytest.raises(OSError, match="No such file"):
            call("mkdirat", 999_999, b"a", 0o700)
        with pytest.raises(OSError, match="No such file"):
            call("fchmod", HERE, 0o700)  # no descriptor, though it stands for a directory elsewhere
    finally:
        os.close(here)
        os.close(there)


def test_a_directory_whose_name_ends_like_the_mark_of_the_deleted(root, monkeypatch):
    """It keeps its name; one that was removed has the name that it had."""
    for name in ("x (deleted)", "gone"):
        (root / name).mkdir()
        monkeypatch.chdir(root / name)
        if name == "gone":
            (root / name).rmdir()
        assert str(root / name / "a") == call("mkdirat", HERE, b"a", 0o700).path
    monkeypatch.chdir(root)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"/tmp/a", b"/tmp/a"),
        (b"/dev/shm/a", b"/dev/shm/a"),
        (b"/dev/shm/../fd/3", None),
        (b"/dev/fd/3", None),
        (b"/proc/self/cwd/a", None),
        (b"a", b"/proc/7/cwd/a"),
        (b"", None),
    ],
)
def test_a_name_that_means_the_same_to_this_process(raw, expected):
    """What is shared is passed as it is spelled; what each process sees otherwise is passed by nobody else."""
    assert expected == given(b"/proc/7/cwd", raw)
