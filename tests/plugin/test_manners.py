"""The plugin keeps to itself: other people's luck, debuggers and parameters work as before."""

from __future__ import annotations

import pytest


def test_the_users_luck_is_left_alone(run, pytester):
    """Loading the plugin draws nothing from the global generator, and each run has a seed of its own."""
    pytester.makeconftest("import random\nrandom.seed(0)")
    source = "import random\ndef test_it(): print('\\nDRAWN', random.random())"
    drawn = [
        [line for line in run(source, "-s", "-p", "no:randomly", *extra).outlines if "DRAWN" in line]
        for extra in ([], ["-p", "no:fsfault"])
    ]
    assert drawn[0] == drawn[1] != []
    headers = {
        run(source, "-p", "no:randomly", "--fsfault-profile", "observe")
        .stdout.str()
        .partition("seed ")[2][:9]
        for _ in range(2)
    }
    assert 2 == len(headers)


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ("'os.mkdir -> EACCES'", "profile='off'", "off"),
        ("profile='flaky'", "profile='off'", "off"),
        ("seed=1, profile='observe'", "seed=9", "observe 9"),
    ],
)
def test_a_parameter_stands_within_its_function(run, outer, inner, expected):
    """A mark of one set of parameters is the innermost."""
    source = f"""
import os
import pytest

@pytest.mark.fsfault({outer})
@pytest.mark.parametrize("n", [pytest.param(1, marks=pytest.mark.fsfault({inner}))])
def test_it(tmp_path, n, fsfault):
    os.mkdir(tmp_path / "x")
    assert {expected!r} in ("off", f"{{fsfault.profile}} {{fsfault.seed}}")
"""
    run(source).assert_outcomes(passed=1)


def test_what_a_test_adds_comes_before_what_the_run_adds(run):
    """A rule of the command line yields to the test's own, also to one that is added later."""
    source = """
import os
import pytest

def test_it(tmp_path, fsfault):
    with fsfault.add("os.mkdir -> EPERM when once"), pytest.raises(PermissionError) as caught:
        os.mkdir(tmp_path / "x")
    assert caught.value.errno == 1
    with pytest.raises(PermissionError):
        os.mkdir(tmp_path / "x")
"""
    run(source, "--fsfault-rule", "os.mkdir -> EACCES").assert_outcomes(passed=1)


def test_a_debugger_stops_in_the_users_line(pytester):
    """Post mortem, `--pdb` shows the line that made the call, not our own."""
    pytester.makepyfile(
        """
        import os
        import pytest

        @pytest.mark.fsfault("os.mkdir -> EACCES")
        def test_it(tmp_path):
            mine = "here"
            os.mkdir(tmp_path / "x")
        """
    )
    child = pytester.run(
        *pytester._getpytestargs(),
        "--pdb",
        "-p",
        "no:randomly",
        "-p",
        "no:cacheprovider",
        stdin=b"p mine\nq\n",
    )
    assert "'here'" in child.stdout.str()


def test_the_line_that_reproduces_names_the_configuration(run, pytester):
    """A run with a configuration file of its own is reproduced with it."""
    pytester.makefile(".ini", other="[pytest]\nfsfault_rules = os.mkdir -> EACCES")
    result = run("import os\ndef test_it(tmp_path): os.mkdir(tmp_path / 'x')", "-c", "other.ini")
    result.stdout.fnmatch_lines(["to reproduce: pytest *::test_it -c other.ini --fsfault-seed *"])
