"""The marker: what it takes, how markers add up, and what exempts a test."""

from __future__ import annotations

import pytest

REPLACE = """
import os, pytest, time
def replace(directory, attempts=1):
    (directory / "new").write_text("new")
    for attempt in range(attempts):
        try:
            return os.replace(directory / "new", directory / "tool")
        except OSError:
            if attempt == attempts - 1:
                raise
            time.sleep(60)
"""


def test_marker_alone(run):
    """A marker is enough: neither option nor fixture are needed."""
    source = """
        @pytest.mark.fsfault("os.replace -> ERROR_ACCESS_DENIED when first 3")
        def test_green(tmp_path):
            replace(tmp_path, attempts=4)
        @pytest.mark.fsfault("os.replace -> ERROR_ACCESS_DENIED when first 3")
        def test_red(tmp_path):
            replace(tmp_path, attempts=3)
    """
    result = run(REPLACE + _dedent(source))
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["E * PermissionError: [[]WinError 5[]] Access is denied: *new' -> *tool'"])


def _dedent(source):
    return source.replace("\n        ", "\n")


LEVELS = """
import os, pytest
pytestmark = pytest.mark.fsfault("os.replace a -> EIO or never", "os.replace -> EBUSY or never", seed=1, clock="real")
@pytest.mark.fsfault("os.replace b -> EROFS or never", seed=2)
class TestIt:
    @pytest.mark.fsfault("os.replace -> EPERM or never", seed=3)
    @pytest.mark.fsfault("os.replace -> EACCES or never", strict=False)
    def test_it(self, fsfault, tmp_path):
        for name in ("a", "b"):
            with pytest.raises(OSError):
                os.replace(tmp_path / name, tmp_path / "c")
        assert [entry.fault for entry in fsfault.journal] == ["EIO", "EBUSY"]
        assert fsfault.seed == 3
        assert type(fsfault.clock).__name__ == "RealClock"
"""


def test_markers_add_up(told):
    """Rules of all markers hold, the module's first; of a keyword the innermost counts."""
    data, result = told(LEVELS)
    result.assert_outcomes(passed=1)
    rules = [
        "os.replace a -> EIO",
        "os.replace -> EBUSY",
        "os.replace b -> EROFS",
        "os.replace -> EPERM",
        "os.replace -> EACCES",
    ]
    assert [f"{rule} or never" for rule in rules] == [one["rule"] for one in data["tests"][0]["rules"]]


OFF = """
import pytest
@pytest.mark.fsfault(profile="off")
def test_exempt(tmp_path):
    tmp_path.rename(tmp_path.with_name("other"))
def test_not(tmp_path):
    tmp_path.rename(tmp_path.with_name("more"))
@pytest.mark.fsfault(profile="off")
class TestClass:
    def test_exempt_too(self, tmp_path):
        tmp_path.rename(tmp_path.with_name("class"))
    @pytest.mark.fsfault("os.rename -> EIO")
    def test_own_rule(self, tmp_path):
        with pytest.raises(OSError):
            tmp_path.rename(tmp_path.with_name("own"))
@pytest.mark.fsfault("os.rename -> EIO")
class TestRule:
    @pytest.mark.fsfault(profile="off")
    def test_inner(self, tmp_path):
        tmp_path.rename(tmp_path.with_name("inner"))
"""


def test_off(told):
    """The profile `off` takes away what is around it: options, ini settings, outer markers; not what is within."""
    data, result = told(OFF, "--fsfault-rule", "os.rename -> EBUSY", "-v")
    result.assert_outcomes(passed=4, failed=1)
    assert [("test_it.py::test_not", "EBUSY"), ("test_it.py::TestClass::test_own_rule", "EIO")] == [
        (test["id"], next(one["fault"] for one in test["calls"] if one["fault"])) for test in data["tests"]
    ]


def test_off_for_a_module(run):
    """A whole module can be exempt."""
    run("import pytest\npytestmark = pytest.mark.fsfault(profile='off')\n" + OFF.partition("@")[0] +
        "def test_it(tmp_path): tmp_path.rename(tmp_path.with_name('b'))",
        "--fsfault-rule", "any -> EIO").assert_outcomes(passed=1)  # fmt: skip


def test_a_markers_profile_replaces_the_runs(told):
    """A test that names a profile has that one's rules, and those of the command line."""
    source = "import pytest\n@pytest.mark.fsfault(profile='wsl1')\ndef test_it(): pass"
    data, _ = told(source, "--fsfault-profile", "flaky", "--fsfault-rule", "delete -> EIO")
    (test,) = data["tests"]
    assert "wsl1" == test["profile"]
    assert ["delete -> EIO", "rename -> EACCES when 30% and first 3 per path or never"] == [
        one["rule"] for one in test["rules"][:2]
    ]


STRICT = """
import os, pytest
@pytest.mark.fsfault("os.remove -> EIO", {keywords})
def test_it(tmp_path):
    open(tmp_path / "a", "w").close()
    os.rename(tmp_path / "a", tmp_path / "b")
"""


@pytest.mark.parametrize(
    ("keywords", "outcomes"),
    [("", {"failed": 1}), ("strict=True", {"failed": 1}), ("strict='all'", {"failed": 1}), ("strict=False", {"passed": 1})],
)  # fmt: skip
def test_strict(run, keywords, outcomes):
    """A rule that never fired fails the call, unless the marker says otherwise."""
    run(STRICT.format(keywords=keywords)).assert_outcomes(**outcomes)


def test_a_rule_that_never_fired(run):
    """The verdict is an F, one sentence without traceback, and names what did happen instead."""
    result = run(STRICT.format(keywords=""))
    result.stdout.fnmatch_lines(
        [
            "test_it.py F *",
            "*_ test_it _*",
            "`os.remove` never fired: no call of os.remove below the roots, but *",
            "FAILED test_it.py::test_it - Failed: `os.remove` never fired: *",
        ]
    )
    assert "Traceback" not in result.stdout.str()


ALL = """
import os, pytest
@pytest.mark.fsfault(strict="all")
def test_it(tmp_path):
    global kept
    kept = open(tmp_path / "log", "w")
    assert %s
"""


def test_strict_all(run):
    """`strict="all"` fails a test that leaves a file open as well; a test that fails anyway says why it does."""
    result = run(ALL % "True" + "def test_after(): kept.close()")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*/test_it0/log was left open"])
    assert "was left open" not in run(ALL % "False" + "def test_after(): kept.close()").stdout.str()


@pytest.mark.parametrize(
    ("clock", "now"), [("virtual", "fsfault.clock.now >= 3600"), ("real", "fsfault.clock.now < 60")]
)
def test_clock(run, clock, now):
    """`clock` chooses between virtual and real time."""
    source = f"""
        import pytest, time
        @pytest.mark.fsfault(clock={clock!r})
        def test_it(fsfault):
            before = time.monotonic()
            time.sleep(3600 if {clock == "virtual"} else 0.05)
            assert time.monotonic() - before >= 0.03  # Windows counts in steps of 16 ms
            assert {now}
    """
    run(source).assert_outcomes(passed=1)


def test_roots(run, pytester):
    """`roots` are watched instead of the temporary directory."""
    source = f"""
        import os, pathlib, pytest
        HERE = {str(pytester.path)!r}
        @pytest.mark.fsfault("os.mkdir -> EIO", roots=[pathlib.Path(HERE, "build")])
        def test_it(tmp_path):
            os.mkdir(tmp_path / "free")
            os.mkdir(os.path.join(HERE, "free"))
            with pytest.raises(OSError):
                os.mkdir(os.path.join(HERE, "build"))
    """
    run(source).assert_outcomes(passed=1)


OUTCOMES = """
import os, pytest
RULE = "os.replace -> EACCES"
@pytest.mark.fsfault(RULE)
def test_raises(tmp_path):
    with pytest.raises(PermissionError, match="Permission denied"):
        os.replace(tmp_path / "a", tmp_path / "b")
@pytest.mark.fsfault(RULE)
@pytest.mark.xfail(raises=PermissionError, strict=True)
def test_xfail(tmp_path):
    os.replace(tmp_path / "a", tmp_path / "b")
@pytest.mark.fsfault(RULE)
@pytest.mark.xfail(raises=PermissionError)
def test_verdict_is_no_expected_error(tmp_path):
    pass
@pytest.mark.fsfault(RULE)
@pytest.mark.xfail
def test_verdict_may_be_expected(tmp_path):
    pass
@pytest.mark.fsfault(RULE)
@pytest.mark.skip
def test_skipped(tmp_path):
    pass
@pytest.mark.fsfault(RULE)
def test_skips(tmp_path):
    pytest.skip("not here")
@pytest.mark.fsfault("os.replace -> crash")
def test_crash(tmp_path):
    os.replace(tmp_path / "a", tmp_path / "b")
@pytest.mark.fsfault("os.replace -> crash")
def test_crash_swallowed(tmp_path):
    try:
        os.replace(tmp_path / "a", tmp_path / "b")
    except BaseException:
        pass
"""


def test_outcomes(run):
    """Expected failures, skips and crashes are what they are without faults; a crash fails, even swallowed."""
    result = run(OUTCOMES, "-v")
    result.stdout.fnmatch_lines(
        [
            "*::test_raises PASSED*",
            "*::test_xfail XFAIL*",
            "*::test_verdict_is_no_expected_error FAILED*",
            "*::test_verdict_may_be_expected XFAIL*",
            "*::test_skipped SKIPPED*",
            "*::test_skips SKIPPED*",
            "*::test_crash FAILED*",
            "*::test_crash_swallowed FAILED*",
            "E * pytest_fsfault.SimulatedCrash: os.replace *[/:]*/test_crash0/a, at *test_it.py:*",
            "SimulatedCrash: os.replace *[/:]*/test_crash_swallowed0/a, at *test_it.py:*",
        ]
    )


def test_rules_are_no_keyword(run):
    """What to write instead is said."""
    result = run("import pytest\n@pytest.mark.fsfault(rules=['os.remove -> EIO'])\ndef test_it(): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["the fsfault marker has no keyword 'rules'; write each rule as an argument of its own"]
    )


def test_a_rule_that_never_fired_is_located_in_its_test(run):
    """With one line for each failure, it is that of the test."""
    source = """
        import pytest

        @pytest.mark.fsfault("os.remove -> EIO")
        def test_it(tmp_path):
            pass
    """
    run(source, "--tb=line").stdout.fnmatch_lines(["*test_it.py:3: *`os.remove` never fired: *"])


def test_a_wider_scope(run):
    """The message of pytest says what is refused; ours says what to use."""
    source = """
        import pytest

        @pytest.fixture(scope="module")
        def wide(fsfault):
            pass

        def test_it(wide):
            pass
    """
    result = run(source)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*ScopeMismatch*", "*a module- or session-scoped fixture uses `with pytest_fsfault.inject(*"]
    )
