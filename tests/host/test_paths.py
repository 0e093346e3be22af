"""The one form of a path on Windows, by functions that answer as Windows documents; and on Windows by its own."""

import ntpath
import os
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from skips import WINDOWS

from pytest_fsfault._host.paths import WINDOWS_FORMS, WindowsForms

CURRENT = r"C:\Work"
LONG = {r"c:\progra~1": r"C:\Program Files", r"c:\progra~1\common~1": r"C:\Program Files\Common Files"}


class Documented:
    """Windows as its documentation has it, with a few 8.3 names."""

    def full(self, path):
        """GetFullPathNameW: as seen from the current directory, without final dots and blanks."""
        found = ntpath.normpath(ntpath.join(CURRENT, path))
        return found if found.endswith(":\\") else found.rstrip(". ")

    def long(self, path):
        """GetLongPathNameW: fails for what does not exist."""
        try:
            return LONG[path.replace("/", "\\").lower()]
        except KeyError:
            raise FileNotFoundError(path) from None


@pytest.mark.parametrize(
    ("spelled", "form"),
    [
        (r"C:\Work\a.txt", "C:/Work/a.txt"),
        ("C:/Work/a.txt", "C:/Work/a.txt"),
        (r"c:\work\A.TXT", "C:/Work/a.txt"),
        ("a.txt", "C:/Work/a.txt"),
        (r"C:a.txt", "C:/Work/a.txt"),
        (r"\Work\a.txt", "C:/Work/a.txt"),
        (r"x\..\a.txt", "C:/Work/a.txt"),
        (r"C:\Work\a.txt. .", "C:/Work/a.txt"),
        (r"\\?\C:\Work\a.txt", "C:/Work/a.txt"),
        (r"\\.\C:\Work\a.txt", "C:/Work/a.txt"),
        (r"\\?\UNC\Server\Share\a", "//Server/Share/a"),
        (r"\\server\share\A", "//Server/Share/a"),
        (r"C:\PROGRA~1", "C:/Program Files"),
        (r"C:\PROGRA~1\COMMON~1\new~1", "C:/Program Files/Common Files/new~1"),
        (r"C:\Work\a~backup.txt", "C:/Work/a~backup.txt"),
        ("c:\\", "C:/"),
        (r"\\?\C:\Work\a.txt.", "C:/Work/a.txt."),  # behind this prefix a dot is a dot
    ],
)
def test_a_path_has_one_form(spelled, form):
    """Either separator, any case, prefixes, relative to a drive, final dots, 8.3 names."""
    forms = WindowsForms(Documented())
    forms.anchor(r"C:\Work")
    forms.anchor(r"\\?\UNC\Server\Share")
    for first in (r"C:\Work\a.txt", r"\\Server\Share\a"):
        forms(first)
    assert form == forms(spelled)


def test_the_first_spelling_stays_below_an_anchor():
    """Of an anchor the case is known; below it the first one counts, whatever comes later."""
    forms = WindowsForms(Documented())
    assert "C:/tools/TOOL.exe" == forms(r"c:\tools\TOOL.exe")
    assert "C:/Work" == forms.anchor(r"C:\Work")
    assert "C:/Work/Tool.exe" == forms(r"c:\WORK\Tool.exe")
    assert "C:/Work/Tool.exe" == forms(r"c:\work\tool.EXE")


def test_anchors_stay_when_too_much_was_seen(monkeypatch):
    """What is remembered has a limit; a root stays what it is."""
    monkeypatch.setattr("pytest_fsfault._host.paths._KEPT", 20)
    forms = WindowsForms(Documented())
    forms.anchor(r"C:\Work\Root")
    found = {forms(rf"c:\WORK\root\{number}").rpartition("/")[0] for number in range(100)}
    assert {"C:/Work/Root"} == found


names = st.text("abAB. ~1", min_size=1, max_size=6).filter(lambda name: name.strip(". "))


@given(st.lists(names, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_spellings_of_one_path_have_one_form(parts, luck: random.Random):
    """Case and separators say nothing."""
    forms = WindowsForms(Documented())
    path = "C:\\" + "\\".join(parts)
    other = "".join(luck.choice((char.upper(), char.lower())) for char in path).replace(
        "\\", luck.choice("\\/")
    )
    assert forms(path) == forms(other)


@pytest.mark.skipif(not WINDOWS, reason="by the functions of Windows itself")
def test_on_windows_every_spelling_is_one(tmp_path, monkeypatch):
    """The same, asked of Windows: 8.3 names that exist, the current directory of a drive, prefixes."""
    root = Path(tempfile.mkdtemp(prefix="Root Long Name ", dir=tmp_path))
    (root / "File.txt").write_text("")
    monkeypatch.chdir(root)
    form = WINDOWS_FORMS.anchor(os.path.realpath(root / "File.txt"))
    assert (root / "File.txt").as_posix() == form
    path = str(root / "File.txt")
    spellings = [
        path.lower(), path.upper(), path.replace("\\", "/"), "File.txt", f"{path[:2]}file.txt", path[2:], f"{path}.",
        f"{path} ", f"\\\\?\\{path}", f"\\\\.\\{path}", str(root / "x" / ".." / "File.txt"), short(path),
    ]  # fmt: skip
    assert dict.fromkeys(spellings, form) == {spelled: WINDOWS_FORMS(spelled) for spelled in spellings}


def short(path):
    """Return a path by its 8.3 names."""
    import ctypes

    buffer = ctypes.create_unicode_buffer(600)
    assert ctypes.windll.kernel32.GetShortPathNameW(path, buffer, 600)
    return buffer.value
