"""Each operation of the list meets each kind of fault, before anything real has happened."""

# ruff: noqa: PLW0108, SIM105  # how a call is written is what is tested here

from __future__ import annotations

import errno
import os
import sys

import pytest
from skips import WINDOWS, left_to_windows, marked, posix_fact

from pytest_fsfault import SimulatedCrash, inject
from pytest_fsfault._core.language.operations import OPERATIONS

from .sites import CALLS, CONTENT, NEEDED, TRANSFERS, Site

SHARING = "The process cannot access the file because it is being used by another process"
# What the real calls name in their errors: the first path, and for two-path calls the second.
NAMED = {
    **dict.fromkeys(OPERATIONS, "f"),
    **dict.fromkeys(("os.rmdir", "shutil.rmtree", "shutil.copytree"), "e"),
    **dict.fromkeys(("os.mkdir", "os.open", "open", "shutil.make_archive"), "g"),
    **dict.fromkeys(("os.listdir", "os.scandir", "os.chdir", "shutil.disk_usage"), ""),
    "os.readlink": "l",
    "shutil.unpack_archive": "archive.tar",
}


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Lay out the tree; whatever changes the directory, the test ends where it began."""
    monkeypatch.chdir(os.getcwd())
    return Site(tmp_path / "site")


@pytest.fixture
def twin(tmp_path, monkeypatch):
    """Lay out the tree again, for the call without a fault."""
    return Site(tmp_path / "twin")


@pytest.fixture(autouse=True)
def _no_descriptor_is_left():
    """A refused or half-done call leaves no descriptor behind."""
    before = descriptors()
    yield
    assert before == descriptors()


def descriptors():
    """Return how many descriptors are open."""
    return len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0


def call(operation, site):
    """Do one operation."""
    if operation in NEEDED and not hasattr(os, NEEDED[operation]):
        pytest.skip(f"POSIX fact: {operation}")
    return CALLS[operation](site)


def shown(site, name):
    """Return how the call of the table passes a path."""
    return str(site.root / name)


def test_the_table_of_calls_has_each_operation():
    """Otherwise the tests below would not say what they seem to say."""
    assert set(OPERATIONS) == set(CALLS)
    assert {name for name, kind in OPERATIONS.items() if kind.transfers} == set(TRANSFERS)


ERRORS = sorted(set(OPERATIONS) - {"os.access"})
_LINKS = dict.fromkeys(("os.symlink", "os.readlink"), posix_fact("symbolic links that anybody may make"))


@pytest.mark.parametrize("operation", ERRORS)
def test_a_windows_error_is_the_one_that_cpython_raises(operation, site):
    """Class, errno, winerror, names and text are those of Windows, and nothing has happened to the tree."""
    kind = OPERATIONS[operation]
    before = site.snapshot()
    with inject(f"{operation} -> ERROR_SHARING_VIOLATION", roots=[site.root]) as fsfault:
        with pytest.raises(OSError) as caught:
            call(operation, site)
        assert ["raised"] == [entry.outcome for entry in fsfault.journal]
    error = caught.value
    name = (
        None if kind.names == "none" else "f" if operation == "os.symlink" else shown(site, NAMED[operation])
    )
    target = (site.g if kind.names == "both" else None) if name else None
    assert isinstance(error, PermissionError)
    assert ("PermissionError", errno.EACCES) == (type(error).__name__, error.errno)
    assert (32 if kind.family == "winerror" else None) == error.winerror
    assert (name, target) == (error.filename, error.filename2)
    head = f"[WinError 32] {SHARING}" if kind.family == "winerror" else "[Errno 13] Permission denied"
    assert head + (f": {name!r}" if name else "") + (f" -> {target!r}" if target else "") == str(error)
    changed = {"os.close", "os.sendfile", "os.copy_file_range"}  # what these needed beforehand is there
    assert operation in changed or before == site.snapshot()


@pytest.mark.parametrize("operation", ERRORS)
def test_an_errno_fault_is_the_plain_error(operation, site):
    """`EBUSY` is the host's, without a number of Windows: `winerror` is not there, or None on Windows."""
    with inject(f"{operation} -> EBUSY", roots=[site.root]), pytest.raises(OSError) as caught:
        call(operation, site)
    error = caught.value
    assert (OSError, errno.EBUSY) == (type(error), error.errno)
    assert getattr(error, "winerror", None) is None
    assert WINDOWS is hasattr(error, "winerror")


@pytest.mark.parametrize("operation", marked(ERRORS, _LINKS))
def test_a_fault_after_does_the_operation_first(operation, site, twin):
    """The tree is then as the real call leaves it, and the error is raised all the same."""
    call(operation, twin)
    expected = twin.snapshot()
    os.chdir(site.cwd)
    with inject(f"{operation} -> ERROR_SHARING_VIOLATION after", roots=[site.root]):
        with pytest.raises(PermissionError):
            call(operation, site)
    assert expected == site.snapshot()


@pytest.mark.parametrize("operation", marked(sorted(OPERATIONS), _LINKS))
def test_a_delay_lets_virtual_time_pass_and_does_the_operation(operation, site, twin):
    """The result is the real one."""
    result = call(operation, twin)
    expected = twin.snapshot()
    os.chdir(site.cwd)
    with inject(f"{operation} -> delay 250ms", roots=[site.root]) as fsfault:
        delayed = call(operation, site)
        entry = fsfault.journal[-1]
        assert [0.25] == fsfault.clock.slept
    assert (operation, "passed" if operation in {"mmap.mmap", "subprocess.Popen"} else "ok") == (
        entry.operation,
        entry.outcome,
    )
    assert type(result) is type(delayed)
    assert expected == site.snapshot()


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_a_crash_ends_the_code_under_test(operation, site):
    """`SimulatedCrash` goes up, again at every later call, and nothing more happens to the tree."""
    before = site.snapshot()
    with pytest.raises(SimulatedCrash), inject(f"{operation} -> crash", roots=[site.root]) as fsfault:
        with pytest.raises(SimulatedCrash) as crash:
            call(operation, site)
        for again in (operation, "os.mkdir", "os.remove", "open", "shutil.copyfile"):
            with pytest.raises(SimulatedCrash):
                call(again, site)
        raise crash.value
    assert ["crashed"] == [entry.outcome for entry in fsfault.journal]
    assert before == site.snapshot() or operation in {"os.sendfile", "os.copy_file_range"}


@pytest.mark.parametrize("operation", TRANSFERS)
def test_a_short_transfer_moves_so_many_bytes(operation, site):
    """The call returns what it moved, and no byte more has arrived."""
    with inject(f"{operation} -> short 3", roots=[site.root]) as fsfault:
        result = call(operation, site)
        assert ["short"] == [entry.outcome for entry in fsfault.journal]
    assert (CONTENT[:3] if TRANSFERS[operation] is None else 3) == result
    check_arrival(operation, site)


@pytest.mark.parametrize("operation", TRANSFERS)
def test_a_short_transfer_with_an_error_raises_in_the_same_call(operation, site):
    """The disk was full after three bytes."""
    with inject(f"{operation} -> short 3 then ENOSPC", roots=[site.root]) as fsfault:
        with pytest.raises(OSError) as caught:
            call(operation, site)
        assert [("short", errno.ENOSPC)] == [(entry.outcome, entry.error.errno) for entry in fsfault.journal]
    assert errno.ENOSPC == caught.value.errno
    check_arrival(operation, site)


def check_arrival(operation, site):
    """Assert that three bytes have arrived, and only these."""
    arrived = {None: CONTENT, "f": b"abc" + CONTENT[3:], "g": CONTENT[:3]}[TRANSFERS[operation]]
    assert arrived == (site.root / (TRANSFERS[operation] or "f")).read_bytes()


SHORTS = {
    "pread": (lambda fd: os.pread(fd, 8, 2), b"234"),
    "readv": (lambda fd: os.readv(fd, [bytearray(2), bytearray(4)]), 3),
    "preadv": (lambda fd: os.preadv(fd, [bytearray(2), bytearray(4)], 1), 3),
    "pwrite": (lambda fd: os.pwrite(fd, b"abcdef", 1), 3),
    "writev": (lambda fd: os.writev(fd, [b"ab", b"cd", b"ef"]), 3),
    "pwritev": (lambda fd: os.pwritev(fd, [b"ab", b"cd"], 1), 3),
    "sendfile": (lambda fd: os.sendfile(fd, fd, offset=0, count=8), 3),
    "copy_file_range": (lambda fd: os.copy_file_range(fd, fd, count=8, offset_src=0, offset_dst=20), 3),
    "read": (lambda fd: os.read(fd, 2), b"01"),
    "write": (lambda fd: os.write(fd, memoryview(bytearray(8)).cast("I")), 3),
}


@pytest.mark.parametrize("function", SHORTS)
def test_each_way_to_transfer_is_cut_short(function, site):
    """Buffers in sequence, amounts as keywords, items of four bytes, and less than the fault allows."""
    act, expected = SHORTS[function]
    if not hasattr(os, function):
        pytest.skip(f"POSIX fact: os.{function}")
    rule = "os.read, os.write, os.sendfile, os.copy_file_range -> short 3"
    fd = os.open(site.f, os.O_RDWR)
    try:
        with inject(rule, roots=[site.root]):
            assert expected == act(fd)
    finally:
        os.close(fd)


@pytest.mark.parametrize(
    "act",
    [
        lambda fd: os.read(fd),
        lambda fd: os.write(fd, "text"),
        lambda fd: os.write(fd, 3),
        pytest.param(lambda fd: os.readv(fd, 3), marks=posix_fact("os.readv")),
    ],
)
def test_a_short_transfer_with_wrong_arguments_raises_what_the_original_raises(act, site):
    """It is not ours to tell what a buffer is."""
    fd = os.open(site.f, os.O_RDWR)
    try:
        with pytest.raises(TypeError) as real:
            act(fd)
        with inject("os.read, os.write -> short 3", roots=[site.root]), pytest.raises(TypeError) as ours:
            act(fd)
    finally:
        os.close(fd)
    assert str(real.value) == str(ours.value)


@pytest.mark.parametrize("fault", ["EACCES", "ERROR_ACCESS_DENIED", "EACCES after"])
def test_a_refused_access_answers_false(fault, site):
    """`os.access` raises no error, on any system; the journal keeps it."""
    with inject(f"os.access -> {fault}", roots=[site.root]) as fsfault:
        assert os.access(site.f, os.R_OK) is False
        assert ["raised"] == [entry.outcome for entry in fsfault.journal]


@pytest.mark.parametrize("operation", ["os.close", "file.close"])
def test_a_refused_close_has_closed_the_descriptor(operation, site):
    """As close(2) and the C runtime do: the number is free, whatever the error says."""
    file = None
    with inject(f"{operation} -> EIO", roots=[site.root]):
        fd = os.open(site.f, os.O_RDONLY)
        with pytest.raises(OSError) as refused:
            if operation == "os.close":
                os.close(fd)
            else:
                file = os.fdopen(fd)
                file.close()
    assert file is None or file.closed
    with pytest.raises(OSError) as closed:
        os.fstat(fd)
    assert [errno.EIO, errno.EBADF] == [caught.value.errno for caught in (refused, closed)]


@left_to_windows("its errors have a winerror by themselves")
def test_a_native_error_tells_winerror_while_a_rule_speaks_of_windows(site):
    """Correct Windows code reads `winerror` and does not trip over its absence."""
    with inject("os.remove x -> ERROR_ACCESS_DENIED when nth 2 or never", roots=[site.root]):
        with pytest.raises(FileNotFoundError) as missing:
            os.stat(site.g)
        with pytest.raises(FileNotFoundError) as opened:
            open(site.g)
        with pytest.raises(FileNotFoundError) as matched:
            os.remove(f"{site.d}/x")
    assert [2, None, 2] == [caught.value.winerror for caught in (missing, opened, matched)]
    assert f"[Errno 2] No such file or directory: {site.g!r}" == str(missing.value)


@left_to_windows("its errors have a winerror by themselves")
def test_a_native_error_is_plain_while_no_rule_speaks_of_windows(site):
    """An errno fault tests POSIX code, as it is."""
    with (
        inject("os.stat -> EACCES when nth 2 or never", roots=[site.root]),
        pytest.raises(FileNotFoundError) as caught,
    ):
        os.stat(site.g)
    assert not hasattr(caught.value, "winerror")


@pytest.mark.parametrize(
    ("mode", "fires"),
    [
        ("r", "read"),
        ("w", "create write mutate"),
        ("a", "create write mutate"),
        ("r+", "read write mutate"),
        ("x", "create"),
    ],
)
def test_open_belongs_to_groups_by_its_mode(mode, fires, site):
    """A rule for `write` leaves reading alone."""
    for group in ("read", "create", "write", "mutate", "rename"):
        with inject(f"{group} -> EBUSY or never", roots=[site.root]) as fsfault:
            try:
                open(site.g if mode == "x" else site.f, mode).close()
            except OSError:
                pass
            refused = any(entry.operation == "open" for entry in fsfault.journal)
        if os.path.exists(site.g):
            os.remove(site.g)
        if mode != "x" or group in {"read", "rename"}:
            assert (group in fires.split()) == refused
