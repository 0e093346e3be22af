"""Holds: what a test declares that others have open, and what becomes of it."""

from __future__ import annotations

import os
import time

import pytest
from skips import left_to_windows

from pytest_fsfault import Hold, inject


@pytest.fixture
def session(tmp_path):
    """Return a session with the model of Windows 11, in which holds need not be met."""
    with inject(windows="11", roots=[tmp_path], strict=False) as fsfault:
        yield fsfault


@pytest.fixture
def file(tmp_path):
    """Return a file."""
    path = tmp_path / "a.dll"
    path.write_text("x")
    return path


def code(call, *args):
    """Return the winerror of a call, 0 if it succeeds."""
    try:
        call(*args)
    except OSError as error:
        return error.winerror
    return 0


def test_a_hold_follows_its_file(session, file, tmp_path):
    """Renamed, in a directory that is renamed, or under another hard link: it is the same file."""
    hold = session.windows().load(file)
    (tmp_path / "d").mkdir()
    os.rename(file, tmp_path / "d/b.dll")
    os.rename(tmp_path / "d", tmp_path / "e")
    os.link(tmp_path / "e/b.dll", tmp_path / "link.dll")
    assert [5, 5] == [code(os.remove, tmp_path / name) for name in ("e/b.dll", "link.dll")]
    assert (tmp_path / "e/b.dll").as_posix() == hold.path


def test_a_hold_belongs_to_the_file_not_to_the_name(session, file):
    """A new file of the same name is free."""
    session.windows().hold(file, share="rwd")
    os.remove(file)
    file.write_text("new")
    assert 0 == code(os.rename, file, file.with_suffix(".old"))


def test_a_hold_ends_by_itself(session, file):
    """`seconds` are virtual."""
    session.windows().hold(file, seconds=2.5)
    assert 32 == code(os.remove, file)
    time.sleep(2.4)
    assert 32 == code(os.remove, file)
    time.sleep(0.2)
    assert 0 == code(os.remove, file)


def test_a_hold_can_wait_for_its_file(session, tmp_path):
    """`on=` begins when such a file was written and closed, and not before."""
    hold = session.windows().hold(on="*.dll", seconds=1)
    with open(tmp_path / "A.DLL", "w"), open(tmp_path / "b.txt", "w"):
        assert [hold] == session.windows().holds
        assert "" == hold.path
    assert (tmp_path / "A.DLL").as_posix() == hold.path
    assert [32, 0] == [code(os.remove, tmp_path / name) for name in ("A.DLL", "b.txt")]
    time.sleep(1)
    assert 0 == code(os.remove, tmp_path / "A.DLL")


def test_a_descriptor_or_a_rename_counts_as_well(session, tmp_path):
    """A file that was written by descriptor, or renamed into place, is a new one."""
    windows = session.windows()
    first, second = windows.hold(on="*.dll"), windows.hold(on="*.exe")
    descriptor = os.open(tmp_path / "a.dll", os.O_WRONLY | os.O_CREAT)
    os.write(descriptor, b"x")
    os.close(descriptor)
    (tmp_path / "b.tmp").write_text("x")
    os.rename(tmp_path / "b.tmp", tmp_path / "b.exe")
    assert [(tmp_path / name).as_posix() for name in ("a.dll", "b.exe")] == [first.path, second.path]


def test_what_is_held(session, file, tmp_path):
    """`holds` lists them in order, each says what it is, and `met` whether it has refused anything."""
    windows = session.windows()
    with windows.hold(file, access="rw", share="") as first, windows.enter(tmp_path) as second:
        assert [first, second] == windows.holds
        assert isinstance(first, Hold)
        assert repr(first).startswith("<hold: a.dll is held (sharing nothing; declared at test_holds.py:")
        with pytest.raises(PermissionError):
            open(file)
        assert (True, False) == (first.met, second.met)
    assert [] == windows.holds
    assert "x" == file.read_text()


@pytest.mark.parametrize(
    ("verb", "calls"),
    [
        ("enter", {"rename": 32, "rename above": 5, "rmdir": 32, "rmtree": 32}),
        ("watch", {"rename": 0, "rename above": 5, "rmdir": 0, "rmtree": 0}),
        ("hold", {"rename": 32, "rename above": 5, "rmdir": 32, "rmtree": 32}),
    ],
)
def test_directories(tmp_path, verb, calls):
    """Somebody's current directory and a plain handle block it, a watch only what is above."""
    import shutil

    found = {}
    for number, name in enumerate(calls):
        top = tmp_path / str(number)
        inside = top / "inside"
        inside.mkdir(parents=True)
        with inject(windows="11", roots=[top], strict=False) as fsfault:
            getattr(fsfault.windows(), verb)(inside)
            actions = {
                "rename": lambda inside=inside: os.rename(inside, inside.with_name("other")),
                "rename above": lambda top=top: os.rename(top, top.with_name(f"{top.name}-moved")),
                "rmdir": lambda inside=inside: os.rmdir(inside),
                "rmtree": lambda inside=inside: shutil.rmtree(inside),
            }
            found[name] = code(actions[name])
    assert calls == found


@left_to_windows("hidden and system files")
def test_attributes(session, file):
    """Read-only files are neither written nor deleted; hidden and system ones are not created anew."""
    windows = session.windows()
    windows.set_attributes(file, readonly=True)
    assert 5 == code(os.remove, file)
    assert not os.access(file, os.W_OK)
    windows.set_attributes(file, readonly=False, hidden=True)
    with pytest.raises(PermissionError):
        open(file, "w")
    open(file, "a").close()
    windows.set_attributes(file, hidden=False, system=True)
    with pytest.raises(PermissionError):
        open(file, "w")
    windows.set_attributes(file, system=False)
    open(file, "w").close()


@left_to_windows("the attribute of a directory")
def test_a_read_only_directory(session, tmp_path):
    """Names come and go in it; it stays itself."""
    (tmp_path / "d").mkdir()
    os.chmod(tmp_path / "d", 0o555)
    (tmp_path / "d/new").touch()
    os.remove(tmp_path / "d/new")
    assert os.access(tmp_path / "d", os.W_OK)
    assert 5 == code(os.rmdir, tmp_path / "d")


def test_volumes(session, file, tmp_path):
    """Across the border of another drive nothing is renamed or linked."""
    (tmp_path / "usb").mkdir()
    session.windows().volume(tmp_path / "usb")
    target = tmp_path / "usb/a.dll"
    assert [17, 17, 17] == [code(call, file, target) for call in (os.rename, os.replace, os.link)]
    assert 0 == code(os.rename, file, tmp_path / "b.dll")


def test_an_unmet_hold_fails_the_test(file):
    """Promise 3: what a test declares has to happen."""
    with pytest.raises(AssertionError) as caught, inject(windows="11", roots=[file.parent]) as fsfault:
        fsfault.windows().run(file)
    line = caught.traceback[0].lineno
    assert f"a hold was never hit: a.dll is running (declared at test_holds.py:{line + 2})" == str(
        caught.value
    )


def test_many_holds_on_one_file(session, file):
    """Each of them has to go."""
    holds = [session.windows().hold(file) for _ in range(3)]
    for hold in holds:
        assert 32 == code(os.remove, file)
        hold.close()
    assert 0 == code(os.remove, file)


def test_a_delayed_call_outlasts_a_hold(tmp_path):
    """The delay passes, then the model is asked; the hold was met all the same."""
    path = tmp_path / "a.exe"
    path.touch()
    with inject("os.remove -> delay 1s", windows="11", roots=[tmp_path]) as fsfault:
        hold = fsfault.windows().hold(path, seconds=0.5)
        os.remove(path)
    assert hold.met
    assert not path.exists()


def test_a_delayed_call_meets_a_longer_hold(tmp_path):
    """What is refused after the delay is dated then."""
    path = tmp_path / "a.exe"
    path.touch()
    with inject("os.remove -> delay 1s", windows="11", roots=[tmp_path]) as fsfault:
        fsfault.windows().hold(path, seconds=2)
        with pytest.raises(PermissionError) as caught:
            os.remove(path)
        assert 32 == caught.value.winerror
        (entry,) = fsfault.journal
        assert "ERROR_SHARING_VIOLATION" == entry.fault
        assert entry.at > 1
