"""What happened in a recorded run happens again: its injected faults, and the errors that a system gave."""

from __future__ import annotations

import gzip
import json
import shutil

import pytest
from skips import posix_fact

from pytest_fsfault._intercept.native.possible import why_not

RETRY = """
import os, time, pytest

def install(directory, attempts=40):
    (directory / "new.exe").touch()
    for _ in range(attempts):
        try:
            return os.replace(directory / "new.exe", directory / "tool.exe")
        except PermissionError:
            time.sleep(0.25)
    raise TimeoutError
"""
CHANCE = (
    RETRY
    + """
@pytest.mark.fsfault("os.replace *.exe -> WinError 32 when 50%", windows="11")
def test_chance(tmp_path, fsfault):
    for _ in range(8):
        install(tmp_path)

@pytest.mark.fsfault(profile="defender")
def test_scanner(tmp_path):
    for n in range(4):
        (tmp_path / "new.exe").write_text("a")
        try:
            os.replace(tmp_path / "new.exe", tmp_path / f"{n}.exe")
        except PermissionError:
            time.sleep(0.003)
"""
)


def rows(data):
    """Return the calls of each test, without what is new in each run."""
    keys = ("operation", "path", "target", "outcome", "nth", "reason")
    return {
        test["id"]: [
            [call[key] for key in keys] + [call["error"] and [call["error"][key] for key in ("class", "errno", "winerror")]]
            for call in test["calls"]
        ]
        for test in data["tests"]
    }  # fmt: skip


@pytest.fixture
def replayed(told, pytester):
    """Return a function that records a module, then replays it, as it is or changed; both as JSON, and the result."""

    def replayed(source, *arguments, then="", again=()):
        first, _ = told(source, *arguments)
        pytester.path.joinpath("run.json").write_text(json.dumps(first), "utf-8")
        second, result = told(then or source, "--fsfault-replay", "run.json", *again)
        return first, second, result

    return replayed


def test_faults_by_chance_happen_again(replayed, told, pytester):
    """Rules with P% and scanners draw anew, and what is replayed is what they drew before; so is its replay."""
    first, second, result = replayed(CHANCE, "--fsfault-seed", "5", again=("--fsfault-seed", "6"))
    result.assert_outcomes(passed=2)
    assert rows(first) == rows(second)
    assert {"raised", "ok"} == {call[3] for call in rows(first)["test_it.py::test_chance"]}
    counts = [test["replay"]["as_recorded"] for test in second["tests"]]
    assert [len(test["calls"]) for test in first["tests"]] == counts
    assert "run.json" == second["run"]["replay_of"]
    total = sum(counts)
    result.stdout.fnmatch_lines([f"replay of run.json: 2 tests, {total} calls as recorded"])
    pytester.path.joinpath("run.json").write_text(json.dumps(second), "utf-8")
    third, _ = told(CHANCE, "--fsfault-replay", "run.json")
    assert rows(second) == rows(third)


def test_every_outcome_acts_again(replayed):
    """An error, one after the call, a short transfer, a crash: each acts again, and no delay does."""
    source = """
        import os, pytest
        RULES = ["os.remove -> EACCES", "os.mkdir -> ERROR_ACCESS_DENIED after", "file.write -> short 2 then ENOSPC",
                 "os.rename -> delay 3s", "os.rmdir -> crash"]

        @pytest.mark.fsfault(*RULES, strict=False)
        def test_it(tmp_path, fsfault):
            file = tmp_path / "a"
            for call in (lambda: file.write_bytes(b"12345"), lambda: os.remove(file), lambda: os.mkdir(tmp_path / "d"),
                         lambda: os.rename(file, tmp_path / "b"), lambda: os.rmdir(tmp_path / "d")):
                try:
                    call()
                except OSError as error:
                    print("met", type(error).__name__, error.errno)
            print("slept", fsfault.clock.now > 3)
    """
    first, second, result = replayed(source)
    assert [["os.rename", "ok"], ["os.rmdir", "crashed"]] == [
        [row[0], row[3]] for row in rows(second)["test_it.py::test_it"][-2:]
    ]
    ends = ("short", "raised", "raised", "ok", "crashed")
    assert ends == tuple(row[3] for row in rows(first)["test_it.py::test_it"])
    assert ends == tuple(row[3] for row in rows(second)["test_it.py::test_it"])
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*SimulatedCrash*"])
    assert second["tests"][0]["virtual_end"] < 1, "the delay is not replayed"


def test_rules_count_and_do_not_decide(replayed):
    """A rule of the test matches and fires as in the recorded run; it neither acts by itself nor has to fire."""
    source = """
        import os, pytest
        @pytest.mark.fsfault(strict=False)
        def test_it(tmp_path, fsfault):
            armed = fsfault.add("os.remove -> EACCES when {when}")
            never = fsfault.add("os.rmdir -> EIO")
            for name in "abc":
                (tmp_path / name).touch()
                try:
                    os.remove(tmp_path / name)
                except PermissionError:
                    pass
            assert ({fired}, 3, 0) == (armed.fired, armed.matched, never.matched)
    """
    same = source.format(when="nth 2", fired=1)
    _, _, result = replayed(same)
    result.assert_outcomes(passed=1)
    other = source.format(when="from 1", fired=0).replace("strict=False", "")
    _, second, result = replayed(same, then=other)
    result.assert_outcomes(passed=1)
    assert ["ok", "raised", "ok"] == [row[3] for row in rows(second)["test_it.py::test_it"]]
    result.stdout.no_fnmatch_line("never fired:*")
    assert ([], [None, None]) == (
        second["totals"]["never_fired"],
        [rule["reason"] for rule in second["tests"][0]["rules"]],
    )


def test_the_model_is_off(replayed):
    """What a test declares refuses nothing in a replay, and need not be met; what it refused is replayed."""
    source = """
        import os, pytest
        @pytest.mark.fsfault(windows="11")
        def test_it(tmp_path, fsfault):
            (tmp_path / "a").touch()
            hold = fsfault.windows().hold(tmp_path / "a"{by})
            with pytest.raises(PermissionError, match="WinError 32") as caught:
                os.remove(tmp_path / "a")
            assert ["a is held"] == [note[:9] for note in caught.value.__notes__]
            {more}
            os.remove(tmp_path / "a")
    """
    first, second, result = replayed(
        source.format(by="", more="hold.close()"), then=source.format(by=", by='other.exe'", more="")
    )
    result.assert_outcomes(passed=1)
    assert rows(first) == rows(second)


OBSERVED = """
import os, pytest

def test_it(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "f").touch()
    for call in (lambda: os.mkdir(tmp_path / "a"), lambda: os.remove(tmp_path / "x"), lambda: open(tmp_path / "y"),
                 lambda: os.rmdir(tmp_path / "f"), lambda: os.stat(tmp_path / "z"), lambda: os.rename(tmp_path / "f", tmp_path / "n" / "f")):
        with pytest.raises(OSError):
            call()
    os.remove(tmp_path / "f")
"""


def test_errors_of_the_system(replayed):
    """What a system refuses is left to it where it does so again, with the same errno."""
    first, second, result = replayed(OBSERVED, "--fsfault-profile", "observe")
    result.assert_outcomes(passed=1)
    assert rows(first) == rows(second)
    assert 7 == sum(row[3] == "failed" for row in rows(second)["test_it.py::test_it"])
    assert 0 == second["totals"]["faults"]


def test_errors_of_another_system_act(told, pytester):
    """An error that this system does not give acts at its call, by its name: numbers differ; the tree is left alone."""
    source = """
        import errno, os, pytest
        def test_it(tmp_path):
            (tmp_path / "a").touch()
            (tmp_path / "d").mkdir()
            (tmp_path / "d" / "b").touch()
            with pytest.raises(PermissionError, match="WinError 32"):
                os.remove(tmp_path / "a")
            with pytest.raises(OSError) as caught:
                os.rmdir(tmp_path / "d")
            assert errno.ENOTEMPTY == caught.value.errno
            with pytest.raises(PermissionError) as caught:
                open(tmp_path / "a")
            assert ["failed so in a recorded run on win32"] == caught.value.__notes__
            assert (tmp_path / "a").read_text() == ""
    """
    calls = [
        ("os.remove", "TEST_IT7/A", {"class": "PermissionError", "errno": 13, "winerror": 32, "text": "[WinError 32] held"}),
        ("os.rmdir", "test_it7/d", {"class": "OSError", "errno": 41, "winerror": None, "text": "[Errno 41]"}),
        ("open", "test_it7/a", {"class": "PermissionError", "errno": 13, "winerror": None, "text": "[Errno 13]"}),
    ]  # fmt: skip
    calls = [
        {"operation": name, "path": path, "outcome": "failed", "error": error} for name, path, error in calls
    ]
    document = {
        "schema": 1,
        "run": {"platform": "win32"},
        "tests": [{"id": "test_it.py::test_it", "calls": calls}],
    }
    pytester.path.joinpath("run.json.gz").write_bytes(gzip.compress(json.dumps(document).encode()))
    data, result = told(source, "--fsfault-replay", "run.json.gz")
    result.assert_outcomes(passed=1)
    assert ["raised", "failed", "raised"] == [call["outcome"] for call in data["tests"][0]["calls"]]


def test_calls_that_never_come_fail_the_test(replayed):
    """The recorded calls that are gone are listed; new calls are made as they are."""
    source = """
        import os, pytest
        @pytest.mark.fsfault("os.mkdir -> EACCES when first 1")
        def test_it(tmp_path):
            with pytest.raises(PermissionError):
                os.mkdir(tmp_path / "a")
            os.mkdir(tmp_path / "b")
            os.mkdir(tmp_path / "c")
    """
    changed = """
        import os
        def test_it(tmp_path):
            os.mkdir(tmp_path / "b")
            os.mkdir(tmp_path / "d")
    """
    _, second, result = replayed(source, then=changed)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([
        "2 recorded calls never came:",
        "  os.mkdir test_it0/a (raised, [[]Errno 13] Permission denied: *test_it0*a')",
        "  os.mkdir test_it0/c (ok)",
        "replay of run.json: 1 test, 1 call as recorded, 2 never came",
    ])  # fmt: skip
    assert ["os.mkdir test_it0/a", "os.mkdir test_it0/c"] == [
        told.partition(" (")[0] for told in second["tests"][0]["replay"]["never_came"]
    ]
    early = changed.replace('os.mkdir(tmp_path / "d")', 'raise ValueError("early")')
    _, _, result = replayed(source, then=early)
    result.stdout.fnmatch_lines(["*ValueError: early", "*fsfault: 2 recorded calls never came:"])


def test_tests_without_a_recording_run_untouched(replayed):
    """A test that the file does not have runs under its own rules, and is counted; one that was observed is found."""
    source = """
        import os, pytest
        def test_observed(tmp_path):
            with pytest.raises(FileNotFoundError):
                os.remove(tmp_path / "x")
    """
    more = (
        source
        + """
        @pytest.mark.fsfault("os.remove -> EACCES")
        def test_ruled(tmp_path):
            with pytest.raises(PermissionError):
                os.remove(tmp_path / "x")
        def test_plain():
            pass
    """
    )
    _, second, result = replayed(source, "--fsfault-profile", "observe", then=more)
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        ["replay of run.json: 1 test, 1 call as recorded", "  2 tests not in the file ran without it"]
    )
    assert [1, None] == [test["replay"] and test["replay"]["as_recorded"] for test in second["tests"]]


def test_children_replay_too(replayed):
    """Calls of Python children are decided by the recorded run of their parent."""
    source = """
        import os, subprocess, sys, textwrap, pytest
        CODE = textwrap.dedent('''
            import os
            for name in ("a", "b", "x"):
                try:
                    os.remove(name)
                except OSError as error:
                    print(name, type(error).__name__, getattr(error, "winerror", None))
        ''')
        @pytest.mark.fsfault({rule}profile="observe")
        def test_it(tmp_path, monkeypatch):
            monkeypatch.chdir(tmp_path)
            for name in "ab":
                open(name, "w").close()
            done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
            assert ["b PermissionError 32", "x FileNotFoundError 2"] == done.stdout.splitlines()
            assert ["b"] == os.listdir()
    """
    ruled, bare = source.format(rule='"os.remove b -> WinError 32", '), source.format(rule="")
    first, second, result = replayed(ruled, then=bare)
    result.assert_outcomes(passed=1)
    kept = [
        [row for row in rows(data)["test_it.py::test_it"] if row[0] == "os.remove"]
        for data in (first, second)
    ]
    assert kept[0] == kept[1]
    assert ["ok", "raised", "failed"] == [row[3] for row in kept[1]]


def test_sweeps_try_by_themselves(replayed):
    """A sweep of a test that is replayed runs its trials as ever; what is around them is replayed."""
    source = """
        import os, pytest
        @pytest.mark.fsfault("os.rmdir -> EACCES when once")
        def test_it(tmp_path, fsfault):
            (tmp_path / "d").mkdir()
            with pytest.raises(PermissionError):
                os.rmdir(tmp_path / "d")
            for trial in fsfault.sweep(lambda root: (root / "a").touch(), faults=["EACCES"], persist=False):
                with trial as root:
                    os.remove(root / "a")
                trial.check_atomic()
            os.rmdir(tmp_path / "d")
    """
    first, second, result = replayed(source)
    result.assert_outcomes(passed=1)
    trials = [[(row["id"], row["fault"]) for row in data["tests"][0]["sweeps"]] for data in (first, second)]
    assert trials[0] == trials[1]
    assert ["raised", "ok"] == [row[3] for row in rows(second)["test_it.py::test_it"] if row[0] == "os.rmdir"]


def test_under_xdist(run, told, pytester):
    """Workers replay, and the controller counts."""
    pytest.importorskip("xdist")
    first, _ = told(CHANCE)
    pytester.path.joinpath("run.json").write_text(json.dumps(first), "utf-8")
    source = CHANCE + "\ndef test_plain():\n    pass\n"
    second, result = told(source, "-p", "xdist", "-n", "1", "--fsfault-replay", "run.json")
    result.assert_outcomes(passed=3)
    assert rows(first) == rows(second)
    assert (2, 1) == (second["totals"]["replay"]["tests"], second["totals"]["replay"]["untouched"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "'run.json' is not readable (No such file or directory); write the path of a file that --fsfault-json has written"),
        ("nothing", "'run.json' is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"\x1f\x8bx", "'run.json' is not a valid gzip file: *"),
        ("[" * 100_000, "'run.json' is not JSON*"),
        ([], "'run.json' was not written by --fsfault-json: it has no 'schema'"),
        ({"tests": []}, "'run.json' was not written by --fsfault-json: it has no 'schema'"),
        ({"schema": "1"}, "'run.json' was not written by --fsfault-json: its 'schema' is '1'"),
        ({"schema": 2}, "'run.json' has schema 2, and this version of pytest-fsfault reads up to 1: install a newer one"),
        ({"schema": 1}, "'run.json' is not complete: there is no list 'tests'; record it anew by --fsfault-json"),
        ({"schema": 1, "tests": [3]}, "'run.json' is not complete: there is no text 'id' in tests[[]0]; record it anew by --fsfault-json"),
        ({"schema": 1, "tests": [{"id": "a"}]}, "'run.json' is not complete: there is no list 'calls' in tests[[]0]; *"),
        ({"schema": 1, "tests": [{"id": "a", "calls": [{}]}]}, "*there is no text 'path' in tests[[]0].calls[[]0]; *"),
        ({"schema": 1, "tests": [{"id": "a", "calls": [{"path": "a", "operation": "x", "outcome": "failed"}]}]},
         "*there is no table 'error' in tests[[]0].calls[[]0]; *"),
        ({"schema": 1, "tests": [{"id": "a", "calls": [{"path": "a", "operation": "x", "outcome": "raised", "fault": "EFOO"}]}]},
         "'run.json' is not replayable: tests[[]0].calls[[]0]: fault 'EFOO': *"),
    ],
)  # fmt: skip
def test_bad_files(run, pytester, content, message):
    """What cannot be replayed is said in one sentence, and the run ends with 4."""
    raw = content.encode() if isinstance(content, str) else content
    raw = raw if isinstance(raw, (bytes, type(None))) else json.dumps(raw).encode()
    if raw is not None:
        pytester.path.joinpath("run.json").write_bytes(raw)
    result = run("def test_it(): pass", "--fsfault-replay", "run.json")
    assert 4 == result.ret
    result.stderr.fnmatch_lines([f"ERROR: --fsfault-replay*{message}"])


def test_the_line_that_reproduces_offers_a_replay(run):
    """A test whose faults came by chance says how to have them again; one whose faults are certain does not."""
    source = (
        RETRY
        + """
@pytest.mark.fsfault("os.replace -> EACCES when {when}")
def test_it(tmp_path):
    install(tmp_path, attempts=2)
"""
    )
    line = "pytest test_it.py::test_it --fsfault-seed 3 --fsfault-"
    result = run(source.format(when="100%"), "--fsfault-seed", "3")
    result.stdout.fnmatch_lines([
        f"its faults came by chance; to keep them: {line}json run.json", f"to replay them: {line}replay run.json",
    ])  # fmt: skip
    result = run("", "--fsfault-seed", "3", "--fsfault-json", "my.json")
    result.stdout.fnmatch_lines([f"to replay them: {line}replay my.json"])
    result.stdout.no_fnmatch_line("its faults came by chance*")
    result = run("", "--fsfault-seed", "3", "--fsfault-replay", "my.json")
    result.stdout.fnmatch_lines(
        ["to reproduce: pytest test_it.py::test_it --fsfault-replay my.json --fsfault-seed 3"]
    )
    result.stdout.no_fnmatch_line("to replay them*")
    result = run(source.format(when="first 9"))
    result.stdout.no_fnmatch_line("to replay them*")


@pytest.mark.parametrize(
    ("scanner", "chance"),
    [
        ({"hold": "1s"}, False),
        ({"hold": "p99"}, False),
        ({"hold": "1s..2s"}, True),
        ({"hold": "1s", "delay": "0ms..1ms"}, True),
    ],
)
def test_a_scanner_of_a_constant_time_is_no_chance(run, scanner, chance):
    """A hold that every seed draws alike needs no record to happen again."""
    source = f"""
import os
import pytest

@pytest.mark.fsfault(windows="11")
def test_it(tmp_path, fsfault):
    fsfault.windows().scanner("defender", **{scanner!r})
    (tmp_path / "d").mkdir()
    (tmp_path / "d/a.dll").write_text("")
    fsfault.clock.advance(0.0011)
    os.rename(tmp_path / "d", tmp_path / "e")
"""
    result = run(source, "--fsfault-seed", "3")
    result.stdout.fnmatch_lines(["to reproduce: *"])
    assert chance == ("to replay them: " in result.stdout.str())


@posix_fact("the filter by which Linux asks about native programs")
def test_native_programs_replay_too(replayed):
    """What a native program met it meets again, though no rule speaks of it."""
    reason = why_not()
    if reason or not shutil.which("rm"):
        pytest.skip(reason or "there is no rm here")
    source = """
        import os, shutil, subprocess, pytest
        @pytest.mark.fsfault({rule})
        def test_it(tmp_path, fsfault):
            for name in "abc":
                (tmp_path / name).touch()
            codes = [subprocess.run(["rm", tmp_path / name], stderr=subprocess.DEVNULL).returncode for name in "abc"]
            assert [0, 1, 0] == codes
            assert ["b"] == os.listdir(tmp_path)
    """
    first, second, result = replayed(
        source.format(rule='"os.remove -> EACCES when nth 2"'), then=source.format(rule="")
    )
    result.assert_outcomes(passed=1)
    ends = [[call["outcome"] for call in data["tests"][0]["calls"]] for data in (first, second)]
    assert ends[0] == ends[1]
    assert {"rm"} == {call["program"] for call in second["tests"][0]["calls"]}


def test_on_a_fake_file_system(replayed):
    """On a fake file system calls are known again as well."""
    pytest.importorskip("pyfakefs")
    source = """
        import os, pytest
        @pytest.mark.fsfault("os.remove *.x -> WinError 32 when 50%")
        def test_it(fs):
            os.mkdir("/work")
            for n in range(8):
                with open(f"/work/{n}.x", "w"):
                    pass
                try:
                    os.remove(f"/work/{n}.x")
                except PermissionError:
                    pass
    """
    plugin = ("-p", "pyfakefs.pytest_plugin")
    first, second, result = replayed(
        source, *plugin, "--fsfault-seed", "1", again=(*plugin, "--fsfault-seed", "2")
    )
    result.assert_outcomes(passed=1)
    assert rows(first) == rows(second)
    assert {"ok", "raised"} == {row[3] for row in rows(second)["test_it.py::test_it"]}
