"""What `prepare` may do, and what becomes of it."""

# ruff: noqa: ISC004  # long messages

from __future__ import annotations

import os
import time
from contextlib import suppress

import pytest

from pytest_fsfault import FsFaultError, inject

REAL = time.monotonic.__call__  # bound before anything is patched
FAULTS = ("ERROR_ACCESS_DENIED", "crash")


def install(root):
    """Make three directories, with retries that wait."""
    for name in "abc":
        for wait in (1, 2, 4):
            try:
                os.mkdir(root / name)
                break
            except PermissionError:
                time.sleep(wait)


@pytest.mark.usefixtures("built_each_time")
def test_it_runs_on_real_time(tmp_path):
    """In every trial, after a crash too: what it stamps is of today."""
    lags = []

    def prepare(root):
        lags.append(time.monotonic() - REAL())
        (root / "x").touch()

    with inject(roots=[tmp_path]) as fsfault:
        for trial in fsfault.sweep(prepare, faults=FAULTS):
            with trial as root:
                install(root)
            trial.check(True, "")
    assert len(lags) > 5
    assert all(abs(lag) < 0.5 for lag in lags)


@pytest.mark.usefixtures("built_each_time")
@pytest.mark.parametrize("first", [1, 2, 4, 7])
def test_a_tree_that_differs_later(tmp_path, first):
    """From then on the first one is copied: what the body never touched is never its fault."""
    built = []

    def prepare(root):
        built.append(root)
        (root / "a.whl").write_text("new" if len(built) > first else "old")

    with inject(roots=[tmp_path]) as fsfault:
        for trial in fsfault.sweep(prepare, faults=["EACCES"], distinct="position", persist=False):
            with trial as root:
                for number in range(8):
                    with suppress(PermissionError):
                        os.mkdir(root / f"dir{number}")
            trial.check_atomic(ignore=("dir*",))
            assert ["old"] == [trial.tree["a.whl"].digest and (root / "a.whl").read_text()]
    assert first + 1 == len(built)


def test_between_trials_the_clock_is_the_sessions(tmp_path):
    """What a test does with the time between two blocks is the same after a crash and without one."""
    waits = []
    with inject(roots=[tmp_path]) as fsfault:
        for trial in fsfault.sweep(lambda root: (root / "a").touch(), faults=FAULTS):
            with trial as root:
                os.remove(root / "a")
            began = REAL()
            time.sleep(5)
            waits.append(REAL() - began)
            trial.check_atomic()
    assert 4 == len(waits)
    assert max(waits) < 2


def generator(root):
    """Build nothing: the body of a generator function does not run by a call."""
    yield root


async def coroutine(root):
    """Build nothing, either."""


REFUSED = {
    "generator": (
        generator,
        "prepare=generator is a generator function, so that a call does not run its body; write a plain function "
        "that builds a tree in the directory that it is given",
    ),
    "coroutine": (
        coroutine,
        "prepare=coroutine is async, so that a call does not run its body; write a plain function that builds a "
        "tree in the directory that it is given",
    ),
    "lambda": (
        lambda root: (one for one in [root]),
        "prepare returned a generator, whose body has not run; write a function that builds the tree and returns",
    ),
    "no argument": (
        lambda: None,
        "prepare failed for trial 0: TypeError: <lambda>() takes 0 positional arguments but 1 was given; "
        "prepare takes one argument, the directory",
    ),
    "two arguments": (
        lambda root, name: None,
        "prepare failed for trial 0: TypeError: <lambda>() missing 1 required positional argument: 'name'; "
        "prepare takes one argument, the directory",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_builds_nothing_is_refused(tmp_path, kind):
    """A function whose body does not run, or that takes another number of arguments, is told so."""
    prepare, message = REFUSED[kind]
    with inject(roots=[tmp_path], strict=False) as fsfault, pytest.raises(FsFaultError) as caught:
        for trial in fsfault.sweep(prepare):
            with trial:
                pass
    assert message == str(caught.value).replace("test_what_builds_nothing_is_refused.<locals>.", "")


def test_sweeps_do_not_interleave(tmp_path):
    """Two sweeps made before either began are refused when the second one begins."""
    with inject(roots=[tmp_path], strict=False) as fsfault:
        first, second = (fsfault.sweep(lambda root: (root / "a").touch()) for _ in range(2))
        with pytest.raises(
            FsFaultError, match=r"^a sweep is running: let its loop end before the next one begins"
        ):
            for _ in zip(first, second, strict=False):
                pass


def test_sweeps_do_not_nest(tmp_path):
    """A sweep in the loop of another, made before it, is refused as well."""
    with inject(roots=[tmp_path], strict=False) as fsfault:
        outer, inner = (fsfault.sweep(lambda root: (root / "a").touch()) for _ in range(2))
        with pytest.raises(FsFaultError, match="a sweep is running"):
            for trial in outer:
                with trial:
                    pass
                next(inner)


def test_alike_failures_are_one(verdict):
    """Temporary names, new in each run, do not tell two failures apart."""
    count = iter(range(1000))

    def body(root):
        name = root / f"tmp{next(count):08x}"
        name.mkdir()
        for part in "xy":
            (name / part).write_text("")
        os.rename(name, root / "final")

    text = verdict(
        body, lambda trial: trial.check_atomic(), build=lambda root: None, faults=["EACCES", "EBUSY"],
        operations="rename", persist=False,
    )  # fmt: skip
    heads = [line for line in text.splitlines() if line.startswith("trial ")]
    assert ["trial 1", "trial 2"] == [head.partition(":")[0] for head in heads]
    assert 1 == text.count("check_atomic:")


def test_the_caller_of_a_retry_helper(verdict):
    """The line of the call is in the helper; the line that the helper works for is told beside it."""

    def helper(source, target):
        for _ in range(3):
            try:
                return os.rename(source, target)
            except PermissionError:
                continue
        return os.rename(source, target)

    def body(root):
        (root / "new").mkdir()
        helper(root / "new", root / "final")  # the line that matters

    line = body.__code__.co_firstlineno + 2
    text = verdict(
        body, lambda trial: trial.check_atomic(), build=lambda root: None, faults=["EACCES"],
        operations="rename", persist=True,
    )  # fmt: skip
    assert f", called from tests/prove/test_prepare.py:{line}\n" in text
