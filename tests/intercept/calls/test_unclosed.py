"""A file that is left open: its finaliser warns as CPython's own does."""

from __future__ import annotations

import io
import os
import sys
import warnings

import pytest

from pytest_fsfault import inject

OPENED = {
    "raw": lambda path: open(path, "rb", 0),
    "FileIO": lambda path: io.FileIO(path, "w"),
    "reader": lambda path: open(path, "rb"),
    "writer": lambda path: open(path, "wb"),
    "both": lambda path: open(path, "r+b"),
    "text": lambda path: open(path, "w"),
    "descriptor": lambda path: os.fdopen(os.open(path, os.O_RDWR), "r+b"),
}
#: What puts no method of ours in place, one of the raw file, and one of its buffer.
RULES = ["os.stat -> EIO or never", "file.close -> delay 1ms or never", "file.flush -> delay 1ms or never"]


@pytest.fixture
def path(tmp_path):
    """A file below the roots."""
    (tmp_path / "f").touch()
    return tmp_path / "f"


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("way", OPENED)
def test_the_warning_names_the_line_at_which_the_file_went(way, rule, path, tmp_path):
    """Filters for warnings by module meet it, and so do people who look for the file."""
    with inject(rule, roots=[tmp_path]), warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        file = OPENED[way](path)
        del file
        line = sys._getframe().f_lineno - 1
    assert [(ResourceWarning, __file__, line)] == [(one.category, one.filename, one.lineno) for one in seen]
    assert str(seen[0].message).startswith("unclosed file <_io.")


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("way", OPENED)
def test_a_warning_that_is_an_error_is_told_once(way, rule, path, tmp_path, monkeypatch):
    """It cannot be raised in a finaliser; the file is closed all the same."""
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda told: seen.append(told.exc_type))
    with inject(rule, roots=[tmp_path]), warnings.catch_warnings():
        warnings.simplefilter("error")
        file = OPENED[way](path)
        number = file.fileno()
        del file
        with pytest.raises(OSError):
            os.fstat(number)
    assert [ResourceWarning] == seen


@pytest.mark.parametrize("rule", RULES)
def test_a_descriptor_that_is_another_s_is_no_reason_to_warn(rule, path, tmp_path):
    """With `closefd=False` nothing was left open by this file."""
    number = os.open(path, os.O_RDWR)
    with inject(rule, roots=[tmp_path]), warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for buffering in (0, -1):
            open(number, "wb", buffering, closefd=False)
    os.close(number)
    assert [] == seen


def test_a_closed_file_is_no_reason_to_warn(path, tmp_path):
    """Nothing is left to tell when its finaliser comes."""
    with (
        inject("file.close -> delay 1ms or never", roots=[tmp_path]),
        warnings.catch_warnings(record=True) as seen,
    ):
        warnings.simplefilter("always")
        open(path, "wb", 0).close()
        open(path, "wb").close()
    assert [] == seen
