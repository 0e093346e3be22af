"""On a real Windows only what is declared is added: all else is left to the system.

Nothing here needs one: the model is told that its host is Windows, and must leave this host alone.
"""

from __future__ import annotations

import os
import shutil
from errno import ENOTEMPTY

import pytest
from skips import posix_fact

from pytest_fsfault import inject
from pytest_fsfault._core.engine.pending import PendingCall
from pytest_fsfault._session import windows_model
from pytest_fsfault._session.showing import cause_of, refused_by_system


@pytest.fixture
def session(tmp_path, monkeypatch):
    """Return a session that takes its host for Windows."""
    monkeypatch.setattr(windows_model, "ON_WINDOWS", True)
    with inject(windows="7", roots=[tmp_path], strict=False) as fsfault:
        yield fsfault


@posix_fact("names with a question mark, modes, and names that differ in case alone")
def test_the_system_is_left_alone(session, tmp_path):
    """Real handles, names, links, order, modes and deletion are its own business."""
    assert shutil._use_fd_functions is session._session.windows._state.on_windows is True
    (tmp_path / "a?b").write_text("x")
    with open(tmp_path / "a?b") as file:
        os.remove(file.name)
    os.symlink("a", tmp_path / "link")
    for name in ("b", "B"):
        (tmp_path / name).mkdir()
    os.chmod(tmp_path / "b", 0o500)
    assert 0o500 == (tmp_path / "b").stat().st_mode & 0o777
    with pytest.raises(FileNotFoundError) as caught:
        os.stat(tmp_path / "nothing")
    assert 2 == caught.value.errno
    assert {"b", "B", "link"} == set(os.listdir(tmp_path)) == {entry.name for entry in os.scandir(tmp_path)}
    assert [] == session.journal.faults


def test_what_is_declared_acts(session, tmp_path):
    """Holds, programs, volumes and scanners."""
    windows = session.windows()
    windows.scanner(hold="1s", on="*.dll")
    for name in ("a.txt", "b.exe", "c.dll", "d/e.txt", "usb/f"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    windows.hold(tmp_path / "a.txt", share="")
    windows.run(tmp_path / "b.exe")
    hold = windows.hold(tmp_path / "d/e.txt", share="rwd")
    windows.volume(tmp_path / "usb")
    calls = [
        (open, tmp_path / "a.txt"),
        (os.remove, tmp_path / "b.exe"),
        (os.remove, tmp_path / "c.dll"),
        (os.rename, tmp_path / "d", tmp_path / "g"),
        (os.rename, tmp_path / "usb/f", tmp_path / "f"),
    ]
    found = []
    for call, *paths in calls:
        with pytest.raises(OSError) as caught:  # which one is judged below
            call(*paths)
        found.append(caught.value.winerror or caught.value.errno)
    assert [13, 5, 32, 5, 17] == found
    os.rename(tmp_path / "b.exe", tmp_path / "old.exe")
    os.remove(tmp_path / "d/e.txt")
    assert (tmp_path / "d/e.txt").exists()  # its deletion is pending
    hold.close()
    assert [] == os.listdir(tmp_path / "d")


def test_what_the_system_refuses_is_written_down(session, tmp_path, monkeypatch):
    """Failed and by no fault; the call that succeeds after it as well, so that it counts as a retry."""
    monkeypatch.setattr(PendingCall, "is_refusal", staticmethod(lambda error: error.errno == ENOTEMPTY))
    (tmp_path / "d").mkdir()
    (tmp_path / "d/a").touch()
    with pytest.raises(OSError) as caught:  # which one is judged below
        os.rmdir(tmp_path / "d")
    assert ENOTEMPTY == caught.value.errno
    os.remove(tmp_path / "d/a")
    os.rmdir(tmp_path / "d")
    assert [("os.rmdir", "failed"), ("os.rmdir", "ok")] == [
        (entry.operation, entry.outcome) for entry in session.journal
    ]
    assert [] == session.journal.faults
    assert 1 == refused_by_system(session._session)
    for error in (caught.value, AssertionError()):
        assert "os.rmdir" == cause_of(session._session, error)[0]
