"""On Windows a file has many spellings: whichever a program uses, and whichever a rule or a hold, it is that file."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest
from skips import WINDOWS

from pytest_fsfault import inject

pytestmark = pytest.mark.skipif(not WINDOWS, reason="spellings that only Windows takes for one")

RULE = "os.remove File.txt -> ERROR_ACCESS_DENIED"


def short(path):
    """Return an existing path by its 8.3 names."""
    import ctypes

    buffer = ctypes.create_unicode_buffer(600)
    assert ctypes.windll.kernel32.GetShortPathNameW(path, buffer, len(buffer))
    return buffer.value


def share(path):
    """Return a path by the administrative share of its drive."""
    return f"\\\\localhost\\{path[0]}$\\{path[3:]}"


# What each makes of the path of `Sub Dir\File.txt` in the current directory.
SPELLINGS = {
    "slashes": lambda path: path.replace("\\", "/"),
    "mixed": lambda path: path.replace("\\Sub Dir\\", "/Sub Dir\\"),
    "lower": str.lower,
    "upper": str.upper,
    "verbatim": lambda path: f"\\\\?\\{path}",
    "verbatim, a slash within": lambda path: f"\\\\?\\{path[:-9]}/File.txt",
    "verbatim by slashes": lambda path: f"//?/{path}".replace("\\", "/"),
    "verbatim by either": lambda path: f"\\\\?/{path}",
    "device": lambda path: f"\\\\.\\{path.lower()}",
    "device by slashes": lambda path: f"//./{path}".replace("\\", "/"),
    "share": share,
    "share in lower case": lambda path: share(path).lower(),
    "share by slashes": lambda path: share(path).replace("\\", "/"),
    "share, verbatim": lambda path: f"\\\\?\\UNC\\{share(path)[2:]}",
    "share, verbatim in lower case": lambda path: f"\\\\?\\unc\\{share(path)[2:]}".lower(),
    "on a drive": lambda path: f"{path[:2]}sub dir\\file.txt",
    "on the current drive": lambda path: path[2:],
    "on the current drive by slashes": lambda path: path[2:].replace("\\", "/"),
    "final dots and blanks": lambda path: f"{path}. .",
    "the main stream": lambda path: f"{path}::$data",
    "8.3 names": short,
    "8.3 names in lower case": lambda path: f"\\\\?\\{short(path).lower()}",
}
# These are relative to a root in a rule, and no path of a rule has `..`.
RELATIVE = {
    "relative": lambda path: "sub dir\\FILE.txt",
    "by a dot": lambda path: ".\\Sub Dir\\.\\File.txt",
    "doubled": lambda path: path.replace("\\Sub Dir\\", "//Sub Dir\\\\"),
    "by the directory above": lambda path: path.replace("Sub Dir", "nowhere\\..\\Sub Dir"),
    "of the object manager": lambda path: f"\\??\\{path}",
    "a dot within": lambda path: path.replace("Sub Dir", "Sub Dir."),
}


@pytest.fixture
def file(tmp_path, monkeypatch):
    r"""Return the path of `Sub Dir\File.txt` in the current directory, which has a long name."""
    root = pathlib.Path(os.path.realpath(tmp_path), "Root Long Name")
    (root / "Sub Dir").mkdir(parents=True)
    (root / "Sub Dir/File.txt").touch()
    monkeypatch.chdir(root)
    return str(root / "Sub Dir/File.txt")


class Like:
    """A path object that is no `Path`."""

    def __init__(self, path):
        self._path = path

    def __fspath__(self):
        return self._path


@pytest.mark.parametrize("spelled", [*SPELLINGS.values(), *RELATIVE.values()], ids=[*SPELLINGS, *RELATIVE])
def test_calls(spelled, file):
    """As text, bytes or an object, a call is met, counted as one on that file, and shown as it."""
    text = spelled(file)
    with inject(RULE, f'os.lstat "{file}" -> EBUSY when nth 2 per path', roots=[os.getcwd()]) as fsfault:
        for path in (text, os.fsencode(text), pathlib.Path(text), Like(text), Like(os.fsencode(text))):
            with pytest.raises(PermissionError) as caught:
                os.remove(path)
            assert 5 == caught.value.winerror
        assert {file.replace("\\", "/")} == {entry.path for entry in fsfault.journal}
        assert [5] == [retry.attempts for retry in fsfault.retries("os.remove", "sub dir/*.TXT")]
        os.lstat(file)
        with pytest.raises(OSError, match="busy"):
            os.lstat(text)


@pytest.mark.parametrize("spelled", SPELLINGS.values(), ids=SPELLINGS)
def test_rules(spelled, file):
    """A rule means the file by any spelling; so does what a journal is asked for."""
    text = spelled(file)
    glob = f"{text[: -len('/File.txt')]}/*" if text.lower().endswith("file.txt") else text
    for written in (text, glob):
        with inject(f'os.remove "{written}" -> ERROR_ACCESS_DENIED', roots=[os.getcwd()]) as fsfault:
            with pytest.raises(PermissionError):
                os.remove(file)
            assert 1 == len(fsfault.retries(path=text))


@pytest.mark.parametrize("spelled", SPELLINGS.values(), ids=SPELLINGS)
def test_roots_and_holds(spelled, file):
    """A directory is watched by any spelling of it, and a file is held by any."""
    root, text = spelled(file).rpartition("Sub Dir")[0], spelled(file)
    with inject(RULE, roots=[root.rstrip("\\/") or os.getcwd()]), pytest.raises(PermissionError):
        os.remove(file)
    with inject(windows="11", roots=[os.getcwd()]) as fsfault:
        fsfault.windows().hold(file, share="")
        with pytest.raises(PermissionError):
            os.remove(text)


CHILD = """
import os, sys
for path in sys.argv[1:]:
    try:
        os.remove(path)
    except OSError as error:
        print(error.winerror)
"""


@pytest.mark.parametrize("first", ["lower", "on the current drive by slashes", "of the object manager"])
def test_calls_of_a_child(first, file):
    """A child takes the case of the roots over; it attaches by whichever spelling comes first."""
    spellings = {**SPELLINGS, **RELATIVE}
    texts = [spelled(file) for spelled in (spellings[first], *spellings.values())]
    with inject(RULE, roots=[os.getcwd()]) as fsfault:
        told = subprocess.run(
            [sys.executable, "-c", CHILD, *texts], capture_output=True, text=True, check=True
        ).stdout
        assert ["5"] * len(texts) == told.split()
        assert {file.replace("\\", "/").lower()} == {entry.path.lower() for entry in fsfault.journal}
