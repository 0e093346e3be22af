"""The journal: what was asked, what was decided, what came of it, and whose line it was."""

# ruff: noqa: RET503, RUF061, SIM105, SIM905  # how a call is written is what is tested here

from __future__ import annotations

import asyncio
import concurrent.futures
import importlib
import logging
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
import tenacity
from skips import marked, posix_fact

from pytest_fsfault import Entry, FsFaultError, Retry, inject

posix = importlib.import_module(os.name)  # the module of C behind `os`


def line():
    """Return the caller's own line as a call site, one line further down."""
    return f"{__file__}:{sys._getframe(1).f_lineno + 1}"


def replace_until_done(source, target, attempts, wait):
    """Retry a replacement as installers do."""
    for attempt in range(attempts):
        try:
            return os.replace(source, target)
        except PermissionError:
            if attempt == attempts - 1:
                raise
            time.sleep(wait)


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Stand in a directory with two files."""
    monkeypatch.chdir(tmp_path)
    Path("f").touch()
    Path("g").touch()
    return tmp_path


def test_an_entry_tells_everything(tree):
    """All fields, for an injected error."""
    with inject("os.replace f -> ERROR_ACCESS_DENIED when first 2", roots=[tree]) as fsfault:
        fsfault.clock.advance(2.5)
        with pytest.raises(PermissionError) as caught:
            here = line()
            os.replace("f", tree / "sub" / ".." / "g")
    (entry,) = fsfault.journal
    assert (0, "os.replace", f"{tree.as_posix()}/f", f"{tree.as_posix()}/g", "ERROR_ACCESS_DENIED") == entry[
        :5
    ]
    assert "os.replace f -> ERROR_ACCESS_DENIED when first 2: call 1 of 2" == entry.reason
    assert ("raised", threading.get_ident(), os.getpid(), here, None) == (entry.outcome, *entry[9:13])
    assert 2.5 <= entry.at < 2.6
    assert (str(caught.value), None) == (str(entry.error), entry.error.__traceback__)
    assert (
        "index operation path target fault reason outcome error at thread process call_site program hold nth".split()
        == list(Entry._fields)
    )


def test_each_outcome_has_its_name(tree):
    """Injected, native, done, short, early-bound and let through."""
    with inject(
        "os.remove g -> EBUSY when once",
        "os.remove -> EIO when nth 9 or never",
        "os.write -> short 1",
        roots=[tree],
    ) as fsfault:
        for name in ("g", "missing", "g"):
            try:
                os.remove(name)
            except OSError:
                pass
        descriptor = os.open("f", os.O_WRONLY)
        os.write(descriptor, b"12")
        os.close(descriptor)
        posix.remove("f")
        assert ["raised", "failed", "ok", "short", "passed"] == [entry.outcome for entry in fsfault.journal]
        assert ["EBUSY", None, None, "short 1", None] == [entry.fault for entry in fsfault.journal]
        assert [16, 2] == [entry.error.errno for entry in fsfault.journal if entry.error]


def test_entries_exist_for_calls_that_a_rule_matches(tree):
    """Due or not; other calls are counted, and leave none."""
    with inject("os.stat f -> EBUSY when nth 2", roots=[tree]) as fsfault:
        for name in "fggf":
            try:
                os.stat(name)
            except OSError:
                pass
        assert [f"{tree.as_posix()}/f"] * 2 == [entry.path for entry in fsfault.journal]
        assert [None, "EBUSY"] == [entry.fault for entry in fsfault.journal]


def test_observe_keeps_an_entry_for_each_call(tree):
    """The profile records everything and refuses nothing."""
    with inject(profile="observe", roots=[tree]) as fsfault:
        os.stat("f")
        os.replace("f", "h")
        assert ["os.stat", "os.replace"] == [entry.operation for entry in fsfault.journal]


def test_the_journal_is_a_sequence(tree):
    """Length, index, slice, iteration; faults alone; one operation or group alone."""
    with inject("os.rename, os.replace, os.stat -> EBUSY when nth 2", roots=[tree]) as fsfault:
        os.stat("f")
        with pytest.raises(OSError, match="busy"):
            os.replace("f", "h")
        os.rename("f", "h")
        journal = fsfault.journal
    assert (3, 2, 1) == (len(journal), len(journal.of("rename")), len(journal.of("os.stat")))
    assert [journal[1]] == journal.faults == journal[1:2]
    assert [] == journal.of("os.unlink")
    assert "<journal of 3 entries, 1 of them faults>" == repr(journal)
    with pytest.raises(FsFaultError, match=r"\Aunknown operation 'os.renam'; did you mean 'os.rename'\?\Z"):
        journal.of("os.renam")


CALLERS = {
    "os": ("os.mkdir", lambda: os.makedirs("a/b/c")),
    "shutil": ("os.rmdir", lambda: shutil.rmtree(".")),
    "pathlib": ("os.stat", lambda: Path("f").stat()),
    "tempfile": ("os.open", lambda: tempfile.mkstemp(dir=".")),
    "map": ("os.stat", lambda: list(map(os.stat, "f"))),
    "open": ("open", lambda: Path("f").read_text()),
    "file": ("file.read", lambda: Path("f").read_text()),
    "logging": ("open", lambda: logging.FileHandler("f")),
    "early": ("os.remove", lambda remove=os.remove: remove("f")),
    "early in a library": ("os.remove", lambda: tempfile.NamedTemporaryFile(dir=".").close()),
    "audit": ("subprocess.Popen", lambda: __import__("subprocess").run(["./f"], check=False)),
    "pytest.raises": ("os.stat", lambda: pytest.raises(ZeroDivisionError, os.stat, "f")),
    "pytest.raises, a method": ("os.remove", lambda: pytest.raises(ZeroDivisionError, Path("f").unlink)),
    "tenacity": (
        "os.stat",
        lambda: tenacity.Retrying(stop=tenacity.stop_after_attempt(1), reraise=True)(os.stat, "f"),
    ),
}


LEFT = {
    "tempfile": posix_fact("tempfile takes no EACCES for a name that is there"),
    "early in a library": posix_fact("tempfile itself deletes a NamedTemporaryFile"),
}


@pytest.mark.parametrize("caller", marked(CALLERS, LEFT))
def test_a_call_site_is_a_line_of_the_code_under_test(caller, tree):
    """Not ours, not the standard library's, not that of a library that calls what it was handed."""
    operation, call = CALLERS[caller]
    with inject(f"{operation} -> EACCES", roots=[tree]) as fsfault:
        with pytest.raises(PermissionError):
            call()
        assert f"{__file__}:{call.__code__.co_firstlineno}" == fsfault.journal[0].call_site


@pytest.mark.parametrize("catch", [pytest.warns, lambda _, *call: pytest.deprecated_call(*call)])
def test_what_pytest_calls_for_a_test_is_the_tests(catch, tree):
    """Its helpers that take a function call it for the test, which meets its faults there."""
    with inject("os.remove -> EACCES", roots=[tree]) as fsfault:
        with pytest.raises(pytest.fail.Exception, match="DID NOT WARN"):
            catch(UserWarning, os.remove, "f")
        (entry,) = fsfault.journal.faults
    assert ("raised", True) == (entry.outcome, os.path.exists("f"))


def test_pytest_waits_for_a_test_by_the_clock(tree):
    """A sleep that is handed to such a helper is one of the test's."""
    with inject(roots=[tree]) as fsfault:
        with pytest.raises(pytest.fail.Exception):
            pytest.raises(OSError, time.sleep, 30)
        assert [30] == fsfault.clock.slept


def test_what_an_event_loop_of_a_plugin_calls_back_is_the_tests(tree):
    """The loop itself may be run by machinery: what was handed to it is not its own."""
    plugin = {"__name__": "_pytest.loops"}
    exec(compile("import asyncio\ndef run(main): asyncio.run(main)", "<loops>", "exec"), plugin)

    async def main():
        asyncio.get_running_loop().call_soon(os.remove, "f")
        await asyncio.sleep(1)

    with inject("os.remove -> delay 5ms", roots=[tree]) as fsfault:
        plugin["run"](main())
        (site,) = [entry.call_site for entry in fsfault.journal.of("os.remove")]
    assert not os.path.exists("f")
    assert asyncio.events.__file__ == site.rpartition(":")[0]


def test_in_a_thread_pool_the_call_site_is_the_job_or_the_pool(tree):
    """A function of ours is named; where a builtin is the job itself no line of the project is in the stack."""

    def job():
        os.stat("f")

    with inject("os.stat -> EBUSY when from 9 or never", roots=[tree]) as fsfault:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            pool.submit(job).result()
            pool.submit(os.stat, "f").result()
        sites = [entry.call_site for entry in fsfault.journal]
    assert f"{__file__}:{job.__code__.co_firstlineno + 1}" == sites[0]
    assert concurrent.futures.thread.__file__ == sites[1].rpartition(":")[0]
    assert threading.get_ident() not in {entry.thread for entry in fsfault.journal}


class TestRetries:
    """What the code did about an error."""

    def test_a_retry_tells_attempts_waits_and_errors(self, tree):
        """Two errors, two sleeps, then success."""
        with inject("os.replace -> ERROR_ACCESS_DENIED when first 2", roots=[tree]) as fsfault:
            replace_until_done("f", "h", 5, 0.25)
            (retry,) = fsfault.retries()
        assert ("os.replace", f"{tree.as_posix()}/f", 3, (0.25, 0.25), 0.5) == retry[:5]
        assert ([5, 5], "ok") == ([error.winerror for error in retry.errors], retry.outcome)
        assert "operation path attempts waits total_wait errors outcome".split() == list(Retry._fields)

    def test_files_are_told_apart(self, tree):
        """One retry for each file that met an error, by operation or group, and by path."""
        with inject("rename -> EACCES when first 1 per path", roots=[tree]) as fsfault:
            replace_until_done("f", "h", 2, 1)
            replace_until_done("g", "i", 2, 2)
            everything = fsfault.retries("rename")
            assert [(f"{tree.as_posix()}/f", (1.0,)), (f"{tree.as_posix()}/g", (2.0,))] == [
                (r.path, r.waits) for r in everything
            ]
            assert [everything[1]] == fsfault.retries(path="g") == fsfault.retries("os.replace", tree / "g")
            assert [] == fsfault.retries("os.rename")

    def test_under_the_model_case_does_not_count(self, tree):
        """As in rules: one file by two spellings is one, and a glob means it in either case."""
        rule = "os.stat F -> ERROR_ACCESS_DENIED when first 1"
        with inject(rule, windows="11", roots=[tree]) as fsfault:
            with pytest.raises(PermissionError):
                os.stat(tree / "F")
            os.stat(tree / "f")
            for glob in (None, "F", "f", f"{tree.as_posix()}/F"):
                assert [2] == [retry.attempts for retry in fsfault.retries("os.stat", glob)]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("os.renam",), "unknown operation 'os.renam'; did you mean 'os.rename'?"),
            (
                ("",),
                "unknown operation ''; write a name such as 'os.replace', or a group such as 'rename'",
            ),
            (
                (None, "a["),
                "path 'a[': '[' is never closed (column 2); write '\\[' for the character itself",
            ),
        ],
    )
    def test_mistakes_are_told(self, arguments, message, tree):
        """An operation that is none, a glob that is none."""
        with inject(roots=[tree]) as fsfault, pytest.raises(FsFaultError) as caught:
            fsfault.retries(*arguments)
        assert message.split(":")[0].split(" at ")[0] in str(caught.value)

    def test_an_endless_error_has_failed(self, tree):
        """The last attempt raised."""
        with inject("os.replace -> ERROR_ACCESS_DENIED", roots=[tree]) as fsfault:
            with pytest.raises(PermissionError):
                replace_until_done("f", "h", 3, 1)
            assert [("failed", 3)] == [(retry.outcome, retry.attempts) for retry in fsfault.retries()]

    def test_an_early_bound_end_is_unknown(self, tree):
        """Nobody saw whether the call that was let through succeeded."""
        with inject("os.remove -> EBUSY when once", roots=[tree]) as fsfault:
            with pytest.raises(OSError, match="busy"):
                posix.remove("f")
            posix.remove("f")
            assert ["unknown"] == [retry.outcome for retry in fsfault.retries()]

    def test_a_sleep_of_another_thread_is_no_wait(self, tree):
        """Only what the retrying thread slept counts."""
        with inject("os.replace -> EACCES when once", roots=[tree]) as fsfault:

            def elsewhere():
                time.sleep(3)

            thread = threading.Thread(target=elsewhere)
            try:
                os.replace("f", "h")
            except PermissionError:
                thread.start()
                thread.join()
                time.sleep(1)
                os.replace("f", "h")
            assert [(1.0,)] == [retry.waits for retry in fsfault.retries()]


def outcome(assertion, *args, **kwargs):
    """Return the message of an assertion that fails, or None."""
    try:
        assertion(*args, **kwargs)
    except AssertionError as error:
        return str(error)
    return None


class TestAssertions:
    """`assert_retried` and `assert_not_retried`, verbatim."""

    def test_a_retry_that_succeeded_passes(self, tree):
        """With its number of attempts, and the waits within what is allowed."""
        with inject("os.replace -> EACCES when first 2", roots=[tree]) as fsfault:
            replace_until_done("f", "h", 5, 0.5)
            fsfault.assert_retried("rename", attempts=3, within=1)
            fsfault.assert_retried("rename", within="1s")
            fsfault.assert_retried("os.replace")
            where = f"os.replace {tree.as_posix()}/f"
            assert f"{where} took 3 attempts, waits [0.5, 0.5] s; expected 2 attempts" == outcome(
                fsfault.assert_retried, "rename", attempts=2
            )
            assert f"{where} waited 1 s, more than 0.9 s: 3 attempts, waits [0.5, 0.5] s" == outcome(
                fsfault.assert_retried, "rename", within=0.9
            )
            assert f"{where} waited 1 s, more than 0.9 s: 3 attempts, waits [0.5, 0.5] s" == outcome(
                fsfault.assert_retried, "rename", within="900ms"
            )
            error = "PermissionError: [Errno 13] Permission denied: 'f' -> 'h'"
            assert f"{where} was retried: 3 attempts, waits [0.5, 0.5] s, on {error}" == outcome(
                fsfault.assert_not_retried, "rename"
            )

    def test_no_error_is_no_retry(self, tree):
        """What was not met was neither retried nor left alone."""
        with inject("os.replace -> EACCES or never", roots=[tree]) as fsfault:
            assert "rename met no error, so nothing was retried" == outcome(fsfault.assert_retried, "rename")
            assert "rename met no error, so there was nothing to retry" == outcome(
                fsfault.assert_not_retried, "rename"
            )

    def test_giving_up_at_once_is_no_retry(self, tree):
        """One attempt, or several that all failed."""
        with inject("os.replace -> ERROR_ACCESS_DENIED", roots=[tree]) as fsfault:
            with pytest.raises(PermissionError):
                replace_until_done("f", "h", 1, 1)
            fsfault.assert_not_retried("rename")
            error = "PermissionError: [WinError 5] Access is denied: 'f' -> 'h'"
            assert f"os.replace {tree.as_posix()}/f was not retried: {error}" == outcome(
                fsfault.assert_retried, "rename"
            )
            with pytest.raises(PermissionError):
                replace_until_done("f", "h", 1, 1)
            told = f"os.replace {tree.as_posix()}/f never succeeded: 2 attempts, waits [0] s; last {error}"
            assert told == outcome(fsfault.assert_retried, "rename")

    @pytest.mark.parametrize(
        ("keywords", "message"),
        [
            ({"attempts": 1}, "attempts=1 is not valid; a retry takes 2 or more, the first included"),
            ({"attempts": "3"}, "attempts='3' is not valid; a retry takes 2 or more, the first included"),
            ({"within": -1}, "within=-1 is not a duration; write one such as '10s', or seconds"),
            ({"within": True}, "within=True is not a duration; write one such as '10s', or seconds"),
            (
                {"within": "2"},
                "'2' is not a valid duration; write a number and its unit, such as '250ms', '2.5s' or '1m'",
            ),
        ],
    )
    def test_mistakes_are_told(self, keywords, message, tree):
        """In one sentence."""
        with inject(roots=[tree]) as fsfault, pytest.raises(FsFaultError) as caught:
            fsfault.assert_retried("rename", **keywords)
        assert message == str(caught.value)
