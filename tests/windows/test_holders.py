"""Who is said to hold a file, and what a declared holder must have done by the end."""

from __future__ import annotations

import json
import os

import pytest

from pytest_fsfault import FsFaultError, inject
from pytest_fsfault._windows.holders.scanners import NAMES, scanner

pytestmark = pytest.mark.skipif(os.name == "nt", reason="left to Windows: it knows by itself")


@pytest.fixture
def file(tmp_path):
    """Return a library and the directory that it is in."""
    path = tmp_path / "d/a.dll"
    path.parent.mkdir()
    path.touch()
    return path


DECLARED = [
    (
        "hold",
        "a.dll is held by mfetp.exe (Trellix) for another 3.37 s (sharing read and write; declared at {here})",
    ),
    ("run", "a.dll is running by mfetp.exe (Trellix) for another 3.37 s (declared at {here})"),
    ("load", "a.dll is loaded by mfetp.exe (Trellix) for another 3.37 s (declared at {here})"),
    ("map", "a.dll is mapped by mfetp.exe (Trellix) for another 3.37 s (declared at {here})"),
]


@pytest.mark.parametrize(("kind", "text"), DECLARED)
def test_by(kind, text, file, tmp_path):
    """A message names the holder as the test does, with the time that is left, its sharing and where it is declared."""
    with inject(windows="server-2022", roots=[tmp_path]) as fsfault:
        hold = getattr(fsfault.windows(), kind)(file, seconds=3.37, by=" mfetp.exe (Trellix) ")
        with pytest.raises(PermissionError) as refused:
            os.remove(file)
        (note,) = refused.value.__notes__
        line, _, number = note.rpartition(":")
        assert text.format(here="test_holders.py") == f"{line})"
        assert number[:-1].isdigit()
        assert (True, "mfetp.exe (Trellix)", None) == (hold.met, hold.by, hold.scanner)


def open_for_reading(path):
    """Open a file as Python does, which does not share deleting."""
    return open(path, "rb")


ALSO = {
    "a file that is deleted": os.remove,
    "a file that is replaced": lambda file: os.replace(file.with_name("new"), file),
    "a directory above it": lambda file: os.rename(file.parent, file.parent.with_name("e")),
}


@pytest.mark.parametrize("what", ALSO)
@pytest.mark.parametrize(("seconds", "told"), [(3.0, True), (None, False)], ids=["ends", "endless"])
def test_waiting_is_not_enough(what, seconds, told, file, tmp_path):
    """Of a hold that ends a message names what the test itself has open as well, which refuses the call after that."""
    file.with_name("new").touch()
    lasts = {} if seconds is None else {"seconds": seconds}
    with inject(windows="11", roots=[tmp_path]) as fsfault:
        hold = fsfault.windows().hold(file, share="r", by="scan.exe", **lasts)
        with open_for_reading(file):
            notes = []
            for _ in range(2):
                with pytest.raises(PermissionError) as refused:
                    ALSO[what](file)
                notes += refused.value.__notes__
                hold.close()
        ALSO[what](file)
    own = "a.dll: open in this process (descriptor "
    assert "a.dll is held by scan.exe" in notes[0]
    assert told == (f"; also {own}" in notes[0])
    assert own in notes[1]
    assert "scan.exe" not in notes[1]


def test_a_hold_that_is_all(file, tmp_path):
    """What does not stand in the way is not named."""
    with inject(windows="11", roots=[tmp_path]) as fsfault:
        fsfault.windows().hold(file.with_name("a.dll"), share="r", seconds=3.0)
        with pytest.raises(PermissionError) as refused:
            os.remove(file)
    assert "also" not in refused.value.__notes__[0]


@pytest.mark.parametrize("kind", ["enter", "watch"])
def test_by_in_a_directory(kind, file, tmp_path):
    """Who is in a directory, or watches it, has a name as well."""
    with inject(windows="server-2019", roots=[tmp_path]) as fsfault:
        getattr(fsfault.windows(), kind)(file.parent, by="explorer.exe")
        with pytest.raises(PermissionError) as refused:
            os.rename(tmp_path / "d", tmp_path / "e") if kind == "enter" else move_above(tmp_path)
        assert "by explorer.exe" in refused.value.__notes__[0]


def move_above(root):
    """Rename the directory above one that is watched."""
    os.mkdir(root / "top")
    os.rename(root / "d", root / "top/d")
    os.rename(root / "top", root / "other")


@pytest.mark.parametrize("by", ["a\nb", "\x1b[31m", 7, None])
def test_what_is_no_name(by, file, tmp_path):
    """A name is a text without control characters."""
    with inject(windows="11", roots=[tmp_path]) as fsfault, pytest.raises(FsFaultError) as mistake:
        fsfault.windows().hold(file, by=by)
    assert (
        f"by={by!r} is not valid; write a text without control characters, such as by='mfetp.exe (Trellix)'"
        == str(mistake.value)
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (75, "75.00 s"),
        (1, "1.00 s"),
        (0.9994, "1000 ms"),
        (0.25, "250 ms"),
        (0.004, "4 ms"),
        (0.0001, "1 ms"),
    ],
)
def test_the_time_that_is_left(seconds, text, file, tmp_path):
    """Below a second it is told in milliseconds, and never as none at all."""
    with inject(windows="11", roots=[tmp_path], strict=False, clock="virtual") as fsfault:
        hold = fsfault.windows().hold(file, seconds=seconds)
        assert f"for another {text} (" in hold.explain(hold.since)


@pytest.mark.parametrize("name", NAMES)
def test_known_scanners_have_a_process(name, file, tmp_path):
    """A refusal names the program that scans."""
    with inject(windows="11", roots=[tmp_path], strict=False) as fsfault:
        fsfault.windows().scanner(name, on="*.new", hold="1s", share="r", delay="0ms")
        (tmp_path / "x.new").write_text("x")
        (hold,) = fsfault.windows().holds
        assert (name, scanner(name).process) == (hold.scanner, hold.by)
        with pytest.raises(PermissionError, match=r"\[WinError 32\]") as refused:
            os.remove(tmp_path / "x.new")
        assert f"x.new is held by {hold.by} for another" in refused.value.__notes__[0]


def test_a_silent_scanner(tmp_path):
    """One that a test declares has to open a file; it says what it looks for, and what was written."""
    with pytest.raises(AssertionError) as silent, inject(windows="11", roots=[tmp_path]) as fsfault:
        fsfault.windows().scanner("trellix", on="*.exe,*.dll")
        (tmp_path / "film.part").write_text("x")
        os.rename(tmp_path / "film.part", tmp_path / "film.mp4")
    told = "the scanner 'trellix' opened no file: it looks for *.exe, *.dll; written: film.part, film.mp4"
    assert told in str(silent.value)


def test_a_scanner_of_an_idle_test(tmp_path):
    """Where nothing was written, it says so."""
    with pytest.raises(AssertionError) as silent, inject(windows="11", roots=[tmp_path]) as fsfault:
        fsfault.windows().scanner(on="*.exe")
    assert "looks for *.exe; no file was written and closed, or renamed" in str(silent.value)


def test_scanners_that_may_be_silent(tmp_path):
    """A scanner of a profile, one that has opened a file, and any without `strict` pass."""
    with inject(profile="defender", roots=[tmp_path]):
        pass
    with inject(windows="11", roots=[tmp_path]) as fsfault:
        fsfault.windows().scanner(on="*.exe")
        (tmp_path / "a.EXE").touch()
    with inject(windows="11", roots=[tmp_path], strict=False) as fsfault:
        fsfault.windows().scanner(on="*.exe")


def test_a_hold_that_keeps_a_deleted_name(tmp_path, file):
    """It has been met by whoever finds the name still there, and the refusal is in the journal."""
    with inject(windows="server-2019", roots=[tmp_path]) as fsfault:
        hold = fsfault.windows().hold(file, share="rwd")
        os.remove(file)
        with pytest.raises(OSError, match="145") as refused:
            os.rmdir(file.parent)
        assert [
            "d is not empty: a.dll is deleted, and stays until its last handle is closed"
        ] == refused.value.__notes__
        assert hold.met
        assert ["os.rmdir"] == [entry.operation for entry in fsfault.journal.faults]


WITHIN = "but looks for it as it is written within a path"
READ = [
    (lambda root: os.mkdir(root / "DATA"), 183, "Data exists; Windows reads 'DATA' as 'Data'"),
    (
        lambda root: os.link(root / "Data/f", root / "data/F"),
        183,
        "f exists; Windows reads 'data/F' as 'Data/f'",
    ),
    (lambda root: open(root / "data./g"), None, "g does not exist; Windows reads 'data.' as 'Data'"),
    (
        lambda root: open(root / "Data.../x", "x"),
        None,
        f"the directory of x does not exist; Windows makes 'Data...' as 'Data', {WITHIN}",
    ),
]


@pytest.mark.parametrize(("call", "winerror", "told"), READ)
def test_names_that_windows_reads_otherwise(call, winerror, told, tmp_path):
    """An error that any system could give says so where only Windows gives it."""
    with inject(windows="11", roots=[tmp_path]) as fsfault:
        (tmp_path / "Data").mkdir()
        (tmp_path / "Data/f").touch()
        with pytest.raises((FileExistsError, FileNotFoundError)) as refused:
            call(tmp_path)
        assert winerror == refused.value.winerror
        assert [told] == refused.value.__notes__
        assert 1 == len(fsfault.journal.faults)


def test_the_json_of_a_run_names_the_holder(pytester):
    """It has who holds a file beside how, so that a report need not read texts."""
    pytester.makepyfile(
        """
        import os, pytest

        def test_it(tmp_path, fsfault):
            (tmp_path / "a.dll").touch()
            fsfault.windows().hold(tmp_path / "a.dll", by="mfetp.exe (Trellix)")
            with pytest.raises(PermissionError):
                os.remove(tmp_path / "a.dll")
        """
    )
    pytester.runpytest_inprocess("-p", "no:asyncio", "--fsfault-json", "run.json").assert_outcomes(passed=1)
    run = json.loads((pytester.path / "run.json").read_text("utf-8"))
    (hold,) = [hold for test in run["tests"] for hold in test["holds"]]
    assert ("mfetp.exe (Trellix)", None, True) == (hold["by"], hold["scanner"], hold["met"])
