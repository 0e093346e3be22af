"""A small installer, and a function that sweeps over it."""

from __future__ import annotations

import os
import shutil

import pytest

from pytest_fsfault import inject

OLD = {"pkg/a.py": "old a", "pkg/b.py": "old b", "pkg/c.py": "old c"}
NEW = {"pkg/a.py": "the new a", "pkg/b.py": "the new b", "pkg/c.py": "the new c"}


def write(root, files):
    """Write files below a directory."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def prepare(root):
    """Build the old tree."""
    write(root, OLD)


def overwrite(root):
    """Install file by file, over what is there: what fails half-way leaves a mix."""
    for name, text in NEW.items():
        (root / name).write_text(text)


def swap(root):
    """Install beside the old version, and swap the two by renaming: correct, but for leftovers of a crash."""
    package, fresh, stash = root / "pkg", root / "pkg.new", root / "pkg.old"
    if not package.exists():
        os.rename(stash, package)  # a crash came between the two renames
    for leftover in (fresh, stash):
        if leftover.exists():
            shutil.rmtree(leftover)
    try:
        fresh.mkdir()
        for name, text in NEW.items():
            (fresh / name.removeprefix("pkg/")).write_text(text)
        os.rename(package, stash)
        try:
            os.rename(fresh, package)
        except OSError:
            os.rename(stash, package)
            raise
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    shutil.rmtree(stash, ignore_errors=True)


@pytest.fixture
def built_each_time(monkeypatch):
    """Let `prepare` be called for each trial, however long it takes on a busy machine, until its trees differ."""
    monkeypatch.setattr("pytest_fsfault._prove.workspace._WORTH", float("inf"))


@pytest.fixture
def sweep(tmp_path):
    """Return a function that runs a sweep in a session of its own, and calls `judge` with each trial after its block."""

    def run(
        body, judge=lambda trial: trial.check(True, ""), *, build=prepare, rules=(), windows=None, **wanted
    ):
        trials = []
        with inject(*rules, roots=[tmp_path], windows=windows) as fsfault:
            for trial in fsfault.sweep(build, **wanted):
                trials.append(trial)
                with trial as root:
                    body(root)
                judge(trial)
        return trials

    return run


@pytest.fixture
def verdict(sweep):
    """Return a function that runs a sweep which fails, and returns the text of its verdict."""

    def run(*args, **kwargs):
        with pytest.raises(AssertionError) as caught:
            sweep(*args, **kwargs)
        return str(caught.value)

    return run


@pytest.fixture
def installers():
    """Return the small installers."""
    return {"overwrite": overwrite, "swap": swap}
