"""Names of files that a terminal would obey: no text that an exception of a session shows carries them as they are."""

import mmap
import os
import shutil
import traceback

import pytest

from pytest_fsfault import inject
from pytest_fsfault._core.language.legible import HIDDEN

#: Moves the cursor, breaks the line, turns direction; a name of any bytes.
NAME = "\x1b[31m\r\n\u202e\u2028\udcff"


def _removes_an_open_file(path, _):
    with open(path, "w"):
        os.remove(path)


def _replaces_a_held_file(path, fsfault):
    path.touch()
    fsfault.windows().hold(path, by="scan.exe")
    os.replace(path, path.with_name("b"))


def _writes_a_mapped_file(path, _):
    path.write_bytes(b"x")
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 1):
        file.truncate(0)


def _makes_it_again(path, _):
    path.mkdir()
    os.mkdir(path)


def _copies_an_open_file(path, _):
    path.touch()
    with open(path, "w"):
        shutil.copy2(path.with_name("none"), path)


def _gives_up(path, fsfault):
    fsfault.add("os.mkdir -> ERROR_ACCESS_DENIED when first 1")
    with pytest.raises(PermissionError):
        os.mkdir(path)
    fsfault.assert_retried("os.mkdir")


def _tries_again(path, fsfault):
    fsfault.add("os.mkdir -> ERROR_ACCESS_DENIED when first 1")
    with pytest.raises(PermissionError):
        os.mkdir(path)
    os.mkdir(path)
    fsfault.assert_not_retried("os.mkdir")


def _is_ended(path, fsfault):
    fsfault.add("os.mkdir -> crash")
    os.mkdir(path)


def _removes_what_it_replaces(path, fsfault):
    path.touch()
    fsfault.self_replace(path, os.remove)


def _replaces_nothing(path, fsfault):
    path.touch()
    fsfault.self_replace(path, lambda exe: exe)


def _fails_without_a_fault(path, fsfault):
    path.touch()
    fsfault.self_replace(path, lambda exe: os.remove(exe.with_name("none")))


def _calls_what_no_rule_names(path, fsfault):
    fsfault.add("os.mkdir other -> EACCES")
    os.mkdir(path)


def _leaves_a_hold_alone(path, fsfault):
    path.touch()
    fsfault.windows().hold(path)


CASES = {function.__name__.strip("_"): function for function in (
    _removes_an_open_file, _replaces_a_held_file, _writes_a_mapped_file, _makes_it_again, _copies_an_open_file, _gives_up,
    _tries_again, _is_ended, _removes_what_it_replaces, _replaces_nothing, _fails_without_a_fault,
    _calls_what_no_rule_names, _leaves_a_hold_alone,
)}  # fmt: skip


@pytest.mark.parametrize("what", CASES)
@pytest.mark.parametrize(
    "name", [NAME, NAME.translate({13: None, 10: None, 27: None})], ids=["ansi", "unicode"]
)
def test_no_text_of_ours_obeys_a_name(tmp_path, what, name):
    """Notes, verdicts and endings show a name escaped."""
    with (
        pytest.raises(BaseException) as raised,  # of many kinds
        inject(roots=[tmp_path], windows="11") as fsfault,
    ):
        CASES[what](tmp_path / name, fsfault)
    shown = "".join(traceback.format_exception_only(raised.value))
    assert [] == HIDDEN.findall(shown.replace("\n", ""))


def test_a_change_outside_is_told_legibly(tmp_path):
    """The note of a call outside the roots escapes the name, too."""
    (tmp_path / "root").mkdir()
    with (
        pytest.raises(PermissionError) as raised,
        inject(roots=[tmp_path / "root"], outside="refuse", strict=False),
    ):
        os.mkdir("/\x1b[31m")
    assert [] == HIDDEN.findall("".join(raised.value.__notes__))
