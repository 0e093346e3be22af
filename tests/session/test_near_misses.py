"""A rule that never fired names the nearest call, and the rule that would have met it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

import pytest
from skips import marked, posix_fact

from pytest_fsfault import Rule, inject


@pytest.fixture
def tree(tmp_path):
    """A directory of the test, one level below the root, as below pytest's base directory."""
    root = tmp_path / "base"
    (root / "test_put0" / "cache").mkdir(parents=True)
    (root / "test_put0" / "Tool.exe").touch()
    return root


def verdict(root, rule, act, **options):
    """Return what the session says of a rule that never fired."""
    with pytest.raises(AssertionError) as caught, inject(rule, roots=[root], **options):
        act(root / "test_put0")
    return str(caught.value)


def rename(path):
    """Rename a tool into the cache."""
    os.rename(path / "Tool.exe", path / "cache" / "numpy")


CASES = {
    "os.rename to cache/* -> EACCES": "1 call of os.rename, to test_put0/cache/numpy: write `to **/cache/*`",
    "os.rename to cache -> EACCES": "1 call of os.rename, to test_put0/cache/numpy: write `to **/cache/*`",
    "os.rename cache/* -> EACCES": (
        "1 call of os.rename, on test_put0/Tool.exe; test_put0/cache/numpy is its target: write `to **/cache/*`"
    ),
    "os.rename numpy -> EACCES": (
        "1 call of os.rename, on test_put0/Tool.exe; test_put0/cache/numpy is its target: write `to numpy`"
    ),
    "os.rename to Tool.exe -> EACCES": (
        "1 call of os.rename, to test_put0/cache/numpy; test_put0/Tool.exe is its source: write `Tool.exe`"
    ),
    "os.rename test_put0 -> EACCES": "1 call of os.rename, on test_put0/Tool.exe: write `**/test_put0/*`",
    "os.rename Tool.exe to x -> EACCES": "1 call of os.rename, to test_put0/cache/numpy",
    "os.rename tool.* to numpy -> EACCES": "1 call of os.rename, on test_put0/Tool.exe",
    "rename *.EXE -> EACCES": "1 call of os.rename, on test_put0/Tool.exe: write `*.exe`",
    "rename *.{dll,exe} -> EACCES": "1 call of os.rename, on test_put0/Tool.exe: write `*.exe`",
    # Before a glob character a backslash escapes, on Windows too, where no name has one in it.
    r"rename test_put0\*.exe -> EACCES": "1 call of os.rename, on test_put0/Tool.exe: write `test_put0/*.exe`",
    r"rename **\cache\[mn]* -> EACCES": (
        "1 call of os.rename, on test_put0/Tool.exe; test_put0/cache/numpy is its target: write `to **/cache/[mn]*`"
    ),
    r"rename to test_put0\?ache\numpy -> EACCES": (
        "1 call of os.rename, to test_put0/cache/numpy: write `to test_put0/?ache/numpy`"
    ),
}


CASE = posix_fact("names that differ in case alone")


@pytest.mark.parametrize(
    "rule",
    marked(CASES, {"os.rename tool.* to numpy -> EACCES": CASE, "rename *.EXE -> EACCES": CASE}),
)
def test_the_nearest_call_and_the_rule_that_would_match(tree, rule):
    """The side that the rule looks at, its path below the root, and what to write."""
    head = str(Rule.parse(rule)).partition(" -> ")[0]
    assert f"`{head}` never fired: {CASES[rule]}" == verdict(tree, rule, rename)


def test_one_of_several_calls_comes_near(tree):
    """The latest that another rule would have met."""

    def act(path):
        os.stat(path / "cache")
        os.stat(path / "Tool.exe")
        os.stat(path)

    assert (
        "`os.stat ./Tool.exe` never fired: 3 calls of os.stat, one on test_put0/Tool.exe: write `**/Tool.exe`"
        == (verdict(tree, "os.stat ./Tool.exe -> EACCES", act))
    )


@pytest.mark.parametrize(
    ("rule", "calls"),
    [
        ("rename x/*", "4 calls of os.rename, on test_put0/b, test_put0/c, test_put0/d …"),
        (
            "rename to x/*",
            "4 calls of os.rename, to test_put0/cache/b, test_put0/cache/c, test_put0/cache/d …",
        ),
        ("rename x", "4 calls of os.rename, on b, c, d …"),
    ],
)
def test_a_rule_of_directories_shows_them(tree, rule, calls):
    """Where a rule means directories, the calls are shown by their paths below the root, else by their names."""

    def act(path):
        for name in "abcd":
            (path / name).touch()
            os.rename(path / name, path / "cache" / name)

    assert f"`{rule}` never fired: {calls}" == verdict(tree, f"{rule} -> EACCES", act)


def test_a_rule_behind_another_names_it(tree):
    """Both print alike up to the arrow: the whole rule is shown."""

    def act(path):
        for _ in range(3):
            with pytest.raises(PermissionError):
                os.stat(path)

    with (
        pytest.raises(AssertionError) as caught,
        inject("os.stat -> EPERM", "os.stat -> EACCES", roots=[tree]),
    ):
        act(tree)
    assert (
        "`os.stat -> EACCES` never fired: 3 matching calls, but an earlier rule (`os.stat -> EPERM`) handled them"
        == str(caught.value)
    )


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("os.mkdir caf\u00e9", "alike and is spelled otherwise: write `cafe\\u0301`"),
        ("os.mkdir ./caf\u00e9", "alike and is spelled otherwise: write `**/cafe\\u0301`"),
        ("os.mkdir C:/work/cafe*", "1 call of os.mkdir, on test_put0/cafe\u0301: write `**/cafe*`"),
        ("os.mkdir /nowhere/caf?*", "1 call of os.mkdir, on test_put0/cafe\u0301: write `**/caf?*`"),
        ("os.mkdir /nowhere/*", "1 call of os.mkdir, on test_put0/cafe\u0301"),
        (
            "os.mkdir **/test_put0/cafe*/**",
            "1 call of os.mkdir, on test_put0/cafe\u0301: write `**/test_put0/cafe*`",
        ),
    ],
)
def test_a_name_that_is_spelled_otherwise(tree, rule, told):
    """Letters of another form, a path from elsewhere, what is below instead of the directory itself."""
    found = verdict(tree, f"{rule} -> EACCES", lambda path: os.mkdir(path / "cafe\u0301"))
    assert found.endswith(told)


def test_a_call_in_another_mode(tree):
    """Groups have `open` by its mode."""

    def act(path):
        open(path / "Tool.exe").close()

    told = "1 call of open, on test_put0/Tool.exe, in a mode that does not belong to `create`"
    assert f"`create Tool.exe` never fired: {told}" == verdict(tree, "create Tool.exe -> EACCES", act)


def test_a_call_before_the_rule(tree):
    """A rule that is added, or removed, at the wrong moment is told so, and not to be written otherwise."""
    told = "1 call of os.mkdir, on test_put0/x, while the rule was not in force"
    with pytest.raises(AssertionError) as caught, inject(roots=[tree]) as fsfault:
        os.mkdir(tree / "test_put0" / "x")
        fsfault.add("os.mkdir x -> EACCES")
    assert f"`os.mkdir x` never fired: {told}" == str(caught.value)


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("nth 5", "`nth 5` needs at least 5"),
        ("nth 2 per path", "`nth 2 per path` needs at least 2 on one path"),
        ("nth 2 and for 1s", "`nth 2 and for 1s` was never due"),
        ("until 1s", "`until 1s` was never due: the first came at 2 s"),
    ],
)
def test_a_schedule_that_was_never_due(tree, when, told):
    """The number that it needs, if there were fewer; else that its time was over, and when the calls came."""

    def act(path):
        for name in ("Tool.exe", "cache"):
            time.sleep(2)
            os.stat(path / name)

    found = verdict(tree, f"os.stat -> EACCES when {when}", act)
    assert f"`os.stat` never fired: 2 matching calls, but {told}" == found


def test_a_program_outside_the_roots(tree):
    """Most programs lie elsewhere: a rule about their start says where."""
    found = verdict(
        tree,
        "subprocess.Popen python* -> EACCES",
        lambda _: subprocess.run([sys.executable, "-c", ""], check=True),
    )
    assert "subprocess.Popen met only paths outside the roots, such as " in found
    assert found.endswith("; name their directory by roots=, or start a copy that is below one")


def test_a_rule_of_a_million_characters(tree):
    """It is shown in part, and neither compared at length nor compiled, since no path is as long."""
    found = verdict(tree, f"os.mkdir {'*a' * 500_000} -> EACCES", lambda path: os.mkdir(path / "x"))
    assert found.endswith(" …` never fired: 1 call of os.mkdir, on test_put0/x")
    assert 1000 > len(found)


def stub(_path):
    """Do nothing, as a mock does."""


def test_a_function_of_somebody_else(tree):
    """What a mock answers never comes to the file system."""
    original = shutil.rmtree

    def act(path):
        shutil.rmtree = stub
        shutil.rmtree(path)

    try:
        told = verdict(tree, "shutil.rmtree -> EACCES", act)
    finally:
        shutil.rmtree = original
    assert (
        f"`shutil.rmtree` never fired: shutil.rmtree is stub at test_near_misses.py:{stub.__code__.co_firstlineno}, "
        "not Python's own, so that no call of it was seen" == told
    )


@posix_fact("control characters in names")
def test_control_characters_are_escaped(tree):
    """A terminal takes no orders from the name of a file."""

    def act(path):
        (path / "a\x1b[2J\nb").touch()
        os.remove(path / "a\x1b[2J\nb")

    told = verdict(tree, "os.remove x* -> EACCES", act)
    assert "`os.remove x*` never fired: 1 call of os.remove, on test_put0/a\\x1b[2J\\nb" == told


def test_a_fixture_and_py_path(pytester):
    """Rules act during the test's call only, and never on what pytest does by itself."""
    pytester.makepyfile(
        """
import os, pytest
@pytest.fixture
def gone(tmp_path):
    (tmp_path / "a").touch()
    os.remove(tmp_path / "a")
@pytest.mark.fsfault("os.remove a -> EACCES")
def test_fixture(gone): pass
@pytest.mark.fsfault("os.remove a -> EACCES")
def test_py_path(tmpdir):
    tmpdir.join("a").write("")
    tmpdir.join("a").remove()
@pytest.mark.fsfault("os.remove cache/* -> EACCES")
def test_other_failure(tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "a").touch()
    with pytest.raises(PermissionError):
        os.remove(tmp_path / "cache" / "a")
"""
    )
    result = pytester.runpytest_inprocess("-p", "no:asyncio", "-p", "no:randomly", "-p", "legacypath")
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        [
            (
                "`os.remove a` never fired: os.remove was called in a fixture, on test_fixture0/a, at test_a_fixture_and_py_path.py:5; rules act "
                "during the test's call only"
            ),
            (
                "`os.remove a` never fired: os.remove was called by pytest's own py.path, on test_py_path0/a, which is "
                "exempt: use pathlib"
            ),
            (
                "*`os.remove cache/[*]` never fired: 1 call of os.remove, on test_other_failure0/cache/a: write "
                "`[*][*]/cache/[*]`"
            ),
        ]
    )


IN_PAUSE = {
    "os.mkdir": (lambda path: os.mkdir(path / "d"), "os.mkdir was called in `paused()`, on {}d, at {}; no rule acts there"),
    "os.replace": (
        lambda path: os.replace(path / "Tool.exe", path / "b"),
        "os.replace was called in `paused()`, on {}Tool.exe, at {}; no rule acts there",
    ),
    # No event tells of a reading, nor of what children do.
    "os.stat": (lambda path: path.stat(), "no call of os.stat below the roots outside `paused()`"),
    "os.rmdir": (
        lambda path: subprocess.run([sys.executable, "-c", f"import os; os.rmdir({os.fspath(path / 'cache')!r})"], check=True),
        "no call of os.rmdir below the roots outside `paused()`",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", IN_PAUSE)
def test_a_call_while_the_faults_are_paused(tree, name):
    """It is said where the call was, and that no rule acts there; never that there was none."""
    act, told = IN_PAUSE[name]
    with pytest.raises(AssertionError) as caught, inject(f"{name} -> EACCES", roots=[tree]) as fsfault:
        with fsfault.paused(), fsfault.paused():
            act(tree / "test_put0")
        os.access(tree, os.R_OK)
    line = act.__code__.co_firstlineno
    place = f"{os.path.basename(__file__)}:{line}"
    assert (
        f"`{name}` never fired: {told.format('test_put0/', place)}"
        == (str(caught.value).partition(", but 1 call of os.access")[0])
    )


def test_what_counts_is_told_of_a_rule_and_not_what_was_paused(tree):
    """Calls that the rule could meet come first; an inner session hears nothing of the outer one's pause."""
    with inject("os.chmod -> EACCES or never", roots=[tree]) as outer:
        with (
            pytest.raises(AssertionError, match=r"never fired: 1 call of os\.mkdir, on base$"),
            inject("os.mkdir x -> EACCES", roots=[tree.parent]) as fsfault,
        ):
            with fsfault.paused():
                os.mkdir(tree / "a")
            os.rmdir(tree / "a")
            os.rmdir(tree / "test_put0" / "cache")
            with pytest.raises(OSError, match="exists"):
                os.mkdir(tree)
        with (
            pytest.raises(
                AssertionError,
                match=r"never fired: no call of os\.rmdir below the roots, but 1 call of os\.mkdir",
            ),
            inject("os.rmdir -> EACCES", roots=[tree]),
            outer.paused(),
        ):
            os.mkdir(tree / "b")
