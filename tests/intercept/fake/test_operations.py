"""Each operation on a fake meets each kind of fault, as on the real file system: by the same table of calls."""

from __future__ import annotations

import errno
import os
import pathlib

import pytest
from skips import marked, posix_fact

from intercept.calls.sites import CALLS, CONTENT, TRANSFERS, Site
from pytest_fsfault import SimulatedCrash, inject
from pytest_fsfault._core.language.operations import OPERATIONS

#: What pyfakefs leaves to the real system, which knows nothing of its files.
REAL = {"mmap.mmap", "subprocess.Popen", "os.copy_file_range"}
FAKED = sorted(set(OPERATIONS) - REAL)
LEFT_OUT = {"os.sendfile": posix_fact("os.sendfile"), "shutil.chown": posix_fact("the owner of a file")}
CALLED = marked(FAKED, LEFT_OUT)
ERRORS = marked([operation for operation in FAKED if operation != "os.access"], LEFT_OUT)
SHORT = sorted(set(TRANSFERS) - REAL)
# pyfakefs's `os.open` gives another mode to a file that is there: these open it first.
OPENED = {"os.close", "os.fsync", "os.read", "os.write", "os.sendfile"}
SHARING = "The process cannot access the file because it is being used by another process"


@pytest.fixture
def site(fs):
    """Lay out the tree in a fake file system."""
    return Site(pathlib.Path("/site"))


@pytest.mark.parametrize("operation", ERRORS)
def test_a_windows_error_is_the_one_that_cpython_raises(operation, site):
    """Class, errno, winerror and text are those of Windows, and nothing has happened to the tree."""
    kind = OPERATIONS[operation]
    before = site.snapshot()
    with inject(f"{operation} -> ERROR_SHARING_VIOLATION") as fsfault:
        with pytest.raises(PermissionError) as caught:
            CALLS[operation](site)
        assert ["raised"] == [entry.outcome for entry in fsfault.journal]
    error = caught.value
    assert ("PermissionError", errno.EACCES) == (type(error).__name__, error.errno)
    assert (32 if kind.family == "winerror" else None) == error.winerror
    head = f"[WinError 32] {SHARING}" if kind.family == "winerror" else "[Errno 13] Permission denied"
    assert str(error).startswith(head)
    assert (kind.names == "none") == (error.filename is None)
    assert operation in OPENED or before == site.snapshot()


@pytest.mark.parametrize("operation", ERRORS)
def test_a_fault_after_does_the_operation_first(operation, site, fs):
    """The tree is then as the call alone leaves it, and the error is raised all the same."""
    CALLS[operation](site)
    expected = site.snapshot()
    os.chdir(site.cwd)
    fs.remove_object("/site")
    again = Site(pathlib.Path("/site"))
    with inject(f"{operation} -> ERROR_SHARING_VIOLATION after"), pytest.raises(PermissionError):
        CALLS[operation](again)
    assert expected == again.snapshot()


@pytest.mark.parametrize("operation", CALLED)
def test_a_delay_lets_virtual_time_pass_and_does_the_operation(operation, site):
    """It takes no real time."""
    with inject(f"{operation} -> delay 250ms") as fsfault:
        CALLS[operation](site)
        assert [0.25] == fsfault.clock.slept
        assert (operation, "ok") == (fsfault.journal[-1].operation, fsfault.journal[-1].outcome)


@pytest.mark.parametrize("operation", CALLED)
def test_a_crash_ends_the_code_under_test(operation, site):
    """`SimulatedCrash` goes up, again at every later call, and nothing more happens to the tree."""
    before = site.snapshot()
    with pytest.raises(SimulatedCrash), inject(f"{operation} -> crash") as fsfault:
        with pytest.raises(SimulatedCrash) as crash:
            CALLS[operation](site)
        for again in (operation, "os.mkdir", "os.remove", "open", "shutil.copyfile"):
            with pytest.raises(SimulatedCrash):
                CALLS[again](site)
        raise crash.value
    assert ["crashed"] == [entry.outcome for entry in fsfault.journal]
    assert operation in OPENED or before == site.snapshot()


@pytest.mark.parametrize("operation", marked([one for one in SHORT if one.startswith("os.")], LEFT_OUT))
def test_a_short_transfer_moves_so_many_bytes(operation, site):
    """The call returns what it moved, and no byte more has arrived."""
    with inject(f"{operation} -> short 3") as fsfault:
        result = CALLS[operation](site)
        assert ["short"] == [entry.outcome for entry in fsfault.journal]
    assert (CONTENT[:3] if TRANSFERS[operation] is None else 3) == result
    check_arrival(operation, site)


@pytest.mark.parametrize("operation", marked(SHORT, LEFT_OUT))
def test_a_short_transfer_with_an_error_raises_in_the_same_call(operation, site):
    """The disk was full after three bytes."""
    with inject(f"{operation} -> short 3 then ENOSPC") as fsfault:
        with pytest.raises(OSError) as caught:
            CALLS[operation](site)
        assert [("short", errno.ENOSPC)] == [(entry.outcome, entry.error.errno) for entry in fsfault.journal]
    assert errno.ENOSPC == caught.value.errno
    check_arrival(operation, site)


def check_arrival(operation, site):
    """Three bytes have arrived, and no more."""
    where = TRANSFERS[operation]
    expected = {None: CONTENT, "g": CONTENT[:3], "f": b"abc" + CONTENT[3:]}
    assert expected[where] == pathlib.Path(site.g if where == "g" else site.f).read_bytes()


@pytest.mark.parametrize("fault", ["EACCES", "ERROR_ACCESS_DENIED", "EACCES after"])
def test_a_refused_access_answers_false(fault, site):
    """`os.access` raises no error, on any system; the journal keeps it."""
    with inject(f"os.access -> {fault}") as fsfault:
        assert os.access(site.f, os.R_OK) is False
        assert ["raised"] == [entry.outcome for entry in fsfault.journal]


def test_an_error_of_the_fake_tells_winerror_while_a_rule_speaks_of_windows(site):
    """Correct Windows code reads `winerror` and does not trip over its absence."""
    with inject("os.remove x -> ERROR_ACCESS_DENIED when nth 2 or never"):
        with pytest.raises(FileNotFoundError) as missing:
            os.stat(site.g)
        with pytest.raises(FileNotFoundError) as opened:
            open(site.g)
    assert [2, None] == [caught.value.winerror for caught in (missing, opened)]
