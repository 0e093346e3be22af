"""Paths that are texts of a class of their own, as those of the `path` library are."""

import os
import subprocess
import sys

import pytest

from pytest_fsfault import inject


class Path(str):
    """A path; what it says of itself is not what it is."""

    __slots__ = ()

    def __str__(self):
        """Return another text."""
        return "elsewhere"


def calls(root):
    """Make calls that no rule concerns."""
    path, other = Path(root / "file"), Path(root / "other")
    with open(path, "w"):
        pass
    os.stat(path)
    os.replace(path, other)
    os.rename(other, path)
    os.listdir(Path(root))
    os.remove(path)


IN_A_CHILD = """
import os, sys
class Path(str): pass
os.stat(Path(sys.argv[1]))
os.replace(Path(sys.argv[1]), Path(sys.argv[1] + "x"))
"""
SESSIONS = [{}, {"profile": "observe"}, {"profile": "windows"}]


@pytest.mark.parametrize("keywords", SESSIONS, ids=str)
def test_they_are_counted_as_others(keywords, tmp_path):
    """Calls on them happen, and are counted by the paths that they are."""
    rules = () if keywords else ("os.rmdir -> EACCES or never",)
    with inject(*rules, roots=[tmp_path], **keywords) as fsfault:
        calls(tmp_path)
    if keywords == {"profile": "observe"}:
        assert {str(tmp_path), str(tmp_path / "file"), str(tmp_path / "other")} == {
            os.path.normpath(os.path.join(tmp_path, entry.path)) for entry in fsfault.journal
        }
    assert [] == list(tmp_path.iterdir())


def test_a_rule_that_never_fired_names_what_was_called_instead(tmp_path):
    """The path stands there as it is."""
    with pytest.raises(AssertionError, match=r"os\.stat.*sample") as raised:
        with inject("os.replace -> EACCES", roots=[tmp_path]):
            (tmp_path / "sample").touch()
            os.stat(Path(tmp_path / "sample"))
    assert "elsewhere" not in str(raised.value)


def test_they_reach_the_parent_of_a_child(tmp_path):
    """Nothing of their class goes through the connection."""
    (tmp_path / "file").touch()
    with inject("os.rmdir -> EACCES or never", roots=[tmp_path]):
        line = [sys.executable, "-c", IN_A_CHILD, tmp_path / "file"]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)
    assert (tmp_path / "filex").exists()
