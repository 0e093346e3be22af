"""What people get wrong when they begin: each mistake gets a sentence that says what to write instead."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from skips import QUOTE, marked, posix_fact

ERRORS = "write a Windows name such as 'ERROR_SHARING_VIOLATION', a number as in 'WinError 32', or an errno name of this system such as 'EACCES'"
NUMBERS = "write 'WinError' and a number from 1 to 65535, such as 'WinError 32'"
SCHEDULES = "'always', 'once', 'first 3', 'nth 4', 'from 2', '2..5', 'every 3', '10%', 'for 2s' or 'until 1m'"
#: Rules, and what is wrong with them; None for those that are fine.
RULES = {
    "os.renam *.exe -> EACCES": "unknown operation 'os.renam' (column 1); did you mean 'os.rename'?",
    "Path.rename *.exe -> EACCES": "unknown operation 'Path.rename' (column 1); did you mean 'os.rename'?",
    "pathlib.Path.unlink -> EIO": "unknown operation 'pathlib.Path.unlink' (column 1); did you mean 'os.remove'?",
    "OS.RENAME -> EIO": "unknown operation 'OS.RENAME' (column 1); did you mean 'os.rename'?",
    "os.rename *.exe => EACCES": "the arrow is written '->', not '=>' (column 17)",
    "os.rename *.exe > EACCES": "the arrow is written '->', not '>' (column 17)",
    "os.rename *.exe \u2192 EACCES": "the arrow is written '->', not '\u2192' (column 17)",
    "os.rename *.exe EACCES": "there is no arrow; write '->' before 'EACCES' (column 17)",
    "os.rename: EACCES": "the arrow is written '->', not ':' (column 10)",
    "os.rename -> EACESS": f"'EACESS' is not a valid error name (column 14): {ERRORS}; did you mean 'EACCES'?",
    "os.rename -> 5": f"'5' is not a valid error name (column 14): {NUMBERS}; did you mean 'WinError 5'?",
    "os.rename -> ACCESS_DENIED": (
        f"'ACCESS_DENIED' is not a valid error name (column 14): {ERRORS}; did you mean 'ERROR_ACCESS_DENIED'?"
    ),
    "os.rename -> PermissionError": (
        "'PermissionError' is not a valid error name (column 14): it is a class; did you mean 'EACCES' or 'ERROR_ACCESS_DENIED'?"
    ),
    "os.rename -> os error 5": (
        f"'os error 5' is not a valid error name (column 14): {NUMBERS}; did you mean 'WinError 5'?"
    ),
    "os.rename -> [WinError 5]": (
        f"'[WinError 5]' is not a valid error name (column 14): {NUMBERS}; did you mean 'WinError 5'?"
    ),
    "os.rename -> errno 2": (
        "'errno 2' is not a valid error name (column 14): write an errno by its name, such as 'EACCES'; did you mean 'ENOENT'?"
    ),
    "os.rename -> EACCES first 2": "unexpected 'first' (column 21); expected 'after', 'when', 'or never' or the end",
    "os.rename -> EACCES when twice": f"unknown schedule 'twice' (column 26); expected {SCHEDULES}",
    "os.rename -> EACCES when first two": (
        "'two' is not a valid number of calls (column 32); write a whole number from 1 on, of at most 15 digits"
    ),
    "os.rename -> delay 250": (
        "'250' is not a valid duration (column 20); write a number and its unit, such as '250ms', '2.5s' or '1m'"
    ),
    "os.rename -> EACCES when 150%": (
        "'150%' is not a valid percentage (column 26); write one above 0 and up to 100, such as '10%'"
    ),
    r"os.rename cache\Tool.exe -> EACCES": None,
    r"os.rename C:\Temp\Tool.exe -> EACCES": None,
    "defender": "unknown operation or group 'defender' (column 1); a profile is named by profile='defender'",
}


def test_rules():
    """A rule that is misspelt says where, what is valid, and what was probably meant."""
    from pytest_fsfault import FsFaultError, Rule

    for rule, message in RULES.items():
        if message is None:
            assert rule.replace("\\", "/") == str(Rule.parse(rule))
            continue
        with pytest.raises(FsFaultError) as caught:
            Rule.parse(rule)
        assert f"rule {rule!r}: {message}" == str(caught.value)


PRELUDE = """
import os, shutil, sys, tempfile, time, unittest
from unittest import mock
import pytest
from pytest_fsfault import inject

def put(path):
    (path / "cache").mkdir(exist_ok=True)
    (path / "new.exe").touch()
    os.replace(path / "new.exe", path / "cache" / "Tool.exe")

def retry(path):
    (path / "a").touch()
    for _ in range(40):
        try: return os.remove(path / "a")
        except PermissionError: time.sleep(0.2)

def stub(*_): pass
mark = pytest.mark.fsfault
"""
NO_ARGUMENT = (
    "the fsfault marker has no argument, so that no fault acts; write a rule, such as "
    "'os.replace -> ERROR_ACCESS_DENIED when first 3', or profile='defender', or use the fixture fsfault"
)
EACH = "write each rule as an argument of its own"
VERSIONS = "write '7', 'server-2019', '10', 'server-2022', '11' or 'server-2025'"
STILL = "not Python's own, so that virtual time stands still where the code sleeps"
#: Tests of a beginner by name, and the whole sentence that each of them gets; None for those that are fine.
TESTS = {
    # Globs.
    "relative": (
        "@mark('os.replace to cache/*.exe -> EACCES')\ndef test_relative(tmp_path): put(tmp_path)",
        "`os.replace to cache/*.exe` never fired: 1 call of os.replace, to test_relative0/cache/Tool.exe: write `to **/cache/*.exe`",
    ),
    "below": (
        "@mark('os.remove cache/* -> EACCES')\ndef test_below(tmp_path):\n    put(tmp_path)\n    os.remove(tmp_path / 'cache' / 'Tool.exe')",
        "`os.remove cache/*` never fired: 1 call of os.remove, on test_below0/cache/Tool.exe: write `**/cache/*`",
    ),
    "case": (
        "@mark('os.replace *.EXE -> EACCES')\ndef test_case(tmp_path): put(tmp_path)",
        "`os.replace *.EXE` never fired: 1 call of os.replace, on test_case0/new.exe: write `*.exe`",
    ),
    "braces": (
        "@mark('os.replace *.{exe,dll} -> EACCES')\ndef test_braces(tmp_path): put(tmp_path)",
        "`os.replace *.{exe,dll}` never fired: 1 call of os.replace, on test_braces0/new.exe: write `*.exe`",
    ),
    "target": (
        "@mark('os.replace Tool.exe -> EACCES')\ndef test_target(tmp_path): put(tmp_path)",
        "`os.replace Tool.exe` never fired: 1 call of os.replace, on test_target0/new.exe; test_target0/cache/Tool.exe is its target: write `to Tool.exe`",
    ),
    "to": (
        "@mark('os.replace to cache -> EACCES')\ndef test_to(tmp_path): put(tmp_path)",
        "`os.replace to cache` never fired: 1 call of os.replace, to test_to0/cache/Tool.exe: write `to **/cache/*`",
    ),
    # Operations and schedules.
    "operation": (
        "@mark('os.rename -> EACCES')\ndef test_operation(tmp_path): put(tmp_path)",
        "`os.rename` never fired: no call of os.rename below the roots, but 1 call of os.replace, on new.exe",
    ),
    "nth": (
        "@mark('os.replace -> EACCES when nth 2')\ndef test_nth(tmp_path): put(tmp_path)",
        "`os.replace` never fired: 1 matching call, but `nth 2` needs at least 2",
    ),
    "two_rules": (
        "@mark('os.remove -> EACCES when once', 'os.remove -> EIO when once')\ndef test_two_rules(tmp_path):\n    retry(tmp_path)",
        "`os.remove -> EIO when once` never fired: 2 matching calls, of which 1 was due, but an earlier rule (`os.remove -> EACCES when once`) handled it",
    ),
    # A test that fails by something else.
    "other_failure": (
        "@mark('os.rename -> EACCES')\ndef test_other_failure(tmp_path):\n    put(tmp_path)\n    assert not list(tmp_path.iterdir())",
        "fsfault: `os.rename` never fired: no call of os.rename below the roots, but 1 call of os.replace, on new.exe",
    ),
    "other_error": (
        "@mark('os.rename -> EACCES')\ndef test_other_error(tmp_path):\n    put(tmp_path)\n    1 / 0",
        "fsfault: `os.rename` never fired: no call of os.rename below the roots, but 1 call of os.replace, on new.exe",
    ),
    "not_strict": (
        "@mark('os.rename -> EACCES', 'os.link -> EIO or never', strict=False)\ndef test_not_strict(tmp_path):\n    put(tmp_path)\n    1 / 0",
        "fsfault: `os.rename` never fired: no call of os.rename below the roots, but 1 call of os.replace, on new.exe",
    ),
    "expected": (
        "@mark('os.remove cache/* -> EACCES')\ndef test_expected(tmp_path):\n    put(tmp_path)\n    with pytest.raises(PermissionError): os.remove(tmp_path / 'cache' / 'Tool.exe')",
        "fsfault: `os.remove cache/*` never fired: 1 call of os.remove, on test_expected0/cache/Tool.exe: write `**/cache/*`",
    ),
    "assert_retried": (
        "@mark('os.replace to cache -> EACCES')\ndef test_assert_retried(tmp_path, fsfault):\n    put(tmp_path)\n    fsfault.assert_retried('os.replace')",
        "fsfault: `os.replace to cache` never fired: 1 call of os.replace, to test_assert_retried0/cache/Tool.exe: write `to **/cache/*`",
    ),
    # The marker.
    "keyword": (
        "@mark(profil='defender')\ndef test_keyword(): pass",
        "the fsfault marker has no keyword 'profil'; did you mean 'profile'?",
    ),
    "version": (
        "@mark(windows=11)\ndef test_version(): pass",
        f"windows=11 is not a known version of Windows; {VERSIONS}; did you mean '11'?",
    ),
    "profile_as_rule": (
        "@mark('defender')\ndef test_profile_as_rule(): pass",
        f"rule 'defender': {RULES['defender']}",
    ),
    "list": (
        "@mark(['os.remove -> EACCES'])\ndef test_list(): pass",
        f"['os.remove -> EACCES'] is not a rule; {EACH}, such as 'os.replace *.exe -> EACCES'",
    ),
    "rules": (
        "@mark(rules=['os.remove -> EACCES'])\ndef test_rules(): pass",
        f"the fsfault marker has no keyword 'rules'; {EACH}",
    ),
    "bare": ("@mark\ndef test_bare(): pass", NO_ARGUMENT),
    "parentheses": ("@mark()\ndef test_parentheses(): pass", NO_ARGUMENT),
    # Where the calls are made.
    "outside": (
        "@mark('os.remove -> EACCES')\ndef test_outside():\n    open('beside', 'w').close()\n    os.remove('beside')",
        "`os.remove` never fired: os.remove met only paths outside the roots, such as {here}/beside; name their directory by roots=",
    ),
    "roots": (
        "@mark('os.remove -> EACCES', roots=['.'])\ndef test_roots():\n    open('beside', 'w').close()\n    with pytest.raises(PermissionError): os.remove('beside')",
        None,
    ),
    "wide": (
        "@pytest.fixture(scope='module')\ndef wide(fsfault): pass\ndef test_wide(wide): pass",
        "the fixture fsfault belongs to one test; a module- or session-scoped fixture uses `with pytest_fsfault.inject(...) as fsfault:`",
    ),
    "wide_inject": (
        (
            "@pytest.fixture(scope='module')\ndef injected(tmp_path_factory):\n    with inject('os.remove -> EACCES or never', roots=[tmp_path_factory.mktemp('x')]) as found: yield found\n"
            "def test_wide_inject(injected): pass"
        ),
        None,
    ),
    "fixture": (
        "@pytest.fixture\ndef removed(tmp_path):\n    (tmp_path / 'a').touch()\n    os.remove(tmp_path / 'a')\n@mark('os.remove -> EACCES')\ndef test_fixture(removed): pass",
        "`os.remove` never fired: os.remove was called in a fixture, on test_fixture0/a, at test_it.py:{removed}; rules act during the test's call only",
    ),
    "fixture_rule": (
        "@pytest.fixture\ndef rule(fsfault): fsfault.add('os.remove -> EACCES')\n@pytest.fixture\ndef gone(rule, removed): pass\ndef test_fixture_rule(gone): pass",
        "`os.remove` never fired: os.remove was called in a fixture, on test_fixture_rule0/a, at test_it.py:{removed}; rules act during the test's call only",
    ),
    "py_path": (
        "@mark('os.remove -> EACCES')\ndef test_py_path(tmpdir):\n    tmpdir.join('a').write('')\n    with pytest.raises(PermissionError): tmpdir.join('a').remove()",
        "fsfault: `os.remove` never fired: os.remove was called by pytest's own py.path, on test_py_path0/a, which is exempt: use pathlib",
    ),
    "factory": (
        "@mark('os.remove -> EACCES')\ndef test_factory(tmp_path_factory):\n    path = tmp_path_factory.mktemp('x') / 'a'\n    path.touch()\n    with pytest.raises(PermissionError): path.unlink()",
        None,
    ),
    "case_class": (
        (
            "@mark('os.remove -> EACCES')\nclass TestCase(unittest.TestCase):\n    def test_case_class(self):\n        path = os.path.abspath('beside')\n        open(path, 'w').close()\n"
            "        with self.assertRaises(PermissionError): os.remove(path)"
        ),
        "fsfault: `os.remove` never fired: os.remove met only paths outside the roots, such as {here}/beside; name their directory by roots=",
    ),
    "case_roots": (
        (
            "class TestRoots(unittest.TestCase):\n    @mark('os.remove beside -> EACCES when once', roots=['.'])\n    def test_case_roots(self):\n"
            "        open('beside', 'w').close()\n        with self.assertRaises(PermissionError): os.remove('beside')"
        ),
        None,
    ),
    # Mocks.
    "stub": (
        "@mark('os.replace -> EACCES')\ndef test_stub(tmp_path, monkeypatch):\n    monkeypatch.setattr(os, 'replace', stub)\n    os.replace(tmp_path, tmp_path)",
        "`os.replace` never fired: os.replace is stub at test_it.py:{stub}, not Python's own, so that no call of it was seen",
    ),
    "mock": (
        "@mark('shutil.rmtree -> EACCES')\ndef test_mock(tmp_path):\n    with mock.patch('shutil.rmtree'): shutil.rmtree(tmp_path)",
        "`shutil.rmtree` never fired: shutil.rmtree was a MagicMock, not Python's own, so that no call of it was seen",
    ),
    "mock_open": (
        "@mark('open -> EACCES')\n@mock.patch('builtins.open', mock.mock_open())\ndef test_mock_open(): open('x')",
        "`open` never fired: builtins.open was a MagicMock, not Python's own, so that no call of it was seen",
    ),
    "mock_expected": (
        "@mark('os.remove -> EACCES')\n@mock.patch.object(os, 'remove')\ndef test_mock_expected(removed):\n    with pytest.raises(OSError): os.remove('x')",
        "fsfault: `os.remove` never fired: os.remove was a MagicMock, not Python's own, so that no call of it was seen",
    ),
    "wrapper": (
        (
            "@mark('os.remove -> EACCES')\ndef test_wrapper(tmp_path, monkeypatch):\n    real = os.remove\n    monkeypatch.setattr(os, 'remove', lambda path: real(path))\n"
            "    (tmp_path / 'a').touch()\n    with pytest.raises(PermissionError): os.remove(tmp_path / 'a')"
        ),
        None,
    ),
    "os_name": (
        (
            "@mark('os.remove -> WinError 5', windows='11')\ndef test_os_name(tmp_path, monkeypatch):\n    (tmp_path / 'a').touch()\n    path = str(tmp_path / 'a')\n    monkeypatch.setattr(os, 'name', 'nt')\n"
            "    monkeypatch.setattr(sys, 'platform', 'win32')\n    with pytest.raises(PermissionError): os.remove(path)"
        ),
        None,
    ),
    "sleep": (
        "@mark('os.remove -> EACCES when for 3s')\ndef test_sleep(tmp_path, fsfault, monkeypatch):\n    monkeypatch.setattr(time, 'sleep', stub)\n    retry(tmp_path)\n    fsfault.assert_retried('os.remove')",
        f"fsfault: time.sleep is stub at test_it.py:{{stub}}, {STILL}",
    ),
    "sleep_mock": (
        "@mark('os.remove -> EACCES when for 3s')\n@mock.patch('time.sleep')\ndef test_sleep_mock(sleep, tmp_path, fsfault):\n    retry(tmp_path)\n    fsfault.assert_retried('os.remove')",
        f"fsfault: time.sleep was a MagicMock, {STILL}",
    ),
    # Loops and sweeps.
    "endless": (
        "@mark('os.mkdir -> EACCES')\ndef test_endless(tmp_path):\n    while True:\n        try: os.mkdir(tmp_path / 'a')\n        except OSError: pass",
        "pytest_fsfault.RetryStorm: os.mkdir met an injected error 10,000 times on '{tmp}/test_endless0/a' without progress, at {file}:{endless}: add a limit to the loop, or a schedule to the rule",
    ),
    "plain_assert": (
        "def test_plain_assert(fsfault):\n    for trial in fsfault.sweep(lambda root: (root / 'a').touch()):\n        with trial as root: os.remove(root / 'a')\n        assert not (trial.root / 'a').exists()",
        "fsfault: this was trial 1: os.remove a: ERROR_ACCESS_DENIED, at test_it.py:{plain_assert}; run only this trial: pytest test_it.py::test_plain_assert --fsfault-trial 1 --fsfault-seed 7",
    ),
    "no_loop": (
        "def test_no_loop(fsfault): fsfault.sweep(stub)",
        "a sweep was made and never run: write `for trial in fsfault.sweep(...)`",
    ),
    "no_check": (
        "def test_no_check(fsfault):\n    for trial in fsfault.sweep(lambda root: (root / 'a').touch()):\n        with trial as root: os.remove(root / 'a')",
        "AssertionError: the sweep checked nothing: call trial.check_atomic(), or another check, after the block of each trial",
    ),
    "left_early": (
        "def test_left_early(fsfault):\n    for trial in fsfault.sweep(lambda root: (root / 'a').touch()):\n        with trial as root: os.remove(root / 'a')\n        break",
        "a sweep was left early, after 0 faulted trials: let its loop end",
    ),
    "elsewhere": (
        "def test_elsewhere(fsfault, tmp_path):\n    for trial in fsfault.sweep(stub):\n        with trial: os.mkdir(tmp_path / 'other')",
        "AssertionError: the body never touched the tree: no call of mutate below the directory that `with trial as root` gives; it called os.mkdir on {tmp}/test_elsewhere0/other",
    ),
}
FINE = [name for name, (_, message) in TESTS.items() if message is None]


@pytest.fixture(scope="module")
def shown(tmp_path_factory, request):
    """Return the lines that one run shows of each of these tests, and where it was."""
    here = tmp_path_factory.mktemp("beginner")
    source = PRELUDE + "\n".join(text for text, _ in TESTS.values())
    (here / "test_it.py").write_text(source, "utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "fsfault", "-p", "legacypath", "-p", "no:cacheprovider"]
    command += ["--tb=short", "-rA", "--fsfault-seed", "7", f"--basetemp={here / 'tmp'}", "test_it.py"]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))
    }
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "80"}
    done = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, check=False)
    found, name = {}, ""
    for line in done.stdout.split("\n"):
        head = re.fullmatch(r"_+ (?:ERROR at setup of )?(?:\w+\.)?test_(\w+) _+", line)
        passed = re.match(r"(PASSED|SKIPPED) .*?::test_(\w+)", line)
        name = head[1] if head else "" if re.match("=+ ", line) else name
        if passed:
            found.setdefault(passed[2], []).append(passed[1])
        found.setdefault(name, []).append(re.sub(r"^E +", "", line))
    lines = source.split("\n")
    places = {
        "here": here.as_posix(),
        "file": here / "test_it.py",  # as Python names it
        "tmp": (here / "tmp").as_posix(),
        "stub": 1 + next(n for n, line in enumerate(lines) if line.startswith("def stub")),
        "removed": 1
        + next(n for n, line in enumerate(lines) if line.startswith("    os.remove(tmp_path / 'a')")),
        "endless": 1 + next(n for n, line in enumerate(lines) if "try: os.mkdir" in line),
        "plain_assert": 1 + next(n for n, line in enumerate(lines) if "def test_plain_assert" in line) + 2,
    }
    return found, places


@pytest.mark.parametrize("name", marked(TESTS, {"case": posix_fact("names that differ in case alone")}))
def test_a_mistake_gets_one_sentence(shown, name):
    """The whole sentence stands in the test's own section; what is no mistake passes."""
    found, places = shown
    message = TESTS[name][1]
    if message is None:
        assert ["PASSED"] == found[name]
        return
    expected = re.sub(
        r"\{(here|file|tmp|stub|removed|endless|plain_assert)\}", lambda one: str(places[one[1]]), message
    )
    assert expected in found[name]
    assert 1 == sum("never fired" in line for line in found[name]) or "never fired" not in message


def _python(*arguments, cwd):
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))
    }
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "80", "PYTHONUTF8": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


PATIENT = """
import os, pytest
@pytest.mark.fsfault("os.remove '*' -> EACCES when 50%", strict=False)
@pytest.mark.parametrize("name", ["a b"])
def test_it(tmp_path, name):
    for n in range(20):
        (tmp_path / str(n)).touch()
    assert [] == [n for n in range(20) if _fails(tmp_path / str(n))]
def _fails(path):
    try: os.remove(path)
    except PermissionError: return True
    return False
""".replace("'*'", "[0-9]*")


def test_names_from_everywhere(tmp_path):
    """Directories, files and tests may be called anything, with -O too; the line that is shown gives the same failure."""
    here = tmp_path / "мой проект ü 日本" / "tmp dir"
    here.mkdir(parents=True)
    (here / "test_ünï.py").write_text(PATIENT, "utf-8")
    plugins = ["-p", "fsfault", "-p", "no:cacheprovider"]
    with_workers = ["-p", "xdist.plugin", "-n", "1"] if importlib.util.find_spec("xdist") else []
    done = _python("-O", "-m", "pytest", *plugins, *with_workers, f"--basetemp={here / 'x'}", cwd=here)
    failure = re.search(r"^E .*assert .*", done.stdout, re.MULTILINE)[0]
    line = next(line for line in done.stdout.split("\n") if line.startswith("to reproduce: pytest "))
    assert re.fullmatch(
        rf"to reproduce: pytest {QUOTE}test_ünï.py::test_it\[a b\]{QUOTE} --fsfault-seed \d+", line
    )
    program, *arguments = shlex.split(line.removeprefix("to reproduce: "))
    again = _python("-O", "-m", program, *plugins, *arguments, f"--basetemp={here / 'x'}", cwd=here)
    assert failure in again.stdout


UNITTEST = """
import os, tempfile, unittest, pytest, pytest_fsfault
class TestIt(unittest.TestCase):
    @pytest.mark.fsfault("os.remove -> EACCES")
    def test_marker(self):
        open("a", "w").close()
        os.remove("a")
    def test_inject(self):
        open("b", "w").close()
        with pytest_fsfault.inject("os.remove -> EACCES", roots=["."]):
            with self.assertRaises(PermissionError): os.remove("b")
"""


def test_unittest_as_runner(tmp_path):
    """Without pytest a marker does nothing, as markers do; `inject` does."""
    (tmp_path / "test_it.py").write_text(UNITTEST, "utf-8")
    done = _python("-m", "unittest", "-v", cwd=tmp_path)
    assert (0, 2) == (done.returncode, done.stderr.count("... ok")), done.stderr
    assert "`inject`" in (Path(__file__).parents[2] / "docs/howto/scripts.md").read_text("utf-8")


def test_a_misspelt_marker(run):
    """Pytest itself says so."""
    result = run(
        "import pytest\n@pytest.mark.fsfaults('os.remove -> EACCES')\ndef test_it(): pass", "--strict-markers"
    )
    assert "'fsfaults' not found in `markers` configuration option" in result.stdout.str()


def test_short_tracebacks_point_into_the_test(run):
    """With `--tb=line` a rule that never fired is located in the test."""
    source = "import pytest\n\n@pytest.mark.fsfault('os.remove -> EACCES')\ndef test_it(): pass"
    lines = run(source, "--tb=line").outlines
    where = [line for line in lines if re.match(r".*test_it\.py:\d+: Failed: ", line)]
    assert [True] == ["test_it.py:3: Failed: `os.remove` never fired: no call of" in line for line in where]
