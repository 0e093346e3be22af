"""Profiles: those that are built in, a project's own, and those of other plugins."""

from __future__ import annotations

import pytest
from luck import LUCK
from skips import WINDOWS

from pytest_fsfault._core.language.rules import Rule
from pytest_fsfault._session.profiles import built_in, resolve

SHOW = r"""
def test_it(fsfault, request, tmp_path):
    print("\nPROFILE", fsfault.profile, type(fsfault.clock).__name__, fsfault.seed)
    for armed in fsfault._session.around:
        print("RULE", armed.rule)
"""


def shown(result):
    """Return the lines that the test printed."""
    return [line for line in result.outlines if line.startswith(("PROFILE", "RULE"))]


def test_built_in():
    """Their rules need not fire, and none hides an endless error; five are kinds of Windows."""
    expected = [
        "corporate",
        "defender",
        "flaky",
        "observe",
        "off",
        "windows",
        "windows-10",
        "windows-server-2019",
        "windows-server-2022",
        "windows-server-2025",
        "wsl1",
    ]
    assert expected == sorted(built_in())
    rules = [rule for profile in built_in().values() for rule in profile.rules]
    assert rules == [
        rule for rule in rules if rule.optional and "first" in str(rule.when) and "per path" in str(rule.when)
    ]
    assert rules == [Rule.parse(str(rule)) for rule in rules]


@pytest.mark.parametrize(
    ("profile", "expected"), [("flaky", True), ("wsl1", True), ("observe", False), ("off", False)]
)
def test_what_they_do(run, profile, expected):
    """`flaky` and `wsl1` hurt now and then, the same with the same seed; `observe` and `off` never do."""
    source = (
        LUCK
        + """
def test_it(tmp_path):
    fate(tmp_path)
"""
    )
    hurt = run(source, "--fsfault-profile", profile, "--fsfault-seed", "1").stdout.str().count(" fault")
    result = run(source, "--fsfault-profile", profile, "--fsfault-seed", "1")
    result.assert_outcomes(**({"passed": 1} if expected else {"failed": 1}))
    assert hurt == result.stdout.str().count(" fault")


PYPROJECT = """
[tool.fsfault.profiles.ours]
extends = "base"
rules = ["os.remove -> EBUSY or never"]
seed = 4
[tool.fsfault.profiles.base]
extends = "wsl1"
rules = ["os.replace -> EIO or never"]
clock = "real"
seed = 3
"""


def test_own_profile(run, pytester):
    """A project's profile extends others, in whatever order they stand: rules add up, its own keys win."""
    pytester.makepyprojecttoml(PYPROJECT)
    lines = shown(run(SHOW, "-s", "--fsfault-profile", "ours"))
    assert [f"RULE {rule}" for rule in built_in()["wsl1"].rules] == lines[1:4]
    assert ["RULE os.replace -> EIO or never", "RULE os.remove -> EBUSY or never"] == lines[4:]
    assert "PROFILE ours RealClock 4:test_it.py::test_it" == lines[0]


def test_extended_observe_observes():
    """What extends `observe` observes."""
    found = resolve({"mine": {"extends": "observe"}}, "here", built_in())
    assert found["mine"].observe


@pytest.mark.parametrize("place", ["marker", "fixture", "inject", "ini"])
def test_own_profile_everywhere(run, pytester, place):
    """A project's profile has its name in markers, the fixture's parameter, `inject` and the ini file too."""
    pytester.makepyprojecttoml(PYPROJECT)
    heads = {
        "marker": "import pytest\n@pytest.mark.fsfault(profile='ours')",
        "fixture": "import pytest\n@pytest.mark.parametrize('fsfault', ['ours'], indirect=True)",
    }
    source = heads.get(place, "") + SHOW
    if place == "inject":
        source = "import pytest_fsfault\n" + SHOW.replace("(fsfault, ", "(").replace(
            "    print", "    with pytest_fsfault.inject(profile='ours') as fsfault: pass\n    print", 1
        )
    arguments = ["--fsfault", "-o", "fsfault_profile=ours"] if place == "ini" else []
    lines = shown(run(source, "-s", *arguments))
    assert ("PROFILE ours RealClock 4", "RULE os.remove -> EBUSY or never") == (
        lines[0].partition(":")[0],
        lines[-1],
    )


def test_profiles_of_a_plugin(run, pytester):
    """The hook `pytest_fsfault_profiles` adds profiles, which later plugins and the project may extend."""
    pytester.makepyprojecttoml(
        "[tool.fsfault.profiles.third]\nextends = 'second'\nrules = ['os.replace -> ESTALE']"
    )
    pytester.makepyfile(
        early="def pytest_fsfault_profiles(config): return {'first': {'rules': ('os.rename -> EIO',)}}",
        conftest="def pytest_fsfault_profiles(): return {'second': {'extends': 'first', 'rules': ['delete -> EIO']}}",
    )
    pytester.syspathinsert()
    lines = shown(run(SHOW, "-s", "-p", "early", "--fsfault-profile", "third"))
    assert ["RULE os.rename -> EIO", "RULE delete -> EIO", "RULE os.replace -> ESTALE"] == lines[1:]


def test_a_profiles_rules_come_last(run):
    """A test's own rule is asked before those of the command line, and these before the profile's."""
    source = """
        import os, pytest
        @pytest.mark.fsfault("os.replace a -> EIO", profile="wsl1")
        def test_it(fsfault, tmp_path):
            for name in "ab":
                with pytest.raises(OSError):
                    os.replace(tmp_path / name, tmp_path / "c")
            assert ["EIO", "EBUSY"] == [entry.fault for entry in fsfault.journal]
    """
    run(source, "--fsfault-rule", "os.replace -> EBUSY").assert_outcomes(passed=1)


EMULATED = """
import sys
import pytest

pytest.importorskip("mytool")
from mytool import WINDOWS

def test_it(fsfault, tmp_path):
    windows = fsfault.windows()
    print("\\nPROFILE", windows.version, WINDOWS, sys.platform == "win32")
    print("RULE", [scanner.name for scanner in windows._model.reactions.scanners])
    (tmp_path / "a").symlink_to("b")
"""
TABLES = """
[tool.fsfault.profiles.mine]
extends = "ours"
windows = {developer_mode = true}
scanners = [{hold = "1s..2s", on = "*.exe"}]
pretend = ["mytool"]
[tool.fsfault.profiles.ours]
windows = {version = "10", long_paths = false}
scanners = ["defender"]
"""
INI = [
    "-o", "fsfault_windows={version = '10', developer_mode = true}",
    "-o", "fsfault_scanners=defender\n{hold = '1s..2s', on = '*.exe'}",
    "-o", "fsfault_pretend=mytool",
]  # fmt: skip


@pytest.mark.parametrize("place", ["profile", "ini"])
def test_windows_and_scanners_as_tables(run, pytester, place):
    """Options of the model merge, scanners add up, and modules see Windows from collection on; the ini file says the same."""
    pytester.makepyfile(mytool="import sys\nWINDOWS = sys.platform == 'win32'")
    pytester.syspathinsert()
    if place == "profile":
        pytester.makepyprojecttoml(TABLES)
    arguments = ["--fsfault-profile", "mine"] if place == "profile" else INI
    result = run(EMULATED, "-s", *arguments)
    result.assert_outcomes(passed=1)
    assert [f"PROFILE 10 True {WINDOWS}", "RULE ['defender', 'scanner']"] == shown(result)


WAITING = """
import pytest

pytest.importorskip("mytool")
from mytool import WINDOWS

def test_it(fsfault):
    print("\\nPROFILE", fsfault.profile, WINDOWS)
"""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], f"PROFILE off {WINDOWS}"),
        (["--fsfault-profile", "flaky"], f"PROFILE flaky {WINDOWS}"),
        (["--fsfault"], "PROFILE windows True"),
    ],
)
def test_what_pretends_waits_for_windows(run, pytester, arguments, expected):
    """`pretend` of the ini file holds in runs that emulate Windows, and is no mistake in others."""
    pytester.makepyfile(mytool="import sys\nWINDOWS = sys.platform == 'win32'")
    pytester.syspathinsert()
    result = run(WAITING, "-s", "-o", "fsfault_pretend=mytool", *arguments)
    assert [expected] == shown(result)


BROKEN = {
    "fsfault_windows={version = }": "fsfault_windows: '{version = }' is not a TOML inline table: *",
    "fsfault_windows=12": "ini file: windows='12' is *",
    "fsfault_scanners=defendr": "ini file: scanners: *'defendr'*; did you mean 'defender'?",
    "fsfault_pretend=my tool": "ini file: pretend: pretend('my tool') matches no name of a module; name the modules *",
}


@pytest.mark.parametrize("setting", BROKEN)
def test_a_mistake_in_the_ini_file(run, setting):
    """It is one line, and ends the run."""
    result = run("def test_it(): pass", "-o", setting)
    result.stderr.fnmatch_lines([f"ERROR: {BROKEN[setting]}"])
