"""The Windows model on a fake: what is open is what pyfakefs knows to be open, and paths may be Windows' own."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from pyfakefs.fake_filesystem import OSType
from skips import WINDOWS

from pytest_fsfault import inject

SYSTEMS = {
    "linux": (OSType.LINUX, "/app"),
    "macos": (OSType.MACOS, "/app"),
    "windows": (OSType.WINDOWS, r"C:\app"),
}


@pytest.fixture(params=SYSTEMS)
def app(request, fs):
    """Return a directory with a program, on each system that pyfakefs emulates."""
    fs.os, path = SYSTEMS[request.param]
    fs.create_file(f"{path}/ruff.exe", contents="program")
    fs.create_file(f"{path}/lib/a.dll", contents="library")
    return Path(path)


def code(call, *arguments):
    """Return the number of the error that a call raises, 0 if it raises none."""
    try:
        call(*arguments)
    except OSError as error:
        return error.winerror
    return 0


def test_an_open_file_cannot_be_deleted(app):
    """Until it is closed; nothing need be declared."""
    exe = app / "ruff.exe"
    with inject(windows="11", strict=False):
        file = open(exe)
        with pytest.raises(PermissionError, match="WinError 32") as caught:
            os.remove(exe)
        assert [f"ruff.exe: open in this process (descriptor {file.fileno()})"] == caught.value.__notes__
        assert str(exe) == caught.value.filename
        file.close()
        os.remove(exe)


#: What is open, and the answer to each call.
OPEN = {
    "a file": (
        lambda app: open(app / "ruff.exe"),
        {"remove": 32, "rename": 32, "replace onto": 5, "rename above": 5},
    ),
    "a descriptor": (
        lambda app: os.fdopen(os.open(app / "ruff.exe", os.O_RDONLY)),
        {"remove": 32, "rename": 32, "replace onto": 5, "rename above": 5},
    ),
    "an iterator of the directory": (
        lambda app: os.scandir(app),  # noqa: PLW0108  # the fake's, not what is bound here
        {"remove": 0, "rename": 0, "replace onto": 0, "rename above": 0},
    ),
    "nothing": (
        lambda _app: open(os.devnull),
        {"remove": 0, "rename": 0, "replace onto": 0, "rename above": 0},
    ),
}
ACTS = {
    "remove": lambda app: os.remove(app / "ruff.exe"),
    "rename": lambda app: os.rename(app / "ruff.exe", app / "new.exe"),
    "replace onto": lambda app: os.replace(app / "lib" / "a.dll", app / "ruff.exe"),
    "rename above": lambda app: os.rename(app, app.parent / "app2"),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("opened", OPEN)
def test_what_is_open_refuses(opened, act, app):
    """By pyfakefs's list of open files."""
    make, answers = OPEN[opened]
    with inject(windows="11", strict=False):
        holder = make(app)
        assert answers[act] == code(ACTS[act], app)
        holder.close()


def test_a_current_directory_cannot_be_removed(app):
    """Nor one above it be renamed."""
    with inject(windows="11", strict=False):
        os.mkdir(app / "here")
        os.chdir(app / "here")
        assert 32 == code(os.rmdir, app / "here")
        assert 5 == code(os.rename, app, app.parent / "app2")
        os.chdir(app.parent)
        os.rmdir(app / "here")


#: What is declared, and the answer to a removal and a rename.
DECLARED = {
    "hold": (lambda windows, exe: windows.hold(exe), 32, 32),
    "hold, sharing deletion": (lambda windows, exe: windows.hold(exe, share="rwd"), 0, 0),
    "run": (lambda windows, exe: windows.run(exe), 5, 0),
    "load": (lambda windows, exe: windows.load(exe), 5, 0),
    "read-only": (lambda windows, exe: windows.set_attributes(exe, readonly=True), 5, 0),
}


@pytest.mark.parametrize("what", DECLARED)
def test_what_is_declared_refuses(what, app):
    """As on the real file system."""
    declare, removed, renamed = DECLARED[what]
    exe = app / "ruff.exe"
    with inject(windows="11", strict=False) as fsfault:
        declare(fsfault.windows(), exe)
        assert (removed, 0 if removed else 2) == (code(os.remove, exe), code(os.stat, exe))
        if removed:
            assert renamed == code(os.rename, exe, app / "old.exe")


def test_a_hold_waits_for_a_file_of_the_fake(fs):
    """It was declared before there was any fake: who waits, waits where the files are."""
    fs.pause()
    with inject(windows="11") as fsfault:
        hold = fsfault.windows().hold(on="*.dll", seconds=2)
        fs.resume()
        fs.create_dir("/app")
        Path("/app/new.dll").write_bytes(b"new")
        assert 32 == code(os.remove, "/app/new.dll")
        assert [hold] == fsfault.windows().holds
        fsfault.clock.advance(3)
        os.remove("/app/new.dll")


def test_a_hold_that_nobody_meets_fails_the_test(fs):
    """Although the fake is over by then."""
    fs.create_file("/app/f")
    with (
        pytest.raises(AssertionError, match="a hold was never hit: f is held"),
        inject(windows="11") as fsfault,
    ):
        fsfault.windows().hold("/app/f")
        fs.pause()


def test_a_scanner_opens_what_was_written(app):
    """For a while, on the virtual clock."""
    with inject(windows="11") as fsfault:
        fsfault.windows().scanner(hold="2s", on="*.exe")
        (app / "new.exe").write_bytes(b"new")
        assert 32 == code(os.remove, app / "new.exe")
        fsfault.clock.advance(3)
        os.remove(app / "new.exe")


def test_a_legacy_windows_keeps_a_deleted_file_until_it_is_closed(app):
    """Its name is taken, and refused, until then."""
    exe = app / "ruff.exe"
    with inject(windows="7", strict=False) as fsfault:
        hold = fsfault.windows().hold(exe, share="rwd")
        os.remove(exe)
        assert 5 == code(os.remove, exe)
        hold.close()
        assert 2 == code(os.remove, exe)


def test_names_are_found_without_regard_to_case(app, fs):
    """Also those that came after the first look."""
    with inject(windows="11", strict=False):
        assert not os.path.exists(app / "LATER.TXT")
        fs.create_file(f"{app}/later.txt")
        assert os.path.exists(app / "LATER.TXT")
        os.rename(app / "Later.txt", app / "lATER.txt")
        assert "lATER.txt" in os.listdir(app)
        os.remove(app / "RUFF.EXE. ")
        assert 123 == code(os.mkdir, app / "a<b")
        open("nul", "w").close()
        assert "nul" not in os.listdir(".")


def test_what_installers_do_works(app):
    """Trees are made, copied, moved and removed."""
    if WINDOWS and app.drive == "":
        pytest.skip(
            "POSIX fact: a fake of another system, which has no attributes that Windows' shutil asks for"
        )
    with inject(windows="11", strict=False):
        shutil.copytree(app, app.parent / "copy")
        shutil.move(app.parent / "copy", app.parent / "moved")
        with (
            tempfile.TemporaryDirectory(dir=app) as directory,
            tempfile.NamedTemporaryFile(dir=directory) as file,
        ):
            file.write(b"x")
        os.replace(app.parent / "moved" / "ruff.exe", app / "ruff.exe")
        shutil.rmtree(app.parent / "moved")
        assert ["lib", "ruff.exe"] == sorted(os.listdir(app))


#: Paths of a fake Windows, as they are passed and as the journal has them.
PATHS = {
    r"C:\app\f": "C:/app/f",
    "c:/app/f": "C:/app/f",
    r"\app\f": "C:/app/f",
    "app/f": "C:/app/f",
    r"C:\app\x\..\f": "C:/app/f",
    r"\\?\C:\app\f": "C:/app/f",
    r"D:\app\f": "D:/app/f",
    r"\\server\share\app\f": "//server/share/app/f",
}


@pytest.mark.parametrize("windows", ["11", None])
@pytest.mark.parametrize("path", PATHS)
def test_paths_of_windows(path, windows, fs):
    """On any drive or share; the error shows what was passed."""
    fs.os = OSType.WINDOWS
    for place in (r"C:\app\f", r"D:\app\f", r"\\server\share\app\f"):
        fs.create_file(place)
    with inject("os.stat **/app/f -> ERROR_ACCESS_DENIED when once", windows=windows) as fsfault:
        with pytest.raises(PermissionError) as caught:
            os.stat(path)
        assert [PATHS[path]] == [entry.path for entry in fsfault.journal]
    assert f"[WinError 5] Access is denied: {path!r}" == str(caught.value)


# Without the model: a fake Windows of pyfakefs, whose errors become Windows' own.

#: A call on `C:\app` with a file `f`, the error that pyfakefs itself gives, and how Windows' begins.
ERRORS = [
    (lambda: os.remove(r"C:\app\no"), errno.ENOENT, "[WinError 2] The system cannot find the file specified"),
    (lambda: os.remove(r"C:\no\no"), errno.ENOENT, "[WinError 3] The system cannot find the path specified"),
    (lambda: os.stat(r"C:\app\no"), errno.ENOENT, "[WinError 2] The system cannot find the file specified"),
    (lambda: os.listdir(r"C:\no"), errno.ENOENT, "[WinError 3] The system cannot find the path specified"),
    (lambda: os.scandir(r"C:\app\f"), errno.ENOTDIR, "[WinError 267] The directory name is invalid"),
    (lambda: os.mkdir(r"C:\app"), errno.EEXIST, "[WinError 183] Cannot create a file when that file already exists"),
    (lambda: os.rmdir(r"C:\app"), errno.ENOTEMPTY, "[WinError 145] The directory is not empty"),
    (lambda: os.rmdir(r"C:\app\f"), errno.ENOTDIR, "[WinError 267] The directory name is invalid"),
    (lambda: os.readlink(r"C:\app\f"), errno.EINVAL, "[WinError 4390] The file or directory is not a reparse point"),
    (
        lambda: os.rename(r"C:\app\f", r"C:\app\g"), errno.EEXIST,
        "[WinError 183] Cannot create a file when that file already exists",
    ),
    (lambda: os.rename(r"C:\app\g", r"D:\g"), errno.EXDEV, "[WinError 17]"),
    (lambda: open(r"C:\app\no"), errno.ENOENT, r"[Errno 2] No such file or directory: 'C:\\app\\no'"),
    (lambda: open(r"C:\app"), errno.EACCES, r"[Errno 13] Permission denied: 'C:\\app'"),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(ERRORS)))
def test_errors_of_a_fake_windows_become_windows_own(number, fs):
    """With `winerror` and text; the class and the errno are those that pyfakefs has given."""
    fs.os = OSType.WINDOWS
    fs.create_file(r"C:\app\f")
    fs.create_file(r"C:\app\g")
    fs.add_mount_point("D:")
    call, native, text = ERRORS[number]
    with pytest.raises(OSError) as plain:
        call()
    with inject():
        with pytest.raises(type(plain.value)) as caught:
            call()
    assert native == plain.value.errno
    assert str(caught.value).startswith(text)
    assert caught.value.winerror == (int(text[10:].partition("]")[0]) if "WinError" in text else None)


def test_deleting_an_open_file_of_a_fake_windows(fs):
    """Refused it is by pyfakefs itself, and Windows has a number for why."""
    fs.os = OSType.WINDOWS
    fs.create_file(r"C:\app\ruff.exe")
    with inject(), open(r"C:\app\ruff.exe"), pytest.raises(PermissionError) as caught:
        os.remove(r"C:\app\ruff.exe")
    assert (
        "[WinError 32] The process cannot access the file because it is being used by another process: "
        r"'C:\\app\\ruff.exe'"
    ) == str(caught.value)
