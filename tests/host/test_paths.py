"""The one form of a path on Windows, by functions that answer as Windows documents; and on Windows by its own."""

import ntpath
import os
import random
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from skips import WINDOWS, wine_differs

from pytest_fsfault._core.language.globs import canonical, in_form
from pytest_fsfault._host import paths, windows_forms
from pytest_fsfault._host.paths import WINDOWS_FORMS
from pytest_fsfault._host.windows_forms import WindowsForms

CURRENT = r"C:\Work"
LONG = {r"c:\progra~1": r"C:\Program Files", r"c:\progra~1\common~1": r"C:\Program Files\Common Files"}

PLACES = {
    "x:\\": r"\\?\C:\Work\Tree",
    "y:\\": r"\\?\UNC\Server\Share",
    "\\\\?\\volume{0-1}\\": "\\\\?\\C:\\",
    "\\\\?\\globalroot\\device\\harddiskvolume3\\": "\\\\?\\C:\\",
}


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

    def final(self, path):
        """GetFinalPathNameByHandleW: of a letter that stands for a directory, a volume's number, a disk's name."""
        known = PLACES.get(path.lower().replace("\\\\.\\", "\\\\?\\"))
        if known is None and path[1:2] != ":":
            raise FileNotFoundError(path)
        return known or f"\\\\?\\{path}"

    def hosts(self):
        """GetComputerNameW, and what every computer calls itself."""
        return frozenset({"localhost", "here"})


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
        (r"\??\C:\Work\a.txt", "C:/Work/a.txt"),
        ("//./C:/Work/x/../a.txt", "C:/Work/a.txt"),
        (r"\\localhost\c$\work\A.txt", "C:/Work/a.txt"),
        (r"\\?\UNC\HERE\C$\Work\a.txt", "C:/Work/a.txt"),
        ("\\\\here\\C$", "C:/"),
        (r"\\there\C$\Work\a.txt", "//there/C$/Work/a.txt"),
        (r"\\here\Share$\a", "//here/Share$/a"),
        (r"\\?\Volume{0-1}\Work\a.txt", "C:/Work/a.txt"),
        (r"\\.\volume{0-1}\Work\a.txt", "C:/Work/a.txt"),
        (r"\\?\Volume{0-2}\Work\a.txt", "//?/Volume{0-2}/Work/a.txt"),
        (r"\\?\GLOBALROOT\Device\HarddiskVolume3\Work\a.txt", "C:/Work/a.txt"),
        (r"X:\a", "C:/Work/Tree/a"),
        ("x:/", "C:/Work/Tree"),
        (r"\\?\X:\A", "C:/Work/Tree/A"),
        (r"y:\a", "//Server/Share/a"),
        (r"C:\Work\a.txt::$DATA", "C:/Work/a.txt"),
        (r"C:\Work\a.txt:s", "C:/Work/a.txt:s"),
        (r"C:\Work\a.txt:s:$data", "C:/Work/a.txt:s:$data"),
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


@pytest.mark.parametrize(
    ("written", "glob"),
    [
        (r"c:\PROGRA~1\x*", "C:/Program Files/x*"),
        ("//?/c:/work/*.txt", "C:/Work/*.txt"),
        (r"\\?/c:\work\*.txt", "C:/Work/*.txt"),
        ("//./c:/work/*.txt", "C:/Work/*.txt"),
        ("//?/Volume{0-1}/work/a*", "C:/Work/a*"),
        ("//?/Volume{0-9}/work/a*", r"//\?/Volume{0-9}/work/a*"),
        (r"\\localhost\c$\work\*.txt", "C:/Work/*.txt"),
        ("//there/share/*", "//there/share/*"),
        (r"X:\*.txt", "C:/Work/Tree/*.txt"),
        ("/work/*.txt", "C:/Work/*.txt"),
        ("C:*.txt", "C:/Work/*.txt"),
        (r"c:sub\a.txt", "C:/Work/sub/a.txt"),
        ("c:", "C:/Work"),
        ("c:/", "C:/"),
        (r"D:\[x]", "D:/[x]"),
        (r"Z:\in\*", r"C:/Work/\[1]/in/*"),
        (r"c:/work/\[1]/x~1/a*", r"C:/Work/\[1]/x~1/a*"),
        (r"z:/IN/\[2]/a", r"C:/Work/\[1]/IN/\[2]/a"),
        ("//*", "//*"),
        ("/*", "/*"),
        ("*.TXT", "*.TXT"),
        ("**/work/*", "**/work/*"),
    ],
)
def test_directories_of_a_glob_have_one_form(written, glob, monkeypatch):
    """Up to its first wildcard an absolute glob is a path; so is one that is relative to a drive."""
    monkeypatch.setitem(PLACES, "z:\\", r"\\?\C:\Work\[1]")
    forms = WindowsForms(Documented())
    forms.anchor(r"C:\Work")
    assert glob == in_form(canonical(written), forms)


@given(st.text("\\/?.:cCaA~1$*{}lU ", max_size=14))
@example("1.\\ ")
def test_any_text_has_a_form(text):
    """Nothing that a program hands over makes it raise, nor has a form another form.

    But for one that ends in a dot or a blank: Windows keeps that only before a separator, which a form has not.
    """
    forms = WindowsForms(Documented())
    form = forms(text)
    assert form == forms(form) or form.startswith("//") or form.endswith((".", " "))


def test_the_first_spelling_stays_below_an_anchor():
    """Of an anchor the case is known; below it the first one counts, whatever comes later."""
    forms = WindowsForms(Documented())
    assert "C:/tools/TOOL.exe" == forms(r"c:\tools\TOOL.exe")
    assert "C:/Work" == forms.anchor(r"C:\Work")
    assert "C:/Work/Tool.exe" == forms(r"c:\WORK\Tool.exe")
    assert "C:/Work/Tool.exe" == forms(r"c:\work\tool.EXE")


def test_a_child_takes_the_case_of_roots_over(monkeypatch):
    """Its parent has looked at the disk; whatever the child has seen before is read anew."""
    forms = WindowsForms(Documented())
    monkeypatch.setattr(paths, "WINDOWS_FORMS", forms)
    assert "C:/work/a.TXT" == forms(r"c:\work\a.TXT")
    assert ("C:/Work", "D:/In") == paths.roots_of_another_process(["C:/Work", "D:/In"])
    assert ["C:/Work/a.txt", "D:/In/x"] == [forms(r"c:\work\a.txt"), forms("d:/IN/x")]


def test_letters_are_one_where_ntfs_has_them_for_one():
    """The Kelvin sign is no K, nor the Angstrom sign an A with a ring; a umlaut has two cases."""
    forms = WindowsForms(Documented())
    for name in ("k", "\u212a", "\u00e5", "\u212b", "\u00df", "\u1e9e"):
        assert f"C:/{name}" == forms(rf"C:\{name}")
    assert "C:/\u00fc" == forms("C:\\\u00fc") == forms("C:\\\u00dc")


def test_a_letter_that_stands_for_another_directory_is_seen_with_the_next_root(monkeypatch):
    """Where a drive is was asked once; the root of the next session asks anew."""
    forms = WindowsForms(Documented())
    assert "C:/Work/Tree/a" == forms("x:/a")
    monkeypatch.setitem(PLACES, "x:\\", r"\\?\C:\Other")
    assert "C:/Work/Tree/b" == forms("x:/b")
    assert "C:/Other" == forms.anchor("X:\\")
    assert "C:/Other/a" == forms("x:/a")


def test_a_drive_that_is_not_there_stays_as_it_is():
    """Its letter is all that is known."""

    class Absent(Documented):
        def final(self, path):
            raise FileNotFoundError(path)

    assert "Q:/a" == WindowsForms(Absent())(r"q:\a")


def test_anchors_stay_when_too_much_was_seen(monkeypatch):
    """What is remembered has a limit; a root stays what it is."""
    monkeypatch.setattr("pytest_fsfault._host.windows_forms._KEPT", 20)
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


@wine_differs("it shares no drive, and opens none by its number nor as a substituted letter")
@pytest.mark.skipif(not WINDOWS, reason="by the functions of Windows itself")
def test_on_windows_a_drive_has_other_names(tmp_path):
    """A letter that `subst` gives, the administrative share, the number of the volume."""
    import ctypes

    kernel, buffer = ctypes.windll.kernel32, ctypes.create_unicode_buffer(600)
    path = os.path.realpath(tmp_path / "File.txt")
    free = next(f"{letter}:" for letter in "QRSTUVWXYZ" if not os.path.exists(f"{letter}:\\"))
    assert kernel.GetVolumeNameForVolumeMountPointW(path[:3], buffer, len(buffer))
    assert kernel.DefineDosDeviceW(0, free, os.path.realpath(tmp_path))
    try:
        form = WINDOWS_FORMS.anchor(path)
        spellings = [
            f"{free}\\File.txt", f"\\\\localhost\\{path[0]}$\\{path[3:]}", f"{buffer.value}{path[3:]}",
            f"\\\\?\\UNC\\{os.environ['COMPUTERNAME']}\\{path[0]}$\\{path[3:]}", f"{path}::$DATA", f"\\??\\{path}",
        ]  # fmt: skip
        assert dict.fromkeys(spellings, form) == {spelled: WINDOWS_FORMS(spelled) for spelled in spellings}
    finally:
        kernel.DefineDosDeviceW(2, free, None)


def short(path):
    """Return a path by its 8.3 names."""
    import ctypes

    buffer = ctypes.create_unicode_buffer(600)
    assert ctypes.windll.kernel32.GetShortPathNameW(path, buffer, 600)
    return buffer.value


def test_where_a_drive_leads_is_asked_of_windows_whatever_stands_for_nt(monkeypatch):
    """From Python 3.12 on pyfakefs puts a module in the place of `nt` that lacks the function (FakeNtModule)."""
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "nt", ModuleType("nt"))
    monkeypatch.setattr(windows_forms, "_final_path_name", lambda path: f"final of {path}")
    assert "final of Z:\\" == windows_forms.FORMS._functions.final("Z:\\")
