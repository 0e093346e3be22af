"""The model under pytest: options, profiles, the marker, and calls that were bound early."""

from __future__ import annotations

import os

import pytest
from skips import left_to_windows

from pytest_fsfault import inject

OPEN = """
import os
def test_it(tmp_path):
    (tmp_path / "log").touch()
    with open(tmp_path / "log"):
        os.remove(tmp_path / "log")
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--fsfault"],
        ["--fsfault-profile", "windows"],
        ["--fsfault-profile", "windows-10"],
        ["--fsfault-profile", "windows-server-2019"],
        ["--fsfault-profile", "corporate"],
    ],
)
@left_to_windows("it refuses what has an open file by itself")
def test_an_open_file_cannot_be_deleted(run, arguments):
    """Nothing is declared: a test that deletes a file which it still has open fails."""
    result = run(OPEN, *arguments)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E * PermissionError: [[]WinError 32[]] *", "*log: open in this process (*"])


@left_to_windows("it refuses what has an open file by itself")
def test_the_marker(run):
    """`windows=` is a keyword of its own; the innermost counts."""
    source = "import pytest\n" + OPEN.replace(
        "def test_it", "@pytest.mark.fsfault(windows='10')\ndef test_it"
    )
    run(source).assert_outcomes(failed=1)
    module = "import pytest\npytestmark = pytest.mark.fsfault(windows='11')\n" + OPEN
    run(module).assert_outcomes(failed=1)
    run(module.replace("def test_it", "@pytest.mark.fsfault(profile='off')\ndef test_it")).assert_outcomes(
        passed=1
    )


def test_a_profile_of_ones_own(run, pytester):
    """It may name a version and scanners, and inherits them."""
    pytester.makepyprojecttoml(
        '[tool.fsfault.profiles.ours]\nextends = "base"\n'
        '[tool.fsfault.profiles.base]\nwindows = "10"\nscanners = ["trellix"]'
    )
    source = """
import os, pytest
def test_it(tmp_path, fsfault):
    assert fsfault.windows().version == "10"
    (tmp_path / "a.exe").write_text("x")
    with pytest.raises(PermissionError):
        os.remove(tmp_path / "a.exe")
"""
    run(source, "--fsfault-profile", "ours").assert_outcomes(passed=1)


def test_what_a_profile_declares_need_not_happen(run):
    """A scanner of a profile that met nobody is no failure."""
    run(
        "def test_it(tmp_path): (tmp_path / 'a.exe').touch()", "--fsfault-profile", "defender"
    ).assert_outcomes(passed=1)


@left_to_windows("it refuses what has an open file by itself")
def test_the_model_is_asked_after_the_rules(run):
    """A rule that is due comes first; a call that the model then refuses has been counted all the same."""
    source = """
import os, pytest
@pytest.mark.fsfault("os.remove *.TXT -> ERROR_LOCK_VIOLATION when first 2 and every 2", windows="11")
def test_it(tmp_path, fsfault):
    (tmp_path / "a.txt").touch()
    found = []
    for opened in ("a.txt", "a.txt", "b.txt"):
        with open(tmp_path / opened, "a"):
            try:
                os.remove(tmp_path / "A.TXT")
            except PermissionError as error:
                found.append(error.winerror)
    assert found == [32, 33]
    fsfault.assert_retried("os.remove", attempts=3)
    assert [entry.fault for entry in fsfault.journal] == ["ERROR_SHARING_VIOLATION", "ERROR_LOCK_VIOLATION", None]
    assert {entry.path for entry in fsfault.journal} == {str(tmp_path / "a.txt")}
"""
    run(source).assert_outcomes(passed=1)


REMOVE = (os.remove,)


def test_a_call_that_was_bound_early(tmp_path):
    """It is judged like any other; its success is noticed afterwards."""
    with inject(windows="11", roots=[tmp_path], strict=False) as fsfault:
        path = tmp_path / "a.exe"
        path.touch()
        hold = fsfault.windows().run(path)
        with pytest.raises(PermissionError) as caught:
            REMOVE[0](path)
        assert 5 == caught.value.winerror
        hold.close()
        REMOVE[0](path)
        path.touch()
        os.remove(path)


@left_to_windows("it refuses what has an open file by itself")
def test_only_below_the_roots(tmp_path):
    """Elsewhere everything is as it was."""
    (tmp_path / "inside").mkdir()
    with inject(windows="11", roots=[tmp_path / "inside"]):
        with open(tmp_path / "file", "w"):
            os.remove(tmp_path / "file")
        os.symlink("a", tmp_path / "link")
        (tmp_path / "a?b").touch()
    assert {"a?b", "inside", "link"} == set(os.listdir(tmp_path))


def test_nested_sessions(tmp_path):
    """The innermost model answers; a session without one leaves it to those around it."""
    with inject(windows="11", roots=[tmp_path]), inject("os.mkdir -> EACCES or never", roots=[tmp_path]):
        with open(tmp_path / "file", "w"), pytest.raises(PermissionError):
            os.remove(tmp_path / "file")


def test_nested_models_are_all_asked(tmp_path):
    """What the inner model allows, the outer one may refuse, also on the fast path."""
    (tmp_path / "a").touch()
    with (
        inject(windows="11", roots=[tmp_path]) as outer,
        inject(windows="11", roots=[tmp_path]),
        outer.windows().hold(tmp_path / "a"),
        pytest.raises(PermissionError) as caught,
    ):
        os.remove(tmp_path / "a")
    assert 32 == caught.value.winerror
