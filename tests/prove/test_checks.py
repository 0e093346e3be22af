"""Six oracles judge what a trial has left; each says what is wrong, at which fault, on which line."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress

import pytest
from skips import WINDOWS

from pytest_fsfault import FsFaultError, inject, windows_error
from pytest_fsfault._prove.error_chains import is_collected

from .conftest import NEW, OLD, overwrite, prepare, swap, write

NO_FILE = "[WinError 2]" if WINDOWS else "[Errno 2]"

HEAD = "1 of 1 trial failed\n\ntrial 1: "


def wrong(text):
    """Return what the checks of a verdict say: without the lines on where trees are and how to run a trial alone."""
    lines = [line for line in text.splitlines() if not line.startswith(("  its tree:", "  alone:"))]
    return "\n".join(lines)


def test_an_installer_that_holds(sweep):
    """All six are content with one that swaps by renaming, cleans up, and recovers from a crash."""

    def judge(trial):
        later = ("pkg.old",)
        if not trial.crashed:
            trial.check_atomic(ignore=later)
            trial.check_nothing_lost("pkg.old")
            trial.check_no_leftovers("*.new")
        trial.check_error(ignore=later)
        trial.check_waits("1s")
        trial.check_rerun(swap, ignore=later)
        trial.check(True, "never said")

    trials = sweep(swap, judge, faults=["ERROR_ACCESS_DENIED", "ERROR_SHARING_VIOLATION", "crash"])
    assert {True, False} == {trial.crashed for trial in trials}
    assert len(trials) > 30


def test_a_mix_of_two_versions(verdict):
    """Neither the old nor the new tree: the difference is shown to the nearer of both."""
    text = verdict(overwrite, lambda t: t.check_atomic(), faults=["EACCES"], operations="open", persist=False)
    assert text.startswith("2 of 3 trials failed\n\ntrial 2: open pkg/b.py: EACCES, at ")
    assert (
        "  check_atomic: the tree is neither the old nor the new one; compared with the old one:\n"
        "      ~ pkg/a.py 5 -> 9 bytes\n"
    ) in text
    assert (
        "  check_atomic: the tree is neither the old nor the new one; compared with the new one:\n"
        "      ~ pkg/c.py 9 -> 5 bytes\n"
    ) in text


def test_what_is_committed_later_is_ignored(sweep, verdict):
    """Globs mean what they mean in a rule; what lies below an ignored directory is ignored with it."""

    def stash(root):
        os.rename(root / "pkg", root / "~kg")
        with suppress(OSError):
            shutil.rmtree(root / "~kg")

    wanted = {"faults": ["EBUSY"], "operations": "delete", "persist": True}
    sweep(stash, lambda trial: trial.check_atomic(ignore=["~*"]), **wanted)
    assert "+ ~kg/" in verdict(stash, lambda trial: trial.check_atomic(), **wanted)
    assert "+ ~kg/" in verdict(stash, lambda trial: trial.check_atomic(ignore=["*.py", "kg"]), **wanted)


def test_something_is_lost(verdict, sweep):
    """Content of the old tree has to be in place or in a back-up, unless the tree is the new one."""

    def destroy(root):
        (root / "pkg/a.py").unlink()
        os.replace(root / "pkg/b.py", root / "pkg/a.py")

    wanted = {"faults": ["EACCES"], "operations": "rename", "persist": False}
    text = verdict(destroy, lambda trial: trial.check_nothing_lost(), **wanted)
    assert (
        "  check_nothing_lost: these files of the old tree are neither in place nor in a back-up:\n"
        "      - pkg/a.py (5 bytes)"
    ) in text

    def keep(root):
        os.rename(root / "pkg/a.py", root / "pkg/a.bak")
        os.rename(root / "pkg/b.py", root / "pkg/a.py")

    sweep(keep, lambda trial: trial.check_nothing_lost("*.bak"), **wanted)
    sweep(keep, lambda trial: trial.check_nothing_lost(), **wanted)
    assert "- pkg/a.py" in verdict(keep, lambda trial: trial.check_nothing_lost("*.old"), **wanted)


def test_equal_files_need_a_back_up_each(verdict):
    """Two empty files are two: one copy does not stand for both."""

    def build(root):
        write(root, {"a": "", "b": "", "c": ""})

    def destroy(root):
        os.rename(root / "a", root / "a.bak")
        (root / "b").unlink()
        (root / "c").unlink()

    text = verdict(
        destroy, lambda t: t.check_nothing_lost("*.bak"), build=build, faults=["EACCES"], persist=False
    )
    assert "neither in place nor in a back-up:\n      - b (0 bytes)" in text


def test_a_back_up_elsewhere(sweep, tmp_path):
    """A directory outside the tree is looked at when the check is made."""
    backup = tmp_path / "backup"

    def uninstall(root):
        shutil.rmtree(backup, ignore_errors=True)
        shutil.copytree(root / "pkg", backup)
        shutil.rmtree(root / "pkg")

    sweep(
        uninstall,
        lambda trial: trial.check_nothing_lost(backup),
        faults=["EBUSY"],
        operations="delete",
        persist=False,
    )


def test_leftovers(verdict, sweep):
    """Names of temporary files that were not there before."""

    def install(root):
        (root / ".tmp1").mkdir()
        (root / ".tmp1/a.py").write_text("x")
        os.replace(root / ".tmp1/a.py", root / "pkg/a.py")
        os.rmdir(root / ".tmp1")

    wanted = {"faults": ["EBUSY"], "operations": "rename", "persist": False}
    text = verdict(install, lambda trial: trial.check_no_leftovers(".tmp*"), **wanted)
    assert "  check_no_leftovers: temporary files are left:\n      + .tmp1/\n" in text
    sweep(install, lambda trial: trial.check_no_leftovers("*.bak"), **wanted)

    def build(root):
        prepare(root)
        (root / "x.tmp").touch()

    sweep(overwrite, lambda trial: trial.check_no_leftovers("*.tmp"), build=build, faults=["EACCES"], limit=1)


def test_leftovers_of_a_crash(verdict, sweep):
    """Nobody can clean up after a crash: judged is what the second run leaves."""

    def install(root, *, clean):
        if clean and (root / "a.tmp").exists():
            (root / "a.tmp").unlink()
        with suppress(FileExistsError):
            (root / "b.tmp").mkdir()
        (root / "b.tmp").rmdir()
        (root / "a.tmp").write_text("x") if not (root / "a.tmp").exists() else None
        os.replace(root / "a.tmp", root / "pkg/a.py")

    def judge(trial):
        trial.check_rerun(install_clean)
        trial.check_no_leftovers("*.tmp")

    def install_clean(root):
        install(root, clean=True)

    sweep(install_clean, judge, faults=["crash"])
    assert "+ a.tmp" in verdict(
        install_clean, lambda trial: trial.check_no_leftovers("*.tmp"), faults=["crash"]
    )


def test_a_second_run(verdict, sweep):
    """It has to reach the new tree; if that is there already, nothing is run."""
    runs = []

    def uninstall(root):
        runs.append(1)
        (root / "pkg/a.py").unlink()
        shutil.rmtree(root / "pkg")

    wanted = {"faults": ["EBUSY"], "operations": "os.remove", "persist": False, "limit": 2}
    text = verdict(uninstall, lambda trial: trial.check_rerun(uninstall), **wanted)
    assert f"  check_rerun: a second run fails: FileNotFoundError: {NO_FILE} " in text
    assert ".py:" in text
    assert " in uninstall\n" in text

    def careless(root):
        runs.append(1)
        shutil.rmtree(root / "pkg", ignore_errors=True)

    runs.clear()
    trials = sweep(careless, lambda trial: trial.check_rerun(careless), **wanted)
    assert (3, 5) == (len(trials), len(runs))


def test_a_second_run_that_leads_elsewhere(verdict):
    """What it has left is shown as a difference from the new tree."""
    text = verdict(
        overwrite,
        lambda trial: trial.check_rerun(lambda root, name: (root / name).touch(), "x"),
        faults=["EACCES"], operations="open", persist=False, limit=1,
    )  # fmt: skip
    assert (
        "  check_rerun: a second run does not reach the new tree; compared with it:\n"
        "      ~ pkg/a.py 9 -> 5 bytes\n"
        "      ~ pkg/b.py 9 -> 5 bytes\n"
        "      ~ pkg/c.py 9 -> 5 bytes\n"
        "      + x\n"
    ) in text


def test_the_short_form_of_a_finding(verdict):
    """Beyond the tenth kind of failure a trial has one line: what it left is in it, up to the first difference."""

    def scatter(root):
        for number in range(12):
            os.mkdir(root / f"{number:02}")

    text = verdict(scatter, lambda t: t.check_atomic(), faults=["EACCES"], distinct="position", persist=False)
    head = "the tree is neither the old nor the new one; compared with the"
    assert (
        f": check_atomic: {head} new one: - 11/"
        == text.splitlines()[-1].partition("EACCES")[2].partition(")")[2]
    )


def wait_long(root):
    """Try three times, waiting 4 s in between."""
    for _ in range(3):
        with suppress(OSError):
            os.mkdir(root / "x")
            return
        time.sleep(4)


@pytest.mark.parametrize("budget", ["5s", 5, 5.0])
def test_waits_within_a_budget(verdict, sweep, budget):
    """Virtual seconds, as a duration or a number."""
    wanted = {"faults": ["EACCES"], "operations": "os.mkdir", "persist": True}
    assert "  check_waits: it waited 12 s in 3 waits, more than 5 s" in verdict(
        wait_long, lambda trial: trial.check_waits(budget), **wanted
    )
    sweep(wait_long, lambda trial: trial.check_waits(at_most="12s"), **wanted)

    def six_halves(root):
        for _ in range(7):
            with suppress(OSError):
                os.mkdir(root / "x")
                return
            time.sleep(0.5)

    sweep(six_halves, lambda trial: trial.check_waits(at_most="3.5s"), **wanted)


def swallow(root):
    """Report success whatever happens."""
    with suppress(OSError):
        overwrite(root)


def mask(root):
    """Fail in the error handling."""
    try:
        overwrite(root)
    except OSError:
        (root / "missing").unlink()


def wrap(root):
    """Raise an error of one's own, from the first."""
    try:
        overwrite(root)
    except OSError as error:
        raise RuntimeError("cannot install") from error


def rename(root):
    """Raise another error, without saying where it came from."""
    try:
        overwrite(root)
    except OSError:
        raise RuntimeError("cannot install")  # noqa: B904


ONE = {"faults": ["ERROR_ACCESS_DENIED"], "operations": "open", "persist": False, "limit": 1}


def test_a_swallowed_error(verdict):
    """Success is reported, and the tree is not the new one."""
    assert (
        "  check_error: the error was swallowed: success is reported, but the tree is not the new one:\n"
        "      ~ pkg/a.py 9 -> 5 bytes\n"
    ) in verdict(swallow, lambda trial: trial.check_error(), **ONE)


def test_a_masked_error(verdict):
    """Another one surfaced."""
    text = verdict(mask, lambda trial: trial.check_error(), **ONE)
    assert f"  check_error: the error was masked: FileNotFoundError: {NO_FILE} " in text
    assert "surfaced instead of PermissionError: [Errno 13] Permission denied: " in text
    assert "masked: RuntimeError: cannot install surfaced" in verdict(
        rename, lambda trial: trial.check_error(), **ONE
    )


def test_an_error_that_is_passed_on(sweep):
    """The injected one, one raised from it, or one that the sweep expects: all are honest."""
    for body, expect in ((overwrite, ()), (wrap, ()), (rename, RuntimeError), (rename, (RuntimeError,))):
        trial = sweep(body, lambda trial: trial.check_error(), expect=expect, **ONE)[1]
        assert (OSError, RuntimeError)[body is not overwrite] in type(trial.error).__mro__
        assert trial.error.__traceback__ is None


def test_groups_and_lists_of_errors(sweep):
    """Of an exception group, and of `shutil.Error`, which keeps texts, the members count."""

    def grouped(root):
        try:
            overwrite(root)
        except OSError as error:
            raise ExceptionGroup("all", [error])  # noqa: B904

    def copied(root):
        shutil.copytree(root / "pkg", root / "copy")

    sweep(grouped, lambda trial: trial.check_error(), **ONE)
    trials = sweep(
        copied, lambda trial: trial.check_error(), faults=["ERROR_SHARING_VIOLATION"], operations="open"
    )
    assert "Error" == type(trials[1].error).__name__


@pytest.mark.parametrize(
    "path", ["plain", "C:\\dir\\file", "it's", 'a "quoted" one', 'it\'s "both"', "new\nline"]
)
def test_a_list_of_errors_quotes_its_members(path):
    """As `shutil.copytree` does: in its text those of the members are literals, with all that is escaped there."""
    text = str(windows_error(32, path))
    assert is_collected(shutil.Error([("a", "b", "something else"), ("a", "b", text)]), [text])
    assert not is_collected(shutil.Error([("a", "b", "something else")]), [text])


def test_a_survived_fault_surfaces_not_at_all(sweep):
    """Then the tree is the new one."""

    def stubborn(root):
        for name, text in NEW.items():
            for _ in range(2):
                with suppress(OSError):
                    (root / name).write_text(text)
                    break

    trials = sweep(
        stubborn, lambda trial: trial.check_error(), faults=["EACCES"], operations="open", persist=False
    )
    assert [None] * 4 == [trial.error for trial in trials]


def test_any_check(verdict):
    """`check` takes what Python takes for true."""
    assert "  check: the log is silent" in verdict(
        overwrite,
        lambda trial: trial.check("", "the log is silent") if trial.fault else trial.check(1, ""),
        **ONE,
    )


def test_all_that_is_wrong_is_told_at_once(verdict):
    """Checks record; the sweep goes on and raises once."""

    def judge(trial):
        if trial.fault:
            trial.check(False, "one")
            trial.check(False, "two")

    text = verdict(overwrite, judge, faults=["EACCES"], operations="open", persist=False)
    assert text.startswith("3 of 3 trials failed")
    assert 3 == text.count("  check: one\n  check: two\n")


def test_a_failing_tree_is_kept(verdict, tmp_path):
    """Whoever wants to look finds it where the verdict says."""
    text = verdict(
        overwrite, lambda trial: trial.check_atomic(), faults=["EACCES"], operations="open", persist=False
    )
    place = next(line.partition(": ")[2] for line in text.splitlines() if line.startswith("  files kept in:"))
    assert "\\" not in place  # on Windows, too, it has one kind of separator
    with open(f"{place}/pkg/a.py") as file:
        assert NEW["pkg/a.py"] == file.read()
    shutil.rmtree(os.path.dirname(place))


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (AssertionError("no"), "the block: it raised AssertionError: no, at "),
        (KeyError("x"), "the block: it raised KeyError: 'x', at "),
        (SystemExit(3), "the block: it raised SystemExit: 3, at "),
    ],
)
def test_an_error_that_has_nothing_to_do_with_the_fault(verdict, error, text):
    """It fails the trial, and the sweep goes on."""

    def body(root):
        failed = False
        try:
            (root / "x").mkdir()
        except OSError:
            failed = True
        if failed:
            raise error

    found = verdict(body, faults=["EACCES", "EROFS"], persist=False)
    assert found.startswith("2 of 2 trials failed")
    assert text in found
    assert (", which does not come from the fault" in found) is not isinstance(error, AssertionError)


def test_an_assertion_that_the_fault_has_caused(verdict):
    """Fails the trial all the same."""

    def body(root):
        try:
            (root / "x").mkdir()
        except OSError as error:
            raise AssertionError("it must not fail") from error

    assert "it raised AssertionError: it must not fail, at " in verdict(body, faults=["EACCES"])


def test_before_a_fault_everything_is_raised(sweep):
    """The body fails by itself: the error is the test's, with a note."""

    def body(root):
        raise LookupError("broken")

    with pytest.raises(LookupError) as caught:
        sweep(body)
    assert [
        "fsfault: this is the first trial of a sweep, in which no fault acts: the body fails even without a fault"
    ] == caught.value.__notes__

    turns = []

    def later(root):
        turns.append(1)
        if len(turns) > 1:
            raise LookupError("broken")
        (root / "x").mkdir()

    with pytest.raises(LookupError) as caught:
        sweep(later, faults=["EACCES"])
    assert ["fsfault: this is trial 1, before its fault (EACCES) has happened"] == caught.value.__notes__


@pytest.mark.parametrize("stop", [KeyboardInterrupt, GeneratorExit])
def test_an_interrupt_ends_the_run(tmp_path, stop):
    """Also after a fault: nobody keeps it."""

    def body(root):
        try:
            (root / "x").mkdir()
        except OSError:
            raise stop  # noqa: B904

    with pytest.raises(stop):
        with inject(roots=[tmp_path]) as fsfault:
            for trial in fsfault.sweep(prepare, faults=["EACCES"]):
                with trial as root:
                    body(root)


def test_a_retry_storm_fails_one_trial(verdict):
    """The others go on."""

    def endless(root):
        while True:
            try:
                (root / "x").mkdir()
            except OSError:
                continue
            break

    text = verdict(endless, faults=["EACCES"])
    assert text.startswith("1 of 2 trials failed\n\ntrial 2: os.mkdir x: EACCES every time, at ")
    assert "the block: RetryStorm: os.mkdir met an injected error 10,000 times on " in text


def test_trees_are_those_of_the_block(tmp_path):
    """What happens in the loop after the block does not change what the checks judge."""
    with inject(roots=[tmp_path]) as fsfault:
        for trial in fsfault.sweep(prepare, faults=["EACCES"], operations="open", persist=False, limit=1):
            with trial as root:
                overwrite(root)
            (root / "later.tmp").touch()
            trial.check_no_leftovers("*.tmp")
            trial.check_atomic()


def test_checks_outside_a_trial(tmp_path):
    """Before, in, and after it: one sentence each."""
    rest = "; write it after the block of `with trial as root:`, inside the loop"
    kept = []
    with inject(roots=[tmp_path]) as fsfault:
        for trial in fsfault.sweep(prepare, faults=["EACCES"], limit=1):
            with pytest.raises(FsFaultError) as caught:
                trial.check_atomic()
            assert f"check_atomic() of trial {trial.id} is not available: the trial has not run{rest}" == str(
                caught.value
            )
            with pytest.raises(
                FsFaultError, match=f"^tree of trial {trial.id} is not available: the trial has not run"
            ):
                assert trial.tree
            with trial as root:
                with pytest.raises(
                    FsFaultError,
                    match=r"^check_waits\(\) of trial . is not available: the trial is still running",
                ):
                    trial.check_waits("1s")
                overwrite(root)
            trial.check_error()
            kept.append(trial)
    with pytest.raises(FsFaultError, match=r"^check\(\) of trial 0 is not available: the trial is over"):
        kept[0].check(True, "")


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (
            lambda t: t.check_no_leftovers(),
            "check_no_leftovers() looks for nothing; write globs such as '*.tmp'",
        ),
        (
            lambda t: t.check_atomic(ignore="~*"),
            "check_atomic(ignore='~*') is a single text; write ignore=('~*',)",
        ),
        (
            lambda t: t.check_atomic(ignore=3),
            "check_atomic(ignore=3) is not a list of globs; write ignore=('*.tmp',)",
        ),
        (
            lambda t: t.check_nothing_lost("*.bak", 3),
            "check_nothing_lost(3) is not a back-up; write a glob such as '*.bak', or the path of a directory",
        ),
        (lambda t: t.check_rerun(None), "check_rerun(None) takes a function and its arguments"),
        (
            lambda t: t.check_waits("soon"),
            "'soon' is not a valid duration; write a number and its unit, such as '250ms', '2.5s' or '1m'",
        ),
        (lambda t: t.check_waits(-1), "at_most=-1 is not a duration; write one such as '10s', or seconds"),
        (
            lambda t: t.check_atomic(ignore=[3]),
            "ignore=3 must be a glob such as '*.exe', or a Path object for one file",
        ),
    ],
)
def test_mistakes_in_checks(tmp_path, check, text):
    """One sentence each."""
    with pytest.raises(FsFaultError) as caught:
        with inject(roots=[tmp_path]) as fsfault:
            for trial in fsfault.sweep(prepare, faults=["EACCES"]):
                with trial as root:
                    overwrite(root)
                check(trial)
    assert text == str(caught.value)


def test_old_files_are_known():
    """The fixture is what it says."""
    assert OLD.keys() == NEW.keys()
