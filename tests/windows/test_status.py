"""What the status of a file shows under the Windows model, and what its build of Python does not have.

Sources: CPython Modules/posixmodule.c (win32_xstat, dir_fd_unavailable), Python/fileutils.c, Lib/os.py; the
documentation of `os.DirEntry.stat`.
"""

from __future__ import annotations

import copy
import os
import pickle
import shutil
import stat
import subprocess
import sys
import tempfile

import pytest

from pytest_fsfault import inject
from pytest_fsfault._core.engine.status import lacking

pytestmark = pytest.mark.skipif(os.name == "nt", reason="left to Windows: it knows by itself")


@pytest.fixture
def windows(tmp_path):
    """Return the model of Windows 11; symbolic links need no privilege."""
    with inject(roots=[tmp_path], strict=False) as fsfault:
        yield fsfault.windows(developer_mode=True)


@pytest.fixture
def directory(tmp_path):
    """Return a descriptor of the directory, which cannot be opened under the model."""
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def entry(path):
    """Return the entry of a path in its directory."""
    with os.scandir(os.path.dirname(path)) as entries:
        return next(one for one in entries if one.name == os.path.basename(path))


def shown(path):
    """Return the modes that each way to ask shows of a file."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        ways = [os.stat(path), os.lstat(path), os.stat(descriptor), os.fstat(descriptor), entry(path).stat()]
    finally:
        os.close(descriptor)
    return {oct(found.st_mode) for found in ways}


@pytest.mark.parametrize(
    ("mode", "expected"), [(0o666, "0o100666"), (0o600, "0o100666"), (0o444, "0o100444"), (0o400, "0o100444")]
)
def test_modes_of_files(windows, tmp_path, mode, expected):
    """The read-only attribute is all that there is, however the file was made and whatever the umask."""
    path = str(tmp_path / "file")
    mask = os.umask(0o077)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o700))
    os.umask(mask)
    assert {"0o100666"} == shown(path)
    os.chmod(path, mode)
    assert {expected} == shown(path)
    os.chmod(path, os.stat(path).st_mode | stat.S_IWRITE)
    assert {"0o100666"} == shown(path)


def test_modes_of_directories(windows, tmp_path):
    """A read-only directory shows it, and takes new names all the same."""
    os.mkdir(tmp_path / "d", 0o700)
    ways = (os.stat, os.lstat, lambda path: entry(str(path)).stat())
    assert [0o40777] * 3 == [way(tmp_path / "d").st_mode for way in ways]
    os.chmod(tmp_path / "d", 0o500)
    assert [0o40555] * 3 == [way(tmp_path / "d").st_mode for way in ways]
    (tmp_path / "d/new").touch()


def test_modes_of_links(windows, tmp_path):
    """A link is shown as what it was made for."""
    (tmp_path / "d").mkdir()
    (tmp_path / "f").touch()
    for name in "df":
        os.symlink(name, tmp_path / f"to-{name}")
    os.symlink("none", tmp_path / "lost", target_is_directory=True)
    modes = {name: oct(os.lstat(tmp_path / name).st_mode) for name in ("to-d", "to-f", "lost")}
    assert {"to-d": "0o120777", "to-f": "0o120666", "lost": "0o120777"} == modes
    assert [0o40777, 0o100666] == [os.stat(tmp_path / f"to-{name}").st_mode for name in "df"]


def test_attributes(windows, tmp_path):
    """`st_file_attributes` and `st_reparse_tag` are those of Windows."""
    (tmp_path / "d").mkdir()
    path = tmp_path / "f"
    path.touch()
    os.symlink("f", tmp_path / "link")
    assert [stat.FILE_ATTRIBUTE_ARCHIVE, 0] == [
        os.stat(path).st_file_attributes,
        os.stat(path).st_reparse_tag,
    ]
    assert stat.FILE_ATTRIBUTE_DIRECTORY == os.stat(tmp_path / "d").st_file_attributes
    windows.set_attributes(path, readonly=True, hidden=True, system=True)
    assert 0x27 == os.stat(path).st_file_attributes == entry(str(path)).stat().st_file_attributes
    link = os.lstat(tmp_path / "link")
    assert [0x420, 0xA000000C] == [link.st_file_attributes, link.st_reparse_tag]


def test_a_program_is_known_by_its_name(windows, tmp_path):
    """`os.stat` shows the right to run by the ending; a descriptor and a listing do not know it."""
    for name in ("tool.EXE", "run.bat", "tool"):
        (tmp_path / name).touch()
    assert [0o100777, 0o100777, 0o100666] == [
        os.stat(str(tmp_path / name)).st_mode for name in ("tool.EXE", "run.bat", "tool")
    ]
    assert 0o100666 == entry(str(tmp_path / "tool.EXE")).stat().st_mode


def _exchange(path):
    other = f"{path}.other"
    open(other, "w").close()
    os.replace(other, path)


_CHANGES = {
    "content": (lambda path: os.truncate(path, 4), "st_size"),
    "time": (lambda path: os.utime(path, ns=(10**18, 10**18 + 1)), "st_mtime_ns"),
    "last access": (lambda path: os.utime(path, ns=(10**18 + 1, 10**18)), "st_atime_ns"),
    "mode": (lambda path: os.chmod(path, 0o444), "st_file_attributes"),
    "file": (_exchange, "st_ino"),
    "name": (lambda path: os.link(path, f"{path}.second"), "st_nlink"),
}


@pytest.mark.parametrize("old", [True, False], ids=["of before the session", "of the session"])
@pytest.mark.parametrize("change", _CHANGES)
def test_a_status_that_was_shown_before_is_that_of_now(tmp_path, change, old):
    """What is remembered of a file does not outlast a change of it, and a status alike is shown alike."""
    act, field = _CHANGES[change]
    path = str(tmp_path / "file")
    if old:
        open(path, "w").close()
    with inject(windows="11", roots=[tmp_path]):
        open(path, "a").close()
        os.utime(path, ns=(10**18, 10**18))
        before = os.stat(path)
        assert before == os.stat(path) == os.lstat(path)
        act(path)
        after = os.stat(path)
        assert getattr(before, field) != getattr(after, field)
        assert getattr(after, field) == getattr(os.stat(path), field)


def test_what_a_status_is(windows, tmp_path):
    """It passes for an `os.stat_result`, compares, copies and pickles; all else is the system's, but for blocks."""
    (tmp_path / "f").write_text("text")
    found = os.stat(tmp_path / "f")
    with tempfile.TemporaryFile() as file:
        assert isinstance(found, type(os.stat(file.fileno())))
    assert (4, found.st_mode) == (found.st_size, found[stat.ST_MODE])
    assert found.st_mtime == pytest.approx(found.st_mtime_ns / 1e9)
    assert found == copy.copy(found) == pickle.loads(pickle.dumps(found)) == os.lstat(tmp_path / "f")
    assert found.st_file_attributes == pickle.loads(pickle.dumps(found)).st_file_attributes
    assert os.path.samestat(found, os.lstat(tmp_path / "f"))
    assert repr(found).startswith("os.stat_result(st_mode=33206, ")
    assert 10 == len(found)
    for name in ("st_blksize", "st_blocks", "st_nothing"):
        with pytest.raises(AttributeError, match=name):
            getattr(found, name)


def test_entries(windows, tmp_path):
    """An entry of a listing passes for an `os.DirEntry`; its status knows no number and no links."""
    (tmp_path / "f").write_text("x")
    one = entry(str(tmp_path / "f"))
    assert isinstance(one, os.DirEntry)
    assert [str(tmp_path / "f"), "<DirEntry 'f'>"] == [os.fspath(one), repr(one)]
    assert (True, False, False) == (one.is_file(), one.is_dir(), one.is_symlink())
    assert one.inode() == os.stat(tmp_path / "f").st_ino
    found = one.stat()
    assert (0, 0, 0, 1) == (found.st_ino, found.st_dev, found.st_nlink, found.st_size)


def test_entries_keep_what_the_listing_has_told(windows, tmp_path):
    """The status of an entry is that of the listing, also when the file has grown or gone since."""
    grown, gone = tmp_path / "grown", tmp_path / "gone"
    grown.write_text("x")
    gone.write_text("xy")
    entries = {one.name: one for one in os.scandir(tmp_path)}
    grown.write_text("more")
    gone.unlink()
    assert {"grown": 1, "gone": 2} == {name: one.stat().st_size for name, one in entries.items()}


def test_the_right_to_run_is_kept(windows, tmp_path):
    """A real program starts after `chmod`, and so do its copies, whatever modes they show."""
    program = tmp_path / "tool"
    program.write_text("#!/bin/sh\nexit 7\n")
    program.chmod(0o755)
    program.chmod(stat.S_IREAD)
    program.chmod(program.stat().st_mode | stat.S_IWRITE)
    copies = [getattr(shutil, name)(program, tmp_path / name) for name in ("copy", "copy2")]
    shutil.copytree(tmp_path, tmp_path / "tree", ignore=shutil.ignore_patterns("tree"))
    for path in (program, *copies, tmp_path / "tree/tool"):
        assert 0o100666 == os.stat(path).st_mode
        assert 7 == subprocess.call([str(path)])
    plain = shutil.copy(shutil.copyfile(program, tmp_path / "plain"), tmp_path / "again")
    with pytest.raises(PermissionError):
        subprocess.call([str(plain)])


def test_outside_the_roots(windows, tmp_path_factory):
    """What is not watched shows what the host says."""
    path = tmp_path_factory.mktemp("elsewhere") / "f"
    path.touch()
    path.chmod(0o640)
    assert [0o100640, False] == [os.stat(path).st_mode, hasattr(os.stat(path), "st_file_attributes")]


def handler(function, path, problem):
    """Make a file or directory writable, and try again, as installers do."""
    if os.stat(path).st_mode & stat.S_IWRITE:
        raise problem[1]
    os.chmod(path, os.stat(path).st_mode | stat.S_IWRITE)
    function(path)


@pytest.mark.filterwarnings("ignore:onerror argument is deprecated:DeprecationWarning")
def test_the_usual_handler_of_rmtree(windows, tmp_path):
    """It finds out what is read-only, and helps."""
    inside = tmp_path / "d/sub"
    inside.mkdir(parents=True)
    (inside / "object").touch()
    os.chmod(inside / "object", 0o444)
    os.chmod(inside, stat.S_IREAD | stat.S_IEXEC)
    shutil.rmtree(tmp_path / "d", onerror=handler)
    assert not (tmp_path / "d").exists()


NEWER, NEWEST = sys.version_info >= (3, 13), sys.version_info >= (3, 14)
NOT_THERE = [
    ("access", (os.F_OK,), {"follow_symlinks": False}, "access: follow_symlinks"),
    ("access", (os.F_OK,), {"effective_ids": True}, "access: effective_ids"),
    ("access", (os.F_OK,), {"dir_fd": True}, "dir_fd"),
    ("utime", (), {"follow_symlinks": False}, "utime: follow_symlinks"),
    ("stat", (), {"dir_fd": True}, "dir_fd"),
    ("open", (os.O_RDONLY,), {"dir_fd": True}, "dir_fd"),
    *([] if NEWER else [("chmod", (0o666,), {"follow_symlinks": False}, "chmod: follow_symlinks")]),
    *([("link", ("g",), {"follow_symlinks": True}, "link: follow_symlinks=True")] if NEWEST else []),
]


@pytest.mark.parametrize(("name", "args", "options", "what"), NOT_THERE)
def test_what_windows_does_not_have(name, args, options, what, directory, windows, tmp_path, monkeypatch):
    """An argument that its build lacks is NotImplementedError, and the sets of `os` say so."""
    (tmp_path / "f").touch()
    monkeypatch.chdir(tmp_path)
    options = {key: directory if key == "dir_fd" else value for key, value in options.items()}
    with pytest.raises(NotImplementedError, match=f"^{what} unavailable on this platform$"):
        getattr(os, name)("f", *args, **options)
    assert set() == os.supports_dir_fd == os.supports_effective_ids
    assert [True, NEWER] == [function in os.supports_follow_symlinks for function in (os.stat, os.chmod)]


def test_what_later_versions_of_python_lack():
    """`os.chmod` has its argument from 3.13 on; `os.link` refuses from 3.14 on to follow (python/cpython#132517)."""
    assert [True, True, False] == ["chmod" in lacking((3, minor)) for minor in (11, 12, 13)]
    assert [False, True] == ["link" in lacking((3, minor)) for minor in (13, 14)]
    assert {"follow_symlinks": False} == lacking((3, 14))["link"]


def test_a_child_sees_the_same(windows, tmp_path):
    """A Python child is under the same model."""
    (tmp_path / "f").touch()
    os.chmod(tmp_path / "f", 0o400)
    script = (
        "import os, sys; found = os.stat(sys.argv[1]); print(oct(found.st_mode), found.st_file_attributes)"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "f")], capture_output=True, text=True, check=False
    )
    assert "0o100444 33" == told.stdout.strip(), told.stderr


FLAGS = ("O_BINARY", "O_NOINHERIT", "O_RANDOM", "O_SEQUENTIAL", "O_SHORT_LIVED", "O_TEMPORARY", "O_TEXT")
MODULE = """
import os
from os import O_BINARY

def make(path, *names):
    flags = os.O_RDWR | os.O_CREAT | O_BINARY
    for name in names:
        flags |= getattr(os, name)
    return os.open(path, flags)
"""


def test_flags_for_modules_that_pretend(windows, tmp_path, monkeypatch):
    """They have those of Windows, which change nothing here, but that O_TEMPORARY deletes on close; nobody else has."""
    (tmp_path / "with_flags.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    with windows.pretend("with_flags"):
        import with_flags

        for name in FLAGS:
            path = tmp_path / name
            descriptor = with_flags.make(path, name)
            assert b"text" == os.read(
                descriptor, (os.write(descriptor, b"text") and os.lseek(descriptor, 0, 0)) or 9
            )
            os.close(descriptor)
            assert path.exists() == (name != "O_TEMPORARY")
    assert [] == [name for name in FLAGS if hasattr(os, name)]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="before 3.12 there is no `st_birthtime` on Windows")
def test_the_time_of_birth(windows, tmp_path):
    """It is there from 3.12 on, and is what `st_ctime` says (CPython Modules/posixmodule.c)."""
    (tmp_path / "f").touch()
    found = os.stat(tmp_path / "f")
    assert [found.st_ctime, found.st_ctime_ns] == [found.st_birthtime, found.st_birthtime_ns]
