"""`self_replace` updates a running program with a fault at each step: the old or the new one has to be in place."""

from __future__ import annotations

import operator
import os
import shutil
from functools import partial
from pathlib import Path

import pytest

from pytest_fsfault import FsFaultError, inject


def naive(exe):
    """Put the new one over the old one."""
    os.replace(exe.with_suffix(".new"), exe)


def half_right(exe):
    """Move the old one aside; if the new one cannot come, there is none."""
    os.rename(exe, exe.with_suffix(".old"))
    os.rename(exe.with_suffix(".new"), exe)


def right(exe):
    """Move the old one aside, and back if the new one cannot come."""
    old = exe.with_suffix(".old")
    os.rename(exe, old)
    try:
        os.rename(exe.with_suffix(".new"), exe)
    except OSError:
        os.rename(old, exe)
        raise


def make(tmp_path, name):
    """Make an old and a new program, or directory with one."""
    home = tmp_path / "bin"
    home.mkdir()
    exe = home / name
    if name == "app":
        for place, text in ((exe, "old"), (exe.with_suffix(".new"), "new")):
            place.mkdir()
            (place / "tool.exe").write_text(text)
            (place / "data").write_text("data")
    else:
        exe.write_text("old")
        exe.with_suffix(".new").write_text("new")
    return exe


@pytest.fixture
def verdict(tmp_path):
    """Return a function that returns the verdict on an updater, an empty text if there is none."""

    def ask(name, update, **wanted):
        exe = make(tmp_path, name)
        with inject(roots=[tmp_path]) as fsfault:
            try:
                fsfault.self_replace(exe, update, **wanted)
            except AssertionError as error:
                return str(error)
        return ""

    return ask


@pytest.mark.parametrize(
    ("name", "update", "expected"),
    [
        (
            "tool.exe",
            naive,
            "the update fails while tool.exe is running, without any fault: PermissionError: [WinError 5] ",
        ),
        ("tool.exe", half_right, "tool.exe is gone: neither the old nor the new one is in place"),
        ("tool.exe", right, ""),
        (
            "tool",
            naive,
            "the update fails while tool is running, without any fault: PermissionError: [WinError 5] ",
        ),
        ("tool.py", naive, ""),
        ("tool.py", half_right, "tool.py is gone: neither the old nor the new one is in place"),
        ("tool.py", right, ""),
        (
            "app",
            naive,
            "the update fails while app is running, without any fault: PermissionError: [WinError 5] ",
        ),
        ("app", half_right, "app is gone: neither the old nor the new one is in place"),
        ("app", right, ""),
    ],
)
def test_a_script_a_program_and_a_directory(verdict, name, update, expected):
    """A running program can be renamed, but not replaced; a script is held by nobody."""
    found = verdict(name, update)
    assert bool(found) is bool(expected)
    assert expected in found


def test_a_script_by_its_first_line(tmp_path):
    """Whatever it is called: its interpreter has read it, and nobody holds it."""
    exe = make(tmp_path, "tool")
    exe.write_text("#!/usr/bin/python\nold")
    updated = []
    with inject(roots=[tmp_path]) as fsfault:
        fsfault.self_replace(exe, lambda copy: (naive(copy), updated.append(copy.name)))
    assert {"tool"} == set(updated)
    assert "#!/usr/bin/python\nold" == exe.read_text()


def test_the_verdict_names_the_step(verdict):
    """The second renaming: for each fault, once and for good; what is wrong is said once."""
    text = verdict("tool.exe", half_right)
    assert text.startswith("4 of 8 trials failed\n\ntrial 5: ")
    assert [
        f"trial {number}: os.rename bin/tool.new -> bin/tool.exe: {fault}"
        for number, fault in enumerate(
            (
                f"{error}{how}"
                for error in ("ERROR_ACCESS_DENIED", "ERROR_SHARING_VIOLATION")
                for how in ("", " every time")
            ),
            5,
        )
    ] == [line.partition(", at ")[0] for line in text.splitlines() if line.startswith("trial")]
    assert 1 == text.count("tool.exe is gone")


def test_a_mix(verdict):
    """A directory that is neither the old nor the new one is shown."""

    def one_by_one(app):
        for name in ("data", "tool.exe"):
            os.rename(app / name, app / f"{name}.old")
            os.rename(app.with_suffix(".new") / name, app / name)

    assert (
        "app is neither the old nor the new one; compared with the old one:\n      - data\n      + data.old"
        in verdict("app", one_by_one, faults=["EACCES"])
    )


def test_other_faults(verdict):
    """A crash between the two steps leaves none as well, though it comes back later."""
    assert "os.rename bin/tool.new -> bin/tool.exe: crash" in verdict("tool.exe", right, faults=["crash"])


class UpdateError(Exception):
    """What an updater makes of any error."""


def rewrap(exe):
    """Raise an error of one's own, without its origin."""
    failed = False
    try:
        right(exe)
    except OSError:
        failed = True
    if failed:
        raise UpdateError


def test_errors_of_its_own(verdict):
    """An updater may have them if they are expected."""
    assert "it raised UpdateError, at " in verdict("tool.exe", rewrap)


def test_expected_errors(verdict):
    """Then only what is in place counts."""
    assert "" == verdict("tool.exe", rewrap, expect=UpdateError)


def test_an_update_that_changes_nothing(verdict):
    """Without a fault the new content has to be in place."""
    assert ("the update changes nothing: without a fault the new tool.exe has to be in place") == verdict(
        "tool.exe", lambda exe: os.mkdir(exe.with_suffix(".d"))
    )


def test_the_original_is_left_alone(tmp_path):
    """It works on a copy of the directory, without what the sweep itself has there."""
    exe = make(tmp_path, "tool.exe")
    seen = []
    with inject(roots=[tmp_path]) as fsfault:
        fsfault.self_replace(
            exe, lambda copy: (seen.append(sorted(p.name for p in copy.parent.iterdir())), right(copy))
        )
    assert "old" == exe.read_text()
    assert {("tool.exe", "tool.new")} == set(map(tuple, seen))
    assert ["bin"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("exe", "update", "text"),
    [
        ("missing.exe", right, "exe='missing.exe' does not exist; name what is to be replaced"),
        (None, right, "exe=None is not a path; write that of a script, a program or a directory"),
        (
            "tool.exe",
            None,
            "update=None is not a function; write one that updates the program at the path that it is given",
        ),
    ],
)
def test_mistakes(tmp_path, monkeypatch, exe, update, text):
    """One sentence each."""
    monkeypatch.chdir(tmp_path)
    with inject(roots=[tmp_path]) as fsfault:
        with pytest.raises(FsFaultError) as caught:
            fsfault.self_replace(exe, update)
    assert text == str(caught.value)


class Remover:
    """What is called is a method in C of an object in C."""

    def __init__(self):
        self.unlink = operator.methodcaller("unlink")


UNLIKE_FUNCTIONS = {
    "of os": os.remove,
    "of the standard library": shutil.rmtree,
    "partial": partial(os.remove),
    "a method": Path.unlink,
    "in C, twice": Remover().unlink,
}


@pytest.mark.parametrize("kind", UNLIKE_FUNCTIONS)
def test_an_update_that_is_no_function_of_the_project(verdict, kind):
    """It is under the model and its faults like any other: a running program is not removed."""
    name = "app" if kind == "of the standard library" else "tool.exe"
    text = verdict(name, UNLIKE_FUNCTIONS[kind])
    assert text.startswith(f"the update fails while {name} is running, without any fault: PermissionError: ")
