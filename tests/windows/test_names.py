"""Names, links and what must not fail.

Sources: windows.md sections 9, 10, 11 and 16; SECFS and WFSP create_test; python/cpython#95486 and #130542.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from functools import partial

import pytest
from skips import WINE, left_to_windows

from pytest_fsfault import inject
from pytest_fsfault._windows import names
from pytest_fsfault._windows.names import read
from pytest_fsfault._windows.versions import VERSIONS


def code(call, *args, **kwargs):
    """Return the winerror of a call, its errno as a negative number if that is None, 0 if it succeeds."""
    try:
        result = call(*args, **kwargs)
        if call is open:
            result.close()
    except OSError as error:
        return error.winerror or -error.errno
    return 0


_DEVICES = ("con", "NUL", "aux", "Prn", "com1", "LPT9", "com\u00b2", "conin$", "CONOUT$")
_WORDS = (*_DEVICES, *map(str.swapcase, _DEVICES), "com0", "c", ".x", "x" * 127, "x" * 128, "x" * 256)
_TAILS = ("", "0", *'. <>:"|?*\\\x01\x1f\t', ".txt", " .x", ":s", ". ")


@pytest.mark.parametrize("version", sorted(VERSIONS))
def test_what_looks_plain_is_read_as_it_is_written(version, monkeypatch):
    """The quick look lets no path pass that a reading of its components finds anything in."""
    paths = [
        around.format(word + tail)
        for word in _WORDS
        for tail in _TAILS
        for around in ("/{}", "/a/{}", "/{}/a", "/b.{}")
    ]
    plain = [path for path in paths if names.ODD.search(path) is None]
    monkeypatch.setattr(names, "ODD", re.compile(""))
    assert [names.Name(path) for path in plain] == [read(path, path, VERSIONS[version]) for path in plain]
    assert 100 < len(plain) < len(paths) / 2


@pytest.mark.parametrize(
    "path", ["/a/file.txt", "/a.b/c d/.e/x..y", "/console/nullary/com/lpt", f"/{'x' * 127}/con0/a"]
)
def test_most_paths_look_plain(path):
    """Ordinary names are not looked at any closer."""
    assert names.ODD.search(path) is None


@pytest.fixture
def session(tmp_path):
    """Return a session with the model of Windows 11."""
    with inject(windows="11", roots=[tmp_path], strict=False) as fsfault:
        yield fsfault


@pytest.mark.parametrize("char", [*'<>"|?*', "\t", "\x01", "\x1f"])
def test_characters_that_no_name_has(session, tmp_path, char):
    """`open` gives EINVAL, `os` functions 123, wherever in the path it stands."""
    path = f"{tmp_path}/a{char}b"
    calls = [
        (open, path, "w"),
        (os.stat, path),
        (os.mkdir, path),
        (os.listdir, path),
        (os.mkdir, f"{path}/x"),
    ]
    assert [-22, 123, 123, 123, 123] == [code(*call) for call in calls]
    (tmp_path / "new").touch()
    assert 123 == code(os.rename, tmp_path / "new", path)


@left_to_windows("which names there are, and what they mean")
def test_case_does_not_matter(session, tmp_path):
    """A file is found, refused and replaced under any spelling, and keeps the one it has."""
    (tmp_path / "Dir").mkdir()
    (tmp_path / "dir/File.txt").write_text("old")
    assert "old" == (tmp_path / "DIR/FILE.TXT").read_text()
    assert 183 == code(os.mkdir, tmp_path / "DIR")
    assert -17 == code(open, tmp_path / "dir/FILE.TXT", "x")
    (tmp_path / "dir/FILE.txt").write_text("new")
    (tmp_path / "other").write_text("other")
    assert 183 == code(os.rename, tmp_path / "other", tmp_path / "dir/file.TXT")
    os.replace(tmp_path / "other", tmp_path / "dir/file.TXT")
    assert ["file.TXT"] == os.listdir(tmp_path / "dir")
    os.rename(tmp_path / "dir/File.txt", tmp_path / "dir/FILE.TXT")
    assert ["FILE.TXT"] == os.listdir(tmp_path / "dir")


@left_to_windows("which names there are, and what they mean")
def test_a_case_sensitive_directory(tmp_path):
    """The option makes two files of two spellings."""
    with inject(roots=[tmp_path], strict=False) as fsfault:
        fsfault.windows(case_sensitive=True)
        (tmp_path / "a").touch()
        (tmp_path / "A").touch()
        assert {"a", "A"} == set(os.listdir(tmp_path))


def test_final_dots_and_blanks_are_dropped(session, tmp_path):
    """Of the whole path; a blank within it counts."""
    (tmp_path / "name. ").write_text("x")
    assert ["name"] == os.listdir(tmp_path)
    assert "x" == (tmp_path / "name..").read_text()
    (tmp_path / "d").mkdir()
    assert 3 == code(os.mkdir, f"{tmp_path}/d /x")
    assert 3 == code(os.listdir, f"{tmp_path}/d ")
    assert 0 == code(os.mkdir, f"{tmp_path}/d./x")


def test_errors_show_what_was_passed(session, tmp_path):
    """The path in an error is the caller's spelling."""
    (tmp_path / "file").touch()
    with open(tmp_path / "file"), pytest.raises(PermissionError) as caught:
        os.remove(f"{tmp_path}/FILE.")
    assert f"{tmp_path}/FILE." == caught.value.filename


def test_names_are_listed_in_order(session, tmp_path):
    """Without regard to case, by `listdir`, `scandir` and `walk` alike."""
    names = ["b", "A", "c_", "C"]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "Ab").mkdir()
    expected = ["A", "Ab", "b", "C", "c_"]
    assert expected == os.listdir(tmp_path) == [entry.name for entry in os.scandir(tmp_path)]
    assert ["A", "b", "C", "c_"] == next(os.walk(tmp_path))[2]


@pytest.mark.parametrize(
    ("version", "path", "shown", "device"),
    [
        ("11", "/d/nul", "nul", "nul"),
        ("11", "/d/NUL", "d/NUL", ""),
        ("11", "/d/nul.txt", "nul.txt", ""),
        ("11", "/d/com1", "com1", "com1"),
        ("11", "/d/com\u00b2", "com\u00b2", "com\u00b2"),
        ("11", "/d/com10", "com10", ""),
        ("10", "/d/nul", "/d/nul", "nul"),
        ("10", "/d/Aux.txt", "Aux.txt", "aux"),
        ("10", "/d/auxiliary", "auxiliary", ""),
        ("7", "/d/conin$", "conin$", "conin$"),
    ],
)
def test_devices(version, path, shown, device):
    """Which names are reserved depends on the version."""
    assert device == read(path, shown, VERSIONS[version]).device


@left_to_windows("which names there are, and what they mean")
def test_the_null_device(session, tmp_path, monkeypatch):
    """It takes what is written, and no directory has its name."""
    monkeypatch.chdir(tmp_path)
    with open("nul", "w") as file:
        file.write("x")
    assert 267 == code(os.mkdir, "nul")
    assert [] == os.listdir(tmp_path)


@left_to_windows("which names there are, and what they mean")
def test_long_names(session, tmp_path):
    """A component has at most 255 characters; a path as many as one likes, except for the current directory."""
    assert (0, 123) == (code(os.mkdir, tmp_path / ("x" * 255)), code(os.mkdir, tmp_path / ("x" * 256)))
    deep = tmp_path / ("x" * 255) / ("y" * 200)
    assert 0 == code(os.mkdir, deep)
    assert 206 == code(os.chdir, deep)


@left_to_windows("which names there are, and what they mean")
def test_without_long_paths(tmp_path):
    """From 260 characters on a path is not found, a directory not made from 248 on."""
    with inject(roots=[tmp_path], strict=False) as fsfault:
        fsfault.windows(long_paths=False)
        room = 259 - len(str(tmp_path)) - 1
        fits, not_quite = tmp_path / ("f" * room), tmp_path / ("f" * (room + 1))
        assert (0, -2) == (code(open, fits, "w"), code(open, not_quite, "w"))
        assert 3 == code(os.stat, not_quite)
        assert 206 == code(os.mkdir, tmp_path / ("d" * (room - 11)))


@left_to_windows("which names there are, and what they mean")
def test_streams(session, tmp_path):
    """A colon names a stream of the file, which goes with it."""
    with open(tmp_path / "a:zone", "w") as file:
        file.write("x")
    assert ["a"] == os.listdir(tmp_path)
    assert ("", "x") == tuple((tmp_path / name).read_text() for name in ("a", "A:ZONE"))
    os.remove(tmp_path / "a")
    assert [-2, 267, -22] == [
        code(open, tmp_path / "a:zone"), code(os.mkdir, tmp_path / "b:c"), code(open, tmp_path / "a:b:c", "w"),
    ]  # fmt: skip


@left_to_windows("which names there are, and what they mean")
def test_a_stream_may_be_written_with_its_type(session, tmp_path):
    """`$DATA` is the type of all streams that programs open; without a name it is the file's own content."""
    (tmp_path / "a::$DATA").write_text("content")
    (tmp_path / "a:zone").write_text("x")
    assert ["x", "content"] == [(tmp_path / name).read_text() for name in ("a:zone:$data", "a")]
    assert [-22, -22, 123] == [
        code(open, tmp_path / "a:zone:$INDEX"), code(open, tmp_path / "a:zone:$DATA:b"),
        code(os.rename, tmp_path / "a", tmp_path / "b::$DATA"),
    ]  # fmt: skip
    os.remove(tmp_path / "a::$DATA")
    assert [] == os.listdir(tmp_path)


@left_to_windows("which names there are, and what they mean")
def test_symbolic_links_need_a_privilege(session, tmp_path):
    """Without developer mode."""
    with pytest.raises(
        OSError, match=r"^\[WinError 1314\] A required privilege is not held by the client: "
    ) as caught:
        os.symlink("a", tmp_path / "b")
    assert OSError is type(caught.value).__bases__[-1]
    (tmp_path / "a").touch()
    assert 4390 == code(os.readlink, tmp_path / "a")


@left_to_windows("which names there are, and what they mean")
def test_developer_mode(tmp_path):
    """With it they work as elsewhere."""
    with inject(roots=[tmp_path], strict=False) as fsfault:
        fsfault.windows(developer_mode=True)
        os.symlink("a", tmp_path / "b", target_is_directory=True)
        assert "a" == os.readlink(tmp_path / "b")
        assert 183 == code(os.symlink, "a", tmp_path / "b")
        os.mkdir(tmp_path / "a")
        os.rmdir(tmp_path / "b")
        assert ["a"] == os.listdir(tmp_path)


def test_what_does_not_fail(session, tmp_path):
    """Section 16: easily over-emulated."""
    windows = session.windows()
    exe, log, shared = (tmp_path / name for name in ("d/tool.exe", "log", "shared"))
    (tmp_path / "d").mkdir()
    for path in (exe, log, shared, tmp_path / "file"):
        path.write_text("x")
    windows.run(exe)
    windows.hold(shared, access="rw", share="rwd")
    with open(log, "w") as one, open(log, "a") as other, open(log) as reader:
        calls = [
            partial(os.stat, log), partial(os.chmod, log, 0o666), partial(os.utime, log, (1, 1)),
            partial(os.access, log, os.R_OK), partial(os.link, log, tmp_path / "hard"),
            partial(one.write, "a"), partial(other.write, "b"), reader.read,
            partial(os.rename, exe, tmp_path / "d/old.exe"), partial(os.rename, tmp_path / "d", tmp_path / "e"),
            partial(os.replace, tmp_path / "e", tmp_path / "file"), partial(os.remove, shared),
        ]  # fmt: skip
        assert [0] * len(calls) == [code(call) for call in calls]
    assert (tmp_path / "file/old.exe").is_file()


def test_shutil_works_as_there(session, tmp_path):
    """Trees are removed by path, in name order; `move` copies and then fails, leaving both."""
    assert not shutil.rmtree.avoids_symlink_attacks
    for name in ("b", "A", "c"):
        (tmp_path / "tree" / name).mkdir(parents=True)
        (tmp_path / "tree" / name / "f").touch()
    with session.windows().hold(tmp_path / "tree/b/f"):
        assert 32 == code(shutil.rmtree, tmp_path / "tree")
        left = os.listdir(tmp_path / "tree")
    assert left == (["b", "c"] if sys.version_info < (3, 13) else left)
    (tmp_path / "file").write_text("x")
    with open(tmp_path / "file"):
        assert 32 == code(shutil.move, tmp_path / "file", tmp_path / "moved")
    assert ("x", "x") == tuple((tmp_path / name).read_text() for name in ("file", "moved"))


@pytest.mark.skipif(
    bool(WINE) and sys.version_info >= (3, 12), reason=f"Wine {WINE} is not Windows: it lacks CopyFile2"
)
def test_copy2(session, tmp_path):
    """From 3.12 on its errors are Windows' own, and name no file."""
    for name in ("source", "target"):
        (tmp_path / name).write_text(name)
    session.windows().hold(tmp_path / "target", share="r")
    with pytest.raises(PermissionError) as caught:
        shutil.copy2(tmp_path / "source", tmp_path / "target")
    new = sys.version_info >= (3, 12)
    assert (32 if new else None, None if new else str(tmp_path / "target")) == (
        caught.value.winerror,
        caught.value.filename,
    )
    shutil.copy2(tmp_path / "source", tmp_path / "copy")
    assert (tmp_path / "source").stat().st_mtime_ns == (tmp_path / "copy").stat().st_mtime_ns
    time.sleep(100)
    set_to = time.time_ns() - 100 * 10**9  # a real instant of this session
    os.utime(tmp_path / "source", ns=(set_to, set_to))
    shutil.copy2(tmp_path / "source", tmp_path / "copy")
    assert set_to == (tmp_path / "copy").stat().st_mtime_ns


def test_everything_is_put_back(tmp_path):
    """Afterwards `shutil` is the host's again."""
    before = {name: value for name, value in vars(shutil).items() if name.startswith("_")}
    with inject(windows="11", roots=[tmp_path]):
        assert not shutil._use_fd_functions
    assert before == {name: value for name, value in vars(shutil).items() if name.startswith("_")}
    assert shutil._use_fd_functions is shutil.rmtree.avoids_symlink_attacks
