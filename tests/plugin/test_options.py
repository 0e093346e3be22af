"""The options and the ini settings."""

from __future__ import annotations

import re

import pytest
from luck import LUCK
from skips import QUOTE

REPLACE = """
import os
def test_it(tmp_path):
    (tmp_path / "new").write_text("new")
    os.replace(tmp_path / "new", tmp_path / "tool")
"""
TWICE = REPLACE + REPLACE.replace("test_it", "test_again").replace("import os", "")
RULE = "os.replace -> EACCES when first 1"


def ini(pytester, **settings):
    """Write an ini file with these settings, without their common prefix."""
    lines = [f"fsfault_{name} = {value}" for name, value in settings.items()]
    pytester.makeini("\n".join(["[pytest]", *lines]))


def header(result):
    """Return what the header says of faults, None if it says nothing."""
    found = [line for line in result.outlines if line.startswith("fsfault: ")]
    return found[0].removeprefix("fsfault: ") if found else None


def faults(told):
    """Return which fault each test met on which path."""
    return [
        (test["id"], [(one["path"], one["fault"]) for one in test["calls"] if one["fault"]])
        for test in told["tests"]
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--fsfault-profile", "flaky"], "--fsfault-profile flaky"),
        (["--fsfault-profile", "observe"], "--fsfault-profile observe"),
        (["--fsfault-rule", RULE], f"--fsfault-rule {QUOTE}{RULE}{QUOTE}"),
        (["--fsfault-rule", RULE, "--fsfault-rule", "delete -> EBUSY"], f"--fsfault-rule {QUOTE}{RULE}{QUOTE} --fsfault-rule {QUOTE}delete -> EBUSY{QUOTE}"),
        (["--fsfault-profile", "wsl1", "--fsfault-rule", RULE], f"--fsfault-profile wsl1 --fsfault-rule {QUOTE}{RULE}{QUOTE}"),
        (["--fsfault-profile", "off", "--fsfault-rule", RULE], f"--fsfault-profile off --fsfault-rule {QUOTE}{RULE}{QUOTE}"),
        (["--fsfault-profile", "flaky", "-o", "fsfault_clock=real"], "--fsfault-profile flaky -o fsfault_clock=real"),
    ],
)  # fmt: skip
def test_header(run, arguments, expected):
    """The header says what puts the run under fault, in words that can be pasted."""
    assert f"{expected} --fsfault-seed 7" == header(run("", *arguments, "--fsfault-seed", "7"))


@pytest.mark.parametrize("arguments", [[], ["--fsfault-seed", "7"], ["--fsfault-profile", "off"]])
def test_no_header(run, arguments):
    """Where no option puts tests under fault, the header is silent."""
    assert header(run(REPLACE, *arguments)) is None


def test_fsfault_uses_the_profile_of_the_ini_file(run, pytester):
    """`--fsfault` alone takes the profile that the ini file names, which alone switches nothing on."""
    ini(pytester, profile="flaky", seed=3)
    assert header(run(REPLACE)) is None
    assert header(run(REPLACE, "--fsfault")) == "--fsfault-profile flaky --fsfault-seed 3"
    assert (
        header(run(REPLACE, "--fsfault", "--fsfault-profile", "wsl1"))
        == "--fsfault-profile wsl1 --fsfault-seed 3"
    )


def test_profile_option_implies_fsfault(told):
    """`--fsfault-profile` needs no `--fsfault`."""
    data, result = told(REPLACE, "--fsfault-profile", "observe")
    result.assert_outcomes(passed=1)
    assert [("observe", True)] == [(test["profile"], len(test["calls"]) > 1) for test in data["tests"]]


def test_rule_option(told):
    """A rule of the command line holds for every test, is counted anew in each, and implies no profile."""
    data, result = told(TWICE, "--fsfault-rule", RULE)
    result.assert_outcomes(failed=2)
    assert [("off", 1), ("off", 1)] == [
        (test["profile"], sum(bool(one["fault"]) for one in test["calls"])) for test in data["tests"]
    ]


def test_ini_rules(told, pytester):
    """So does a rule of the ini file; those of both places add up, the ini file's first."""
    ini(pytester, rules=f"\n  {RULE}\n  delete -> EBUSY")
    data, result = told(TWICE, "--fsfault-rule", "os.replace -> EIO")
    result.assert_outcomes(failed=2)
    assert [RULE, "delete -> EBUSY", "os.replace -> EIO"] == data["run"]["rules"]
    assert ["EACCES", "EACCES"] == [
        next(one["fault"] for one in test["calls"] if one["fault"]) for test in data["tests"]
    ]


def test_rules_of_the_command_line_need_not_fire(run):
    """What the command line or a profile adds is only counted."""
    result = run(REPLACE, "--fsfault-rule", "os.replace *.dll -> EIO")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["never fired:", "  os.replace [*].dll -> EIO, in test_it.py::*"])


@pytest.mark.parametrize(
    ("strict", "outcomes"), [("true", {"failed": 1}), ("false", {"passed": 1}), ("all", {"failed": 1})]
)
def test_ini_strict(run, pytester, strict, outcomes):
    """`fsfault_strict` says whether a test's own rules must fire."""
    ini(pytester, strict=strict)
    source = "import pytest\n@pytest.mark.fsfault('os.remove -> EIO')\ndef test_it(): pass"
    run(source).assert_outcomes(**outcomes)


def test_ini_clock(run, pytester):
    """`fsfault_clock` chooses the clock of tests and of `inject`."""
    ini(pytester, clock="real")
    source = """
        from pytest_fsfault import inject
        def test_fixture(fsfault):
            assert type(fsfault.clock).__name__ == "RealClock"
        def test_inject():
            with inject() as fsfault:
                assert type(fsfault.clock).__name__ == "RealClock"
    """
    run(source).assert_outcomes(passed=2)


def test_ini_roots(run, pytester):
    """`fsfault_roots` are watched instead of the temporary directory, relative to the directory of the ini file."""
    ini(pytester, roots="build")
    source = """
        import os, pathlib, pytest, pytest_fsfault
        @pytest.mark.fsfault("os.mkdir -> EIO")
        def test_it(tmp_path, request):
            os.mkdir(tmp_path / "free")
            with pytest.raises(OSError):
                os.makedirs(request.config.rootpath / "build" / "deep")
            assert not (request.config.rootpath / "build" / "deep").exists()
        def test_inject(request):
            with pytest_fsfault.inject() as fsfault:
                assert fsfault.roots == ((request.config.rootpath / "build").as_posix(),)
    """
    pytester.mkdir("build")
    run(source).assert_outcomes(passed=2)


def test_temporary_directory_is_watched(run):
    """By default pytest's base temporary directory is watched, and nothing else."""
    source = """
        def test_it(fsfault, tmp_path_factory):
            assert fsfault.roots[0] == tmp_path_factory.getbasetemp().as_posix()
    """
    run(source).assert_outcomes(passed=1)


SEEDED = (
    LUCK
    + """
RULE = "os.replace -> WinError 5 when 30%"
@pytest.mark.fsfault(RULE)
def test_run(tmp_path): fate(tmp_path)
@pytest.mark.fsfault(RULE, seed=11)
def test_marker(tmp_path): fate(tmp_path)
@pytest.mark.fsfault(RULE, profile="mine")
def test_profile(tmp_path): fate(tmp_path)
"""
)


@pytest.mark.parametrize(
    ("arguments", "run_seed"),
    [
        ([], 5),
        (["--fsfault-profile", "mine"], 22),
        (["--fsfault-profile", "mine", "--fsfault-seed", "7"], 7),
        (["--fsfault-seed", "-7"], -7),
    ],
)
def test_which_seed(told, pytester, arguments, run_seed):
    """The test's own seed counts first, then the command line's, the run's profile's, the ini file's."""
    ini(pytester, seed=5)
    pytester.makepyprojecttoml("[tool.fsfault.profiles.mine]\nseed = 22")
    data, _ = told(SEEDED, *arguments)
    assert run_seed == data["run"]["seed"]
    assert [f"{run_seed}:test_it.py::test_run", 11, 22] == [test["seed"] for test in data["tests"]]


LONG = """
@pytest.mark.parametrize("n", [1, 2, 3])
def test_with_quite_a_long_name_that_pytest_cuts_off(tmp_path, tmp_path_factory, n):
    fate(tmp_path)
    fate(tmp_path_factory.mktemp("other"))
"""


def test_printed_options_reproduce(told):
    """A test that runs again, alone, with the printed options meets the same faults, whatever ran before it."""
    first, result = told(
        LUCK + LONG, "--fsfault-rule", "os.replace -> EACCES when 30%", "--fsfault-show", "faults"
    )
    options = re.fullmatch(rf"--fsfault-rule {QUOTE}(.*){QUOTE} --fsfault-seed (\d+)", header(result))
    again = ["--fsfault-rule", options[1], "--fsfault-seed", options[2]]
    name = "test_it.py::test_with_quite_a_long_name_that_pytest_cuts_off[3]"
    alone, _ = told("", *again, name)
    assert [[call["path"].partition("/")[2] for call in first["tests"][2]["calls"] if call["fault"]]] == [
        [call["path"].partition("/")[2] for call in test["calls"] if call["fault"]] for test in alone["tests"]
    ]
    other, _ = told("", "--fsfault-rule", options[1], "--fsfault-seed", "1", name)
    assert faults(alone) != faults(other)


def test_each_run_has_a_new_seed(told):
    """The seed is new in each run, and the same for all of its tests."""
    seeds = {told(SEEDED)[0]["run"]["seed"] for _ in range(3)}
    assert 3 == len(seeds)


def test_last_seed(told):
    """`--fsfault-seed last` is the seed of the last run that had tests under fault."""
    first, _ = told(SEEDED)
    told("def test_it(): pass", "--fsfault-seed", "9")
    last, _ = told(SEEDED, "--fsfault-seed", "last")
    assert (first["run"]["seed"], faults(first)) == (last["run"]["seed"], faults(last))


def test_list(run, pytester):
    """`--fsfault-list` prints all that a rule may speak of, and the profiles, and runs no test."""
    pytester.makepyprojecttoml("[tool.fsfault.profiles.mine]\nextends = 'flaky'")
    result = run("def test_it(): 1 / 0", "--fsfault-list")
    assert 0 == result.ret
    result.stdout.fnmatch_lines(
        [
            "rule: OPERATIONS [[]PATH[]] [[]to PATH[]] -> FAULT [[]when SCHEDULE[]] [[]or never[]]",
            "operations:",
            "  os.rename, os.replace, os.remove, *",
            "composites, in no group; *",
            "  shutil.copyfile, *",
            "other names: os.unlink = os.remove, *",
            "groups *",
            "  rename: os.rename, os.replace",
            "  delete: os.remove, os.rmdir",
            "faults:",
            "  short 512 then ENOSPC *",
            "schedules, counted over matching calls:",
            "  every K *",
            "Windows errors (* transient):",
            " [*]    5  ERROR_ACCESS_DENIED * EACCES * Access is denied",
            "profiles:",
            "  corporate *",
            "  flaky *",
            "  mine                 a profile of tool.fsfault.profiles",
            "  observe              Record every operation, refuse none.",
            "  off *",
            "  windows-server-2019  *",
            "  windows-server-2022  *",
            "  windows-server-2025  *",
            "  wsl1 *",
            "versions of Windows: 7, server-2019, 10, server-2022, 11, server-2025",
            "  defender *hold *share *on *delay *",
        ]
    )
    assert "test_it" not in result.stdout.str()


def test_without_the_plugin(run):
    """`-p no:fsfault` removes the options, the marker and the fixture."""
    source = "def test_it(fsfault): pass"
    run(source, "-p", "no:fsfault").stdout.fnmatch_lines(["*fixture 'fsfault' not found"])
    assert 4 == run(source, "-p", "no:fsfault", "--fsfault").ret
    assert "@pytest.mark.fsfault(" not in run("", "-p", "no:fsfault", "--markers").stdout.str()
    assert "@pytest.mark.fsfault(*rules, profile=None, " in run("", "--markers").stdout.str()
