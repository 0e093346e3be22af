"""Under the Windows model a sweep has the same Windows in each trial: nothing of one is known in the next."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress

import pytest
from skips import left_to_windows

from pytest_fsfault import inject
from pytest_fsfault._prove.oracles import matcher

from .conftest import prepare


def uninstall(root):
    """Stash the package by renaming it; what cannot be deleted stays in the stash."""
    os.rename(root / "pkg", root / "~kg")
    shutil.rmtree(root / "~kg", ignore_errors=True)


def judge(trial):
    """Everything is gone, or it is as before."""
    trial.check_atomic(ignore=["~*"])


def test_the_model_acts_in_each_trial(tmp_path):
    """A running program is declared by `prepare`, each time anew; it is one hold for the verdict."""
    met = []
    with inject(windows="11", roots=[tmp_path]) as fsfault:

        def build(root):
            prepare(root)
            fsfault.windows().run(root / "pkg/a.py")

        for trial in fsfault.sweep(build, faults=["ERROR_SHARING_VIOLATION"]):
            with trial as root:
                uninstall(root)
            judge(trial)
            met.append((root / "~kg/a.py").exists() or trial.tree == trial.before)
        assert [] == fsfault.windows().holds
    assert len(met) > 3
    assert all(met)


def test_a_hold_that_waits_for_a_file_waits_in_each_trial(tmp_path):
    """It was declared before the loop, with ``on=``."""
    refused = []

    def install(root):
        with suppress(OSError):
            (root / "lib.dll").write_text("x")
        (root / "lib.dll").write_text("y")
        with suppress(PermissionError):
            os.rename(root / "lib.dll", root / "moved.dll")
        refused.append((root / "lib.dll").exists())

    with inject(windows="11", roots=[tmp_path]) as fsfault:
        fsfault.windows().hold(on="*.dll", seconds=60)
        for trial in fsfault.sweep(prepare, faults=["ENOSPC"], operations="file.write", persist=False):
            with trial as root:
                with suppress(OSError):
                    install(root)
            trial.check(True, "")
    assert [True, True] == refused[:2]


def test_a_hold_that_nobody_meets_in_any_trial(tmp_path):
    """It fails the test, once."""
    with pytest.raises(AssertionError) as caught:
        with inject(windows="11", roots=[tmp_path]) as fsfault:

            def build(root):
                prepare(root)
                fsfault.windows().hold(root / "pkg/c.py")

            for trial in fsfault.sweep(build, faults=["EACCES"]):
                with trial as root:
                    os.mkdir(root / "x")
                trial.check_error()
    assert 1 == str(caught.value).count("a hold was never hit")


@left_to_windows("the attribute of a directory")
def test_attributes_do_not_outlive_a_trial(tmp_path):
    """The system gives a file's number to another."""
    turns = []

    def build(root):
        prepare(root)
        if not turns:
            fsfault.windows().set_attributes(root / "pkg", readonly=True)
        turns.append(root)

    with inject(windows="11", roots=[tmp_path]) as fsfault:
        seen = []
        for trial in fsfault.sweep(build, faults=["EACCES"], operations="os.mkdir", persist=False):
            with trial as root:
                try:
                    shutil.rmtree(root / "pkg")
                except PermissionError:
                    seen.append(trial.id)
                os.mkdir(root / "x")
            trial.check_error(ignore=["pkg"])
    assert ["0"] == seen


def test_names_resolve_as_on_windows(tmp_path):
    """The faults meet the file that is meant."""
    with inject(windows="11", roots=[tmp_path]) as fsfault:
        for trial in fsfault.sweep(prepare, faults=["ERROR_SHARING_VIOLATION"], operations="os.remove"):
            with trial as root:
                os.remove(root / "PKG/A.PY")
            trial.check_error()
            trial.check_atomic()


def test_each_trial_finds_the_holds_again_that_were_there_before(tmp_path):
    """What was declared before the loop on a file outside the tree stays."""
    (tmp_path / "shared.lock").touch()
    refused = []
    with inject(windows="11", roots=[tmp_path]) as fsfault:
        fsfault.windows().hold(tmp_path / "shared.lock", share="")
        for trial in fsfault.sweep(prepare, faults=["EACCES"], operations="os.mkdir"):
            with trial as root:
                with suppress(PermissionError):
                    os.remove(tmp_path / "shared.lock")
                refused.append((tmp_path / "shared.lock").exists())
                os.mkdir(root / "x")
            trial.check_error()
    assert [True, True, True] == refused


def test_globs_of_checks_ignore_case(tmp_path):
    """As those of rules do under the model: what is left as `a.tmp` is a `*.TMP`."""
    found = matcher("patterns", ["*.TMP"], True), matcher("patterns", ["*.TMP"], False)
    assert [True, False] == [match("pkg/a.tmp") for match in found]

    def install(root):
        (root / "a.tmp").touch()
        os.replace(root / "a.tmp", root / "pkg/a.py")

    with inject(windows="11", roots=[tmp_path]) as fsfault, pytest.raises(AssertionError) as caught:
        for trial in fsfault.sweep(prepare, faults=["EACCES"], operations="rename", persist=False):
            with trial as root:
                install(root)
            trial.check_atomic(ignore=["*.TMP"])
            trial.check_no_leftovers("*.TMP")
    assert "check_no_leftovers: temporary files are left:\n      + a.tmp" in str(caught.value)
    assert "check_atomic" not in str(caught.value)
